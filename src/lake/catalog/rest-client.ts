import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { BrowsePage } from '../../core/source-browser.js';
import { parseLosslessJson } from '../iceberg/metadata/lossless-json.js';
import { parseTableMetadata, type TableMetadata } from '../iceberg/metadata/table-metadata.js';
import { askCatalog, type CatalogRequestOptions } from '../requests/catalog-requests.js';
import { ClientToken, type SignIn } from '../requests/client-token.js';
import { describeAnswer, isUnknownCall, type ServerAnswer } from '../requests/server-answer.js';

export interface RestClientOptions extends CatalogRequestOptions, SignIn {
  /** Address of the catalog: what comes before `/v1`. */
  readonly uri: string;
  readonly warehouse?: string | undefined;
}

const properties = z.record(z.string(), z.string());
const configShape = z.object({ defaults: properties.nullish(), overrides: properties.nullish() });
const nextPage = { 'next-page-token': z.string().nullish() };
const namespacesShape = z.object({ namespaces: z.array(z.array(z.string())).nullish(), ...nextPage });
const tablesShape = z.object({ identifiers: z.array(z.object({ name: z.string() })).nullish(), ...nextPage });
const tableShape = z.object({
  'metadata-location': z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()),
  config: properties.nullish(),
  'storage-credentials': z.array(z.object({ prefix: z.string(), config: properties })).nullish(),
});

/** A catalog's answer about a table. */
export interface LoadedTable {
  /** The file that the metadata is in; null if the catalog does not say. */
  readonly metadataLocation: string | null;
  /** For `parseTableMetadata`. */
  readonly metadata: unknown;
  /** Properties for reading its files, the table's own over those of the catalog. */
  readonly config: ReadonlyMap<string, string>;
  /** Credentials for files below a prefix. */
  readonly credentials: readonly { readonly prefix: string; readonly config: ReadonlyMap<string, string> }[];
}

/**
 * The metadata of a catalog's answer.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export function metadataOf({ metadata, metadataLocation }: LoadedTable, tableName: string): TableMetadata {
  return parseTableMetadata(metadata, { file: metadataLocation ?? 'of the catalog', tableName });
}

interface CatalogConfig {
  /** What comes before the paths of calls, `…/v1/prefix/` included. */
  readonly base: string;
  readonly properties: ReadonlyMap<string, string>;
}

/** The part of Iceberg's REST catalog API needed to read tables (its OpenAPI document). */
export class RestCatalogClient {
  readonly #options: RestClientOptions;
  readonly #uri: string;
  readonly #token: ClientToken;
  #config: Promise<CatalogConfig> | null = null;

  constructor(options: RestClientOptions) {
    this.#options = options;
    this.#uri = options.uri.replace(/\/+$/, '').replace(/\/v1$/, '');
    this.#token = new ClientToken(options, options, this.#uri);
  }

