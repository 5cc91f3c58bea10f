import type pg from 'pg';
import type { UpdateOutcome } from '../core/update-outcome.js';
import { releaseLease, renewLease } from '../postgres/registry/lease.js';
import { type ClaimedUpdate, finishUpdate, requeueUpdate } from '../postgres/registry/update-queue.js';
import { cutSession } from '../postgres/session/session.js';
import { keepClaim } from './keep-claim.js';
import { unlessAbandoned } from './unless-abandoned.js';

export interface RunSignals {
  /** Aborts when the update must not go on. */
  readonly signal: AbortSignal;
  /** Aborts when an update that follows its sources should finish, because another one was requested. */
  readonly yieldSignal: AbortSignal;
}

export interface LeasedRunOptions {
  /** For renewing the lease and writing the outcome; used by nothing else. */
  readonly client: pg.Client;
  readonly claim: ClaimedUpdate;
  readonly leaseSeconds: number;
  /** Aborts when the sidecar stops: the update then goes back to the queue. */
  readonly stopSignal: AbortSignal;
  readonly yieldSignal: AbortSignal;
  /** Aborted, possibly from outside, when the lease is no longer ours. */
  readonly lost: AbortController;
  /** Throws only when aborted, or for a defect. */
  readonly run: (claim: ClaimedUpdate, signals: RunSignals) => Promise<UpdateOutcome>;
}

/** Runs a claimed update while a timer renews its lease; losing that aborts it. Gives the lease back in the end. */
export async function runLeased(options: LeasedRunOptions): Promise<void> {
  const { client, claim, leaseSeconds, stopSignal, yieldSignal, lost } = options;
  const signal = AbortSignal.any([stopSignal, lost.signal]);
  const expiry = setTimeout(() => {
    lost.abort(new Error('the lease could not be renewed in time'));
    cutSession(client); // an answer that has not come by now is not worth waiting for
  }, leaseSeconds * 1000);
  const renew = async () => {
    const isOurs = await renewLease(client, claim.lease, leaseSeconds);
    if (isOurs) expiry.refresh();
    else lost.abort(new Error('the lease was lost'));
  };
  const keeper = keepClaim({ seconds: leaseSeconds, renew, lost });
  // Should it take long to stop, another sidecar takes over.
  stopSignal.addEventListener('abort', keeper.stop, { once: true });
  try {
    const outcome = await unlessAbandoned(options.run(claim, { signal, yieldSignal }), signal);
    await keeper.stop();
    await writeOutcome(client, claim, outcome);
  } catch (error) {
    await keeper.stop();
    if (lost.signal.aborted) throw lost.signal.reason;
    // A defect is retried like any passing failure: after a delay, so that it cannot become a busy loop.
    const isStopping = stopSignal.aborted;
    await requeueUpdate(client, claim, isStopping ? 0 : leaseSeconds, !isStopping);
    if (!isStopping) throw error;
  } finally {
    stopSignal.removeEventListener('abort', keeper.stop);
    await keeper.stop();
    clearTimeout(expiry);
    await releaseLease(client, claim.lease).catch(() => {});
  }
}

async function writeOutcome(client: pg.Client, claim: ClaimedUpdate, outcome: UpdateOutcome): Promise<void> {
  switch (outcome.kind) {
    case 'completed':
      return finishUpdate(client, claim, null);
    case 'failed':
      return finishUpdate(client, claim, outcome.error);
    case 'retry':
      return requeueUpdate(client, claim, outcome.delaySeconds, true);
    case 'ended':
      return;
  }
}
