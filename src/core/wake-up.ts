/** A pause that can be cut short, also before it has begun. */
export class WakeUp {
  #isWoken = false;
  #end = () => {};

  /** Forgets wake-ups so far: to be called before looking at whatever they are about. */
  rearm(): void {
    this.#isWoken = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#end();
  }

  /** Waits, unless somebody woke us since `rearm` or does so now. */
  sleep(ms: number): Promise<void> {
    if (this.#isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
