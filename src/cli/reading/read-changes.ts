import { postgresType } from '../../core/postgres-type.js';
import { type ChangeRelation, changeFields } from '../../lake/changes/change-relation.js';
import { openCopyStream } from '../../lake/engine/copy-stream.js';
import type { TextFormat } from '../../lake/engine/copy-value.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { explainIfChanged, type Relation } from '../../lake/relation/relation.js';
import { copySelects, type TableRead } from '../../lake/relation/table-read.js';
import { planColumns, planTarget } from '../../sync/source/plan-target.js';
import { requireHistory } from '../../sync/source/source-history.js';
import { explainReadError } from './explain-read-error.js';
import { writeToStdout } from './write-to-stdout.js';

export interface VersionRange {
  /** -1: from before the first version. */
  readonly from: bigint;
  /** Null: the newest. */
  readonly to: bigint | null;
}

export interface ReadChangesOptions extends Pick<TableRead, 'invalidCharacters' | 'limit'> {
  readonly format: TextFormat;
  readonly changes: VersionRange;
  /** Given a key, only the last state of each. */
  readonly primaryKey?: readonly string[];
  readonly allowFileDiff?: boolean;
}

/** Writes the changes of a source table to standard output, in the form in which its rows are sent to Postgres. */
export async function writeChanges(lakeTable: LakeTable, options: ReadChangesOptions): Promise<void> {
  const { from, to } = options.changes;
  const changes = await requireHistory(lakeTable, lakeTable.name).changes({
    from,
    ...(to === null ? {} : { to }),
    allowFileDiff: options.allowFileDiff ?? false,
    schemaPolicy: 'follow',
    ...(options.primaryKey ? { keyColumns: options.primaryKey } : {}),
  });
  await using _ = changes;
  const columns = [
    ...planColumns(changes.end),
    ...changeFields.map((field) => ({ field, postgresType: postgresType(field.type) ?? 'text' })),
  ];
  const fields = columns.map((column) => column.field);
  let relation: Relation | null = null;
  try {
    const select = await changesSelect(changes, options.primaryKey);
    // Disposed together with the changes.
    relation = { parts: [select], rowCount: null, [Symbol.asyncDispose]: async () => {} };
    const { format, invalidCharacters, limit } = options;
    const wanted = { columns: fields, keyColumns: [], timeseriesKey: null, invalidCharacters, format };
    const connection = await lakeTable.engine.connect();
    try {
      for (const copy of copySelects({ parts: [select] }, limit === undefined ? wanted : { ...wanted, limit })) {
        await writeToStdout(await openCopyStream(connection, copy, format, lakeTable.engine.scratchFolder));
      }
    } finally {
      connection.closeSync();
    }
    await changes.requireUnchanged?.();
  } catch (failure) {
    const error = await explainIfChanged(changes, failure);
    const keyColumns = options.primaryKey ?? lakeTable.declared?.primaryKey ?? [];
    const { engine, name: table } = lakeTable;
    throw await explainReadError(error, { engine, relation, table, keyColumns, columns });
  }
}

async function changesSelect(changes: ChangeRelation, primaryKey: readonly string[] | undefined): Promise<string> {
  await changes.fetch();
  if (!primaryKey) return changes.select;
  planTarget(changes.end, { keyColumns: primaryKey, timeseriesKey: null });
  const collapsed = await changes.collapse({ keyColumns: primaryKey });
  if (collapsed.duplicateKeyCount > 0n) {
    const keys = collapsed.duplicateKeys.join(', ');
    process.stderr.write(`${collapsed.duplicateKeyCount} keys have several rows at version ${changes.to}: ${keys}\n`);
  }
  if (collapsed.rowsWithoutKey > 0n) {
    process.stderr.write(`${collapsed.rowsWithoutKey} rows are left out for a null in the key\n`);
  }
  return collapsed.select;
}
