import { setTimeout as sleep } from 'node:timers/promises';
import type { DeltaWriter } from './delta-writer.js';
import type { Random } from './random.js';

/** How long it rests between two commits unless somebody wants it otherwise. */
const PAUSE_MS_MAX = 120;
const FIRST_ID = 1_000_000;

/** Commits one random change after another to a table of `id`, `v` and `filler` from `start` to `stop`. */
export class CommitStream {
  readonly #source: DeltaWriter;
  readonly #random: Random;
  readonly #pauseMsMax: number;
  #nextId = FIRST_ID;
  #isStopping = false;
  #finished: Promise<void> = Promise.resolve();

  constructor(source: DeltaWriter, random: Random, pauseMsMax = PAUSE_MS_MAX) {
    this.#source = source;
    this.#random = random;
    this.#pauseMsMax = pauseMsMax;
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
      await sleep(this.#random.below(this.#pauseMsMax));
    }
  }

  async #commit(): Promise<void> {
    // Small changes all of them: many would be taken as a reason to copy the table.
    switch (this.#nextId === FIRST_ID ? -1 : this.#random.below(6)) {
      case 0:
        return this.#source.commitNothing();
      case 1:
        return this.#source.rewriteNewestFile('*', `hash(id) % 3 <> ${this.#random.below(3)}`);
      case 2:
      case 3:
        return this.#source.rewriteNewestFile('* replace (v + id % 2 as v)');
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
