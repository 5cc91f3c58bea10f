import type { Readable } from 'node:stream';
import { asSyncedTablesError } from '../../core/errors.js';
import type { FileStat } from './file-store.js';

/** A location in an object store: what precedes the path in its URL, and the path without its first slash. */
export interface ObjectLocation {
  readonly scheme: string;
  /** Bucket, or `container@account.host`. */
  readonly authority: string;
  readonly key: string;
}

export interface ObjectRange {
  readonly offset: number;
  /** Null: up to the end. */
  readonly length: number | null;
  /** Fail with `changed` unless the object still has this etag. */
  readonly etag: string | null;
}

export interface ObjectPage {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Pass it for the next page; null after the last. */
  readonly next: string | null;
}

/**
 * What differs between object stores: three requests. A client neither repeats them nor waits longer than `signal`
 * allows; its caller does both, in the same way for all stores. An object that does not exist is null; everything else
 * is an `ObjectRequestError`.
 */
export interface ObjectClient {
  stat(location: ObjectLocation, signal: AbortSignal): Promise<FileStat | null>;
  /** Bytes of an object, none if it ends before `offset`. The signal holds until the answer begins. */
  read(location: ObjectLocation, range: ObjectRange, signal: AbortSignal): Promise<Readable | null>;
  /** A page of keys that begin with that of `location`, cut after the next slash, in full length. */
  list(location: ObjectLocation, options: ListOptions, signal: AbortSignal): Promise<ObjectPage>;
}

export interface ListOptions {
  /** A hint: keys up to this one may be omitted. */
  readonly after: string | null;
  readonly next: string | null;
  readonly keysMax: number;
}

/**
 * `transient` may succeed when repeated, `denied` needs other credentials, `noBucket` another name, `changed` means
 * that the object was replaced while it was read.
 */
export type ObjectFailure = 'transient' | 'denied' | 'noBucket' | 'changed' | 'refused';

/** A request that failed. The message contains only status and error code of the store: its texts may hold secrets. */
export class ObjectRequestError extends Error {
  override readonly name = 'ObjectRequestError';
  readonly kind: ObjectFailure;

  constructor(kind: ObjectFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 509]);
/** Names that stores and clients give to requests that failed for lack of credentials, without a status. */
const DENIED_NAME = /Credential|AccessDenied|Forbidden|Unauthorized|InvalidToken|ExpiredToken|AuthenticationFailed/i;
const NO_BUCKET_NAME = /^(NoSuchBucket|ContainerNotFound|InvalidBucketName)$/;
/** Codes of Node's sockets and name resolution. */
const NETWORK_CODE = /^(E[A-Z]{3,}|UND_ERR_\w+|ERR_STREAM_PREMATURE_CLOSE|CERT_\w+)$/;

/** Classifies a client's error. Status and code are taken from wherever the three official clients put them. */
export function explainRequestError(error: unknown): ObjectRequestError {
  if (error instanceof ObjectRequestError) return error;
  // A client that is not installed is not a failure of the store.
  const known = asSyncedTablesError(error);
  if (known) throw known;
  const { status, name } = describe(error);
  const words = [status === null ? '' : `HTTP ${status}`, name].filter((word) => word !== '').join(' ');
  const kind = judge(status, name);
  return new ObjectRequestError(kind, words === '' ? 'no answer' : words, error);
}

function judge(status: number | null, name: string): ObjectFailure {
  if (NO_BUCKET_NAME.test(name)) return 'noBucket';
  if (status === 412) return 'changed';
  if (status !== null && TRANSIENT_STATUS.has(status)) return 'transient';
  if (status === 401 || status === 403 || DENIED_NAME.test(name)) return 'denied';
  return status === null || status < 300 ? 'transient' : 'refused';
}

/** Status of the answer, and the store's or system's error code if it is a single plain word. */
function describe(error: unknown): { status: number | null; name: string } {
  const fields = (error ?? {}) as {
    name?: unknown;
    code?: unknown;
    statusCode?: unknown;
    $metadata?: { httpStatusCode?: unknown };
    Code?: unknown;
    cause?: { code?: unknown };
  };
  const { $metadata, statusCode, code } = fields;
  const status = [$metadata?.httpStatusCode, statusCode, code].find((found) => typeof found === 'number');
  const words = [fields.Code, code, fields.cause?.code, fields.name].filter((word) => typeof word === 'string');
  const isPlain = (word: string) => /^\w{3,60}$/.test(word) && word !== 'Error';
  const name = words.find((word) => NETWORK_CODE.test(word)) ?? words.find(isPlain) ?? '';
  return { status: status ?? null, name };
}

/** The status of an answer that a client took for an error, null if there was none. */
export function statusOf(error: unknown): number | null {
  return describe(error).status;
}
