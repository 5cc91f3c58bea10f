import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError } from '../../core/errors.js';
import type { SourceRequest } from '../../sync/source/check-source.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { maySeeSources } from './source-rights.js';

/** A source that takes longer is left to the first update. */
const CHECK_MS_MAX = 10_000;

/**
 * Refuses a synced table that its first update would refuse and take back: over HTTP nobody waits for that update, and
 * whoever asks for the state of the table then finds none.
 * @throws what `checkSource` throws, but for what may pass
 */
export async function checkCreateSource(context: ApiContext, caller: Caller, request: SourceRequest): Promise<void> {
  if (request.source === '' || request.keyColumns.length === 0) return;
  // Others are refused by Postgres, and hear nothing of sources.
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
