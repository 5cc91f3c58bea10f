import { type ErrorCode, errorCatalogue, type RetryClass } from './error-catalogue.js';

/** The `{name}` placeholders of a message template. */
type Placeholder<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

/** What must be given to tell the error `Code`: one value for each placeholder of its message and remedy. */
export type ErrorDetails<Code extends ErrorCode> = {
  readonly [Name in
    | Placeholder<(typeof errorCatalogue)[Code]['message']>
    | Placeholder<(typeof errorCatalogue)[Code]['remedy']>]: string | number | bigint;
};

/**
 * An error that a user can meet. `code` is stable and documented in docs/reference/errors.md; `message` says what
 * happened to which table, column and key; `remedy` says what to do.
 */
export class SyncedTablesError extends Error {
  override readonly name = 'SyncedTablesError';
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
  }

  get retry(): RetryClass {
    return errorCatalogue[this.code].retry;
  }
}

function fill(template: string, details: Readonly<Record<string, string | number | bigint>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => shortened(String(details[name])));
}

/** Of each value, messages repeat no more: what users send may be of any length, and keys of rows are to be whole. */
const VALUE_LENGTH_MAX = 10_000;

/** Beginning and end of a text that is too long to be repeated. */
function shortened(text: string): string {
  if (text.length <= VALUE_LENGTH_MAX) return text;
  const tail = VALUE_LENGTH_MAX / 4;
  return `${text.slice(0, VALUE_LENGTH_MAX - tail)} … ${text.slice(-tail)}`;
}

/**
 * Makes the catalogued error `code`.
 * @param details one value for each placeholder of the message and the remedy
 * @param cause the error below, kept for logs
 */
export function syncedTablesError<Code extends ErrorCode>(
  code: Code,
  details: ErrorDetails<Code>,
  cause?: unknown,
): SyncedTablesError {
  const { message, remedy } = errorCatalogue[code];
  return new SyncedTablesError(code, fill(message, details), fill(remedy, details), cause);
}

/** `error` itself when it is ours, else null. */
export function asSyncedTablesError(error: unknown): SyncedTablesError | null {
  return error instanceof SyncedTablesError ? error : null;
}
