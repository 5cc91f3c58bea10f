import { z } from 'zod';
import type { Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import type { BrowsePage } from '../../core/source-browser.js';
import { ActionFormatError } from '../delta/log/parse-action.js';
import { SUPPORTED_FEATURES } from '../delta/schema/protocol-gate.js';
import { AnswerBrokeOff, askCatalog, type CatalogRequestOptions } from '../requests/catalog-requests.js';
import {
  describeAnswer,
  isNotFound,
  isUnknownCall,
  type ServerAnswer,
  withoutSignatures,
} from '../requests/server-answer.js';
import { type SharedAnswer, SharedAnswerFailed, SharedAnswerReader } from '../sharing/shared-answer.js';
import type { SharedTableApi } from '../sharing/shared-table-api.js';
import { type SharingAccess, type SharingCredentials, sharingAccess } from '../sharing/sharing-profile.js';
import type { StoreCredentials } from '../storage/temporary-credentials.js';
import { sharedCredentials, toSharedCredentials } from './sharing-credentials.js';

export interface SharingClientOptions extends CatalogRequestOptions {
  readonly credentials: SharingCredentials;
  /** The share whose schemas and tables these are. */
  readonly share: string;
}

const nextPage = { nextPageToken: z.string().nullish() };
const nameList = z.object({ items: z.array(z.object({ name: z.string() })).nullish(), ...nextPage });

/** Shares named where one is not found. */
const SHARES_NAMED = 20;

/** Tells servers what they may answer with (protocol: "Delta Sharing Capabilities Header"). */
const CAPABILITIES = [
  'responseformat=delta',
  `readerfeatures=${[...SUPPORTED_FEATURES].join(',').toLowerCase()}`,
  'includeEndStreamAction=true',
].join(';');
const CAPABILITIES_HEADER = 'delta-sharing-capabilities';
const VERSION_HEADER = 'delta-table-version';

/** Characters of a server's own words in a message. */
const WORDS_MAX = 300;

/** More than any table needs, so that a server that repeats itself comes to an end. */
const PAGES_MAX = 100_000;

type ReadAnswer = (response: Response, isAlive: () => void, access: SharingAccess) => Promise<unknown>;

interface AskedLines {
  /** Full name of the table, for messages. */
  readonly table: string;
  /** For messages, too. */
  readonly what: string;
  readonly statisticsOf?: readonly Field[];
}

/** A page of names. */
export interface SharedNames {
  readonly names: readonly string[];
  readonly next: string | null;
}

/** A table's calls, and what only a catalog asks for. */
export interface SharingTableClient extends SharedTableApi {
  /** Credentials for reading the table in its place; null if the answer holds none that a store takes. */
  credentials(): Promise<StoreCredentials | null>;
}

/** The part of the Delta Sharing protocol that is needed to list and read tables. */
export class SharingClient {
  readonly #options: SharingClientOptions;

  constructor(options: SharingClientOptions) {
    this.#options = options;
  }

  /**
   * @param sourceName full name in our settings, for messages
   * @throws SHARE_NOT_FOUND, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_TOKEN_EXPIRED, CATALOG_UNREACHABLE,
   *   CATALOG_ANSWER_INVALID, SHARING_PROFILE_INVALID
   */
  async listSchemas(page: BrowsePage, sourceName: string): Promise<SharedNames> {
    const answer = await this.#ask(`${this.#share}/schemas?${pageQuery(page)}`, sourceName);
    if (isNotFound(answer)) throw await this.#shareNotFound(answer, sourceName);
    return namesOf(this.#parse(nameList, answer, sourceName, 'the names of schemas'));
  }

  /** Names of the tables of a schema; empty if there is no such schema. */
  async listTables(schema: string, page: BrowsePage, sourceName: string): Promise<SharedNames> {
    const path = `${this.#share}/schemas/${encodeURIComponent(schema)}/tables?${pageQuery(page)}`;
    const answer = await this.#ask(path, sourceName);
    if (isNotFound(answer)) return { names: [], next: null };
    return namesOf(this.#parse(nameList, answer, sourceName, 'the names of tables'));
  }

  /** Whether a schema has tables: the protocol has no call for a schema itself. */
  async hasSchema(schema: string, sourceName: string): Promise<boolean> {
    const path = `${this.#share}/schemas/${encodeURIComponent(schema)}/tables?maxResults=1`;
    const answer = await this.#ask(path, sourceName);
    if (isNotFound(answer)) return false;
    this.#parse(nameList, answer, sourceName, 'the names of tables');
    return true;
  }

  table(schema: string, table: string, sourceName: string): SharingTableClient {
    const base = `${this.#share}/schemas/${encodeURIComponent(schema)}/tables/${encodeURIComponent(table)}`;
    return {
      version: () => this.#version(`${base}/version`, sourceName),
      metadata: (version) => {
        const path = `${base}/metadata${version === undefined ? '' : `?version=${version}`}`;
        return this.#lines(() => ({ path }), { table: sourceName, what: 'the description' });
      },
      query: ({ version, refreshToken } = {}, statisticsOf = []) => {
        const wanted =
          version === undefined
            ? { includeRefreshToken: true, ...(refreshToken === undefined ? {} : { refreshToken }) }
            : { version: Number(version) };
        const request = (pageToken: string | null) => {
          // A token for the same files belongs to the first page.
          const body = pageToken === null ? wanted : version === undefined ? { pageToken } : { ...wanted, pageToken };
          return { path: `${base}/query`, body };
        };
        return this.#lines(request, { table: sourceName, what: 'the files', statisticsOf });
      },
      changes: (from, to) => {
        const range = { startingVersion: String(from), endingVersion: String(to) };
        const history = { includeHistoricalMetadata: 'true', includeHistoricalProtocol: 'true' };
        const request = (pageToken: string | null) => {
          const query = new URLSearchParams({ ...range, ...history, ...(pageToken === null ? {} : { pageToken }) });
          return { path: `${base}/changes?${query}` };
        };
        return this.#lines(request, { table: sourceName, what: 'the changes' });
      },
      credentials: async () => {
        const answer = await this.#ask(`${base}/temporary-table-credentials`, sourceName, { body: {} });
        const what = 'credentials for the files';
        this.#requireFound(answer, sourceName, what);
        return toSharedCredentials(this.#parse(sharedCredentials, answer, sourceName, what));
      },
    };
  }

  get #share(): string {
    return `shares/${encodeURIComponent(this.#options.share)}`;
  }

  async #version(path: string, table: string): Promise<bigint> {
    const read = async (response: Response) => {
      await response.text();
      return response.headers.get(VERSION_HEADER);
    };
    const answer = await this.#ask(path, table, { read });
    this.#requireFound(answer, table, 'the version');
    const version = this.#parse(z.string().regex(/^\d+$/), answer, table, 'the version');
    return BigInt(version);
  }

  /** The lines of all pages of an answer. */
  async #lines(
    request: (pageToken: string | null) => { readonly path: string; readonly body?: object },
    asked: AskedLines,
  ): Promise<SharedAnswer> {
    const { table } = asked;
    let pageToken: string | null = null;
    let answer: SharedAnswer | null = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const { path, body } = request(pageToken);
      const found = await this.#page(path, body, asked);
      if ((answer ?? found.answer).version !== found.answer.version) {
        throw this.#invalid(table, 'its pages are of different versions');
      }
      answer = answer === null ? found.answer : joined(answer, found.answer);
      if (found.nextPageToken === null) return answer;
      pageToken = found.nextPageToken;
    }
    throw this.#invalid(table, 'it has pages without an end');
  }

  async #page(
    path: string,
    body: object | undefined,
    { table, what, statisticsOf = [] }: AskedLines,
  ): Promise<{ readonly answer: SharedAnswer; readonly nextPageToken: string | null }> {
    const read = async (response: Response, isAlive: () => void, { endpoint, token }: SharingAccess) => {
      const reader = new SharedAnswerReader(/^http:/i.test(endpoint), statisticsOf);
      let number = 0;
      try {
        for await (const line of linesOf(response, isAlive)) {
          number++;
          reader.line(line);
        }
      } catch (error) {
        if (error instanceof ActionFormatError) throw this.#invalid(table, `line ${number}: ${error.message}`);
        if (!(error instanceof SharedAnswerFailed)) throw error;
        const words = withoutSignatures(error.message.replaceAll(token, '[hidden]'));
        throw this.#invalid(table, words.slice(0, WORDS_MAX).replace(/\.$/, ''));
      }
      const capabilities = response.headers.get(CAPABILITIES_HEADER) ?? '';
      const isEndMarked = /includeendstreamaction=true/i.test(capabilities);
      if (isEndMarked && reader.end === null) throw new AnswerBrokeOff('the answer has no end');
      const version = response.headers.get(VERSION_HEADER);
      const answer = reader.answer(version !== null && /^\d+$/.test(version) ? BigInt(version) : null);
      return { answer, nextPageToken: reader.end?.nextPageToken ?? null };
    };
    const answer = await this.#ask(path, table, { read, ...(body === undefined ? {} : { body }) });
    this.#requireFound(answer, table, what);
    this.#requireGood(answer, table, what);
    return answer.body as Awaited<ReturnType<typeof read>>;
  }

  async #ask(
    path: string,
    table: string,
    { body, read }: { readonly body?: object; readonly read?: ReadAnswer } = {},
  ): Promise<ServerAnswer> {
    const { credentials, catalog } = this.#options;
    const access = await sharingAccess(credentials, { catalog, table });
    const { endpoint, token } = access;
    const request = {
      url: `${endpoint.replace(/\/+$/, '')}/${path}`,
      headers: {
        authorization: `Bearer ${token}`,
        [CAPABILITIES_HEADER]: CAPABILITIES,
        ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      parse: JSON.parse,
      secrets: [token],
      ...(read && { read: (response: Response, isAlive: () => void) => read(response, isAlive, access) }),
    };
    return askCatalog(this.#options, request, table);
  }

  #requireFound(answer: ServerAnswer, table: string, what: string): void {
    if (!isNotFound(answer)) return;
    // Servers of earlier versions of the protocol lack calls.
    if (isUnknownCall(answer)) throw this.#refused(answer, table, what);
    const reason = `the sharing server says ${describeAnswer(answer)}`;
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table, reason });
  }

  #requireGood(answer: ServerAnswer, table: string, wanted: string): void {
    const { catalog } = this.#options;
    const { status } = answer;
    if (status < 300) return;
    const reason = describeAnswer(answer);
    if (status === 401) {
      const what = 'did not accept the token of the settings';
      throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason });
    }
    if (status === 403) throw syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, wanted, table, reason });
    if (status >= 400) throw this.#refused(answer, table, wanted);
    throw this.#invalid(table, reason);
  }

  #refused(answer: ServerAnswer, table: string, wanted: string): Error {
    const { catalog } = this.#options;
    return syncedTablesError('SHARING_REQUEST_REFUSED', { catalog, wanted, table, reason: describeAnswer(answer) });
  }

  async #shareNotFound(answer: ServerAnswer, table: string): Promise<Error> {
    const { catalog, share } = this.#options;
    const shares = await this.#ask(`shares?maxResults=${SHARES_NAMED}`, table);
    const { names } = namesOf(this.#parse(nameList, shares, table, 'the names of shares'));
    const shown = names.length > 0 ? names.join(', ') : 'none';
    return syncedTablesError('SHARE_NOT_FOUND', { catalog, share, reason: describeAnswer(answer), shares: shown });
  }

  #parse<Shape>(shape: z.ZodType<Shape>, answer: ServerAnswer, table: string, what: string): Shape {
    this.#requireGood(answer, table, what);
    const parsed = shape.safeParse(answer.body);
    if (parsed.success) return parsed.data;
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || what).join(', ');
    throw this.#invalid(table, `unexpected: ${fields}`);
  }

  #invalid(table: string, reason: string): Error {
    return syncedTablesError('CATALOG_ANSWER_INVALID', { catalog: this.#options.catalog, table, reason });
  }
}

/** Every page begins with what is in force; the first one's version and place count. */
function joined(first: SharedAnswer, next: SharedAnswer): SharedAnswer {
  return {
    ...first,
    protocols: [...first.protocols, ...next.protocols],
    metadata: [...first.metadata, ...next.metadata],
    files: first.files.concat(next.files),
    urls: new Map([...first.urls, ...next.urls]),
    refreshToken: first.refreshToken ?? next.refreshToken,
  };
}

async function* linesOf(response: Response, isAlive: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    isAlive();
    const pieces = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    rest = pieces.pop() ?? '';
    for (const line of pieces) if (line.trim() !== '') yield line;
  }
  rest += decoder.decode();
  if (rest.trim() !== '') yield rest;
}

function namesOf({ items, nextPageToken }: z.infer<typeof nameList>): SharedNames {
  return { names: (items ?? []).map(({ name }) => name), next: nextPageToken || null };
}

function pageQuery({ size, token }: BrowsePage): URLSearchParams {
  return new URLSearchParams({ maxResults: String(size), ...(token === null ? {} : { pageToken: token }) });
}
