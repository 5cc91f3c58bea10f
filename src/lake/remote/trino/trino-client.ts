import { syncedTablesError } from '../../../core/errors.js';
import { askCatalog, type CatalogRequestOptions } from '../../requests/catalog-requests.js';
import { describeAnswer } from '../../requests/server-answer.js';
import { elementsOf, membersOf } from '../json-rows.js';
import type { RowSink } from '../row-source.js';
import { type TrinoColumn, type TrinoError, trinoColumns, trinoError } from './trino-protocol.js';

export interface TrinoClientOptions extends CatalogRequestOptions {
  readonly uri: string;
  readonly user: string;
  readonly password?: string | undefined;
  /** A bearer token, instead of a password. */
  readonly token?: string | undefined;
  /** Session properties, by name. */
  readonly session?: Readonly<Record<string, string>> | undefined;
}

/** What a server gives at once of a result. */
export interface TrinoPage {
  /** Null until they are known. */
  readonly columns: readonly TrinoColumn[] | null;
  /** Rows as arrays of JSON, separated by commas; empty if there are none. */
  readonly rows: string;
}

/** Errors of statements whose words are about names, not about values of rows. */
const ABOUT_NAMES: ReadonlySet<string> = new Set([
  'ACCESS_DENIED',
  'CATALOG_NOT_FOUND',
  'COLUMN_NOT_FOUND',
  'MISSING_CATALOG_NAME',
  'MISSING_SCHEMA_NAME',
  'NOT_SUPPORTED',
  'PERMISSION_DENIED',
  'SCHEMA_NOT_FOUND',
  'SYNTAX_ERROR',
  'TABLE_NOT_FOUND',
  'VIEW_IS_STALE',
]);
const NOT_FOUND: ReadonlySet<string> = new Set(['TABLE_NOT_FOUND', 'SCHEMA_NOT_FOUND', 'CATALOG_NOT_FOUND']);
const DENIED: ReadonlySet<string> = new Set(['ACCESS_DENIED', 'PERMISSION_DENIED']);
/** Messages of other errors that are about versions alone. */
const ABOUT_VERSIONS =
  /^(?:Change Data Feed is not enabled at version|since_version: \d|Delta Lake log entries are missing for version|Delta Lake snapshot ID does not exist)/;
/** What is broken stays broken: a file that is gone, a log that cannot be read. */
const BROKEN = /_(?:BAD_DATA|CANNOT_OPEN_SPLIT|INVALID_SCHEMA|INVALID_METADATA|MISSING_METADATA|INVALID_TABLE)$/;
/** Maximum length of what is repeated of a message. */
const WORDS_MAX = 300;

/**
 * Runs statements on a Trino, by its client protocol: a statement is posted, and then one page after another is fetched from
 * where the one before says. Nothing is computed ahead of what is fetched, so slow readers slow the server down.
 */
export class TrinoClient {
  readonly #options: TrinoClientOptions;
  readonly #uri: string;

  constructor(options: TrinoClientOptions) {
    this.#options = options;
    this.#uri = options.uri.replace(/\/+$/, '');
  }

  /**
   * The pages of a statement's result. Whoever stops early cancels it.
   * @param table full name of the source table, for messages
   * @throws SOURCE_TABLE_NOT_FOUND, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID,
   *   REMOTE_QUERY_FAILED; the reason of `signal`
   */
  async *run(statement: string, table: string, signal?: AbortSignal): AsyncGenerator<TrinoPage> {
    let next: string | null = null;
    try {
      let answer: ReadonlyMap<string, string> = await this.#ask(`${this.#uri}/v1/statement`, table, statement);
      for (;;) {
        next = this.#nextOf(answer, table);
        const failed = answer.get('error');
        if (failed !== undefined) {
          next = null;
          throw this.#explain(trinoError.parse(JSON.parse(failed)), table);
        }
        const columns = answer.get('columns');
        const data = answer.get('data');
        if (columns !== undefined || data !== undefined) {
          yield {
            columns: columns === undefined ? null : trinoColumns.parse(JSON.parse(columns)),
            rows: data === undefined ? '' : elementsOf(data),
          };
        }
        if (next === null) return;
        signal?.throwIfAborted();
        answer = await this.#ask(next, table);
      }
    } finally {
      if (next !== null) await this.#cancel(next);
    }
  }

  /** Gives the rows of a statement to a sink. @throws what `run` throws */
  async send(
    statement: string,
    { table, sink, signal }: { readonly table: string; readonly sink: RowSink; readonly signal: AbortSignal },
  ): Promise<void> {
    for await (const { rows } of this.run(statement, table, signal)) {
      const bytes = Buffer.from(rows);
      if (bytes.byteLength > 0) await sink.append(bytes, bytes.byteLength);
    }
  }

