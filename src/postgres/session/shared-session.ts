import type pg from 'pg';
import { Turns } from '../../core/turns.js';
import { closeSession } from './session.js';

/** How long it is kept when nobody uses it, in milliseconds. */
const IDLE_MS_MAX = 10_000;

/**
 * One session for what is done beside the work and does not take long, for all that need one now and then: they take turns.
 * Opened when it is needed, closed when it has not been for a while, and after a failure.
 */
export class SharedSession implements AsyncDisposable {
  readonly #open: () => Promise<pg.Client>;
  readonly #turns = new Turns();
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(open: () => Promise<pg.Client>) {
    this.#open = open;
  }

  /**
   * Works on it, outside of transactions.
   * @throws POSTGRES_UNREACHABLE, POSTGRES_CONNECTIONS_TAKEN, and what `work` throws
   */
  use<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return this.#turns.during(async () => {
      clearTimeout(this.#timer);
      try {
        const result = await work(await this.#session());
        this.#timer = setTimeout(() => void this.drop(), IDLE_MS_MAX).unref();
        return result;
      } catch (error) {
        await this.drop();
        throw error;
      }
    });
  }

  async #session(): Promise<pg.Client> {
    if (this.#isDisposed) throw new Error('the session is no longer shared');
    if (this.#client !== null) return this.#client;
    const client = await this.#open();
    client.once('end', () => {
      if (this.#client === client) this.#client = null;
    });
    this.#client = client;
    return client;
  }

  /** Closes it: work in progress fails, and whoever is next opens another. */
  async drop(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    if (client !== null) await closeSession(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.drop();
  }
}
