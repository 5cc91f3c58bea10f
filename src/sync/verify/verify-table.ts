import type pg from 'pg';
import { asSyncedTablesError, failingRowsError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { wholeCopy } from '../../lake/relation/copy-parts.js';
import { explainIfChanged } from '../../lake/relation/relation.js';
import { openTableCopy } from '../../lake/relation/table-copy.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import {
  type Comparison,
  compareCopies,
  copyTarget,
  createSourceCopy,
  dropCopies,
  findDuplicateSourceKeys,
  SOURCE_COPY,
  targetCopyRelation,
} from '../../postgres/compare-copies.js';
import { copyIn } from '../../postgres/copy/copy-in.js';
import { type ColumnChanges, hasColumnChanges, planColumnChanges } from '../../postgres/publish/column-changes.js';
import type { HandChange } from '../../postgres/registry/hand-writes.js';
import { chosenSource } from '../source/chosen-source.js';
import { explainLoadError } from '../source/load-errors.js';
import { planTarget } from '../source/plan-target.js';
import { readSparingly } from '../source/read-sparingly.js';
import { targetRead } from '../source/target-read.js';

/** The outcome of comparing a synced table with its source at the version that it reflects. */
export interface Verification extends Comparison {
  readonly version: bigint | null;
  /** Rows of the source that a sync leaves out for a null in the key; null if that is not known. */
  readonly leftOutRows: bigint | null;
  /** Whether somebody else than a sidecar had written to the table since its last copy. */
  readonly handChange: HandChange | null;
}

export interface VerifyOptions {
  /** A session that may read the table; it holds temporary tables during the call. */
  readonly client: pg.Client;
  readonly tableId: string;
  readonly openSource: (source: string) => Promise<LakeTable>;
  readonly signal: AbortSignal;
}

/**
 * Copies the table's rows aside, rereads the source at the version that those rows reflect, by the rules of a sync, and
 * compares every cell inside Postgres. Syncs may continue meanwhile: they touch neither copy.
 * @throws SYNCED_TABLE_NOT_LOADED, SOURCE_VERSION_GONE, COLUMNS_DIFFER, PRIMARY_KEY_CONSTRAINT_VIOLATION,
 *   TIMESERIES_KEY_TIE and errors of reading the source
 */
export async function verifyTable(options: VerifyOptions): Promise<Verification> {
  const { client, tableId } = options;
  const target = await copyTarget(client, tableId);
  if (target === null) throw syncedTablesError('SYNCED_TABLE_NOT_LOADED', { target: tableId });
  const { table, handChange } = target;
  try {
    const lakeTable = chosenSource(await options.openSource(table.source), table, true);
    const snapshot = await snapshotAt(table, lakeTable);
    const columns = planTarget(snapshot, table);
    await requireSameColumns(client, table, columns);
    const leftOutRows = await readSparingly(lakeTable, options.signal, (source) =>
      copySource(options, { table, lakeTable: source, snapshot, columns }),
    );
    const comparison = await compareCopies(client, table, columns);
    if (comparison === null) throw await duplicateKeys(client, table);
    return { version: snapshot.version, leftOutRows, handChange, ...comparison };
  } finally {
    // The session's failure is the error to report; its temporary tables go with it.
    await dropCopies(client).catch(() => {});
  }
}

/** Failures that mean that the version is gone, given that the table once had it. */
const GONE: ReadonlySet<string> = new Set([
  'DELTA_VERSION_NOT_FOUND',
  'DELTA_LOG_GAP',
  'ICEBERG_SNAPSHOT_NOT_FOUND',
  'SOURCE_FILE_MISSING',
  'VIEW_VERSION_GONE',
  'SHARED_VERSION_REFUSED',
  'REMOTE_VERSION_GONE',
]);

function asVersionGone(error: unknown, table: SyncedTable): unknown {
  const known = asSyncedTablesError(error);
  if (known === null || !GONE.has(known.code)) return error;
  return versionGone(table, known.message.replace(/\.$/, ''), known);
}

function versionGone(table: SyncedTable, reason: string, cause?: unknown): SyncedTablesError {
  const version = table.syncedVersion ?? 'null';
  return syncedTablesError(
    'SOURCE_VERSION_GONE',
    { version, table: table.source, target: table.fullName, reason },
    cause,
  );
}

async function snapshotAt(table: SyncedTable, lakeTable: LakeTable): Promise<SourceSnapshot> {
  const snapshot = await lakeTable.snapshot(table.syncedVersion ?? undefined).catch((error: unknown) => {
    throw asVersionGone(error, table);
  });
  if (table.sourceTableId !== null && snapshot.tableId !== table.sourceTableId) {
    throw versionGone(table, 'another table has taken its place');
  }
  const { bookmark } = snapshot;
  if (bookmark !== undefined && table.sourceBookmark !== null && bookmark !== table.sourceBookmark) {
    throw versionGone(table, 'it is no longer what it was when it was copied');
  }
  return snapshot;
}

async function requireSameColumns(
  client: pg.Client,
  table: SyncedTable,
  columns: readonly TargetColumn[],
): Promise<void> {
  const changes = await planColumnChanges(client, table, await targetCopyRelation(client), columns);
  if (!hasColumnChanges(changes)) return;
  const details = { target: table.fullName, table: table.source, columns: describeColumns(changes) };
  throw syncedTablesError('COLUMNS_DIFFER', details);
}

function describeColumns({ added, dropped, retyped }: ColumnChanges): string {
  return [
    ...added.map(({ field }) => `"${field.name}" is missing`),
    ...dropped.map((name) => `"${name}" is not in the source`),
    ...retyped.map(({ field, postgresType }) => `"${field.name}" should be ${postgresType}`),
  ].join(', ');
}

interface SourceRead {
  readonly table: SyncedTable;
  readonly lakeTable: LakeTable;
  readonly snapshot: SourceSnapshot;
  readonly columns: readonly TargetColumn[];
}

/** Returns how many rows the copy leaves out for a null in the key; null if others are left out as well. */
async function copySource({ client, signal }: VerifyOptions, read: SourceRead): Promise<bigint | null> {
  const { table, lakeTable, snapshot, columns } = read;
  const { engine } = lakeTable;
  const opened = lakeTable.openRelation(snapshot, 1).catch((error: unknown) => {
    throw asVersionGone(error, table);
  });
  await using relation = await opened;
  await createSourceCopy(client, columns);
  const connection = await engine.connect();
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    signal.throwIfAborted();
    const read = targetRead(table, columns);
    const selects = wholeCopy(engine, relation, read, signal);
    const stream = await openTableCopy(engine, connection, selects, read, { signal });
    const { rows } = await copyIn(client, `copy ${SOURCE_COPY} from stdin (format ${read.format})`, stream);
    await relation.requireUnchanged?.();
    return relation.rowCount === null || table.timeseriesKey !== null ? null : relation.rowCount - rows;
  } catch (error) {
    signal.throwIfAborted();
    const cause = await explainIfChanged(relation, error);
    throw await explainLoadError(cause, { engine, relation, table, columns });
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}

async function duplicateKeys(client: pg.Client, table: SyncedTable): Promise<SyncedTablesError> {
  const keys = await findDuplicateSourceKeys(client, table.keyColumns, EXAMPLE_KEYS_MAX);
  const details = {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
  };
  const failing = failingByKey(table.keyColumns, keys.map(formatKey));
  return table.timeseriesKey === null
    ? failingRowsError('PRIMARY_KEY_CONSTRAINT_VIOLATION', details, failing)
    : failingRowsError('TIMESERIES_KEY_TIE', { ...details, timeseries: table.timeseriesKey }, failing);
}
