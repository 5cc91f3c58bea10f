import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { describeAnswer, type ServerAnswer } from './server-answer.js';

/** How to ask a catalog server, whichever API it has. */
export interface CatalogRequestOptions {
  /** Name in the settings, for messages. */
  readonly catalog: string;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  readonly attemptsMax: number;
  readonly fetch?: typeof fetch;
  readonly wait?: (ms: number) => Promise<unknown>;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly onRetry?: (retry: { path: string; reason: string; attempt: number; delayMs: number }) => void;
}

export interface CatalogRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is posted, a form or JSON; without it, it is a GET. */
  readonly body?: URLSearchParams | string | undefined;
  /** Throws if a text is not JSON. */
  readonly parse: (text: string) => unknown;
  /**
   * Takes an answer of use in pieces, instead of `parse`, and returns its body. Its time is measured from piece to piece:
   * call `isAlive` with each.
   */
  readonly read?: (response: Response, isAlive: () => void) => Promise<unknown>;
  /** What must not be repeated in messages. */
  readonly secrets: readonly string[];
}

/** An answer that ends before its end: it is asked for again. */
export class AnswerBrokeOff extends Error {
  override readonly name = 'AnswerBrokeOff';
}

const FIRST_DELAY_MS = 200;
const DELAY_MS_MAX = 10_000;
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Makes a request until it is answered, with growing pauses.
 * @param table full name of the source table, for messages
 * @throws CATALOG_UNREACHABLE
 */
export async function askCatalog(
  options: CatalogRequestOptions,
  request: CatalogRequest,
  table: string,
): Promise<ServerAnswer> {
  const { attemptsMax, catalog, onRetry, random = Math.random, wait = sleep } = options;
  for (let attempt = 1; ; attempt++) {
    let reason: string;
    let cause: unknown;
    try {
      const answer = await send(options, request);
      if (!TRANSIENT_STATUS.has(answer.status)) return answer;
      reason = describeAnswer(answer);
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (known) throw known;
      reason = networkReason(error);
      cause = error;
    }
    if (attempt >= attemptsMax) {
      const details = { catalog, table, attempts: attempt, reason };
      throw explainOpenFiles(cause) ?? syncedTablesError('CATALOG_UNREACHABLE', details, cause);
    }
    const longest = Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** (attempt - 1));
    const delayMs = Math.round(longest * (0.5 + random() / 2));
    onRetry?.({ path: request.url, reason, attempt, delayMs });
    await wait(delayMs);
  }
}

async function send(
  { timeoutMs, fetch: request = fetch }: CatalogRequestOptions,
  asked: CatalogRequest,
): Promise<ServerAnswer> {
  const { url, headers = {}, body, parse, read, secrets } = asked;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new DOMException('no answer in time', 'TimeoutError')), timeoutMs);
  try {
    const response = await request(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      signal: silence.signal,
    });
    const { status } = response;
    if (response.ok && read) return { status, body: await read(response, () => timer.refresh()) };
    const text = await response.text();
    // A server may repeat what it was sent, and its words end up in messages. An answer that is of use is left as it is.
    const safe = response.ok ? text : secrets.reduce((words, secret) => words.replaceAll(secret, '[hidden]'), text);
    return { status, body: parseOrNull(safe, parse) };
  } finally {
    clearTimeout(timer);
  }
}

function parseOrNull(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

/** The system's code for what went wrong: the rest may include addresses with secrets in them. */
function networkReason(error: unknown): string {
  const { name, cause } = (error ?? {}) as { name?: unknown; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'no answer in time';
  if (error instanceof AnswerBrokeOff) return error.message;
  return typeof cause?.code === 'string' ? cause.code : 'no connection';
}
