import { EngineDelta } from './engine-delta.js';
import type { TrinoResult } from './trino-server.js';

const COLUMNS: NonNullable<TrinoResult['columns']> = [
  ['id', 'bigint'],
  ['name', 'varchar'],
];
const TEXT: NonNullable<TrinoResult['columns']> = [['c', 'varchar']];

/** A table `t` of Trino's connector for Delta Lake, with a column `id` and a column `name`, and beside it a view `v`. */
export class TrinoDelta extends EngineDelta {
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