  /** All rows of a short result whose columns are texts or numbers without fractions; numbers are given as texts. */
  async rows(statement: string, table: string, signal?: AbortSignal): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = [];
    for await (const page of this.run(statement, table, signal)) {
      // Longer integers than a number of JavaScript holds.
      const texts = page.rows.replace(/([[,])(-?\d{16,})(?=[\],])/g, '$1"$2"');
      const parsed = JSON.parse(`[${texts}]`) as (string | number | null)[][];
      rows.push(...parsed.map((row) => row.map((value) => (value === null ? null : String(value)))));
    }
    return rows;
  }

  async #ask(url: string, table: string, statement?: string): Promise<ReadonlyMap<string, string>> {
    const { catalog } = this.#options;
    const request = {
      url,
      headers: this.#headers(),
      ...(statement === undefined ? {} : { body: statement }),
      parse: membersOrText,
      secrets: this.#secrets(),
    };
    const answer = await askCatalog(this.#options, request, table);
    const { status, body } = answer;
    if (status === 401) {
      const what = 'does not accept the user and password, or the token';
      throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason: describeAnswer(answer) });
    }
    if (status === 403) {
      const details = { catalog, wanted: 'a query', table, reason: describeAnswer(answer) };
      throw syncedTablesError('CATALOG_ACCESS_DENIED', details);
    }
    if (status === 404 || status === 410) {
      const reason = `it no longer knows the query (${describeAnswer(answer)})`;
      throw syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason });
    }
    if (status >= 300 || !(body instanceof Map)) {
      throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: describeAnswer(answer) });
    }
    return body;
  }

  #headers(): Record<string, string> {
    const { user, password, token, session = {} } = this.#options;
    const authorization =
      token !== undefined
        ? `Bearer ${token}`
        : password !== undefined
          ? `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
          : null;
    const properties = Object.entries(session).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return {
      'x-trino-user': user,
      'x-trino-source': 'synced-tables',
      'x-trino-time-zone': 'UTC',
      // Without it, fractions of seconds are cut to three digits.
      'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
      ...(properties.length === 0 ? {} : { 'x-trino-session': properties.join(',') }),
      ...(authorization === null ? {} : { authorization }),
    };
  }

  #secrets(): string[] {
    const { password, token } = this.#options;
    return [password, token].flatMap((secret) => (secret ? [secret] : []));
  }

  /** Where the next page is; null after the last one. Credentials are sent to no other server. */
  #nextOf(answer: ReadonlyMap<string, string>, table: string): string | null {
    const text = answer.get('nextUri');
    if (text === undefined) return null;
    const next = new URL(String(JSON.parse(text)));
    const own = new URL(this.#uri);
    if (next.host === own.host) return Object.assign(next, { protocol: own.protocol }).href;
    const reason = `it goes on at ${next.host}; behind a proxy, set http-server.process-forwarded in Trino`;
    throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog: this.#options.catalog, table, reason });
  }

  #explain({ errorName, errorType, message }: TrinoError, table: string): Error {
    const { catalog } = this.#options;
    const isSafe = ABOUT_NAMES.has(errorName) || ABOUT_VERSIONS.test(message);
    const words = isSafe ? `${errorName}: ${message}` : `${errorName}; its own log has the message`;
    const reason = words.slice(0, WORDS_MAX).replace(/\.$/, '');
    if (NOT_FOUND.has(errorName)) {
      return syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table, reason: `the server says ${reason}` });
    }
    if (DENIED.has(errorName)) {
      return syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, wanted: 'a query', table, reason });
    }
    // What is not the statement's fault passes: a worker that died, too little memory for the moment.
    if (errorType !== 'USER_ERROR' && !BROKEN.test(errorName)) {
      return syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason });
    }
    return syncedTablesError('REMOTE_QUERY_FAILED', { catalog, table, reason });
  }

  /** Nobody waits for it: an abandoned query ends by itself some minutes later. */
  async #cancel(next: string): Promise<void> {
    const { fetch: request = fetch, timeoutMs } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    await request(next, { method: 'DELETE', headers: this.#headers(), signal }).catch(() => {});
  }
}

/** Errors of proxies have other shapes than results. */
function membersOrText(text: string): unknown {
  const members = membersOf(text);
  return members.has('id') || members.has('stats') ? members : JSON.parse(text);
}
