/** One look in so much time, on average, by all together: a store counts requests. */
const LOOK_MS = 10;

/**
 * Spreads the looks at sources that do not tell of their commits, however many are followed. Those that tell are looked at
 * seldom anyway, and take nothing from the others.
 */
export class LookRation {
  readonly #looking = new Set<object>();

  /**
   * The shortest pause until the next look, in milliseconds.
   * @param looker who asks, until it leaves
   * @param isLooking whether it has such sources at the moment
   */
  leastPauseMs(looker: object, isLooking: boolean): number {
    if (isLooking) this.#looking.add(looker);
    else this.#looking.delete(looker);
    return this.#looking.size * LOOK_MS;
  }

  leave(looker: object): void {
    this.#looking.delete(looker);
  }
}
