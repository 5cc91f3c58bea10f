import { randomUUID } from 'node:crypto';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { type ChangeRelation, changeFields, type SchemaChange } from '../../changes/change-relation.js';
import { collapseChanges } from '../../changes/collapse-changes.js';
import { checkFiles, requireSameFiles } from '../../data-files/check-files.js';
import { nullOf } from '../../parquet/project-column.js';
import type { FileStat } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import type { IcebergTableOptions } from '../iceberg-table-options.js';
import type { ContentFile } from '../manifests/content-file.js';
import { heldInPlace, heldInSpool } from '../scan/held-files.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';
import { asHistoryGone } from './history-gone.js';
import { isRewriting, type PlannedStep, StepRows } from './step-rows.js';

export interface OpenChangesOptions extends IcebergTableOptions {
  readonly from: bigint;
  /** The table at the end, without files, and with the columns that are needed. */
  readonly end: IcebergSnapshot;
  readonly steps: readonly PlannedStep[];
  readonly schemaChanges: readonly SchemaChange[];
  readonly copyReason: string | null;
}

/** Makes the changes of some steps readable. Rows are read into a table of the engine, which spills to the disk. */
export async function openIcebergChanges(options: OpenChangesOptions): Promise<ChangeRelation> {
  const { engine, store, tableName, end, steps, copyReason } = options;
  refuseReservedNames(options);
  const stats = new Map<string, FileStat>();
  // Sizes that writers state are not to be relied on (see `openIcebergRelation`).
  const look = async (files: readonly ContentFile[]) => {
    const wanted = files.filter(({ path, blob }) => blob === null && !stats.has(path));
    const stated = wanted.map(({ path }) => ({ file: { path, sizeBytes: null }, version: end.version }));
    const found = await checkFiles(store, stated, { tableName, missing: 'SOURCE_FILE_MISSING' });
    for (const [path, stat] of found) stats.set(path, stat);
  };
  for (const { differences, deletesBefore, deletesAfter, to } of steps) {
    const ofHistory = [...differences.removed, ...deletesBefore];
    const ofStep = [...differences.added, ...deletesAfter];
    const isLast = to === end.state.entry;
    try {
      await look(isLast ? ofHistory : [...ofHistory, ...ofStep]);
    } catch (error) {
      throw asHistoryGone(error, options);
    }
    if (isLast) await look(ofStep);
  }
  const schema = `iceberg_changes_${randomUUID().replaceAll('-', '')}`;
  const rowTable = `${schema}.changes`;
  const { scratchFolder } = engine;
  const spool = store.download ? await SpoolFolder.open({ ...options, limits: options.spool, scratchFolder }) : null;
  const inPlaceOrSpool = spool === null ? heldInPlace : heldInSpool(spool, stats);
  const held: typeof heldInPlace = async function* (files) {
    await look(files);
    yield* inPlaceOrSpool(files);
  };
  const connection = await engine.connect();
  let opened: Promise<StepRows[]> | null = null;
  let fetched: Promise<void> | null = null;
  let collapsed = 0;
  const rowsOfSteps: StepRows[] = [];
  const openSteps = async () => {
    for (const [place, step] of steps.entries()) {
      const name = `${schema}.step${place}`;
      rowsOfSteps.push(await StepRows.open({ engine, store, connection, name, step, end, held }));
    }
    return rowsOfSteps;
  };
  const open = () => {
    opened ??= openSteps();
    return opened;
  };
  const fetch = () => {
    fetched ??= open().then(async (all) => {
      for (const rows of all) await rows.insertInto(rowTable);
    });
    return fetched;
  };
  const dispose = async () => {
    for (const rows of rowsOfSteps) await rows[Symbol.asyncDispose]();
    try {
      await connection.run(`drop schema if exists ${schema} cascade`);
    } finally {
      connection.closeSync();
      await spool?.[Symbol.asyncDispose]();
    }
  };
  try {
    await connection.run(`create schema ${schema}`);
    await connection.run(`create table ${rowTable} as ${selectNone(end.columns)}`);
  } catch (error) {
    await dispose();
    throw error;
  }
  const { dataFiles, deleteFiles, state, ...described } = end;
  const files = filesOf(steps);
  const fileBytes = files.reduce((sum, file) => sum + BigInt(file.sizeBytes), 0n);
  return {
    ...(store.download ? {} : { requireUnchanged: () => requireSameFiles(store, stats) }),
    from: options.from,
    to: end.version,
    end: described,
    schemaChanges: options.schemaChanges,
    ...(copyReason === null ? {} : { copyReason }),
    isChangeFeed: false,
    fileCount: files.length,
    fileBytes,
    bookmark: end.bookmark,
    files: [],
    select: `select * from ${rowTable}`,
    fetch,
    async countRows() {
      // A writer that copies files for a few rows changes few rows: metadata tells only how many it has copied.
      if (steps.some(isRewriting) && fileBytes <= REWRITTEN_BYTES_MAX) {
        await fetch();
        const counted = await connection.runAndReadAll(`select count(*)::varchar from ${rowTable}`);
        return BigInt(String(counted.getRowsJson()[0]?.[0]));
      }
      return (await open()).reduce((sum, rows) => sum + rows.rowCountMax, 0n);
    },
    contradictions: async () => [],
    async collapse(collapseOptions) {
      await fetch();
      const keysTable = `${schema}.keys${collapsed++}`;
      const source = { select: `select * from ${rowTable}`, columns: end.columns, keysTable };
      return collapseChanges(connection, source, collapseOptions);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** To compare what was written anew beyond that takes longer than to copy the table. */
const REWRITTEN_BYTES_MAX = 512n * 1024n * 1024n;

function filesOf(steps: readonly PlannedStep[]): ContentFile[] {
  return steps.flatMap(({ differences: { removed, added, otherDeletes } }) => [...removed, ...added, ...otherDeletes]);
}

function selectNone(columns: readonly Field[]): string {
  const nulls = [...columns, ...changeFields].map(({ name, type }) => `${nullOf(type)} as ${quoteIdentifier(name)}`);
  return `select ${nulls.join(', ')} where false`;
}

/** Names of the change fields. */
function refuseReservedNames({ end, tableName: table }: OpenChangesOptions): void {
  const reserved = changeFields.map((field) => field.name);
  const taken = end.columns.find((column) => reserved.includes(column.name.toLowerCase()));
  if (!taken) return;
  const feature = `changes of a column named "${taken.name}"`;
  throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file: end.state.metadata.file, table, feature });
}