  /**
   * @param sourceName full name in our settings, for messages
   * @throws SOURCE_TABLE_NOT_FOUND, CATALOG_ACCESS_DENIED, CATALOG_TOKEN_REFUSED, CATALOG_UNREACHABLE, CATALOG_ANSWER_INVALID
   */
  async loadTable(namespace: string, table: string, sourceName: string): Promise<LoadedTable> {
    const { properties: ofCatalog } = await this.#configuration(sourceName);
    const path = `namespaces/${encodeURIComponent(namespace)}/tables/${encodeURIComponent(table)}?snapshots=all`;
    const answer = await this.#ask(path, sourceName);
    if (isMissing(answer)) {
      const reason = `catalog server says ${describeAnswer(answer)}`;
      throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: sourceName, reason });
    }
    this.#requireAccess(answer, sourceName);
    const found = this.#parse(tableShape, answer, sourceName);
    return {
      metadataLocation: found['metadata-location'] ?? null,
      metadata: found.metadata,
      config: new Map([...ofCatalog, ...Object.entries(found.config ?? {})]),
      credentials: (found['storage-credentials'] ?? []).map(({ prefix, config }) => {
        return { prefix, config: new Map(Object.entries(config)) };
      }),
    };
  }

  /**
   * Names of the namespaces of one level, as far as a page reaches.
   * @throws what `loadTable` throws but SOURCE_TABLE_NOT_FOUND
   */
  async listNamespaces(page: BrowsePage, sourceName: string): Promise<NamePage> {
    const answer = await this.#ask(`namespaces?${pageQuery(page)}`, sourceName);
    this.#requireAccess(answer, sourceName);
    const { namespaces, 'next-page-token': next } = this.#parse(namespacesShape, answer, sourceName);
    const names = (namespaces ?? []).flatMap((levels) => (levels.length === 1 ? levels : []));
    return pageOf(names, next ?? null, page);
  }

  /** Names of the tables of a namespace; empty if there is no such namespace. */
  async listTables(namespace: string, page: BrowsePage, sourceName: string): Promise<NamePage> {
    const path = `namespaces/${encodeURIComponent(namespace)}/tables?${pageQuery(page)}`;
    const answer = await this.#ask(path, sourceName);
    if (isMissing(answer)) return { names: [], next: null };
    this.#requireAccess(answer, sourceName);
    const { identifiers, 'next-page-token': next } = this.#parse(tablesShape, answer, sourceName);
    return pageOf(
      (identifiers ?? []).map(({ name }) => name),
      next ?? null,
      page,
    );
  }

  async hasNamespace(namespace: string, sourceName: string): Promise<boolean> {
    const answer = await this.#ask(`namespaces/${encodeURIComponent(namespace)}`, sourceName);
    if (isMissing(answer)) return false;
    this.#requireAccess(answer, sourceName);
    this.#parse(z.object({}), answer, sourceName);
    return true;
  }

  /** The catalog's own settings for its clients, asked for once: they say where its calls are. */
  #configuration(sourceName: string): Promise<CatalogConfig> {
    this.#config ??= this.#readConfiguration(sourceName).catch((error: unknown) => {
      this.#config = null;
      throw error;
    });
    return this.#config;
  }

  async #readConfiguration(sourceName: string): Promise<CatalogConfig> {
    const { warehouse } = this.#options;
    const query = warehouse === undefined ? '' : `?${new URLSearchParams({ warehouse })}`;
    const answer = await this.#send(`${this.#uri}/v1/config${query}`, sourceName);
    this.#requireAccess(answer, sourceName);
    const { defaults, overrides } = this.#parse(configShape, answer, sourceName);
    const found = new Map([...Object.entries(defaults ?? {}), ...Object.entries(overrides ?? {})]);
    const uri = (found.get('uri') ?? this.#uri).replace(/\/+$/, '');
    const prefix = (found.get('prefix') ?? '').replace(/^\/+|\/+$/g, '');
    return { base: `${uri}/v1/${prefix === '' ? '' : `${prefix}/`}`, properties: found };
  }

  async #ask(path: string, sourceName: string): Promise<ServerAnswer> {
    const { base } = await this.#configuration(sourceName);
    return this.#send(base + path, sourceName);
  }

  async #send(url: string, sourceName: string): Promise<ServerAnswer> {
    const answer = await this.#sendOnce(url, sourceName);
    // An issued token may have been withdrawn before its end.
    return answer.status === 401 && this.#token.forget() ? this.#sendOnce(url, sourceName) : answer;
  }

  async #sendOnce(url: string, sourceName: string): Promise<ServerAnswer> {
    const token = await this.#token.get(sourceName);
    const headers = {
      'x-iceberg-access-delegation': 'vended-credentials',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
    return askCatalog(
      this.#options,
      { url, headers, parse: parseLosslessJson, secrets: this.#token.secrets },
      sourceName,
    );
  }

  #requireAccess(answer: ServerAnswer, table: string): void {
    const { catalog, token, oauth } = this.#options;
    const reason = describeAnswer(answer);
    if (answer.status === 401) {
      const isSigned = (token ?? '') !== '' || oauth !== undefined;
      const what = isSigned ? 'did not accept the token of the settings' : 'wants a token';
      throw syncedTablesError('CATALOG_TOKEN_REFUSED', { catalog, what, table, reason });
    }
    if (answer.status !== 403) return;
    throw syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, wanted: 'the description', table, reason });
  }

  #parse<Shape>(shape: z.ZodType<Shape>, answer: ServerAnswer, table: string): Shape {
    const { catalog } = this.#options;
    const parsed = answer.status < 300 ? shape.safeParse(answer.body) : null;
    if (parsed?.success) return parsed.data;
    const fields = parsed?.error.issues.map((issue) => issue.path.join('.') || 'the answer').join(', ');
    const reason = fields === undefined ? describeAnswer(answer) : `unexpected: ${fields}`;
    throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason });
  }
}

/** A server that has no such call at all says so in words, not in JSON. */
function isMissing(answer: ServerAnswer): boolean {
  return answer.status === 404 && !isUnknownCall(answer);
}

export interface NamePage {
  readonly names: readonly string[];
  readonly next: string | null;
}

/** Begins tokens of our own: for catalogs that give all at once, they name the last of a page. */
const AFTER = 'after ';

function pageQuery({ size, token }: BrowsePage): URLSearchParams {
  // An empty token asks for pages at all.
  const isOurs = token?.startsWith(AFTER) ?? false;
  return new URLSearchParams({ pageToken: isOurs ? '' : (token ?? ''), pageSize: String(size) });
}

function pageOf(names: readonly string[], next: string | null, { size, token }: BrowsePage): NamePage {
  const after = token?.startsWith(AFTER) ? token.slice(AFTER.length) : null;
  if (next || (after === null && names.length <= size)) return { names, next: next || null };
  const rest = [...names].sort().filter((name) => after === null || name > after);
  const some = rest.slice(0, size);
  return { names: some, next: rest.length > size ? AFTER + some.at(-1) : null };
}
