import { syncedTablesError } from '../../../core/errors.js';
import { findUnsupported } from '../../../core/postgres-type.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import { type FileRows, openFileRows, type WantedField } from '../files/file-rows.js';
import { isUnpartitioned, type PartitionNumbers } from '../files/partition-values.js';
import { fileSets } from '../files/placed-file.js';
import type { ContentFile } from '../manifests/content-file.js';
import { parseIcebergSchema } from '../schema/iceberg-schema.js';
import { type IcebergState, naming } from '../snapshot/table-state.js';
import type { DeleteSource } from './dead-rows.js';

/** Deletes that compare the same fields, and all concern either the whole table or the partition they were written in. */
export interface EqualityDeletes {
  /** Table of the engine with the columns k0, k1 …, seq, and part unless `isGlobal`. */
  readonly table: string;
  readonly keys: readonly WantedField[];
  readonly isGlobal: boolean;
  /** Partitions with deletes, by `PartitionNumbers`. */
  readonly parts: ReadonlySet<number>;
  /** Rows of this data sequence number and later ones are not concerned. */
  readonly sequenceMax: bigint;
}

/**
 * Collects the deletes by equality, one table of the engine for all files that compare the same fields: rows are then
 * compared with each table once, however many files there are.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_CORRUPT
 */
export async function collectEqualityDeletes(source: DeleteSource): Promise<EqualityDeletes[]> {
  const files = source.snapshot.deleteFiles.filter(({ content }) => content === 'equalityDeletes');
  const alike = new Map<string, ContentFile[]>();
  for (const file of files) {
    const key = JSON.stringify([isUnpartitioned(file.spec), ...[...file.equalityIds].sort((a, b) => a - b)]);
    const group = alike.get(key);
    if (group) group.push(file);
    else alike.set(key, [file]);
  }
  const collected: EqualityDeletes[] = [];
  for (const group of alike.values()) {
    collected.push(await collectAlike(source, group, `${source.schema}.eq${collected.length}`));
  }
  return collected;
}

async function collectAlike(
  source: DeleteSource,
  files: readonly ContentFile[],
  name: string,
): Promise<EqualityDeletes> {
  const { connection, snapshot, partitions } = source;
  const { tableName, state } = snapshot;
  const [first] = files;
  if (!first) throw new Error('no deletes were named');
  const keys = first.equalityIds.map((id) => wantedField(state, id, { tableName, file: first.path }));
  const isGlobal = isUnpartitioned(first.spec);
  const columns = keys.map(({ field }, index) => `k${index} ${duckDbType(field.field.type)}`);
  await connection.run(`create table ${name}_all (${[...columns, 'part integer', 'seq bigint'].join(', ')})`);
  let sets = 0;
  for await (const placed of source.held(files)) {
    for (const set of await fileSets(connection, placed, fileSetOptions(source))) {
      const fileTable = `${name}_files${sets++}`;
      const rows = await openFileRows(set, { connection, tableName, fileTable, partitions, wanted: keys });
      const values = keys.map((key) => rows.value(key));
      await connection.run(
        `insert into ${name}_all select ${[...values, 'p.part', 'p.seq'].join(', ')} from ${rows.from}`,
      );
    }
  }
  // Of deletes of the same values, the latest concerns all rows that the others do.
  const names = [...keys.map((_, index) => `k${index}`), ...(isGlobal ? [] : ['part'])].join(', ');
  await connection.run(`create table ${name} as select ${names}, max(seq) as seq from ${name}_all group by ${names}`);
  await connection.run(`drop table ${name}_all`);
  return {
    table: name,
    keys,
    isGlobal,
    parts: new Set(files.map((file) => partitions.of(file))),
    sequenceMax: latestSequence(files),
  };
}

function latestSequence(files: readonly ContentFile[]): bigint {
  let latest = 0n;
  for (const { sequenceNumber } of files) if (sequenceNumber > latest) latest = sequenceNumber;
  return latest;
}

function fileSetOptions({ snapshot }: DeleteSource) {
  const { tableName, state } = snapshot;
  return { tableName, nameMapping: state.nameMapping, hasVariants: false, mark: () => '' };
}

/** A field by its id, from the newest schema that has it: it may have been dropped since. */
function wantedField(state: IcebergState, id: number, named: { tableName: string; file: string }): WantedField {
  const { metadata, schema } = state;
  const { tableName, file } = named;
  const older = [...metadata.schemas.values()].sort((a, b) => b['schema-id'] - a['schema-id']);
  const schemas = [
    () => schema,
    ...older.map((json) => () => naming({ file: metadata.file, tableName }, () => parseIcebergSchema(json))),
  ];
  for (const read of schemas) {
    const found = read();
    const field = found.fields.get(id);
    if (!field) continue;
    const unsupported = field.isRepeated ? 'an item of a list or map' : findUnsupported(field.field.type);
    if (unsupported === null) return { field, schema: found };
    const feature = `deletes by equality of "${field.field.name}", ${unsupported}`;
    throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file, table: tableName, feature });
  }
  const reason = `it deletes by equality of field ${id}, which no schema of the table has`;
  throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file: metadata.file, table: tableName, reason });
}

/** Whether some deletes may concern rows of a file. */
export function mayConcern(deletes: EqualityDeletes, file: ContentFile, partitions: PartitionNumbers): boolean {
  const isLater = file.sequenceNumber < deletes.sequenceMax;
  return isLater && (deletes.isGlobal || deletes.parts.has(partitions.of(file)));
}

/**
 * SQL that leaves out the rows that are deleted (`anti`), or all others (`semi`): an addition to the FROM clause of `rows`.
 */
export function joinDeleted(kind: 'anti' | 'semi', deletes: EqualityDeletes, rows: FileRows, alias: string): string {
  const same = deletes.keys.map((key, index) => `${alias}.k${index} is not distinct from ${rows.value(key)}`);
  const within = deletes.isGlobal ? [] : [`${alias}.part = p.part`];
  return ` ${kind} join ${deletes.table} ${alias} on ${[...same, ...within, `${alias}.seq > p.seq`].join(' and ')}`;
}
