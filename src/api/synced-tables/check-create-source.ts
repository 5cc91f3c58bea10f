import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError } from '../../core/errors.js';
import type { SourceRequest } from '../../sync/source/check-source.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { maySeeSources } from './source-rights.js';

/** A check that takes longer is left to the first update. */
const CHECK_MS_MAX = 10_000;

/**
 * Refuses a synced table that its first update would reject and remove: over HTTP nobody waits for that update, and a
 * client that asks for the table's state would then find none.
 * @throws what `checkSource` throws, except errors that may pass
 */
export async function checkCreateSource(context: ApiContext, caller: Caller, request: SourceRequest): Promise<void> {
  if (request.source === '' || request.keyColumns.length === 0) return;
  // Other callers are refused by Postgres, and learn nothing about sources.
  if (!(await maySeeSources(context, caller))) return;
  const answered = new AbortController();
  const late = sleep(CHECK_MS_MAX, undefined, { signal: answered.signal }).catch(() => {});
  try {
    await Promise.race([context.sources.check(request), late]);
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known && known.retry !== 'timed') throw known;
    context.logger.info({ error, source: request.source }, 'a source could not be looked at; its first update will');
  } finally {
    answered.abort();
  }
}
