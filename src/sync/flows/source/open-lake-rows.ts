import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { changeFields } from '../../../lake/changes/change-relation.js';
import type { LakeTable } from '../../../lake/lake-table.js';
import type { ReadInPlace, SourceFile } from '../../../lake/relation/relation.js';
import { holdWhole } from '../../../lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../../lake/source-snapshot.js';
import { requireHistory } from '../../source/source-history.js';
import type { TablePosition } from './source-position.js';

/** `all`: the rows of the newest version. `stream`: the rows added since. `changes`: the change feed since. */
export type LakeReadMode = 'all' | 'stream' | 'changes';

export interface LakeRows extends ReadInPlace, AsyncDisposable {
  readonly columns: readonly Field[];
  readonly select: string;
  /** The local files that it reads. */
  readonly files: readonly SourceFile[];
  readonly position: TablePosition;
  readonly hasNews: boolean;
}

/**
 * Opens what a flow has not yet read of a lakehouse table. If nothing was read before, that is every row, as if newly
 * added.
 * @throws SOURCE_WITHOUT_HISTORY, REMOTE_CHANGES_NOT_GIVEN, CHANGES_NOT_RECORDED, and errors of reading a log or its changes
 */
export async function openLakeRows(
  lakeTable: LakeTable,
  mode: LakeReadMode,
  position: TablePosition | undefined,
  signal?: AbortSignal,
): Promise<LakeRows> {
  if (mode !== 'all' && position?.kind === 'lake') return openNewRows(lakeTable, mode, position, signal);
  const snapshot = await lakeTable.snapshot();
  const isChanges = mode === 'changes';
  if (isChanges) requireHistory(lakeTable, lakeTable.name);
  // What has no feed that could be switched on never has its changes recorded.
  if (isChanges && snapshot.hasChangeFeed === undefined) {
    throw syncedTablesError('CHANGES_NOT_RECORDED', { table: lakeTable.name });
  }
  const wasRead = mode === 'all' && position?.kind === 'lake' && (await wasReadBefore(lakeTable, snapshot, position));
  const relation = await lakeTable.openRelation(snapshot, 1);
  try {
    const whole = await holdWhole(relation, signal);
    return {
      columns: isChanges ? [...snapshot.columns, ...changeFields] : snapshot.columns,
      select: isChanges ? asInserts(whole.select, snapshot) : whole.select,
      files: whole.files,
      position: await positionOf(lakeTable, snapshot),
      hasNews: !wasRead,
      requireUnchanged: async () => relation.requireUnchanged?.(),
      async [Symbol.asyncDispose]() {
        await whole[Symbol.asyncDispose]();
        await relation[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await relation[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whether it is the same version of the same table, and its commit the one that was read. */
async function wasReadBefore(
  { changeFeed }: LakeTable,
  { version, tableId, bookmark }: SourceSnapshot,
  position: TablePosition & { kind: 'lake' },
): Promise<boolean> {
  const isSameVersion = version !== null && version.toString() === position.version && tableId === position.tableId;
  if (!isSameVersion || position.bookmark === null) return isSameVersion;
  if (bookmark !== undefined) return bookmark === position.bookmark;
  return (await changeFeed?.isSameCommit(position.bookmark)) ?? true;
}

/** The start of a change feed: all existing rows, inserted at the version at which they were read. */
function asInserts(rows: string, snapshot: SourceSnapshot): string {
  const committed = `make_timestamp(${(snapshot.committedAtMs ?? 0) * 1000}::bigint) at time zone 'UTC'`;
  return `select *, 'insert' as _change_type, ${snapshot.version ?? 0n}::bigint as _commit_version, ${committed} as _commit_timestamp from (${rows})`;
}

async function positionOf(lakeTable: LakeTable, snapshot: SourceSnapshot): Promise<TablePosition> {
  const { version, tableId } = snapshot;
  const ofHistory = async () => (version === null ? null : ((await lakeTable.changeFeed?.bookmark(version)) ?? null));
  const bookmark = snapshot.bookmark ?? (await ofHistory());
  return { kind: 'lake', version: (version ?? -1n).toString(), tableId, bookmark };
}

async function openNewRows(
  lakeTable: LakeTable,
  mode: 'stream' | 'changes',
  position: TablePosition & { kind: 'lake' },
  signal: AbortSignal | undefined,
): Promise<LakeRows> {
  if (lakeTable.changeFeed === null) return openLakeRows(lakeTable, 'all', position, signal);
  const { version, bookmark, tableId } = position;
  const changes = await lakeTable.changeFeed.changes({
    from: BigInt(version),
    // Rows rewritten by an OPTIMIZE or an UPDATE come again, which does no harm.
    allowFileDiff: mode === 'stream',
    ...(bookmark === null ? {} : { bookmark }),
    ...(tableId === null ? {} : { tableId }),
    ...(signal ? { signal } : {}),
  });
  try {
    // Of a table in a store there is nothing to select before.
    await changes.fetch();
  } catch (error) {
    await changes[Symbol.asyncDispose]();
    throw error;
  }
  const names = changes.end.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const select =
    mode === 'stream'
      ? `select ${names} from (${changes.select}) where _change_type in ('insert', 'update_postimage')`
      : `select * from (${changes.select}) where _change_type <> 'update_preimage'`;
  return {
    columns: mode === 'stream' ? changes.end.columns : [...changes.end.columns, ...changeFields],
    select,
    files: changes.files,
    position: {
      kind: 'lake',
      version: changes.to.toString(),
      tableId: changes.end.tableId,
      bookmark: changes.bookmark,
    },
    hasNews: changes.fileCount > 0,
    requireUnchanged: async () => changes.requireUnchanged?.(),
    [Symbol.asyncDispose]: () => changes[Symbol.asyncDispose](),
  };
}
