import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs } from '../core/backoff.js';
import { type ClaimedNotice, claimNotice, settleNotice } from '../postgres/registry/notices.js';
import type { SharedSession } from '../postgres/session/shared-session.js';
import type { ManagedDatabase } from './managed-databases.js';
import { postNotice, type WebhookSettings } from './webhook.js';

/** How often notices are looked for. */
const LOOK_MS = 2_000;
/** Between attempts at one notice; those after it wait. */
const BACKOFF: Backoff = { firstMs: 2_000, longestMs: 300_000 };
/** More than the time limit of an attempt: then another sidecar may try. */
const CLAIM_SECONDS_MORE = 30;

export interface NoticeDeliveryOptions {
  readonly webhook: WebhookSettings;
  readonly database: ManagedDatabase;
  readonly session: SharedSession;
  readonly onError: (error: unknown, doing: string) => void;
}

/**
 * Delivers the notices of one database to the webhook, in their order, one at a time, beside all other work and holding
 * nothing meanwhile. A notice is delivered at least once: its number tells those that come again.
 */
export class NoticeDelivery {
  readonly #options: NoticeDeliveryOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  constructor(options: NoticeDeliveryOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** What was not delivered waits for the next sidecar. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the sidecar is stopping'));
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        while (await this.#deliverNext()) signal.throwIfAborted();
      } catch (error) {
        if (!signal.aborted) this.#options.onError(error, 'telling the webhook');
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** False if none is due. */
  async #deliverNext(): Promise<boolean> {
    const { session, webhook, database } = this.#options;
    const claimSeconds = webhook.timeout_seconds + CLAIM_SECONDS_MORE;
    const notice = await session.use((client) => claimNotice(client, webhook.events, claimSeconds));
    if (notice === null) return false;
    try {
      await postNotice(webhook, database, notice, this.#stopping.signal);
    } catch (error) {
      const isStopping = this.#stopping.signal.aborted;
      await this.#settle(notice, isStopping ? 0 : backoffMs(BACKOFF, notice.attempts) / 1000);
      throw error;
    }
    await this.#settle(notice, null);
    return true;
  }

  #settle({ id }: ClaimedNotice, retrySeconds: number | null): Promise<void> {
    return this.#options.session.use((client) => settleNotice(client, id, retrySeconds));
  }
}
