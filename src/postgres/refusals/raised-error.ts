import { type ErrorCode, errorCatalogue } from '../../core/error-catalogue.js';
import { SyncedTablesError } from '../../core/errors.js';
import { isPostgresError } from '../session/session.js';

/**
 * The catalogued error raised by our SQL functions (`DETAIL: error code: X`, what to do in HINT); null for any other
 * error.
 */
export function asRaisedError(error: unknown): SyncedTablesError | null {
  if (!isPostgresError(error)) return null;
  const code = /^error code: ([\w.]+)$/.exec(error.detail ?? '')?.[1];
  if (code === undefined || !isErrorCode(code)) return null;
  return new SyncedTablesError(code, error.message, error.hint ?? '', error);
}

/** True for codes of the catalogue. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}
