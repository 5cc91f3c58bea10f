import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { askCatalog, type CatalogRequestOptions } from '../../requests/catalog-requests.js';
import { ClientToken, type SignIn } from '../../requests/client-token.js';
import { describeAnswer, type ServerAnswer } from '../../requests/server-answer.js';

export interface StatementClientOptions extends CatalogRequestOptions, SignIn {
  /** Address of the workspace. */
  readonly uri: string;
  /** Of the SQL warehouse that runs the statements. */
  readonly warehouseId: string;
}

const link = z.object({
  chunk_index: z.int().default(0),
  external_link: z.url(),
});

const statementShape = z.object({
  statement_id: z.string(),
  status: z.object({
    state: z.enum(['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'CLOSED']),
    error: z.object({ error_code: z.string().nullish(), message: z.string().nullish() }).nullish(),
  }),
  manifest: z
    .object({
      schema: z.object({
        columns: z.array(z.object({ name: z.string(), type_text: z.string() })).default([]),
      }),
      total_chunk_count: z.int().default(0),
    })
    .nullish(),
  result: z
    .object({
      data_array: z.array(z.array(z.string().nullable())).nullish(),
      external_links: z.array(link).nullish(),
    })
    .nullish(),
});

const linksShape = z.object({ external_links: z.array(link).default([]) });

type Statement = z.infer<typeof statementShape>;

/** A statement that has run, its result being ready to be fetched. */
export interface StatementResult {
  readonly columns: readonly { readonly name: string; readonly typeText: string }[];
  /** Number of chunks of `chunk`. */
  readonly chunks: number;
  /** The rows of a chunk, an array of arrays of JSON. */
  chunk(index: number, signal: AbortSignal): Promise<string>;
}

/** How long the server waits before it answers that a statement still runs, where nobody may want to cancel it. */
const WAIT_SECONDS = 30;
/** How often to ask whether a statement has ended: more seldom each time. */
const POLL_MS_MIN = 50;
const POLL_MS_MAX = 1_000;
const RUNS: ReadonlySet<string> = new Set(['PENDING', 'RUNNING']);
/** Errors whose words are about names, not about values of rows. */
const ABOUT_NAMES =
  /^\[?(TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|NO_SUCH_CATALOG_EXCEPTION|UNRESOLVED_COLUMN[\w.]*|INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED|PARSE_SYNTAX_ERROR|DELTA_\w+)/;
const NOT_FOUND = /^\[?(TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|NO_SUCH_CATALOG_EXCEPTION)/;
const DENIED = /^\[?(INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED)/;
/** What is gone stays gone, whatever the code says. */
const BROKEN = /^\[?(FAILED_READ_FILE\.FILE_NOT_EXIST|DELTA_CHANGE_DATA_FILE_NOT_FOUND|DELTA_FILE_NOT_FOUND)/;
const WORDS_MAX = 300;

/** Runs statements on a SQL warehouse of Databricks, by its Statement Execution API. */
export class StatementClient {
  readonly #options: StatementClientOptions;
  readonly #uri: string;
  readonly #token: ClientToken;

  constructor(options: StatementClientOptions) {
    this.#options = options;
    this.#uri = options.uri.replace(/\/+$/, '');
    const oauth = options.oauth && {
      scope: 'all-apis',
      tokenUri: `${this.#uri}/oidc/v1/token`,
      ...options.oauth,
    };
    this.#token = new ClientToken(options, { ...options, oauth }, this.#uri);
  }

  /** All rows of a short result, every value as a text. @throws what `run` throws */
  async rows(statement: string, table: string, signal?: AbortSignal): Promise<(string | null)[][]> {
    return rowsOf(await this.#execute(statement, 'INLINE', table, signal));
  }

  /** The same as objects, by the names of the columns. @throws what `run` throws */
  async records(statement: string, table: string): Promise<Record<string, string | null>[]> {
    const ran = await this.#execute(statement, 'INLINE', table);
    const names = columnsOf(ran).map(({ name }) => name);
    return rowsOf(ran).map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? null])));
  }

  /** The columns of a result, without its rows. @throws what `run` throws */
  async columns(statement: string, table: string): Promise<StatementResult['columns']> {
    return columnsOf(await this.#execute(statement, 'INLINE', table));
  }

  /**
   * Runs a statement, and waits until its result is there.
   * @param table full name of the source table, for messages
   * @throws SOURCE_TABLE_NOT_FOUND, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID,
   *   REMOTE_QUERY_FAILED; the reason of `signal`, and then the statement is canceled
   */
  async run(statement: string, table: string, signal: AbortSignal): Promise<StatementResult> {
    const ran = await this.#execute(statement, 'EXTERNAL_LINKS', table, signal);
    return {
      columns: columnsOf(ran),
      chunks: ran.manifest?.total_chunk_count ?? 0,
      chunk: (index, until) => this.#chunk(ran, index, table, until),
    };
  }

  async #execute(
    statement: string,
    disposition: 'INLINE' | 'EXTERNAL_LINKS',
    table: string,
    signal?: AbortSignal,
  ): Promise<Statement> {
    const waitSeconds = Math.min(WAIT_SECONDS, Math.max(5, Math.floor(this.#options.timeoutMs / 2_000)));
    const request = {
      warehouse_id: this.#options.warehouseId,
      statement,
      disposition,
      format: 'JSON_ARRAY',
      // The id, by which a statement is canceled, comes with the answer: whoever may want that cannot wait for the result as well.
      ...(signal ? { wait_timeout: '0s' } : { wait_timeout: `${waitSeconds}s`, on_wait_timeout: 'CONTINUE' }),
    };
    let pollMs = POLL_MS_MIN;
    let ran = this.#read(statementShape, await this.#ask('', table, JSON.stringify(request)), table);
    while (RUNS.has(ran.status.state)) {
      if (signal?.aborted) {
        await this.#ask(`/${ran.statement_id}/cancel`, table, '{}').catch(() => {});
        throw signal.reason;
      }
      await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => {});
      pollMs = Math.min(POLL_MS_MAX, 2 * pollMs);
      ran = this.#read(statementShape, await this.#ask(`/${ran.statement_id}`, table), table);
    }
    if (ran.status.state !== 'SUCCEEDED') throw this.#explain(ran, table);
    return ran;
  }

  /** Its link is good for some minutes only, so it is asked for when it is needed. It is a secret, and needs none. */
  async #chunk({ statement_id: id }: Statement, index: number, table: string, signal: AbortSignal): Promise<string> {
    const { catalog } = this.#options;
    const answer = await this.#ask(`/${id}/result/chunks/${index}`, table);
    const { external_links: links } = this.#read(linksShape, answer, table);
    const url = links.find(({ chunk_index: at }) => at === index)?.external_link;
    if (url === undefined) {
      const reason = `it names no place for chunk ${index} of the result`;
      throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason });
    }
    signal.throwIfAborted();
    // Not parsed: rows do not become objects.
    const fetched = await askCatalog(this.#options, { url, parse: (text) => text, secrets: [url] }, table);
    if (fetched.status < 300 && typeof fetched.body === 'string') return fetched.body;
    const reason = `a chunk of the result could not be fetched (HTTP ${fetched.status})`;
    throw syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason });
  }

  async #ask(path: string, table: string, body?: string): Promise<ServerAnswer> {
    const { catalog } = this.#options;
    for (;;) {
      const token = await this.#token.get(table);
      const request = {
        url: `${this.#uri}/api/2.0/sql/statements${path}`,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body,
        parse: JSON.parse,
        secrets: this.#token.secrets,
      };
      const answer = await askCatalog(this.#options, request, table);
      if (answer.status === 401 && this.#token.forget()) continue;
      if (answer.status === 401) {
        const what = 'does not accept the token';
        throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason: describeAnswer(answer) });
      }
      if (answer.status === 403) {
        const details = { catalog, wanted: 'a query', table, reason: describeAnswer(answer) };
        throw syncedTablesError('CATALOG_ACCESS_DENIED', details);
      }
      return answer;
    }
  }

  #read<Shape extends z.ZodType>(shape: Shape, answer: ServerAnswer, table: string): z.output<Shape> {
    const parsed = answer.status < 300 ? shape.safeParse(answer.body) : null;
    if (parsed?.success) return parsed.data;
    const { catalog } = this.#options;
    throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: describeAnswer(answer) });
  }

  #explain({ status: { state, error } }: Statement, table: string): Error {
    const { catalog } = this.#options;
    const message = (error?.message ?? '').split('\n')[0] ?? '';
    const code = error?.error_code ?? state;
    const words = ABOUT_NAMES.test(message) ? message : `${code}; the query history of the warehouse has the message`;
    const reason = words.slice(0, WORDS_MAX).replace(/\.$/, '');
    if (NOT_FOUND.test(message)) {
      return syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table, reason: `the warehouse says ${reason}` });
    }
    if (DENIED.test(message)) {
      return syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, wanted: 'a query', table, reason });
    }
    if (code === 'BAD_REQUEST' || state === 'CANCELED' || BROKEN.test(message)) {
      return syncedTablesError('REMOTE_QUERY_FAILED', { catalog, table, reason });
    }
    return syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason });
  }
}

function columnsOf({ manifest }: Statement): StatementResult['columns'] {
  return (manifest?.schema.columns ?? []).map(({ name, type_text: typeText }) => ({ name, typeText }));
}

function rowsOf({ result }: Statement): (string | null)[][] {
  return result?.data_array ?? [];
}
