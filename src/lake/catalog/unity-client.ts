import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { BrowsePage } from '../../core/source-browser.js';
import type { RatifiedCommits } from '../delta/log/ratified-log.js';
import { askCatalog, type CatalogRequestOptions } from '../requests/catalog-requests.js';
import { describeAnswer, isNotFound, isUnknownCall, type ServerAnswer } from '../requests/server-answer.js';
import type { StoreCredentials } from '../storage/temporary-credentials.js';
import { temporaryCredentials, toCredentials } from './unity-credentials.js';
import { ratifiedCommitsOf, tableLog } from './unity-table-log.js';

export interface UnityClientOptions extends CatalogRequestOptions {
  /** Address of the server, with or without `/api/2.1/unity-catalog`. */
  readonly uri: string;
  readonly token?: string | undefined;
}

/** The address of a server, whose API has other parts too. */
export function withoutApiPath(uri: string): string {
  return uri.replace(/\/+$/, '').replace(/\/api\/2\.[01]\/unity-catalog$/, '');
}

// Only shown to people, so an odd value from a server must not prevent reading the table.
const text = z.string().nullish().catch(null);
const count = z.coerce.number().int().nullish().catch(null);

const column = z.object({
  name: z.string(),
  type_name: text,
  type_text: z.string().nullish(),
  type_json: text,
  type_precision: count,
  type_scale: count,
  partition_index: count,
  nullable: z.boolean().nullish(),
  comment: z.string().nullish(),
});
export type UnityColumn = z.infer<typeof column>;

