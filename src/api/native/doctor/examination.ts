import { syncedTablesError } from '../../../core/errors.js';
import type { Finding } from '../../../core/finding.js';

/** What was found, and when. */
export interface Examined {
  readonly findings: readonly Finding[];
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

const PAUSE_MS = 60_000;

/** The newest examination by this sidecar: one runs at a time, which all who ask share, and at most one a minute. */
export class Examination {
  readonly #examine: () => Promise<Finding[]>;
  #newest: Examined | null = null;
  /** By the monotonic clock, in milliseconds. */
  #nextMs = 0;
  #running: Promise<Examined> | null = null;

  constructor(examine: () => Promise<Finding[]>) {
    this.#examine = examine;
  }

  get newest(): Examined | null {
    return this.#newest;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Seconds until another may be begun; 0 for at once. */
  get waitSeconds(): number {
    return this.#running === null ? Math.ceil(Math.max(0, this.#nextMs - performance.now()) / 1000) : 0;
  }

  /** @throws DOCTOR_RAN_JUST_NOW */
  run(): Promise<Examined> {
    if (this.#running !== null) return this.#running;
    const { waitSeconds } = this;
    if (waitSeconds > 0) throw syncedTablesError('DOCTOR_RAN_JUST_NOW', { seconds: waitSeconds });
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<Examined> {
    const startedAt = new Date();
    this.#nextMs = performance.now() + PAUSE_MS;
    const findings = await this.#examine();
    this.#newest = { findings, startedAt, finishedAt: new Date() };
    return this.#newest;
  }
}
