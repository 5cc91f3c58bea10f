import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deletionVectorPath } from '../../src/lake/delta/deletion-vectors/deletion-vector-path.js';

/** A Delta table of the disk, as a provider shares it. */
export interface SharedTestTable {
  readonly folder: string;
  /** Whether earlier versions and changes are given. */
  readonly hasHistory?: boolean;
  readonly accessModes?: readonly string[];
  /** For those who read it in its place. */
  readonly location?: string;
  readonly auxiliaryLocations?: readonly string[];
}

interface SharingAnswer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends the body line by line, with so many milliseconds between them. */
  readonly msPerLine?: number;
}

export interface SharingRequestSeen {
  readonly method: string;
  /** Below the address of the server, with its query. */
  readonly path: string;
  readonly body: string;
}

type Json = Record<string, unknown>;
type FileKind = 'add' | 'remove' | 'cdc';
interface FileBody extends Json {
  readonly path: string;
  readonly size?: number;
  readonly partitionValues?: Record<string, string | null>;
  readonly dataChange?: boolean;
  readonly stats?: string;
  readonly deletionVector?: {
    readonly storageType: 'u' | 'p' | 'i';
    readonly pathOrInlineDv: string;
    readonly offset?: number;
    readonly sizeInBytes: number;
    readonly cardinality: number;
  };
}

/**
 * A Delta Sharing server over tables of the disk, by a second, naive reader of their logs. Files are given as addresses
 * that end; they are served with GET alone, since an address is signed for one method.
 */
export class SharingServer implements AsyncDisposable {
  /** By `schema.table`, in lower case. */
  readonly tables = new Map<string, SharedTestTable>();
  readonly requests: SharingRequestSeen[] = [];
  /** Requests for files, by their path. */
  readonly reads: { readonly path: string; readonly status: number }[] = [];
  /** The formats that it knows. */
  formats: readonly ('delta' | 'parquet')[] = ['delta'];
  /** How long addresses of files are good. */
  urlLifeMs = 3_600_000;
  /** Whether an address is good for one request however late it comes: machines that are busy take their time. */
  isUrlGoodOnce = false;
  /** Whether answers say when their addresses end. */
  saysExpiry = true;
  /** Whether it gives tokens for new addresses of the same files. */
  hasRefreshTokens = false;
  /** Names, and files, on a page. */
  pageSize = 1_000;
  /** Answers with this instead, while it gives something. */
  override: (request: SharingRequestSeen, count: number) => SharingAnswer | null = () => null;
  /** Decides what a request for a file meets: a status, half of its content and the end of its address, or its content. */
  fault: (path: string, count: number) => number | 'cut' | null = () => null;
  credentials: () => SharingAnswer = () => ({
    status: 400,
    body: failure('INVALID_PARAMETER_VALUE', 'no credentials'),
  });
  token = 'sharing-token';
  readonly share: string;
  readonly #signed = new Map<string, { readonly file: string; readonly endsAtMs: number; isUsed: boolean }>();
  readonly #server: Server;

