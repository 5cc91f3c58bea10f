interface Waiting {
  readonly take: () => void;
}

/**
 * Places for work that is long, or takes much. One who waits for a place gets the next, before those who only take what is
 * free.
 */
export class Slots {
  /** Called when a place has become free for whoever takes what is free. */
  onFree: () => void = () => {};
  #free: number;
  #waiting: Waiting[] = [];

  /** @param count how many there are */
  constructor(count: number) {
    this.#free = count;
  }

  /** How many nobody has. */
  get free(): number {
    return this.#free;
  }

  /** Takes all that are free. Returns how many. */
  takeFree(): number {
    const taken = this.#free;
    this.#free = 0;
    return taken;
  }

  /**
   * Takes one, as soon as there is one.
   * @throws the signal's reason
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        reject(signal.reason);
      };
      const waiting = {
        take: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  /** Returns one whose work is over. */
  giveBack(): void {
    this.putBack(1);
    if (this.#free > 0) this.onFree();
  }

  /** Returns some that were taken and turned out not to be needed: nothing has become free that was not before. */
  putBack(count: number): void {
    const served = this.#waiting.splice(0, count);
    for (const { take } of served) take();
    this.#free += count - served.length;
  }
}
