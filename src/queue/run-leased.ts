import { setMaxListeners } from 'node:events';
import { asSyncedTablesError } from '../core/errors.js';
import type { News } from '../core/news.js';
import type { UpdateOutcome } from '../core/update-outcome.js';
import { releaseLease } from '../postgres/registry/lease.js';
import { type ClaimedUpdate, finishUpdate, requeueUpdate } from '../postgres/registry/update-queue.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { unlessAbandoned } from './unless-abandoned.js';

export interface RunSignals {
  /** Aborts when the update must not go on. */
  readonly signal: AbortSignal;
  /** Aborts when an update that follows its sources should finish, because another one was requested. */
  readonly yieldSignal: AbortSignal;
  /** What the registry says of the pipeline and its tables may have changed. */
  readonly registryNews: News;
}

export interface LeasedRunOptions {
  /** Keeps the lease, and has a session for writing the outcome. */
  readonly keeper: Pick<LeaseKeeper, 'use'>;
  readonly claim: ClaimedUpdate;
  /** How long a defect has to wait for its next attempt. */
  readonly defectSeconds: number;
  /** The same for an update for which the server has no connection, counted as such. */
  readonly starve: () => number;
  /** Aborts when the sidecar stops: the update then goes back to the queue. */
  readonly stopSignal: AbortSignal;
  readonly yieldSignal: AbortSignal;
  readonly registryNews: News;
  /** Aborts when the lease is no longer ours. */
  readonly lost: AbortSignal;
  /** Puts the update back when the sidecar stops. */
  readonly giveUp: (claim: ClaimedUpdate) => Promise<void>;
  /** Throws only when aborted, or for a defect. */
  readonly run: (claim: ClaimedUpdate, signals: RunSignals) => Promise<UpdateOutcome>;
}

/** Each connection of a load listens in two places, so many are no leak. */
const LISTENERS_MAX = 64;

/** Runs a claimed update until it ends or its lease is lost. Gives the lease back in the end. */
export async function runLeased(options: LeasedRunOptions): Promise<void> {
  const { keeper, claim, defectSeconds, stopSignal, yieldSignal, registryNews, lost } = options;
  const signal = AbortSignal.any([stopSignal, lost]);
  setMaxListeners(LISTENERS_MAX, signal);
  const write = (outcome: UpdateOutcome) => writeOutcome(keeper, lost, claim, outcome);
  try {
    await write(await unlessAbandoned(options.run(claim, { signal, yieldSignal, registryNews }), signal));
  } catch (error) {
    lost.throwIfAborted();
    // A defect is retried like any passing failure: after a delay, so that it cannot become a busy loop.
    if (stopSignal.aborted) return options.giveUp(claim);
    const known = asSyncedTablesError(error);
    const isStarving = known?.code === 'POSTGRES_CONNECTIONS_TAKEN';
    const delaySeconds = isStarving ? options.starve() : defectSeconds;
    const reason = isStarving ? known.message : null;
    await keeper.use((client) => requeueUpdate(client, claim, delaySeconds, !isStarving, reason), lost);
    throw error;
  }
}

async function writeOutcome(
  keeper: Pick<LeaseKeeper, 'use'>,
  lost: AbortSignal,
  claim: ClaimedUpdate,
  outcome: UpdateOutcome,
): Promise<void> {
  switch (outcome.kind) {
    case 'completed':
      return keeper.use((client) => finishUpdate(client, claim, null), lost);
    case 'failed':
      return keeper.use((client) => finishUpdate(client, claim, outcome.error), lost);
    case 'retry':
      return keeper.use((client) => requeueUpdate(client, claim, outcome.delaySeconds, true), lost);
    case 'ended':
      return keeper.use((client) => releaseLease(client, claim.lease), lost);
  }
}
