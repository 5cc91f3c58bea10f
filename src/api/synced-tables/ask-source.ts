import { setTimeout as sleep } from 'node:timers/promises';
import { syncedTablesError } from '../../core/errors.js';

/** Clients give up after a minute, but stores and servers are retried for longer. */
const ASK_MS_MAX = 30_000;

/**
 * What a source catalog answers.
 * @throws SOURCE_CATALOG_SLOW, and anything that `ask` throws
 */
export async function askSource<Answer>(
  catalog: string,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const answered = new AbortController();
  const tooLate = new AbortController();
  const late = sleep(ASK_MS_MAX, undefined, { signal: answered.signal }).then(() => {
    const error = syncedTablesError('SOURCE_CATALOG_SLOW', { catalog, seconds: ASK_MS_MAX / 1_000 });
    tooLate.abort(error);
    throw error;
  });
  try {
    return await Promise.race([ask(tooLate.signal), late]);
  } finally {
    late.catch(() => {});
    answered.abort();
  }
}
