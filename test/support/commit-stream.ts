import { setTimeout as sleep } from 'node:timers/promises';
import type { DeltaWriter } from './delta-writer.js';
import type { Random } from './random.js';

const PAUSE_MS_MAX = 120;

/** Commits one random change after another to a table of `id`, `v` and `filler` from `start` to `stop`. */
export class CommitStream {
  readonly #source: DeltaWriter;
  readonly #random: Random;
  #nextId = 1_000_000;
  #isStopping = false;
  #finished: Promise<void> = Promise.resolve();

  constructor(source: DeltaWriter, random: Random) {
    this.#source = source;
    this.#random = random;
  }

  start(): void {
    this.#isStopping = false;
    this.#finished = this.#run();
    // Whoever stops the stream hears of it.
    this.#finished.catch(() => {});
  }

  /** No commit comes after this. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#finished;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#commit();
      await sleep(this.#random.below(PAUSE_MS_MAX));
    }
  }

  async #commit(): Promise<void> {
    const some = `hash(id + ${this.#random.below(1_000_000)}) % 20 = 0`;
    switch (this.#random.below(5)) {
      case 0:
        return this.#source.commitNothing();
      case 1:
        return this.#source.deleteWhere(`${some} and id % 3 = 0`);
      case 2:
        return this.#source.updateWhere(some, 'v', 'v + 1');
      default: {
        const first = this.#nextId;
        this.#nextId += 1 + this.#random.below(20);
        return this.#source.append(
          `select i as id, 0 as v, repeat('y', 200) as filler from range(${first}, ${this.#nextId}) t(i)`,
        );
      }
    }
  }
}
