import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export interface RestRequestSeen {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly delegation: string | undefined;
}

interface RestAnswer {
  readonly status?: number;
  readonly body: unknown;
}

export interface RestServerOptions {
  /** Folder of the tables: `<folder>/<namespace>/<table>/metadata`. */
  readonly folder: string;
  /** What comes between `/v1/` and the paths of calls; the server says so in its configuration. */
  readonly prefix?: string;
  /** The only token that is accepted; any or none if left out. */
  readonly token?: string;
  /** Client credentials for which `token` is issued. */
  readonly client?: { readonly id: string; readonly secret: string };
  /** Gives names in pages of this size, if a client asks for pages. */
  readonly pageSize?: number;
}

/**
 * An Iceberg REST catalog over the tables of a folder. Of each, the metadata file that `version-hint.text` names counts as
 * committed.
 */
export class IcebergRestServer implements AsyncDisposable {
  readonly requests: RestRequestSeen[] = [];
  /** Parts of the answer about a table besides its metadata. */
  config: Record<string, string> = {};
  credentials: { readonly prefix: string; readonly config: Record<string, string> }[] | null = null;
  /** Answers with this instead, while it gives something. */
  override: (path: string, count: number) => RestAnswer | null = () => null;
  expiresIn = 3_600;
  readonly #options: RestServerOptions;
  readonly #server: Server;

  private constructor(options: RestServerOptions) {
    this.#options = options;
    this.#server = createServer(async (request, response) => {
      const { status = 200, body } = await this.#answer(request);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  static async start(options: RestServerOptions): Promise<IcebergRestServer> {
    const server = new IcebergRestServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/catalog`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<RestAnswer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { authorization } = request.headers;
    const delegation = request.headers['x-iceberg-access-delegation']?.toString();
    const seen = { method: request.method ?? '', path: request.url ?? '', body, authorization, delegation };
    this.requests.push(seen);
    const instead = this.override(seen.path, this.requests.filter((one) => one.path === seen.path).length);
    return instead ?? this.#reply(seen);
  }

  #reply({ path: full, body, authorization }: RestRequestSeen): RestAnswer {
    const url = new URL(full, 'http://localhost');
    const { token, client, prefix = '' } = this.#options;
    if (url.pathname === '/catalog/v1/oauth/tokens') {
      const form = new URLSearchParams(body);
      const isKnown = form.get('client_id') === client?.id && form.get('client_secret') === client?.secret;
      if (!isKnown) return { status: 401, body: { error: 'invalid_client', error_description: body } };
      return { body: { access_token: token, token_type: 'bearer', expires_in: this.expiresIn } };
    }
    if (token !== undefined && authorization !== `Bearer ${token}`) {
      return failure(401, 'NotAuthorizedException', `not authorized with ${authorization}`);
    }
    if (url.pathname === '/catalog/v1/config') {
      const warehouse = url.searchParams.get('warehouse');
      if (warehouse === 'unknown') return failure(404, 'NoSuchWarehouseException', 'There is no warehouse unknown');
      return { body: prefix === '' ? { defaults: {} } : { defaults: { prefix: 'wrong' }, overrides: { prefix } } };
    }
    const base = `/catalog/v1/${prefix === '' ? '' : `${prefix}/`}`;
    if (!url.pathname.startsWith(base)) return { status: 404, body: 'Not Found' };
    const parts = url.pathname.slice(base.length).split('/').map(decodeURIComponent);
    return this.#call(parts, url.searchParams);
  }

  #call([first, namespace, second, table]: string[], query: URLSearchParams): RestAnswer {
    const { folder } = this.#options;
    if (first !== 'namespaces') return { status: 404, body: 'Not Found' };
    if (namespace === undefined) {
      const { names, next } = this.#page(readdirSync(folder), query);
      return { body: { namespaces: [...names.map((name) => [name]), ['a', 'nested']], ...next } };
    }
    if (!existsSync(path.join(folder, namespace))) {
      return failure(404, 'NoSuchNamespaceException', `Namespace does not exist: ${namespace}`);
    }
    if (second === undefined) return { body: { namespace: [namespace], properties: {} } };
    if (table === undefined) {
      const { names, next } = this.#page(readdirSync(path.join(folder, namespace)), query);
      return { body: { identifiers: names.map((name) => ({ namespace: [namespace], name })), ...next } };
    }
    return this.#load(path.join(folder, namespace, table), `${namespace}.${table}`);
  }

  #load(root: string, name: string): RestAnswer {
    const hint = path.join(root, 'metadata/version-hint.text');
    if (!existsSync(hint)) return failure(404, 'NoSuchTableException', `Table does not exist: ${name}`);
    const file = path.join(root, `metadata/v${readFileSync(hint, 'utf8')}.metadata.json`);
    const rest = {
      'metadata-location': file,
      config: this.config,
      ...(this.credentials === null ? {} : { 'storage-credentials': this.credentials }),
    };
    // As it stands in the file: its numbers have more digits than JSON.parse keeps.
    return { body: `${JSON.stringify(rest).slice(0, -1)}, "metadata": ${readFileSync(file, 'utf8')}}` };
  }

  #page(all: readonly string[], query: URLSearchParams): { names: string[]; next: Record<string, string> } {
    const { pageSize } = this.#options;
    const names = [...all].sort();
    const token = query.get('pageToken');
    if (pageSize === undefined || token === null) return { names, next: {} };
    const from = Number(token || 0);
    const next = from + pageSize < names.length ? { 'next-page-token': String(from + pageSize) } : {};
    return { names: names.slice(from, from + pageSize), next };
  }
}

function failure(code: number, type: string, message: string): RestAnswer {
  return { status: code, body: { error: { message, type, code } } };
}
