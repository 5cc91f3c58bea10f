import { serverUrl } from '../app/places.js';
import { goToSignIn } from '../app/router.js';
import { inPageWords } from '../words/refusals.js';

/** A call that failed, in the words of the server (docs/reference/errors.md). */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** 0 if no answer came. */
  readonly status: number;
  /** Code of the error catalogue; null for what is none of ours, such as a proxy's page. */
  readonly code: string | null;
  /** `error_code` of the reply. */
  readonly apiCode: string | null;
  readonly requestId: string | null;
  /** The field of the request that was refused; null if it was not one alone. */
  readonly field: string | null;

  constructor(status: number, body: Partial<FailureBody>, cause?: unknown) {
    const { reason: code = null, metadata } = body.details?.[0] ?? {};
    const message = body.message ?? `The server answered ${status} without saying why.`;
    super(inPageWords({ code, message, reason: metadata?.message ?? null }), cause === undefined ? {} : { cause });
    this.status = status;
    this.apiCode = body.error_code ?? null;
    this.code = code;
    this.requestId = body.details?.[1]?.request_id ?? null;
    this.field = body.details?.find((detail) => detail.field_violations)?.field_violations?.[0]?.field ?? null;
  }
}

interface FailureBody {
  readonly error_code: string;
  readonly message: string;
  readonly details: readonly {
    readonly reason?: string;
    /** What happened alone, and what to do about it alone. */
    readonly metadata?: { readonly message?: string; readonly remedy?: string };
    readonly request_id?: string;
    readonly field_violations?: readonly { readonly field: string }[];
  }[];
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Of the answer that is known; then the reply may be `notModified`. */
  readonly etag?: string | null;
  /** Otherwise a caller who is not known, or no longer, gets to the sign-in. */
  readonly staysOn401?: boolean;
}

export interface Reply<Body> {
  readonly body: Body;
  readonly etag: string | null;
  readonly notModified: boolean;
}

const NO_ANSWER = 'The sidecar does not answer. It may be stopped, or the way to it is cut.';

/**
 * Sends one request.
 * @param path from the root of the server, such as `/api/2.0/synced-tables/me`
 * @throws RequestError; what `signal` gives when it is aborted
 */
export async function send<Body>(path: string, options: RequestOptions = {}): Promise<Reply<Body>> {
  const { method = 'GET', body, signal, etag = null } = options;
  const response = await fetchFrom(`${serverUrl}${path}`, {
    method,
    // Other sites cannot send this header with a session that is not theirs.
    headers: { 'x-synced-tables': 'console', ...(etag === null ? {} : { 'if-none-match': etag }) },
    credentials: 'same-origin',
    cache: 'no-store',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status === 304) return { body: undefined as Body, etag, notModified: true };
  const parsed = await parse(response);
  if (response.ok) return { body: parsed as Body, etag: response.headers.get('etag'), notModified: false };
  if (response.status === 401 && options.staysOn401 !== true) goToSignIn();
  throw new RequestError(response.status, (parsed ?? {}) as Partial<FailureBody>);
}

/** `send` for what has no conditions: the body of the reply. */
export async function call<Body>(path: string, options: RequestOptions = {}): Promise<Body> {
  return (await send<Body>(path, options)).body;
}

async function fetchFrom(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestError(0, { message: NO_ANSWER }, error);
  }
}

async function parse(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return text === '' ? null : JSON.parse(text);
  } catch (error) {
    if (response.ok) throw new RequestError(response.status, { message: 'The answer is not from a sidecar.' }, error);
    return null;
  }
}
