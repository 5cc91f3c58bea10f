import { type ErrorCode, errorCatalogue, type RetryClass } from './error-catalogue.js';
import { describeKeys, type FailingRows } from './failing-rows.js';

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
 * happened to which table and column; `remedy` says what to do. Keys of rows are in `failing` alone.
 */
export class SyncedTablesError extends Error {
  override readonly name = 'SyncedTablesError';
  readonly code: ErrorCode;
  readonly remedy: string;
  // Private, so that nothing that prints or serializes errors tells keys.
  readonly #failing: FailingRows | null;

  constructor(code: ErrorCode, message: string, remedy: string, cause?: unknown, failing: FailingRows | null = null) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
    this.#failing = failing;
  }

  /** The rows that it is about, for those who may read them; null if it is not about rows, or they are not known. */
  get failing(): FailingRows | null {
    return this.#failing;
  }

  get retry(): RetryClass {
    return errorCatalogue[this.code].retry;
  }
}

function fill(template: string, details: Readonly<Record<string, string | number | bigint>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => shortened(String(details[name])));
}

/** Of each value, messages repeat no more: what users send may be of any length. */
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

/**
 * Makes the catalogued error `code`, which is about some rows.
 * @param details one value for each placeholder but `{rows}`, which says how many keys of such rows are known
 */
export function failingRowsError<Code extends ErrorCode>(
  code: Code,
  details: Omit<ErrorDetails<Code>, 'rows'>,
  failing: FailingRows,
  cause?: unknown,
): SyncedTablesError {
  const { message, remedy } = errorCatalogue[code];
  const all = { ...details, rows: describeKeys(failing) };
  return new SyncedTablesError(code, fill(message, all), fill(remedy, all), cause, failing);
}

/** `error` itself when it is ours, else null. */
export function asSyncedTablesError(error: unknown): SyncedTablesError | null {
  return error instanceof SyncedTablesError ? error : null;
}
