import type { TrinoResult } from './trino-server.js';

type Change = readonly [type: string, id: number, name: string];

interface Version {
  readonly operation: string;
  readonly committedAtMs: number;
  readonly rows: ReadonlyMap<number, string>;
  readonly changes: readonly Change[];
  readonly isTwice: boolean;
}

const COLUMNS: NonNullable<TrinoResult['columns']> = [
  ['id', 'bigint'],
  ['name', 'varchar'],
];
const TEXT: NonNullable<TrinoResult['columns']> = [['c', 'varchar']];

/** A table `t` of Trino's connector for Delta Lake, with a column `id` and a column `name`, and beside it a view `v`. */
export class TrinoDelta {
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

  readonly answer = (statement: string): TrinoResult => {
    if (statement.includes('system.metadata.catalogs')) return { columns: TEXT, rows: ['["delta_lake"]'] };
    if (statement.includes('information_schema.tables')) {
      return { columns: TEXT, rows: [statement.includes(`table_name = 'v'`) ? '["VIEW"]' : '["BASE TABLE"]'] };
    }
    if (statement.includes('$history')) return this.#history(statement);
    if (statement.endsWith('limit 0')) return { columns: COLUMNS };
    if (statement.includes('table_changes')) return this.#changes(statement);
    const [, version] = /for version as of (\d+)$/.exec(statement) ?? [];
    const { rows } = this.versions[Number(version ?? this.versions.length - 1)] ?? { rows: new Map() };
    if (statement.includes('count(*)')) return { columns: TEXT, rows: [`["${rows.size}"]`] };
    return { columns: COLUMNS, rows: [...rows].map((row) => JSON.stringify(row)) };
  };

  #history(statement: string): TrinoResult {
    const [, only] = /where version = (\d+)/.exec(statement) ?? [];
    const [, first = only ?? 0, last = only ?? 1e9] = /between (\d+) and (\d+)/.exec(statement) ?? [];
    const isPinned = statement.includes('$properties');
    const found = this.versions.flatMap(({ operation, committedAtMs }, version) => {
      if (version < this.oldest || version < Number(first) || version > Number(last)) return [];
      return [JSON.stringify([version, committedAtMs, ...(isPinned ? ['true'] : [operation, version - 1])])];
    });
    return { columns: TEXT, rows: statement.includes('desc limit 1') ? found.slice(-1) : found };
  }

  #changes(statement: string): TrinoResult {
    const [, since = -1] = /since_version => (\d+)/.exec(statement) ?? [];
    const [, to] = /_commit_version <= (\d+)$/.exec(statement) ?? [];
    const rows = this.versions.flatMap(({ changes, isTwice }, version) => {
      if (version <= Number(since) || version > Number(to)) return [];
      const at = '2026-01-01 00:00:00.000';
      const given = changes.map(([type, id, name]) => JSON.stringify([id, name, type, version, at]));
      return isTwice ? [...given, ...given] : given;
    });
    if (statement.includes('count(*)')) return { columns: TEXT, rows: [`["${rows.length}"]`] };
    return { columns: COLUMNS, rows };
  }
}
