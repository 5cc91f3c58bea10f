/** A pause that can be cut short, even before it has begun. */
export class WakeUp {
  #isWoken = false;
  #end = () => {};

  /** Forgets earlier wake-ups: call it before checking the condition they signal. */
  rearm(): void {
    this.#isWoken = false;
  }

  /** Whether it was woken since `rearm`. */
  get isWoken(): boolean {
    return this.#isWoken;
  }

  wake(): void {
    this.#isWoken = true;
    this.#end();
  }

  /** Waits, unless woken since `rearm` or during the wait. */
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
