import { createHash } from 'node:crypto';
import type pg from 'pg';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { type CopySource, copyIn } from '../copy/copy-in.js';
import { explainForeignKey } from '../refusals/foreign-key-refusal.js';
import { explainLongEntry } from '../refusals/long-entries.js';
import { explainUnique } from '../refusals/unique-refusal.js';
import { commitPosition, type NewPosition } from '../registry/commit-position.js';
import { ChangedByHand } from '../registry/hand-writes.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { type Answer, queryTogether } from '../session/query-together.js';
import { inTransaction } from '../session/session.js';
import { applyColumnChangesBriefly, type ColumnChanges, hasColumnChanges } from './column-changes.js';
import { isSameKey, MergeStatement, mergeCounts } from './merge-rows.js';
import type { Publication, PublishedPlace } from './publication.js';
import { solePartition } from './published-table.js';
import { columnDefinitions } from './shadow-table.js';

/** Column of the staged rows after those of the table: `upsert`, `delete`, or `newer` (see `newestBy`). */
const CHANGE_TYPE_COLUMN = '_change_type';

/** Changes as COPY takes them. */
export interface StagedSource extends CopySource {
  readonly format: 'text' | 'binary';
}

/** Source changes to merge into a published table, and the position that they lead to. */
export interface ChangesToMerge {
  readonly client: pg.Client;
  readonly position: NewPosition;
  /** OID of the published table. */
  readonly relation: number;
  /** The current columns of the source. */
  readonly columns: readonly TargetColumn[];
  /** Columns to add first; no other column change is possible for rows that stay. */
  readonly columnChanges: ColumnChanges;
  /** Opens the changes: one row per key, `columns`, then CHANGE_TYPE_COLUMN. Called again for each attempt. */
  readonly openSource: () => Promise<StagedSource>;
  /** True if a failure of the source will not happen again when it is opened next. */
  readonly mendSource: (error: unknown) => boolean;
  /** The column in which a row of type `newer` must exceed the existing one; null if there are no such rows. */
  readonly newestBy: TargetColumn | null;
  /** Inserted minus deleted rows according to the source, checked against what was done; null if unknown. */
  readonly balance: bigint | null;
  /** Counts collected while reading. */
  readonly read: Pick<TableUpdateResult, 'rowsWithoutKey' | 'rowsWithStrippedCharacters'>;
  /** When reading them began, by `performance.now()`. */
  readonly startedAt: number;
  readonly patienceMs?: number | undefined;
}

/**
 * Merges changes into a published table: COPY into a temporary table, then one DELETE and one INSERT … ON CONFLICT in
 * key order. Rows that are already equal are not rewritten. Readers wait only if columns are added. Fails with
 * LastStateUnclear, ChangedByHand, FOREIGN_KEY_REFERENCES_ROW, INDEX_UNBUILDABLE, SYNCED_TABLE_DELETED, and the source's own failures.
 */
export function changesPublication(changes: ChangesToMerge): Publication {
  const { client, position, relation } = changes;
  const { table } = position;
  const merge = new MergeStatement(client, relation);
  let staging = '';
  return {
    table,
    relation,
    kind: 'rows',
    patienceMs: changes.patienceMs,
    stage: async (opening, closing) => {
      const staged = await stage(changes, opening, closing);
      staging = staged.staging;
      return staged.answers;
    },
    apply: (place) => mergeStagedChanges(changes, { staging, place }, merge),
    mend: async (error) => changes.mendSource(error) || merge.mend(error),
    explain: async (error) => {
      if (error instanceof LastStateUnclear || error instanceof ChangedByHand) return error;
      const withRows = (find: (rows: string) => Promise<string[]>) => withNewRows(changes, find);
      const cause = await explainForeignKey(client, error, table);
      const refused = await explainUnique(client, cause, { table, relation, withRows });
      const withStaged = <Found>(find: (rows: string) => Promise<Found>) => withStagedRows(changes, find);
      return explainLongEntry(client, refused, { table, relation, withRows: withStaged });
    },
  };
}

/** The rows that the table would have had: staged once more, to find what was wrong with them. */
async function withNewRows(changes: ChangesToMerge, find: (rows: string) => Promise<string[]>): Promise<string[]> {
  const { client, position, columns, relation, newestBy } = changes;
  if (hasColumnChanges(changes.columnChanges)) return [];
  return inTransaction(client, async () => {
    const { staging } = await stage(changes);
    const partition = await solePartition(client, relation);
    if (newestBy !== null) await dropOutdated(changes, newestBy, { staging, partition });
    const kept = `select ${namesOf(columns)} from ${partition} t
                   where not exists (select from ${staging} s where ${isSameKey(position.table.keyColumns, 's', 't')})`;
    return find(`(${kept} union all ${stagedRows(staging, columns)})`);
  });
}

/** The rows that changes bring: staged once more. */
async function withStagedRows<Found>(changes: ChangesToMerge, find: (rows: string) => Promise<Found>): Promise<Found> {
  return inTransaction(changes.client, async () =>
    find(`(${stagedRows((await stage(changes)).staging, changes.columns)})`),
  );
}

