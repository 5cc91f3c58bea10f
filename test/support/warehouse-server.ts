import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface WarehouseResult {
  readonly columns?: readonly (readonly [name: string, type: string])[];
  /** Rows of each chunk, all values texts. */
  readonly chunks?: readonly (readonly (readonly (string | null)[])[])[];
  readonly error?: { readonly error_code: string; readonly message: string };
}

/** A server that speaks the Statement Execution API of Databricks, and knows the answers to some statements. */
export class WarehouseServer implements AsyncDisposable {
  readonly statements: {
    readonly body: Record<string, unknown>;
    readonly result: WarehouseResult;
    polls: number;
    isCanceled: boolean;
  }[] = [];
  /** Headers of those who fetched a chunk. */
  readonly fetched: IncomingMessage['headers'][] = [];
  /** How often a statement is said to be running before it has succeeded. */
  runsFor = 0;
  /** Which statements run on and on. */
  holds: (statement: string) => boolean = () => false;
  token = 'secret-token';
  readonly #answer: (statement: string) => WarehouseResult | Promise<WarehouseResult>;
  readonly #server: Server;

  private constructor(answer: (statement: string) => WarehouseResult | Promise<WarehouseResult>) {
    this.#answer = answer;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(
    answer: (statement: string) => WarehouseResult | Promise<WarehouseResult>,
  ): Promise<WarehouseServer> {
    const server = new WarehouseServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const url = request.url ?? '';
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [, stored = null, storedChunk = ''] = /^\/stored\/(\d+)\/(\d+)\?signed$/.exec(url) ?? [];
    if (stored !== null) {
      this.fetched.push(request.headers);
      return send(200, this.statements[Number(stored)]?.result.chunks?.[Number(storedChunk)] ?? []);
    }
    if (url === '/oidc/v1/token') return send(200, { access_token: this.token, expires_in: 3600 });
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      return send(401, { error_code: '401', message: 'Credential was not sent or was of an unsupported type' });
    }
    if (url === '/api/2.0/sql/statements') {
      const body = JSON.parse(text) as Record<string, unknown>;
      const result = await this.#answer(String(body.statement));
      const id = this.statements.push({ body, result, polls: 0, isCanceled: false }) - 1;
      // As the real one: it answers when the statement has ended, or after the time that the client gives it.
      if (this.holds(String(body.statement))) await sleep(1_000 * Number.parseInt(String(body.wait_timeout), 10));
      return send(200, this.#state(id));
    }
    const [, id = '', rest = ''] = /^\/api\/2\.0\/sql\/statements\/(\d+)(.*)$/.exec(url) ?? [];
    const statement = this.statements[Number(id)];
    if (statement === undefined) return send(404, { error_code: 'NOT_FOUND', message: 'no such statement' });
    if (rest === '/cancel') {
      statement.isCanceled = true;
      return send(200, {});
    }
    const [, chunk = null] = /^\/result\/chunks\/(\d+)$/.exec(rest) ?? [];
    if (chunk === null) return send(200, this.#state(Number(id)));
    const link = `${this.uri}/stored/${id}/${chunk}?signed`;
    return send(200, { external_links: [{ chunk_index: Number(chunk), external_link: link }] });
  }

  #state(id: number): unknown {
    const statement = this.statements[id];
    if (statement === undefined) return {};
    const { result, body } = statement;
    if (statement.isCanceled) return { statement_id: String(id), status: { state: 'CANCELED' } };
    if (statement.polls++ < this.runsFor || this.holds(String(body.statement)))
      return { statement_id: String(id), status: { state: 'RUNNING' } };
    if (result.error) return { statement_id: String(id), status: { state: 'FAILED', error: result.error } };
    const columns = (result.columns ?? []).map(([name, type]) => ({ name, type_text: type }));
    return {
      statement_id: String(id),
      status: { state: 'SUCCEEDED' },
      manifest: { schema: { columns }, total_chunk_count: result.chunks?.length ?? 0 },
      result: body.disposition === 'INLINE' ? { data_array: result.chunks?.flat() ?? [] } : {},
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
