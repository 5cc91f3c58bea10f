import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { FailingRows } from '../../core/failing-rows.js';
import { isErrorCode } from '../../postgres/refusals/raised-error.js';
import type { Progress } from '../output/progress.js';

export interface WaitOptions {
  readonly client: pg.Client;
  readonly updateId: string;
  /** The synced table whose progress is shown. */
  readonly name: string;
  readonly progress: Progress;
  /** Null waits for ever. */
  readonly timeoutSeconds: number | null;
  /** Ends the waiting; the update goes on. */
  readonly signal?: AbortSignal;
  /** Called while the update is running. */
  readonly onPause?: () => Promise<void>;
}

interface Outcome {
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly rows_done: string | null;
  readonly rows_total: string | null;
  readonly table_message: string | null;
  readonly seconds_left: number | null;
}

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 100;

/**
 * Returns when the update is done. Unlike the procedure `wait_for_update`, it shows progress.
 * @throws the error of an update that failed or was canceled; UPDATE_NOT_FOUND, UPDATE_WAIT_TIMEOUT
 */
export async function waitForUpdate(options: WaitOptions): Promise<void> {
  const { updateId: update, progress, timeoutSeconds } = options;
  const startedAt = performance.now();
  try {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 1.5, PAUSE_MS_MAX)) {
      const outcome = await readOutcome(options);
      if (outcome.state === 'COMPLETED') return;
      if (outcome.state === 'FAILED' || outcome.state === 'CANCELED') throw await updateError(options, outcome);
      progress.report({
        message: outcome.table_message ?? `Update ${update} is ${outcome.state}.`,
        rowsDone: toBigInt(outcome.rows_done),
        rowsTotal: toBigInt(outcome.rows_total),
        secondsLeft: outcome.seconds_left,
      });
      if (timeoutSeconds !== null && performance.now() - startedAt > timeoutSeconds * 1000) {
        const { state } = outcome;
        throw syncedTablesError('UPDATE_WAIT_TIMEOUT', { update, state, timeout: `${timeoutSeconds} s` });
      }
      await options.onPause?.();
      await sleep(pauseMs, undefined, options.signal ? { signal: options.signal } : {});
    }
  } finally {
    progress.end();
  }
}

async function readOutcome({ client, updateId, name }: WaitOptions): Promise<Outcome> {
  const { rows } = await client.query<Outcome>(
    `select o.state, o.error_code, o.message, o.remedy, s.rows_done::text, s.rows_total::text, s.message as table_message,
            s.estimated_completion_seconds as seconds_left
       from synced_tables_internal._update_outcome($1) o left join synced_tables.status s on s.synced_table = $2`,
    [updateId, name],
  );
  const [outcome] = rows;
  if (!outcome) throw syncedTablesError('UPDATE_NOT_FOUND', { update: updateId });
  return outcome;
}

async function updateError({ client, updateId: update }: WaitOptions, outcome: Outcome): Promise<SyncedTablesError> {
  const { state, error_code: code, message, remedy } = outcome;
  if (code !== null && message !== null && isErrorCode(code)) {
    return new SyncedTablesError(code, message, remedy ?? '', undefined, await readFailing(client, update, code));
  }
  return syncedTablesError(state === 'FAILED' ? 'UPDATE_FAILED' : 'UPDATE_CANCELED', { update });
}

/** The rows that an update failed on, if this role may read them. */
async function readFailing(client: pg.Client, update: string, code: string): Promise<FailingRows | null> {
  const { rows } = await client.query<FailingRows>(
    `select failing_column as column, failing_keys as keys from synced_tables.updates
      where update_id = $1 and error_code = $2 and failing_keys is not null order by synced_table limit 1`,
    [update, code],
  );
  return rows[0] ?? null;
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
