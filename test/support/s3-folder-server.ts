import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** What a request is to meet; null: its answer. `cut`: half of the body and then nothing more, the connection closed. */
export type Fault = { readonly status: number; readonly code?: string } | 'cut' | 'stall' | 'reset' | 'silent' | null;

export interface StoreRequest {
  readonly kind: 'list' | 'stat' | 'read';
  readonly key: string;
  /** Requests of this kind for this key so far, this one included. */
  readonly count: number;
  readonly range: string | null;
}

export const BUCKET = 'lake';

/**
 * A folder of the disk over the part of S3's protocol that readers need, and every kind of trouble on demand. Whether
 * the product gets on with real stores is shown by test/interop; here it is what it does when they fail.
 */
export class S3FolderServer implements AsyncDisposable {
  readonly requests: StoreRequest[] = [];
  /** Decides what a request meets. */
  fault: (request: StoreRequest) => Fault = () => null;
  /** Keeps a request waiting, and so whatever sent it in the state it is in, until what this returns is fulfilled. */
  hold: (request: StoreRequest) => Promise<void> | null = () => null;
  /** Wait before each answer, in milliseconds. */
  delayMs = 0;
  /** Keys a page of a listing has at most. */
  pageKeys = 1_000;
  /** Whose signatures came. */
  readonly accessKeys = new Set<string>();
  /** Bodies on their way at once, at most so far. */
  bodiesMax = 0;
  #bodies = 0;
  readonly #root: string;
  readonly #server: Server;

  private constructor(root: string) {
    this.#root = root;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(root: string): Promise<S3FolderServer> {
    const server = new S3FolderServer(root);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Settings of a catalog that reads from here. */
  get settings() {
    return {
      s3: { endpoint: this.endpoint, region: 'us-east-1', access_key_id: 'test', secret_access_key: 'test-secret' },
    };
  }

  count(kind: StoreRequest['kind'], end = ''): number {
    return this.requests.filter((request) => request.kind === kind && request.key.endsWith(end)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse) {
    this.accessKeys.add(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? 'none');
    const url = new URL(request.url ?? '', this.endpoint);
    const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const isList = url.searchParams.has('list-type');
    const kind = isList ? 'list' : request.method === 'HEAD' ? 'stat' : 'read';
    const key = isList ? (url.searchParams.get('prefix') ?? '') : rest.join('/');
    const count = this.requests.filter((one) => one.kind === kind && one.key === key).length + 1;
    const asked: StoreRequest = { kind, key, count, range: request.headers.range ?? null };
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault === 'silent') return;
    if (fault === 'reset') return request.socket.destroy();
    await this.hold(asked);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (fault !== null && typeof fault === 'object') return refuse(response, fault.status, fault.code ?? 'SlowDown');
    if (bucket !== BUCKET) return refuse(response, 404, 'NoSuchBucket');
    if (kind === 'list') return this.#list(url.searchParams, response);
    this.#object(request, response, { key, fault });
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const place = path.join(this.#root, folder);
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const entries = existsSync(place) ? readdirSync(place, { withFileTypes: true }) : [];
    const keys = entries
      .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort();
    const page = keys.slice(0, Math.min(this.pageKeys, Number(query.get('max-keys') ?? 1_000)));
    const items = page.map((key) =>
      key.endsWith('/')
        ? `<CommonPrefixes><Prefix>${xml(key)}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${xml(key)}</Key><Size>1</Size></Contents>`,
    );
    const isTruncated = page.length < keys.length;
    const next = isTruncated ? `<NextContinuationToken>${xml(page.at(-1) ?? '')}</NextContinuationToken>` : '';
    response.setHeader('content-type', 'application/xml');
    response.end(
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${items.join('')}</ListBucketResult>`,
    );
  }

  #object(request: IncomingMessage, response: ServerResponse, { key, fault }: { key: string; fault: Fault }) {
    const file = path.join(this.#root, key);
    if (!existsSync(file) || statSync(file).isDirectory()) return refuse(response, 404, 'NoSuchKey');
    const { size, mtime, ino } = statSync(file);
    const etag = `"${createHash('md5').update(`${ino} ${size} ${mtime.getTime()}`).digest('hex')}"`;
    if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag) {
      return refuse(response, 412, 'PreconditionFailed');
    }
    response.setHeader('etag', etag);
    response.setHeader('last-modified', mtime.toUTCString());
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(size - 1, last ? Number(last) : size - 1);
    if (request.method === 'HEAD' || size === 0) {
      response.setHeader('content-length', size);
      return response.end();
    }
    if (start >= size) return refuse(response, 416, 'InvalidRange');
    response.writeHead(206, {
      'content-length': end - start + 1,
      'content-range': `bytes ${start}-${end}/${size}`,
    });
    const isHalf = fault === 'cut' || fault === 'stall';
    const sent = isHalf ? Math.max(start, Math.floor((start + end) / 2) - 1) : end;
    this.#bodiesMaxOf(response);
    const body = createReadStream(file, { start, end: sent });
    body.pipe(response, { end: !isHalf });
    if (fault === 'cut') body.once('end', () => setTimeout(() => request.socket.destroy(), 20));
  }

  #bodiesMaxOf(response: ServerResponse): void {
    this.#bodies++;
    this.bodiesMax = Math.max(this.bodiesMax, this.#bodies);
    response.once('close', () => this.#bodies--);
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>secret-of-the-store</Message></Error>`);
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
