import type pg from 'pg';
import { retryDelaySeconds } from '../core/backoff.js';
import { syncedTablesError } from '../core/errors.js';
import { WakeUp } from '../core/wake-up.js';
import type { VerificationOutcome } from '../postgres/compare-copies.js';
import {
  type ClaimedVerification,
  claimVerification,
  renewVerification,
  requeueVerification,
} from '../postgres/registry/verifications.js';
import { finishVerification } from './finish-verification.js';
import { keepClaim } from './keep-claim.js';
import { onSession } from './on-session.js';
import { unlessAbandoned } from './unless-abandoned.js';

export interface VerificationWorkerOptions {
  /** Id of this sidecar. */
  readonly holder: string;
  /** Opens a session for short queries in the database whose tables are compared. */
  readonly openSession: () => Promise<pg.Client>;
  /** Compares. Throws only when aborted, or for a defect. */
  readonly verify: (claim: ClaimedVerification, signal: AbortSignal) => Promise<VerificationOutcome>;
  readonly claimSeconds: number;
  readonly onError: (error: unknown, doing: string) => void;
}

export interface VerificationWorker {
  /** A comparison waits to be claimed. */
  wake(): void;
  /** Returns the current comparison to the queue. */
  stop(): Promise<void>;
}

/** Attempts at a comparison that fails in a way that may pass, or that crashed its sidecar. */
const VERIFICATION_ATTEMPTS_MAX = 4;
/** Nothing happens then: a timer cannot wait for ever. */
const IDLE_MS = 3_600_000;
/** How long a comparison goes on after it was canceled. */
const NOTICE_SECONDS_MAX = 2;

/** Runs requested comparisons, one at a time, since each reads two whole tables. */
export function startVerificationWorker(options: VerificationWorkerOptions): VerificationWorker {
  const worker = new Verifier(options);
  const finished = worker.run();
  return {
    wake: () => worker.wake(),
    async stop() {
      worker.stop();
      await finished;
    },
  };
}

class Verifier {
  readonly #options: VerificationWorkerOptions;
  readonly #stopping = new AbortController();
  readonly #wakeUp = new WakeUp();

  constructor(options: VerificationWorkerOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#wakeUp.wake();
  }

  stop(): void {
    this.#stopping.abort(new Error('the sidecar is stopping'));
    this.wake();
  }

  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#wakeUp.sleep(IDLE_MS);
      if (this.#wakeUp.isWoken && !this.#stopping.signal.aborted) await this.#workOff();
    }
  }

  /** Does what is due. A session is held for as long as that takes. */
  async #workOff(): Promise<void> {
    const { openSession, onError } = this.#options;
    const done = new AbortController();
    await onSession({
      openSession,
      signal: AbortSignal.any([this.#stopping.signal, done.signal]),
      work: async (client, recovered) => {
        await this.#work(client, recovered);
        done.abort();
      },
      onError: (error) => onError(error, 'comparing tables with their sources'),
    });
  }

  async #work(client: pg.Client, recovered: () => void): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wakeUp.rearm();
      const claim = await claimVerification(client, this.#options);
      recovered();
      if (claim === null) return;
      await this.#runClaim(client, claim);
    }
  }

  async #runClaim(client: pg.Client, claim: ClaimedVerification): Promise<void> {
    if (claim.attempt > VERIFICATION_ATTEMPTS_MAX) {
      const error = syncedTablesError('VERIFICATION_FAILED', { verification: claim.verificationId });
      return finishVerification(client, claim, { kind: 'failed', error });
    }
    const { claimSeconds, verify } = this.#options;
    const lost = new AbortController();
    const renew = async () => {
      const isOurs = await renewVerification(client, claim, claimSeconds);
      if (!isOurs) lost.abort(new Error('the comparison was canceled or taken over'));
    };
    const keeper = keepClaim({ seconds: Math.min(claimSeconds, 3 * NOTICE_SECONDS_MAX), renew, lost });
    try {
      const signal = AbortSignal.any([this.#stopping.signal, lost.signal]);
      const outcome = await unlessAbandoned(verify(claim, signal), signal);
      await keeper.stop();
      await writeOutcome(client, claim, outcome);
    } catch (error) {
      await keeper.stop();
      if (lost.signal.aborted) return;
      const isStopping = this.#stopping.signal.aborted;
      await requeueVerification(client, claim, isStopping ? 0 : claimSeconds, !isStopping);
      if (!isStopping) throw error;
    }
  }
}

async function writeOutcome(
  client: pg.Client,
  claim: ClaimedVerification,
  outcome: VerificationOutcome,
): Promise<void> {
  const { attempt } = claim;
  const mayPass = outcome.kind === 'failed' && outcome.error.retry === 'timed' && attempt < VERIFICATION_ATTEMPTS_MAX;
  if (mayPass) await requeueVerification(client, claim, retryDelaySeconds(attempt), true);
  else await finishVerification(client, claim, outcome);
}