const tableInfo = z.object({
  name: text,
  owner: text,
  comment: text,
  created_at: count,
  updated_at: count,
  table_id: z.string().nullish(),
  table_type: z.string().nullish(),
  data_source_format: z.string().nullish(),
  storage_location: z.string().nullish(),
  view_definition: z.string().nullish(),
  columns: z.array(column).nullish(),
  properties: z.record(z.string(), z.string()).nullish(),
  table_constraints: z
    .array(
      z.object({
        primary_key_constraint: z
          .object({
            name: z.string().nullish(),
            child_columns: z.array(z.string()),
            timeseries_columns: z.array(z.string()).nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
});

const nextPage = { next_page_token: z.string().nullish() };
const schemaList = z.object({ schemas: z.array(z.object({ name: z.string() })).nullish(), ...nextPage });
const tableList = z.object({ tables: z.array(tableInfo).nullish(), ...nextPage });

/** The fields we use of a server's answer about a table; the open-source server omits some. */
export type UnityTable = z.infer<typeof tableInfo>;

/** The part of Unity Catalog's REST API needed to read a table, for Databricks' own server and the open-source one. */
export class UnityClient {
  readonly #options: UnityClientOptions;
  readonly #origin: string;
  /** Credentials moved between versions of the API; which one a server supports is learned once. */
  #credentialsVersions: readonly string[] = ['2.0', '2.1'];

  constructor(options: UnityClientOptions) {
    this.#options = options;
    this.#origin = withoutApiPath(options.uri);
  }

  /**
   * @param table full name as the server knows it
   * @param sourceName full name in our settings, for messages
   * @throws SOURCE_TABLE_NOT_FOUND, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async getTable(table: string, sourceName: string): Promise<UnityTable> {
    const answer = await this.#ask(`/api/2.1/unity-catalog/tables/${encodeURIComponent(table)}`, null, sourceName);
    this.#requireFound(answer, sourceName);
    this.#requireAccess(answer, sourceName, 'the description');
    return this.#parse(tableInfo, answer, sourceName);
  }

  /**
   * A page of the schema names of a catalog; empty if there is no such catalog.
   * @throws CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async listSchemas(
    catalog: string,
    page: BrowsePage,
    sourceName: string,
  ): Promise<{ readonly names: string[]; readonly next: string | null }> {
    const query = pageQuery({ catalog_name: catalog }, page);
    const answer = await this.#ask(`/api/2.1/unity-catalog/schemas?${query}`, null, sourceName);
    if (isNotFound(answer)) return { names: [], next: null };
    this.#requireAccess(answer, sourceName, 'the description');
    const { schemas, next_page_token: next } = this.#parse(schemaList, answer, sourceName);
    return { names: (schemas ?? []).map(({ name }) => name), next: next || null };
  }

  /**
   * A page of a schema's tables; empty if there is no such schema.
   * @throws CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async listTables(
    place: { readonly catalog: string; readonly schema: string },
    page: BrowsePage,
    sourceName: string,
  ): Promise<{ readonly tables: readonly UnityTable[]; readonly next: string | null }> {
    const query = pageQuery({ catalog_name: place.catalog, schema_name: place.schema }, page);
    const answer = await this.#ask(`/api/2.1/unity-catalog/tables?${query}`, null, sourceName);
    if (isNotFound(answer)) return { tables: [], next: null };
    this.#requireAccess(answer, sourceName, 'the description');
    const { tables, next_page_token: next } = this.#parse(tableList, answer, sourceName);
    return { tables: tables ?? [], next: next || null };
  }

  /**
   * @param schema its full name as the server knows it
   * @throws CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async hasSchema(schema: string, sourceName: string): Promise<boolean> {
    const path = `/api/2.1/unity-catalog/schemas/${encodeURIComponent(schema)}`;
    const answer = await this.#ask(path, null, sourceName);
    if (isNotFound(answer)) return false;
    this.#requireAccess(answer, sourceName, 'the description');
    this.#parse(z.object({}), answer, sourceName);
    return true;
  }

  /**
   * Credentials for reading the files of a table; null if the server has none.
   * @throws CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async temporaryCredentials(tableId: string, sourceName: string): Promise<StoreCredentials | null> {
    for (const version of this.#credentialsVersions) {
      const path = `/api/${version}/unity-catalog/temporary-table-credentials`;
      const answer = await this.#ask(path, { table_id: tableId, operation: 'READ' }, sourceName);
      if (answer.status === 404 || answer.status === 405) continue;
      this.#credentialsVersions = [version];
      this.#requireAccess(answer, sourceName, 'credentials for the files');
      // A server not configured for the store refuses in its own words; the store's own credential chain may still
      // work.
      if (answer.status >= 400) return null;
      return toCredentials(this.#parse(temporaryCredentials, answer, sourceName));
    }
    return null;
  }

  /**
   * The commits that the catalog has accepted of a Delta table that it manages (`delta/v1` of Unity Catalog's API).
   * @param place names as the server knows them
   * @param tableId of the table that was opened
   * @throws SOURCE_TABLE_NOT_FOUND, SOURCE_TABLE_REPLACED, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE,
   *   CATALOG_ANSWER_INVALID, CATALOG_WITHOUT_COMMITS
   */
  async ratifiedCommits(
    place: { readonly catalog: string; readonly schema: string; readonly table: string },
    tableId: string,
    sourceName: string,
  ): Promise<RatifiedCommits> {
    const [catalog, schema, table] = [place.catalog, place.schema, place.table].map(encodeURIComponent);
    const path = `/api/2.1/unity-catalog/delta/v1/catalogs/${catalog}/schemas/${schema}/tables/${table}`;
    const answer = await this.#ask(path, null, sourceName);
    if (isUnknownCall(answer)) {
      throw syncedTablesError('CATALOG_WITHOUT_COMMITS', { catalog: this.#options.catalog, table: sourceName });
    }
    this.#requireFound(answer, sourceName);
    this.#requireAccess(answer, sourceName, 'the commits');
    return ratifiedCommitsOf(this.#parse(tableLog, answer, sourceName), {
      tableId,
      tableName: sourceName,
      catalog: this.#options.catalog,
    });
  }

  #requireFound(answer: ServerAnswer, table: string): void {
    if (!isNotFound(answer)) return;
    const reason = `catalog server says ${describeAnswer(answer)}`;
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table, reason });
  }

  #requireAccess(answer: ServerAnswer, table: string, wanted: string): void {
    const { catalog, token } = this.#options;
    if (answer.status === 401) {
      const what = token === undefined || token === '' ? 'wants a token' : 'did not accept the token of the settings';
      throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason: describeAnswer(answer) });
    }
    if (answer.status !== 403) return;
    throw syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, wanted, table, reason: describeAnswer(answer) });
  }

  #parse<Shape>(shape: z.ZodType<Shape>, answer: ServerAnswer, table: string): Shape {
    const { catalog } = this.#options;
    if (answer.status >= 300) {
      throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: describeAnswer(answer) });
    }
    const parsed = shape.safeParse(answer.body);
    if (parsed.success) return parsed.data;
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the answer').join(', ');
    throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: `unexpected: ${fields}` });
  }

  #ask(path: string, body: object | null, table: string): Promise<ServerAnswer> {
    const { token } = this.#options;
    const request = {
      url: this.#origin + path,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      body: body === null ? undefined : JSON.stringify(body),
      parse: JSON.parse,
      secrets: token ? [token] : [],
    };
    return askCatalog(this.#options, request, table);
  }
}

function pageQuery(query: Record<string, string>, { size, token }: BrowsePage): URLSearchParams {
  const page = { max_results: String(size), ...(token === null ? {} : { page_token: token }) };
  return new URLSearchParams({ ...query, ...page });
}
