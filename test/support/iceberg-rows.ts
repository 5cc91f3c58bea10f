import { readFileSync } from 'node:fs';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import { openIcebergTable } from '../../src/lake/iceberg/iceberg-table.js';
import { readMetadata } from '../../src/lake/iceberg/metadata/read-metadata.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { beginPass } from '../../src/lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../src/lake/source-snapshot.js';
import type { FileStore } from '../../src/lake/storage/file-store.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';

export interface OpenIcebergOptions {
  readonly engine: Engine;
  readonly root: string;
  readonly store?: FileStore;
  readonly allowOutsidePaths?: boolean;
}

/** The product's view of an Iceberg table in a folder. */
export function icebergTable(options: OpenIcebergOptions): LakeTable {
  const { engine, root, store = localFileStore, allowOutsidePaths = false } = options;
  const named = { store, root, tableName: 'lake.ice.t' };
  return openIcebergTable({ ...named, engine, allowOutsidePaths, load: () => readMetadata(root, named) });
}

export interface ReadRows {
  readonly snapshot: SourceSnapshot;
  /** As the relation says before anything is read; null if it cannot know. */
  readonly rowCount: bigint | null;
  /** Each row as the texts of its values, sorted. */
  readonly rows: string[];
}

/** All rows of a table, through the passes that copies are made by. */
export async function readIcebergRows(
  table: LakeTable,
  { version, parts = 2 }: { version?: bigint; parts?: number } = {},
): Promise<ReadRows> {
  const snapshot = await table.snapshot(version);
  const relation = await table.openRelation(snapshot, parts);
  const connection = await table.engine.connect();
  try {
    const rows: string[] = [];
    const pass = beginPass(relation);
    for (let part = await pass.next(); part !== null; part = await pass.next()) {
      const values = snapshot.columns.map((_, n) => `coalesce(c${n}::varchar, '∅')`).join(`, '|', `);
      const names = snapshot.columns.map((_, n) => `c${n}`).join(', ');
      const sql = `select concat(${values}) from (${part.select}) r(${names})`;
      rows.push(...(await connection.runAndReadAll(sql)).getRowsJson().map(([row]) => String(row)));
      await part[Symbol.asyncDispose]();
    }
    await pass[Symbol.asyncDispose]();
    await relation.requireUnchanged?.();
    return { snapshot, rowCount: relation.rowCount, rows: rows.sort() };
  } finally {
    connection.closeSync();
    await relation[Symbol.asyncDispose]();
  }
}

/** A store whose files must be fetched, as those of object stores are, over the local disk. */
export function fetchedStore(): FileStore {
  const { whileAnswering, watch, ...store } = localFileStore;
  return {
    ...store,
    async download(path, { destination, offset = 0 }) {
      const { writeFileSync, truncateSync, openSync, writeSync, closeSync } = await import('node:fs');
      const bytes = readFileSync(path);
      writeFileSync(destination, '');
      truncateSync(destination, bytes.length);
      const file = openSync(destination, 'r+');
      writeSync(file, bytes.subarray(offset), 0, bytes.length - offset, offset);
      closeSync(file);
      return true;
    },
  };
}
