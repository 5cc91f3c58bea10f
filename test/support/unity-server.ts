import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServerAnswer {
  readonly status?: number;
  readonly body: unknown;
}

/**
 * A server that answers as Unity Catalog does where a table is looked up: Databricks' own (`databricks`), or the
 * open-source one (`open`), which knows no constraints and has the credentials at another path.
 */
export class UnityServer implements AsyncDisposable {
  readonly tables = new Map<string, Record<string, unknown>>();
  /** The answers of `delta/v1`, by full name. */
  readonly logs = new Map<string, () => ServerAnswer>();
  readonly requests: { readonly path: string; readonly body: string; readonly authorization: string | undefined }[] =
    [];
  /** Answers with this instead, while it gives something. */
  override: (path: string, count: number) => ServerAnswer | 'reset' | null = () => null;
  credentials: () => ServerAnswer = () => ({ status: 400, body: { error_code: 'INVALID_ARGUMENT', message: 'none' } });
  readonly #kind: 'databricks' | 'open';
  readonly #server: Server;

  private constructor(kind: 'databricks' | 'open') {
    this.#kind = kind;
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(kind: 'databricks' | 'open'): Promise<UnityServer> {
    const server = new UnityServer(kind);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const { authorization } = request.headers;
    this.requests.push({ path, body: Buffer.concat(chunks).toString(), authorization });
    const instead = this.override(path, this.requests.filter((one) => one.path === path).length);
    if (instead === 'reset') {
      request.socket.destroy();
      return;
    }
    const { status = 200, body } = instead ?? this.#reply(path);
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #reply(path: string): ServerAnswer {
    const version = this.#kind === 'databricks' ? '2.0' : '2.1';
    if (path === `/api/${version}/unity-catalog/temporary-table-credentials`) return this.credentials();
    const [, ...parts] =
      /^\/api\/2\.1\/unity-catalog\/delta\/v1\/catalogs\/(.+)\/schemas\/(.+)\/tables\/(.+)$/.exec(path) ?? [];
    if (parts.length > 0) return this.#logReply(parts.join('.'));
    const [, name] = /^\/api\/2\.1\/unity-catalog\/tables\/([^/?]+)$/.exec(path) ?? [];
    const found = name === undefined ? undefined : this.tables.get(name);
    if (found) return { body: found };
    if (name === undefined) return { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND', message: 'no such path' } };
    const code = this.#kind === 'databricks' ? 'TABLE_DOES_NOT_EXIST' : 'TABLE_NOT_FOUND';
    return { status: 404, body: { error_code: code, message: `Table '${name}' does not exist.` } };
  }

  #logReply(name: string): ServerAnswer {
    const answer = this.logs.get(name);
    if (answer) return answer();
    const error = { message: `Table not found: ${name}`, type: 'NoSuchTableException', code: 404, stack: null };
    return { status: 404, body: { error } };
  }
}
