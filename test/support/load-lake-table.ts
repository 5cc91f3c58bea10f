import type pg from 'pg';
import { quoteIdentifier } from '../../src/core/names.js';
import type { TargetColumn } from '../../src/core/synced-table.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import type { DeltaSnapshot } from '../../src/lake/delta/snapshot/delta-snapshot.js';
import type { CopyFormat } from '../../src/lake/engine/copy-value.js';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import { openTableCopy } from '../../src/lake/relation/table-copy.js';
import { copySelects, type TableRead } from '../../src/lake/relation/table-read.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { planColumns } from '../../src/sync/source/plan-target.js';

export interface LoadLakeOptions {
  readonly engine: Engine;
  readonly client: pg.Client;
  /** Folder that holds `_delta_log`. */
  readonly root: string;
  /** Postgres table to create and fill. */
  readonly target: string;
  readonly version?: bigint;
  /** SELECTs to spread the files over; read one after the other. Default 1. */
  readonly parts?: number;
  readonly format?: CopyFormat;
  readonly invalidCharacters?: TableRead['invalidCharacters'];
  /** Default UTC. */
  readonly partitionTimeZone?: string;
}

export interface LoadedTable {
  readonly snapshot: DeltaSnapshot;
  readonly columns: readonly TargetColumn[];
  readonly rows: bigint;
}

/** Loads a Delta table into a new Postgres table by the product's own path from files to COPY. */
export async function loadLakeTable(options: LoadLakeOptions): Promise<LoadedTable> {
  const { engine, client, root, target, format = 'binary' } = options;
  const table = openDeltaTable({
    engine,
    store: localFileStore,
    root,
    tableName: 'test.lake.table',
    allowOutsidePaths: false,
    partitionTimeZone: options.partitionTimeZone ?? 'UTC',
  });
  const snapshot = await table.snapshot(options.version);
  const columns = planColumns(snapshot);
  const read: TableRead = {
    columns: snapshot.columns,
    keyColumns: [],
    timeseriesKey: null,
    invalidCharacters: options.invalidCharacters ?? 'fail',
    format,
  };
  await createTable(client, target, columns);
  const names = columns.map((column) => quoteIdentifier(column.field.name)).join(', ');
  const copyOptions = { text: 'format text', csv: 'format csv, header true', binary: 'format binary' }[format];
  await using relation = await table.openRelation(snapshot, options.parts ?? 1);
  let rows = 0n;
  for (const select of copySelects(relation, read)) {
    const connection = await engine.connect();
    try {
      const stream = await openTableCopy(engine, connection, select, read);
      const result = await copyIn(client, `copy ${target} (${names}) from stdin (${copyOptions})`, stream);
      rows += result.rows;
    } finally {
      connection.closeSync();
    }
  }
  return { snapshot: snapshot as DeltaSnapshot, columns, rows };
}

/** A plain Postgres table with the planned columns. */
export async function createTable(client: pg.Client, target: string, columns: readonly TargetColumn[]): Promise<void> {
  const definitions = columns.map((column) => `${quoteIdentifier(column.field.name)} ${column.postgresType}`);
  await client.query(`create table ${target} (${definitions.join(', ')})`);
}
