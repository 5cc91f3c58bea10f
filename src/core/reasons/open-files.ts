import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../errors.js';
import { safeReason } from './safe-reason.js';

/** Of this process, and of the whole machine. */
const CODES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);
/** How the engine words it, after a path; nothing of a row comes before that. */
const ENGINE = /^IO Error: .*: Too many open files/;

/** OPEN_FILES_LIMIT if an error, or one below it, comes from the limit of open files, which sockets count for; else null. */
export function explainOpenFiles(error: unknown): SyncedTablesError | null {
  let each = error;
  while (each instanceof Error) {
    const known = asSyncedTablesError(each);
    if (known?.code === 'OPEN_FILES_LIMIT') return known;
    if (CODES.has((each as { code?: unknown }).code) || ENGINE.test(each.message)) {
      return syncedTablesError('OPEN_FILES_LIMIT', { reason: safeReason(each) }, error);
    }
    each = each instanceof AggregateError ? each.errors[0] : each.cause;
  }
  return null;
}
