import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a statement gives: columns with their types, and rows as arrays of JSON. */
export interface TrinoResult {
  readonly columns?: readonly (readonly [name: string, rawType: string, ...numbers: number[]])[];
  readonly rows?: readonly string[];
  readonly error?: { readonly errorName: string; readonly errorType: string; readonly message: string };
}

interface TrinoQuery {
  readonly result: TrinoResult;
  readonly statement: string;
  isCanceled: boolean;
  /** Whether it was asked for a page that it holds back. */
  isHeld: boolean;
}

/** How long it takes to say that there are no more rows yet. */
const HELD_MS = 20;

const CANCELED = { errorName: 'USER_CANCELED', errorType: 'USER_ERROR', message: 'Query was canceled' };

/** A server that speaks the client protocol of Trino, and knows the answers to some statements. */
export class TrinoServer implements AsyncDisposable {
  readonly queries: TrinoQuery[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  rowsOfPage = 2;
  /** Answers with this status instead, while it gives one. */
  override: (url: string, count: number) => number | null = () => null;
  /** Whether a statement goes on and on before it gives this page of rows, counted from 1. */
  holds: (statement: string, page: number) => boolean = () => false;
  /** What the server takes for its own address. */
  ownUri: string | null = null;
  readonly #answer: (statement: string) => TrinoResult;
  readonly #server: Server;
  #requests = 0;

  private constructor(answer: (statement: string) => TrinoResult) {
    this.#answer = answer;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(answer: (statement: string) => TrinoResult): Promise<TrinoServer> {
    const server = new TrinoServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '';
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.headers.push(request.headers);
    const status = this.override(url, ++this.#requests);
    if (status !== null) {
      response.writeHead(status).end('not now');
      return;
    }
    if (request.method === 'POST') {
      this.queries.push({ result: this.#answer(body), statement: body, isCanceled: false, isHeld: false });
      return this.#send(response, this.queries.length - 1, 0);
    }
    const [, query = '', page = ''] = /\/executing\/(\d+)\/(\d+)$/.exec(url) ?? [];
    const known = this.queries[Number(query)];
    if (known === undefined) {
      response.writeHead(404).end('Query not found');
    } else if (request.method === 'DELETE') {
      known.isCanceled = true;
      response.writeHead(204).end();
    } else if (known.isCanceled) {
      this.#end(response, Number(query), `"error":${JSON.stringify(CANCELED)}`);
    } else if (this.holds(known.statement, Number(page))) {
      known.isHeld = true;
      await sleep(HELD_MS);
      this.#end(response, Number(query), this.#next(Number(query), Number(page)));
    } else this.#send(response, Number(query), Number(page));
  }

  /** Page 0 says nothing yet, as that of a queued statement; the columns come with the first rows. */
  #send(response: ServerResponse, query: number, page: number): void {
    const result: TrinoResult = this.queries[query]?.result ?? {};
    const from = (page - 1) * this.rowsOfPage;
    const rows = page === 0 ? [] : (result.rows ?? []).slice(from, from + this.rowsOfPage);
    const hasMore = page === 0 || from + this.rowsOfPage < (result.rows?.length ?? 0);
    const columns = (result.columns ?? []).map(([name, rawType, ...numbers]) => ({
      name,
      type: rawType,
      typeSignature: { rawType, arguments: numbers.map((value) => ({ kind: 'LONG', value })) },
    }));
    this.#end(
      response,
      query,
      hasMore && !result.error ? this.#next(query, page + 1) : null,
      page > 0 ? `"columns":${JSON.stringify(columns)}` : null,
      rows.length > 0 ? `"data":[${rows.join(' , ')}]` : null,
      result.error ? `"error":${JSON.stringify(result.error)}` : null,
    );
  }

  #next(query: number, page: number): string {
    return `"nextUri":"${this.ownUri ?? this.uri}/v1/statement/executing/${query}/${page}"`;
  }

  /** Sends a page of these members. */
  #end(response: ServerResponse, query: number, ...members: readonly (string | null)[]): void {
    const id = `"id":"q${query}","infoUri":"http://x/ui?\\"{"`;
    const parts = [id, ...members, '"stats":{"state":"RUNNING","nodes":[1,{"a":"]"}]}'];
    response.setHeader('content-type', 'application/json');
    response.end(`{${parts.filter((part) => part !== null).join(' , ')}}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
