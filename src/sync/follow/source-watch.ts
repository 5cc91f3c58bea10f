import type { ChangeFeed } from '../../lake/changes/change-relation.js';
import type { Watch } from '../../lake/relation/watch.js';

/**
 * Watches a followed source, and does so anew when a look has found news that it was not told of: the table's folder may
 * have been replaced by another one since.
 */
export class SourceWatch implements Disposable {
  readonly #changeFeed: ChangeFeed | null;
  readonly #onHint: () => void;
  #watch: Watch | null = null;
  #hasSeenAll = false;
  /** Since the last look; the first look needs no hint. */
  #isHinted = true;

  private constructor(changeFeed: ChangeFeed | null, onHint: () => void) {
    this.#changeFeed = changeFeed;
    this.#onHint = onHint;
  }

  /** @param onHint called when something may have been committed */
  static async open(changeFeed: ChangeFeed | null, onHint: () => void): Promise<SourceWatch> {
    const watch = new SourceWatch(changeFeed, onHint);
    await watch.#start();
    return watch;
  }

  /** True if the source is on a local disk. */
  get isLocal(): boolean {
    return this.#watch !== null;
  }

  /** True if it tells of each commit. */
  get seesAll(): boolean {
    return this.#watch?.seesAll === true;
  }

  /** Looks for news, and gives what was found. */
  async look(hasNews: () => Promise<boolean>): Promise<boolean> {
    const wasHinted = this.#isHinted;
    this.#isHinted = false;
    const isNews = await hasNews();
    if (isNews && !wasHinted && this.#hasSeenAll) {
      this[Symbol.dispose]();
      await this.#start();
    }
    return isNews;
  }

  async #start(): Promise<void> {
    const onHint = () => {
      this.#isHinted = true;
      this.#onHint();
    };
    this.#watch = (await this.#changeFeed?.watch(onHint)) ?? null;
    this.#hasSeenAll ||= this.seesAll;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = null;
  }
}
