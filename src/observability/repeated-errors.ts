import { asSyncedTablesError } from '../core/errors.js';
import { safeReason } from '../core/reasons/safe-reason.js';

/** How often the same failure is told. */
const TOLD_EVERY_MS = 60_000;

/** Keeps a failure that comes again and again, such as a server that takes no writes, from filling the log. */
export class RepeatedErrors {
  readonly #told = new Map<string, { atMs: number; untold: number }>();

  /**
   * Notes a failure.
   * @param doing what failed
   * @returns how often the same one came since it was told last; null if it was told within the last minute
   */
  note(error: unknown, doing: string): number | null {
    const now = performance.now();
    for (const [key, { atMs, untold }] of this.#told) {
      if (untold === 0 && now - atMs > TOLD_EVERY_MS) this.#told.delete(key);
    }
    const key = `${doing}\n${asSyncedTablesError(error)?.code ?? safeReason(error)}`;
    const told = this.#told.get(key);
    if (told && now - told.atMs < TOLD_EVERY_MS) {
      told.untold++;
      return null;
    }
    this.#told.set(key, { atMs: now, untold: 0 });
    return told?.untold ?? 0;
  }
}
