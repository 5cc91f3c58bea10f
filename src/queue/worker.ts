import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SyncedTablesError } from '../core/errors.js';
import { releaseLease, renewLease } from '../postgres/lease.js';
import { closeSession, cutSession } from '../postgres/session.js';
import { type ClaimedUpdate, claimUpdate, finishUpdate, msUntilNextDue, requeueUpdate } from './update-queue.js';

/**
 * How an update ended. `retry`: it failed in a way that may pass by itself. `ended`: whoever ran it has written its
 * end already.
 */
export type UpdateOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'retry'; readonly delaySeconds: number }
  | { readonly kind: 'ended' };

export interface WorkerOptions {
  /** Id of this sidecar. */
  readonly holder: string;
  /** Opens a session for short queries in the database whose queue is worked on. */
  readonly openSession: () => Promise<pg.Client>;
  /** Does the work of one update. Throws only when aborted, or for a defect. */
  readonly runUpdate: (claim: ClaimedUpdate, signal: AbortSignal) => Promise<UpdateOutcome>;
  /** Called before the first claim, and about every `maintenanceSeconds`: sweeps what was left behind. */
  readonly maintain: (client: pg.Client) => Promise<void>;
  readonly concurrentUpdates: number;
  /** The only pipeline to work on. */
  readonly pipelineId?: string;
  readonly leaseSeconds: number;
  /** Notifications are hints and may get lost: the queue is looked at this often anyway. */
  readonly pollSeconds: number;
  readonly maintenanceSeconds: number;
  readonly onError: (error: unknown, doing: string) => void;
}

export interface Worker {
  /** Looks at the queue now. */
  wake(): void;
  /** True while the database answers. */
  isHealthy(): boolean;
  /** Takes no more updates; gives those at hand back to the queue. */
  stop(): Promise<void>;
}

const PAUSE_MS_MIN = 50;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 10_000;

/** Works on the update queue of one database until it is stopped, through the loss of the connection too. */
export function startWorker(options: WorkerOptions): Worker {
  const stopping = new AbortController();
  /** The updates at hand, by pipeline. */
  const running = new Map<string, Promise<void>>();
  let isWoken = false;
  let endPause = () => {};
  let isHealthy = false;

  const wake = () => {
    isWoken = true;
    endPause();
  };

  const run = async (): Promise<void> => {
    for (let pauseMs = RECONNECT_MS_MIN; !stopping.signal.aborted; ) {
      try {
        const client = await options.openSession();
        try {
          isHealthy = true;
          pauseMs = RECONNECT_MS_MIN;
          client.once('end', wake);
          await work(client);
        } finally {
          isHealthy = false;
          await closeSession(client);
        }
      } catch (error) {
        if (stopping.signal.aborted) break;
        options.onError(error, 'working on the queue');
        await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, RECONNECT_MS_MAX);
      }
    }
  };

  const work = async (client: pg.Client): Promise<void> => {
    let maintainedAt = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      isWoken = false;
      if (performance.now() - maintainedAt > options.maintenanceSeconds * 1000) {
        // What cannot be cleaned up must not keep updates from being run.
        await options.maintain(client).catch((error: unknown) => options.onError(error, 'cleaning up'));
        maintainedAt = performance.now();
      }
      while (running.size < options.concurrentUpdates && !stopping.signal.aborted) {
        const claim = await claimUpdate(client, { ...options, running: [...running.keys()] });
        if (!claim) break;
        const { pipelineId } = claim.lease;
        const task = runClaim(claim).finally(() => {
          running.delete(pipelineId);
          wake();
        });
        running.set(pipelineId, task);
        // An earlier attempt may have been cut short: soon look for what it left behind.
        if (claim.attempt > 1) maintainedAt = Number.NEGATIVE_INFINITY;
      }
      const hasRoom = running.size < options.concurrentUpdates;
      await pause(hasRoom ? await msUntilNextDue(client, options.holder) : null);
    }
  };

  /** Until somebody wakes us, an update is due, or it is time to poll. */
  const pause = (dueMs: number | null): Promise<void> => {
    const pollMs = options.pollSeconds * 1000;
    const pauseMs = Math.max(PAUSE_MS_MIN, Math.min(pollMs, dueMs ?? pollMs));
    if (isWoken || stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => endPause(), pauseMs);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const runClaim = async (claim: ClaimedUpdate): Promise<void> => {
    try {
      const client = await options.openSession();
      try {
        await runLeased(claim, client);
      } finally {
        await closeSession(client);
      }
    } catch (error) {
      // The update is taken up again: by us when we reach the database, or by whoever does when the lease has run out.
      options.onError(error, `running update ${claim.updateId}`);
    }
  };

  /** Runs an update while a timer keeps its lease; a lease that was lost aborts it. */
  const runLeased = async (claim: ClaimedUpdate, client: pg.Client): Promise<void> => {
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping.signal, lost.signal]);
    let renewal = Promise.resolve();
    const expiry = setTimeout(() => {
      lost.abort(new Error('the lease could not be renewed in time'));
      cutSession(client); // an answer that has not come by now need not be waited for
    }, options.leaseSeconds * 1000);
    const renew = async () => {
      const isOurs = await renewLease(client, claim.lease, options.leaseSeconds);
      if (isOurs) expiry.refresh();
      else lost.abort(new Error('the lease was lost'));
    };
    const timer = setInterval(
      () => {
        renewal = renewal.then(renew).catch((error: unknown) => lost.abort(error));
      },
      (options.leaseSeconds * 1000) / 3,
    );
    try {
      const outcome = await options.runUpdate(claim, signal);
      clearInterval(timer);
      await renewal;
      await writeOutcome(client, claim, outcome);
    } catch (error) {
      clearInterval(timer);
      await renewal;
      if (lost.signal.aborted) throw lost.signal.reason;
      // A defect is tried again like anything that may pass: after a while, so that it cannot become a busy loop.
      const isStopping = stopping.signal.aborted;
      await requeueUpdate(client, claim, isStopping ? 0 : options.leaseSeconds, !isStopping);
      if (!isStopping) throw error;
    } finally {
      clearInterval(timer);
      clearTimeout(expiry);
      await releaseLease(client, claim.lease).catch(() => {});
    }
  };

  const finished = run();
  return {
    wake,
    isHealthy: () => isHealthy,
    async stop() {
      stopping.abort(new Error('the sidecar is stopping'));
      wake();
      await finished;
      await Promise.all(running.values());
    },
  };
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
