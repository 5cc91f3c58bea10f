import { randomBytes } from 'node:crypto';
import { hashBearerToken } from '../../src/api/identity/bearer-token.js';
import type { SyncedLake } from './synced-lake.js';

export interface ApiReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are whatever the server sent, which is what tests look at
  readonly body: any;
  readonly headers: Headers;
}

/** Calls the API over real HTTP, as one caller. */
export class ApiClient {
  readonly url: string;
  readonly #token: string | null;

  constructor(url: string, token: string | null = null) {
    this.url = url;
    this.#token = token;
  }

  get authorization(): Record<string, string> {
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  get(path: string, headers: Record<string, string> = {}): Promise<ApiReply> {
    return this.send('GET', path, undefined, headers);
  }

  delete(path: string): Promise<ApiReply> {
    return this.send('DELETE', path);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiReply> {
    return this.send('POST', path, body, headers);
  }

  /** @param body an object, or a text that goes out as it is */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiReply> {
    const reply = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...this.authorization,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: parse(text), headers: reply.headers };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Makes a token for a role. */
export async function createToken(synced: SyncedLake, role: string, expiresAt: Date | null = null): Promise<string> {
  const token = `stt_test_${randomBytes(16).toString('hex')}`;
  await synced.admin.query('select synced_tables.create_token($1, $2, $3)', [role, hashBearerToken(token), expiresAt]);
  return token;
}
