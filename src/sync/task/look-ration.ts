/** One look in so much time, on average, by all together: a store counts requests. */
const LOOK_MS = 10;
/** The same for sources that tell of their commits, which are looked at in case one was not told. */
const LOOK_ANYWAY_MS = 20;

/**
 * Spreads the looks at sources, however many are followed: more often at those that do not tell of their commits, which take
 * nothing from the others.
 */
export class LookRation {
  readonly #looking = new Set<object>();
  readonly #told = new Set<object>();

  /**
   * The shortest pause until the next look, in milliseconds.
   * @param looker who asks, until it leaves
   * @param isLooking whether it has sources at the moment that do not tell of their commits
   */
  leastPauseMs(looker: object, isLooking: boolean): number {
    this.leave(looker);
    (isLooking ? this.#looking : this.#told).add(looker);
    return isLooking ? this.#looking.size * LOOK_MS : this.#told.size * LOOK_ANYWAY_MS;
  }

  leave(looker: object): void {
    this.#looking.delete(looker);
    this.#told.delete(looker);
  }
}
