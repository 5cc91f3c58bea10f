import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { closeSession } from '../postgres/session/session.js';
import {
  type ClaimedVerification,
  claimVerification,
  finishVerification,
  renewVerification,
  requeueVerification,
  type VerificationOutcome,
} from './verification-queue.js';

export interface VerificationWorkerOptions {
  /** Id of this sidecar. */
  readonly holder: string;
  /** Opens a session for short queries in the database whose tables are compared. */
  readonly openSession: () => Promise<pg.Client>;
  /** Compares. Throws only when aborted, or for a defect. */
  readonly verify: (claim: ClaimedVerification, signal: AbortSignal) => Promise<VerificationOutcome>;
  readonly claimSeconds: number;
  /** Notifications are hints and may get lost: the queue is looked at this often anyway. */
  readonly pollSeconds: number;
  readonly onError: (error: unknown, doing: string) => void;
}

export interface VerificationWorker {
  /** Looks at the queue now. */
  wake(): void;
  /** Gives the comparison at hand back to the queue. */
  stop(): Promise<void>;
}

/** Tries of a comparison whose failure may pass by itself, or that took its sidecar down. */
const ATTEMPTS_MAX = 4;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 10_000;

/** Compares tables that somebody asked for, one at a time: a comparison reads two tables whole. */
export function startVerificationWorker(options: VerificationWorkerOptions): VerificationWorker {
  const stopping = new AbortController();
  let isWoken = false;
  let endPause = () => {};
  const wake = () => {
    isWoken = true;
    endPause();
  };

  const run = async (): Promise<void> => {
    for (let pauseMs = RECONNECT_MS_MIN; !stopping.signal.aborted; ) {
      try {
        const client = await options.openSession();
        try {
          pauseMs = RECONNECT_MS_MIN;
          client.once('end', wake);
          await work(client);
        } finally {
          await closeSession(client);
        }
      } catch (error) {
        if (stopping.signal.aborted) break;
        options.onError(error, 'comparing tables with their sources');
        await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, RECONNECT_MS_MAX);
      }
    }
  };

  const work = async (client: pg.Client): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false;
      const claim = await claimVerification(client, options);
      if (claim) await runClaim(client, claim);
      else await pause();
    }
  };

  const pause = (): Promise<void> => {
    if (isWoken || stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => endPause(), options.pollSeconds * 1000);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const runClaim = async (client: pg.Client, claim: ClaimedVerification): Promise<void> => {
    if (claim.attempt > ATTEMPTS_MAX) {
      const error = syncedTablesError('VERIFICATION_FAILED', { verification: claim.verificationId });
      return finishVerification(client, claim, { kind: 'failed', error });
    }
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping.signal, lost.signal]);
    let renewal = Promise.resolve();
    const renew = async () => {
      const isOurs = await renewVerification(client, claim, options.claimSeconds);
      if (!isOurs) lost.abort(new Error('the comparison was canceled or taken over'));
    };
    const timer = setInterval(
      () => {
        renewal = renewal.then(renew).catch((error: unknown) => lost.abort(error));
      },
      (options.claimSeconds * 1000) / 3,
    );
    try {
      const outcome = await options.verify(claim, signal);
      clearInterval(timer);
      await renewal;
      await writeOutcome(client, claim, outcome);
    } catch (error) {
      clearInterval(timer);
      await renewal;
      if (lost.signal.aborted) return;
      await requeueVerification(
        client,
        claim,
        stopping.signal.aborted ? 0 : options.claimSeconds,
        !stopping.signal.aborted,
      );
      if (!stopping.signal.aborted) throw error;
    }
  };

  const finished = run();
  return {
    wake,
    async stop() {
      stopping.abort(new Error('the sidecar is stopping'));
      wake();
      await finished;
    },
  };
}

async function writeOutcome(
  client: pg.Client,
  claim: ClaimedVerification,
  outcome: VerificationOutcome,
): Promise<void> {
  const mayPass = outcome.kind === 'failed' && outcome.error.retry === 'timed' && claim.attempt < ATTEMPTS_MAX;
  if (mayPass) await requeueVerification(client, claim, 2 ** (claim.attempt - 1), true);
  else await finishVerification(client, claim, outcome);
}
