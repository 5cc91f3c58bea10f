import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { namingDamagedFooter } from '../data-files/name-damage.js';
import { openDeltaRelation } from '../delta/scan/delta-relation.js';
import type { DeltaSnapshot } from '../delta/snapshot/delta-snapshot.js';
import { dataTypeOfEngine } from '../dialect/engine-data-type.js';
import { fileList } from '../parquet/parquet-schema.js';
import type { ReadHint } from '../read-hint.js';
import type { Relation } from '../relation/relation.js';
import { SpoolFolder } from '../storage/spool-folder.js';
import type { FilesSnapshot, FilesTableOptions } from './files-options.js';
import type { FoundFile } from './find-files.js';

/**
 * The columns of Parquet files, those of all files together; of a store's files only the footers are fetched.
 * @throws SOURCE_FILE_CORRUPT if a footer is damaged
 */
export async function parquetColumns(options: FilesTableOptions, files: readonly FoundFile[]): Promise<Field[]> {
  const { engine, store, tableName, spool: limits } = options;
  const connection = await engine.connect();
  try {
    if (!store.download) {
      return await describe(
        connection,
        tableName,
        files.map(({ path }) => ({ path, data: path })),
      );
    }
    await using spool = await SpoolFolder.open({ store, scratchFolder: engine.scratchFolder, limits, tableName });
    const spooled = files.map(({ path, stat }) => spool.place(path, stat));
    return await spool.withFooters(spooled, (footers) => {
      return describe(
        connection,
        tableName,
        files.map(({ path }, at) => ({ path, data: footers[at] ?? '' })),
      );
    });
  } finally {
    connection.closeSync();
  }
}

async function describe(
  connection: DuckDBConnection,
  tableName: string,
  footers: readonly { readonly path: string; readonly data: string }[],
): Promise<Field[]> {
  const list = fileList(footers.map(({ data }) => data));
  return namingDamagedFooter(connection, tableName, footers, async () => {
    const sql = `select * from read_parquet(${list}, union_by_name = true, hive_partitioning = false) limit 0`;
    const prepared = await connection.prepare(sql);
    const fields = Array.from({ length: prepared.columnCount }, (_, at): Field => {
      const name = prepared.columnName(at);
      return { name, type: dataTypeOfEngine(prepared.columnType(at)), nullable: true, physicalName: name };
    });
    prepared.destroySync();
    return fields;
  });
}

/** Read as the files of a Delta table are that has no log: by the same scan, from disk and stores alike. */
export function openParquetFiles(
  options: FilesTableOptions,
  files: FilesSnapshot,
  parts: number,
  hint: ReadHint | undefined,
): Promise<Relation> {
  const { engine, store, spool, partitionTimeZone, rowsAtOnce = null } = options;
  return openDeltaRelation({
    store,
    snapshot: asDeltaSnapshot(options, files),
    partitionTimeZone,
    spool,
    engine,
    parts,
    rowsAtOnce,
    hint,
  });
}

function asDeltaSnapshot({ root }: FilesTableOptions, snapshot: FilesSnapshot): DeltaSnapshot {
  const { version, partitionFields, files, tableId } = snapshot;
  return {
    ...snapshot,
    version: version ?? 0n,
    root,
    mappingMode: 'none',
    formerColumns: 0,
    partitionColumns: partitionFields.map(({ name }) => name),
    configuration: new Map(),
    protocol: { kind: 'protocol', minReaderVersion: 1, readerFeatures: null },
    metadata: {
      kind: 'metaData',
      id: tableId,
      formatProvider: 'parquet',
      schemaString: null,
      partitionColumns: partitionFields.map(({ name }) => name),
      configuration: new Map(),
    },
    files: files.map(({ path, partitions }) => ({
      path,
      // Nothing states what it should be: it is what is found.
      sizeBytes: null,
      partitionValues: partitions,
      deletionVector: null,
    })),
    commit: null,
  };
}
