import { EngineDelta } from './engine-delta.js';
import type { WarehouseResult } from './warehouse-server.js';

type Columns = NonNullable<WarehouseResult['columns']>;

const COLUMNS: Columns = [
  ['id', 'BIGINT'],
  ['name', 'STRING'],
];

/** A Delta table `t` that a SQL warehouse of Databricks reads, all columns being asked for. */
export class WarehouseDelta extends EngineDelta {
  readonly answer = (statement: string): WarehouseResult => {
    if (statement.startsWith('describe history')) return this.#history(Number(/limit (\d+)$/.exec(statement)?.[1]));
    if (statement.startsWith('describe detail')) {
      const columns: Columns = [
        ['id', 'STRING'],
        ['properties', 'MAP<STRING, STRING>'],
      ];
      return { columns, chunks: [[['table-id', '{"delta.enableChangeDataFeed":"true"}']]] };
    }
    if (statement.endsWith('limit 0')) return { columns: COLUMNS };
    if (statement.includes('table_changes')) return this.#changes(statement);
    const [, version] = /version as of (\d+)$/.exec(statement) ?? [];
    const rows = [...(this.versions[Number(version)]?.rows ?? [])].map(([id, name]) => [String(id), name]);
    return statement.includes('count(*)') ? countOf(rows) : { columns: COLUMNS, chunks: [rows] };
  };

  /** The newest first. */
  #history(limit: number): WarehouseResult {
    const columns: Columns = [
      ['version', 'BIGINT'],
      ['timestamp', 'TIMESTAMP'],
      ['operation', 'STRING'],
    ];
    const rows = this.versions.map(({ operation, committedAtMs }, version) => {
      return [String(version), new Date(committedAtMs).toISOString(), operation];
    });
    return { columns, chunks: [rows.slice(this.oldest).slice(-limit).reverse()] };
  }

  /** Both ends are given. */
  #changes(statement: string): WarehouseResult {
    const [, first, last] = /table_changes\('.*', (\d+), (\d+)\)$/.exec(statement) ?? [];
    const rows = this.versions.flatMap(({ changes }, version) => {
      if (version < Number(first) || version > Number(last)) return [];
      return changes.map(([type, id, name]) => [String(id), name, type, String(version), '0']);
    });
    return statement.includes('count(*)') ? countOf(rows) : { columns: COLUMNS, chunks: [rows] };
  }
}

function countOf(rows: readonly unknown[]): WarehouseResult {
  return { columns: [['c', 'STRING']], chunks: [[[String(rows.length)]]] };
}
