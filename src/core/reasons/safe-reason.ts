import { asSyncedTablesError } from '../errors.js';
import { engineReason } from './engine-reason.js';
import { isPostgresFailure, postgresReason } from './postgres-reason.js';

/** An error of the operating system: its message consists of a code, a system call, and a path or an address. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof (error as { code?: unknown }).code === 'string';
}

/**
 * The text of an error as messages, statuses, events and logs may have it: nothing of it comes from a row. Texts of
 * libraries are not among that: of their errors, class and code are told.
 */
export function safeReason(error: unknown): string {
  if (!(error instanceof Error)) return 'something that is not an error was thrown';
  const known = asSyncedTablesError(error);
  if (known) return known.message;
  const engine = engineReason(error);
  if (engine !== null) return engine;
  if (isPostgresFailure(error)) return postgresReason(error);
  // Errors of our own are plain, those of libraries and of the language itself are not, or have a code.
  const isPlain = error.constructor === Error && !('code' in error);
  if (isPlain || isSystemError(error)) return withoutCredentials(error.message);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${error.name} (${code})` : error.name;
}

/** Removes `user:password@` from URLs inside a text. */
export function withoutCredentials(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]*:[^\s@]*@/g, '$1[hidden]@');
}