  private constructor(share: string) {
    this.share = share;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String((error as Error).stack));
      });
    });
  }

  static async start(share = 'sales'): Promise<SharingServer> {
    const server = new SharingServer(share);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get endpoint(): string {
    return `${this.#origin}/delta-sharing/`;
  }

  /** What a provider would give as a file. */
  profile(parts: Json = {}): string {
    return JSON.stringify({ shareCredentialsVersion: 1, endpoint: this.endpoint, bearerToken: this.token, ...parts });
  }

  /** Ends all addresses that were given so far. */
  endUrls(): void {
    for (const [signature, signed] of this.#signed) this.#signed.set(signature, { ...signed, endsAtMs: 0 });
  }

  count(end: string): number {
    return this.requests.filter((request) => request.path.split('?')[0]?.endsWith(end)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.#origin);
    if (url.searchParams.has('X-Signature')) {
      this.#file(request, response, url);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const seen = { method: request.method ?? '', path: (request.url ?? '').slice('/delta-sharing/'.length), body };
    this.requests.push(seen);
    const { authorization } = request.headers;
    const capabilities = String(request.headers['delta-sharing-capabilities'] ?? '').toLowerCase();
    const isKnown = authorization === `Bearer ${this.token}`;
    const instead = this.override(seen, this.requests.filter((one) => one.path === seen.path).length);
    const refused: SharingAnswer = {
      status: 401,
      body: failure('UNAUTHENTICATED', `unknown token in ${authorization}`),
    };
    const {
      status = 200,
      body: answer,
      headers,
      msPerLine,
    } = instead ?? (isKnown ? this.#reply(seen, url, capabilities) : refused);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
    for (const line of msPerLine === undefined ? [text] : text.split(/(?<=\n)/)) {
      response.write(line);
      if (msPerLine !== undefined) await sleep(msPerLine);
    }
    response.end();
  }

  /** What it answers to a request by itself. */
  usual(seen: SharingRequestSeen): SharingAnswer {
    return this.#reply(seen, new URL(`/delta-sharing/${seen.path}`, this.#origin), 'responseformat=delta');
  }

  #reply(seen: SharingRequestSeen, url: URL, capabilities: string): SharingAnswer {
    const parts = url.pathname.slice('/delta-sharing/'.length).split('/').map(decodeURIComponent);
    const [, share, , schema, , table, call] = parts;
    const query = url.searchParams;
    if (share === undefined) return { body: this.#page([{ name: this.share }, { name: 'other' }], query) };
    if (share.toLowerCase() !== this.share) return missing(`share '${share}' not found`);
    const names = [...this.tables.keys()].map((name) => name.split('.') as [string, string]);
    if (schema === undefined) {
      return {
        body: this.#page(
          [...new Set(names.map(([name]) => name))].map((name) => ({ name, share })),
          query,
        ),
      };
    }
    if (table === undefined) {
      const inside = names.filter(([name]) => name === schema.toLowerCase());
      if (inside.length === 0) return missing(`schema '${schema}' not found`);
      return {
        body: this.#page(
          inside.map(([, name]) => ({ name, schema, share })),
          query,
        ),
      };
    }
    const found = this.tables.get(`${schema}.${table}`.toLowerCase());
    if (!found) return missing(`[Share/Schema/Table] '${share}/${schema}/${table}' does not exist`);
    switch (`${seen.method} ${call}`) {
      case 'GET version':
        return { body: '', headers: { 'delta-table-version': String(newestVersion(found.folder)) } };
      case 'GET metadata':
        return this.#metadata(found, query, capabilities);
      case 'POST query':
        return this.#query(found, JSON.parse(seen.body) as Json, capabilities);
      case 'GET changes':
        return this.#changes(found, query, capabilities);
      case 'POST temporary-table-credentials':
        return this.credentials();
      default:
        return { status: 404, body: 'no such call' };
    }
  }

  #page(items: readonly Json[], query: URLSearchParams): Json {
    const from = Number(query.get('pageToken') ?? 0);
    const size = Math.min(this.pageSize, Number(query.get('maxResults') ?? this.pageSize));
    const next = from + size < items.length ? String(from + size) : '';
    return { items: items.slice(from, from + size), nextPageToken: next };
  }

  #metadata(table: SharedTestTable, query: URLSearchParams, capabilities: string): SharingAnswer {
    const wanted = query.get('version');
    if (wanted !== null && !table.hasHistory) return withoutHistory();
    const version = wanted === null ? newestVersion(table.folder) : Number(wanted);
    return this.#lines(table, { version, capabilities, lines: [], end: null, headOf: stateAt(table.folder, version) });
  }

  #query(table: SharedTestTable, body: Json, capabilities: string): SharingAnswer {
    const { version: wanted, refreshToken, includeRefreshToken, pageToken } = body;
    if (wanted !== undefined && !table.hasHistory) return withoutHistory();
    if (refreshToken !== undefined && !this.hasRefreshTokens) return invalid('what is a refreshToken?');
    const [page = 0, pinned] = String(pageToken ?? '')
      .split('@')
      .filter(Boolean)
      .map(Number);
    const version = Number(wanted ?? refreshToken ?? pinned ?? newestVersion(table.folder));
    const state = stateAt(table.folder, version);
    const format = this.#format(capabilities);
    const time = commitTime(table.folder, version);
    const stamp = wanted === undefined ? {} : { version, timestamp: time };
    const files = state.files.slice(page * this.pageSize, (page + 1) * this.pageSize);
    const lines = files.map((add) =>
      this.#fileLine(table, { kind: 'add', body: add, format, stamp, isSnapshot: true }),
    );
    const hasMore = (page + 1) * this.pageSize < state.files.length;
    const end = {
      ...(hasMore ? { nextPageToken: `${page + 1}@${version}` } : {}),
      ...(this.hasRefreshTokens && includeRefreshToken ? { refreshToken: String(version) } : {}),
    };
    return this.#lines(table, { version, capabilities, lines, end, headOf: state });
  }

  #changes(table: SharedTestTable, query: URLSearchParams, capabilities: string): SharingAnswer {
    const [from, to] = [Number(query.get('startingVersion')), Number(query.get('endingVersion'))];
    const format = this.#format(capabilities);
    const head = stateAt(table.folder, from);
    const hasFeed = (metaData: Json) => (metaData.configuration as Json)['delta.enableChangeDataFeed'] === 'true';
    if (!table.hasHistory) return invalid('cdf is not enabled on table');
    if (from > newestVersion(table.folder) || from > to) return invalid('the range is wrong');
    const lines: Json[] = [];
    for (let version = from; version <= to; version++) {
      const actions = existsSync(commitFile(table.folder, version)) ? commitActions(table.folder, version) : null;
      if (actions === null) return invalid(`change data of version ${version} is gone`);
      const stamp = { version, timestamp: commitTime(table.folder, version) };
      for (const { metaData, protocol } of actions) {
        if (metaData && version > from) lines.push(metadataLine(metaData as Json, { format, version }));
        if (protocol && version > from && format === 'delta')
          lines.push({ protocol: { version, deltaProtocol: protocol } });
        if (metaData && !hasFeed(metaData as Json))
          return invalid(`change data was not recorded for version ${version}`);
      }
      if (!hasFeed(head.metaData)) return invalid(`change data was not recorded for version ${version}`);
      const hasChangeFiles = actions.some(({ cdc }) => cdc);
      const kinds: readonly FileKind[] = hasChangeFiles ? ['cdc'] : ['remove', 'add'];
      for (const action of actions) {
        for (const kind of kinds) {
          const file = action[kind] as FileBody | undefined;
          if (!file || (kind !== 'cdc' && file.dataChange === false)) continue;
          lines.push(this.#fileLine(table, { kind, body: file, format, stamp, isSnapshot: false }));
        }
      }
    }
    const page = Number(query.get('pageToken') ?? 0);
    const shown = lines.slice(page * this.pageSize, (page + 1) * this.pageSize);
    const end = (page + 1) * this.pageSize < lines.length ? { nextPageToken: String(page + 1) } : {};
    return this.#lines(table, { version: from, capabilities, lines: shown, end, headOf: head });
  }

  #format(capabilities: string): 'delta' | 'parquet' {
    const [, asked = 'parquet'] = /responseformat=(\w+)/.exec(capabilities) ?? [];
    return this.formats.find((format) => format === asked) ?? this.formats[0] ?? 'parquet';
  }

  #lines(
    { accessModes, location, auxiliaryLocations }: SharedTestTable,
    answer: {
      readonly version: number;
      readonly capabilities: string;
      readonly lines: readonly Json[];
      readonly end: Json | null;
      readonly headOf: { readonly protocol: Json; readonly metaData: Json };
    },
  ): SharingAnswer {
    const { version, capabilities, lines, end, headOf } = answer;
    const format = this.#format(capabilities);
    const place = { accessModes, location, auxiliaryLocations };
    const protocol = format === 'delta' ? { deltaProtocol: headOf.protocol } : { minReaderVersion: 1 };
    const head = [{ protocol }, metadataLine(headOf.metaData, { format, version, place })];
    const hasEnd = end !== null && capabilities.includes('includeendstreamaction=true');
    const all = [...head, ...lines, ...(hasEnd ? [{ endStreamAction: end }] : [])];
    return {
      body: all.map((line) => `${JSON.stringify(line)}\n`).join(''),
      headers: {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'delta-table-version': String(version),
        'delta-sharing-capabilities': `responseformat=${format}${hasEnd ? ';includeEndStreamAction=true' : ''}`,
      },
    };
  }

  #fileLine(
    { folder }: SharedTestTable,
    file: {
      readonly kind: FileKind;
      readonly body: FileBody;
      readonly format: 'delta' | 'parquet';
      readonly stamp: Json;
      readonly isSnapshot: boolean;
    },
  ): Json {
    const { kind, body, format, stamp, isSnapshot } = file;
    const place = path.join(folder, decodeURIComponent(body.path));
    const id = hash(body.path);
    const ends = this.saysExpiry ? { expirationTimestamp: Date.now() + this.urlLifeMs } : {};
    if (format === 'parquet') {
      const { size = existsSync(place) ? statSync(place).size : 1, partitionValues = {}, stats } = body;
      const name = isSnapshot ? 'file' : kind === 'cdc' ? 'cdf' : kind;
      return { [name]: { id, url: this.#sign(place), size, partitionValues, stats, ...stamp, ...ends } };
    }
    const { deletionVector: vector } = body;
    const signed = vector && vector.storageType !== 'i' ? this.#signVector(folder, vector) : null;
    const action = { ...body, path: this.#sign(place), ...(signed ? { deletionVector: signed.vector } : {}) };
    const vectorId = signed ? { deletionVectorFileId: signed.id } : {};
    return { file: { id, ...vectorId, ...stamp, ...ends, deltaSingleAction: { [kind]: action } } };
  }

  #signVector(folder: string, vector: NonNullable<FileBody['deletionVector']>): { id: string; vector: Json } {
    const { offset = null, cardinality, ...rest } = vector;
    const descriptor = { ...rest, offset, cardinality: BigInt(cardinality) };
    const file = deletionVectorPath({ root: folder, tableName: 'shared', descriptor }) ?? '';
    return { id: hash(file), vector: { ...vector, storageType: 'p', pathOrInlineDv: this.#sign(file) } };
  }

  #sign(file: string): string {
    const signature = randomUUID();
    this.#signed.set(signature, { file, endsAtMs: Date.now() + this.urlLifeMs, isUsed: false });
    // The native part of Delta Sharing's own client takes such an address for a path of the disk, which it then is.
    return `${this.#origin}${file.split('/').map(encodeURIComponent).join('/')}?X-Signature=${signature}`;
  }

  #file(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const signed = this.#signed.get(url.searchParams.get('X-Signature') ?? '');
    const name = path.basename(decodeURIComponent(url.pathname));
    const fault = this.fault(name, this.reads.filter((read) => read.path === name).length + 1);
    const isForgiven = this.isUrlGoodOnce && signed?.isUsed === false;
    const isGood = request.method === 'GET' && signed !== undefined && (isForgiven || signed.endsAtMs > Date.now());
    if (signed) signed.isUsed = true;
    const { size, mtimeMs } = isGood && existsSync(signed.file) ? statSync(signed.file) : { size: 0, mtimeMs: 0 };
    const [, first = '0', last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const [start, stop] = [Number(first), Math.min(size - 1, last ? Number(last) : size - 1)];
    const refused =
      (fault === 'cut' ? null : fault) ?? (isGood ? null : 403) ?? (existsSync(signed?.file ?? '') ? null : 404);
    // The token is for the server alone.
    const status = refused ?? (request.headers.authorization === undefined ? null : 400) ?? (start < size ? null : 416);
    if (status !== null || signed === undefined) {
      this.reads.push({ path: name, status: status ?? 403 });
      response
        .writeHead(status ?? 403, { 'content-type': 'application/xml' })
        .end('<Error>Request has expired</Error>');
      return;
    }
    this.reads.push({ path: name, status: 206 });
    response.writeHead(206, {
      etag: `"${size}-${mtimeMs}"`,
      'content-length': stop - start + 1,
      'content-range': `bytes ${start}-${stop}/${size}`,
    });
    const isCut = fault === 'cut';
    const body = createReadStream(signed.file, { start, end: isCut ? Math.floor((start + stop) / 2) : stop });
    body.pipe(response, { end: !isCut });
    if (!isCut) return;
    this.endUrls();
    body.once('end', () => setTimeout(() => request.socket.destroy(), 20));
  }
}

function metadataLine(
  metaData: Json,
  { format, version, place }: { format: 'delta' | 'parquet'; version: number; place?: Json },
): Json {
  if (format === 'delta') return { metaData: { deltaMetadata: metaData, version, ...place } };
  const { id, format: files, schemaString, partitionColumns, configuration } = metaData;
  const feed = (configuration as Json)['delta.enableChangeDataFeed'];
  const shown = feed === 'true' ? { configuration: { enableChangeDataFeed: 'true' } } : {};
  return { metaData: { id, format: files, schemaString, partitionColumns, version, ...shown, ...place } };
}

function commitFile(folder: string, version: number): string {
  return path.join(folder, '_delta_log', `${String(version).padStart(20, '0')}.json`);
}

function newestVersion(folder: string): number {
  const names = readdirSync(path.join(folder, '_delta_log')).filter((name) => /^\d{20}\.json$/.test(name));
  return Math.max(...names.map((name) => Number(name.slice(0, 20))));
}

function commitActions(folder: string, version: number): Json[] {
  const lines = readFileSync(commitFile(folder, version), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Json);
}

function commitTime(folder: string, version: number): number {
  return Math.floor(statSync(commitFile(folder, version)).mtimeMs);
}

/** From version 0 on, without checkpoints. */
function stateAt(folder: string, version: number): { protocol: Json; metaData: Json; files: FileBody[] } {
  let protocol: Json = {};
  let metaData: Json = {};
  const live = new Map<string, FileBody>();
  const key = ({ path: name, deletionVector: vector }: FileBody) =>
    `${name} ${vector?.pathOrInlineDv} ${vector?.offset}`;
  for (let each = 0; each <= version; each++) {
    const actions = commitActions(folder, each);
    for (const { remove } of actions) if (remove) live.delete(key(remove as FileBody));
    for (const action of actions) {
      if (action.add) live.set(key(action.add as FileBody), action.add as FileBody);
      if (action.protocol) protocol = action.protocol as Json;
      if (action.metaData) metaData = action.metaData as Json;
    }
  }
  return { protocol, metaData, files: [...live.values()] };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function failure(errorCode: string, message: string): Json {
  return { errorCode, message };
}

const invalid = (message: string): SharingAnswer => ({
  status: 400,
  body: failure('INVALID_PARAMETER_VALUE', message),
});
const missing = (message: string): SharingAnswer => ({
  status: 404,
  body: failure('RESOURCE_DOES_NOT_EXIST', message),
});
const withoutHistory = (): SharingAnswer =>
  invalid('reading by version is not supported: history sharing is not enabled');
