/** Whether something has changed since somebody looked at it. */
export class News {
  /** Called at each announcement. */
  onNews: () => void = () => {};
  #isThere = true;

  announce(): void {
    this.#isThere = true;
    this.onNews();
  }

  /** True if there is news, the first time included; asking again says no. */
  take(): boolean {
    const isThere = this.#isThere;
    this.#isThere = false;
    return isThere;
  }
}
