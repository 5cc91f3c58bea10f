import { availableParallelism } from 'node:os';

/** What each has done is averaged over about so long. */
const AVERAGE_MS = 2_000;
/** So much later the rows of a flood may come. A slow machine needs longer rests: its batches take longer. */
const PAUSE_MS_MAX = 1_000;
/** Less than this part of one worker's time is forgotten. */
const USE_MIN = 0.001;

interface Use {
  /** Part of the time that went into batches. */
  part: number;
  at: number;
}

/**
 * Shares of one sidecar's time between all that it follows. Where they want more than there is, those that want most rest
 * after each batch, and take what has come meanwhile in one larger batch: a flood of commits in some tables does not delay
 * the few of the others. Shares are max-min fair: who wants less than an equal part gets it, the others divide the rest.
 */
export class WorkShares {
  readonly #uses = new Map<object, Use>();
  readonly #capacity: number;

  /** @param capacity batches at a time that leave enough for others: half of the processors, for sidecar and server */
  constructor(capacity = Math.max(1, availableParallelism() / 2)) {
    this.#capacity = capacity;
  }

  /**
   * How long a worker rests after a batch, in milliseconds.
   * @param tookMs how long the batch took
   * @param now on the clock of `performance.now()`
   */
  restMs(worker: object, tookMs: number, now = performance.now()): number {
    const use = this.#uses.get(worker) ?? { part: 0, at: now };
    // What works all the time has 1 in the long run; a batch longer than the average has no more than that either.
    use.part = Math.min(1, faded(use, now) + tookMs / AVERAGE_MS);
    use.at = now;
    this.#uses.set(worker, use);
    const share = this.#share(now);
    if (use.part <= share) return 0;
    return Math.min(PAUSE_MS_MAX, tookMs * (1 / share - 1));
  }

  leave(worker: object): void {
    this.#uses.delete(worker);
  }

  /** The largest part of the time that one may take at the moment. */
  #share(now: number): number {
    const parts: number[] = [];
    for (const [worker, use] of this.#uses) {
      const part = faded(use, now);
      if (part < USE_MIN) this.#uses.delete(worker);
      else parts.push(part);
    }
    parts.sort((a, b) => a - b);
    let left = this.#capacity;
    let sharers = parts.length;
    for (const part of parts) {
      if (part > left / sharers) return left / sharers;
      left -= part;
      sharers--;
    }
    return Number.POSITIVE_INFINITY;
  }
}

function faded({ part, at }: Use, now: number): number {
  return part * Math.exp((at - now) / AVERAGE_MS);
}
