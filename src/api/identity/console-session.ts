import type { FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../core/errors.js';

/**
 * The session of the web console: a token in a cookie that scripts cannot read and other sites cannot send. Nothing of it is
 * stored, so every sidecar behind a proxy knows it, and it ends with its token.
 */
export class ConsoleSession {
  readonly #publicUrl: URL | null;

  /** @param publicUrl address at which people reach the server, if not the one that it listens on */
  constructor(publicUrl: string | undefined) {
    this.#publicUrl = publicUrl === undefined ? null : new URL(publicUrl);
  }

  /** Browsers refuse a cookie of the first name that did not come from this very host, over TLS. */
  get #name(): string {
    return this.#isSecure ? '__Host-synced-tables' : 'synced-tables';
  }

  get #isSecure(): boolean {
    return this.#publicUrl?.protocol === 'https:';
  }

  /** The token of a request's cookie; null if it has none. */
  tokenOf(request: FastifyRequest): string | null {
    const prefix = `${this.#name}=`;
    const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
    return pairs.find((pair) => pair.startsWith(prefix))?.slice(prefix.length) || null;
  }

  /** The header that begins a session. @param secondsMax until the token expires; null: never */
  begin(token: string, secondsMax: number | null): string {
    return this.#cookie(token, Math.max(1, Math.floor(Math.min(SESSION_SECONDS, secondsMax ?? SESSION_SECONDS))));
  }

  /** The header that ends it. */
  end(): string {
    return this.#cookie('', 0);
  }

  #cookie(value: string, seconds: number): string {
    const secure = this.#isSecure ? '; Secure' : '';
    return `${this.#name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
  }

  /**
   * Makes sure that a request with a cookie comes from the console itself: bodies of any content type are read as JSON, so a
   * form of another page of this site could send one too.
   * @throws CONSOLE_REQUEST_REFUSED
   */
  check(request: FastifyRequest): void {
    const { 'x-synced-tables': mark, 'sec-fetch-site': site, origin } = request.headers;
    if (mark !== 'console') throw refusal('it lacks the header X-Synced-Tables: console');
    if (site === undefined ? origin !== this.#ownOrigin(request) : site !== 'same-origin') {
      throw refusal(`a page of ${origin ?? 'another site'} seems to have sent it`);
    }
  }

  #ownOrigin(request: FastifyRequest): string {
    return this.#publicUrl?.origin ?? `http://${request.headers.host ?? ''}`;
  }
}

const SESSION_SECONDS = 12 * 3_600;

/** Requests of these methods change nothing. */
export function isReading(request: FastifyRequest): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

function refusal(reason: string) {
  return syncedTablesError('CONSOLE_REQUEST_REFUSED', { reason });
}
