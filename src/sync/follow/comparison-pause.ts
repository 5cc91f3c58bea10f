/** How often to check a commit that was read before, if each check is a request to a store. */
const COMPARE_MS = 10_000;

/** When to check whether a commit is still the one that was read: on the local disk that costs next to nothing. */
export class ComparisonPause {
  #comparedAt = Number.NEGATIVE_INFINITY;

  /**
   * True if the commit is to be checked now.
   * @param isLocal whether the source is on the local disk, which is what can be watched
   */
  isDue(isLocal: boolean): boolean {
    const now = performance.now();
    if (!isLocal && now - this.#comparedAt < COMPARE_MS) return false;
    this.#comparedAt = now;
    return true;
  }
}
