import type { DatabaseMetrics } from './database-metrics.js';

/** An update that ended may show up later: its transaction has to commit first. */
const OVERLAP_MS = 60_000;

/**
 * Derives counters, which only grow, from the registry's update records: their counts grow while they run, and rows of
 * ended ones are eventually pruned. Remembers what it counted of each until that record can no longer change.
 */
export class CountedRows {
  /** Updates that ended before this time are already counted, or were never ours. */
  since: Date;
  readonly #counted = new Map<
    string,
    { readonly written: number; readonly deleted: number; readonly endedAt: Date | null }
  >();
  readonly #ended = new Map<string, Date>();
  #tables = new Set<string>();

  /** @param since the time from which updates count */
  constructor(since: Date) {
    this.since = since;
  }

  /** What each update has written to its table since the last call. */
  count({ now, tableUpdates }: DatabaseMetrics): { table: string; written: number; deleted: number }[] {
    const added = tableUpdates.map(({ key, table, written, deleted, endedAt }) => {
      const before = this.#counted.get(key) ?? { written: 0, deleted: 0 };
      this.#counted.set(key, { written, deleted, endedAt });
      return {
        table,
        written: Math.max(0, written - before.written),
        deleted: Math.max(0, deleted - before.deleted),
      };
    });
    const old = now.getTime() - 2 * OVERLAP_MS;
    for (const [key, { endedAt }] of this.#counted) if (endedAt && endedAt.getTime() < old) this.#counted.delete(key);
    return added;
  }

  /** The updates that ended since the last call. Advances `since`. */
  countUpdates({ now, endedUpdates }: DatabaseMetrics): { result: string; count: number }[] {
    this.since = new Date(Math.max(this.since.getTime(), now.getTime() - OVERLAP_MS));
    const counts = new Map<string, number>();
    for (const { id, state, endedAt } of endedUpdates) {
      if (this.#ended.has(id)) continue;
      this.#ended.set(id, endedAt);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    const old = now.getTime() - 2 * OVERLAP_MS;
    for (const [id, endedAt] of this.#ended) if (endedAt.getTime() < old) this.#ended.delete(id);
    return [...counts].map(([state, count]) => ({ result: state.toLowerCase(), count }));
  }

  /** The tables that were shown last time and are gone now. */
  forgetTables(shown: ReadonlySet<string>): string[] {
    const gone = [...this.#tables].filter((name) => !shown.has(name));
    this.#tables = new Set(shown);
    return gone;
  }
}