function stagedRows(staging: string, columns: readonly TargetColumn[]): string {
  return `select ${namesOf(columns)} from ${staging} where ${CHANGE_TYPE_COLUMN} <> 'delete'`;
}

const namesOf = (columns: readonly TargetColumn[]) => identifierList(columns.map(({ field }) => field.name));

/**
 * A key has several rows in the source that rank equally, or had in some of the versions: the last state of its changes
 * does not say what it has now. Nothing was applied.
 *
 * A key with one row here that gets another in the source has two there, and may lose either again. Such keys can only
 * make the source's balance greater than ours, so comparing the sums is enough.
 */
export class LastStateUnclear extends Error {
  constructor() {
    super('changes do not tell the last state of a key');
  }
}

/**
 * The temporary table that changes are copied into, quoted for SQL. It outlives the transaction, empty: a followed
 * table receives changes all the time, and the catalogs must not grow with them. Other columns make it a different
 * table, and so does another synced table: those published together are staged together.
 */
function stagingTable({ tableId }: SyncedTable, definitions: string): string {
  const hash = createHash('sha256').update(`${tableId} ${definitions}`).digest('hex');
  return `pg_temp.synced_tables_changes_${hash.slice(0, 16)}`;
}

/** Merges the staged changes and moves the table to their position. */
async function mergeStagedChanges(
  changes: ChangesToMerge,
  // Not through the parent: routed rows do not report whether they were inserted or updated.
  { staging, place }: { readonly staging: string; readonly place: PublishedPlace },
  merge: MergeStatement,
): Promise<TableUpdateResult> {
  const { client, columns, relation, newestBy, position } = changes;
  const { table } = position;
  const partition = place.partition();
  await applyColumnChangesBriefly(client, table, place.target(), changes.columnChanges);
  if (newestBy !== null) await dropOutdated(changes, newestBy, { staging, partition });
  const [deleted, merged] = await queryTogether(client, [
    `delete from ${partition} t using ${staging} s
      where s.${CHANGE_TYPE_COLUMN} = 'delete' and ${isSameKey(table.keyColumns, 't', 's')}`,
    merge.text({
      into: partition,
      from: staging,
      filter: `s.${CHANGE_TYPE_COLUMN} <> 'delete'`,
      columns,
      keyColumns: table.keyColumns,
    }),
  ]);
  const rowsDeleted = BigInt(deleted?.rowCount ?? 0);
  const { written: rowsWritten, inserted } = mergeCounts(merged);
  const balance = inserted - rowsDeleted;
  if (changes.balance !== null && changes.balance !== balance) throw new LastStateUnclear();
  const loadSeconds = (performance.now() - changes.startedAt) / 1000;
  const { version } = position.snapshot;
  const result = { ...changes.read, method: 'CHANGES' as const, version, rowsWritten, rowsDeleted, loadSeconds };
  const rowCount = table.rowCount === null ? null : table.rowCount + balance;
  await commitPosition(client, position, { relation, result, rowCount });
  return result;
}

/**
 * Removes staged rows that are not newer than the existing row of their key. A null is older than any value.
 * @throws LastStateUnclear if a row is exactly as new
 */
async function dropOutdated(
  { client, position }: ChangesToMerge,
  newestBy: TargetColumn,
  { staging, partition }: { readonly staging: string; readonly partition: string },
): Promise<void> {
  // The engine orders texts by their bytes.
  const collation = newestBy.field.type.kind === 'string' ? ' collate "C"' : '';
  const name = quoteIdentifier(newestBy.field.name);
  const isNewer = `coalesce(s.${name}${collation} > t.${name}, t.${name} is null and s.${name} is not null)`;
  const { rows } = await client.query<{ has_tie: boolean }>(
    `with outdated as (
       delete from ${staging} s using ${partition} t
        where s.${CHANGE_TYPE_COLUMN} = 'newer' and ${isSameKey(position.table.keyColumns, 't', 's')} and not ${isNewer}
       returning s.${name} is not distinct from t.${name} as is_tie)
     select exists (select from outdated where is_tie) as has_tie`,
  );
  if (rows[0]?.has_tie) throw new LastStateUnclear();
}

/**
 * Copies the changes into their temporary table.
 * @param opening sent before it
 * @param closing sent after it
 * @returns the name of the table, quoted for SQL, and the answers of `closing`
 */
async function stage(
  changes: ChangesToMerge,
  opening = '',
  closing = '',
): Promise<{ readonly staging: string; readonly answers: readonly Answer[] }> {
  const { client, columns, position } = changes;
  const definitions = `${columnDefinitions(columns)}, ${CHANGE_TYPE_COLUMN} text not null`;
  const staging = stagingTable(position.table, definitions);
  const create = `create temporary table if not exists ${staging} (${definitions}) on commit delete rows`;
  // Not analyzed: that takes half as long as applying the changes, and could only lead the planner to scan the whole
  // table, which the limit on applied changes rules out.
  const source = await changes.openSource();
  const text = `${opening}${create}; copy ${staging} from stdin (format ${source.format}); ${closing}`;
  const { answers } = await copyIn(client, text, source);
  return { staging, answers };
}
