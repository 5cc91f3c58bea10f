type Change = readonly [type: string, id: number, name: string];

interface Version {
  readonly operation: string;
  readonly committedAtMs: number;
  readonly rows: ReadonlyMap<number, string>;
  readonly changes: readonly Change[];
  readonly isTwice: boolean;
}

/** A Delta table with a column `id`, a column `name` and a change data feed, as engines know it. */
export class EngineDelta {
  readonly versions: Version[] = [];
  /** Versions below are no longer in its history. */
  oldest = 0;

  /** One more version: names by id, null for rows that go. `isTwice`: as commits are given that insert alone. */
  commit(operation: string, edits: Readonly<Record<number, string | null>>, isTwice = false): void {
    const rows = new Map(this.versions.at(-1)?.rows);
    const changes: Change[] = [];
    for (const [key, name] of Object.entries(edits)) {
      const id = Number(key);
      const before = rows.get(id);
      if (name === null) rows.delete(id);
      else rows.set(id, name);
      if (before === undefined && name !== null) changes.push(['insert', id, name]);
      else if (before !== undefined && name === null) changes.push(['delete', id, before]);
      else if (before !== undefined && name !== null) {
        changes.push(['update_preimage', id, before], ['update_postimage', id, name]);
      }
    }
    this.versions.push({ operation, committedAtMs: Date.now(), rows, changes, isTwice });
  }
}
