import { createHash } from 'node:crypto';
import type pg from 'pg';
import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges, hasColumnChanges } from './column-changes.js';
import { type CopySource, copyIn } from './copy/copy-in.js';
import type { Publisher } from './publication.js';
import { explainForeignKey } from './refusals/foreign-key-refusal.js';
import { canReplaceRows, explainUnique, isUniqueViolation } from './refusals/unique-refusal.js';
import { isSameKey, replaceRows, upsertRows } from './row-merge.js';
import { BRIEF_LOCKS } from './session/lock-patience.js';
import { inTransaction } from './session/session.js';
import { columnDefinitions, identifierList } from './shadow-table.js';
import { solePartition } from './table-switch.js';

/** Column of the staged rows behind those of the table: `upsert`, `delete`, or `newer` (see `newestBy`). */
const CHANGE_TYPE_COLUMN = '_change_type';

export interface ApplyOptions {
  readonly client: pg.Client;
  /** Runs it: in a transaction of its own, or with other tables. */
  readonly publish: Publisher;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** The columns of the source now. */
  readonly columns: readonly TargetColumn[];
  /** Columns to be added first; nothing else can be done to rows that stay. */
  readonly columnChanges: ColumnChanges;
  /** Opens the changes: one row a key, `columns`, then CHANGE_TYPE_COLUMN. Called again for each attempt. */
  readonly openSource: () => Promise<CopySource>;
  /** The column by whose greater value a row of type `newer` has to beat the one that is there; null: there are none. */
  readonly newestBy: TargetColumn | null;
  /** Rows that came less rows that went, which is held against what was done; null if nobody knows. */
  readonly balance: bigint | null;
  /** Writes position and results in the same transaction. */
  readonly finish: (counts: ApplyCounts) => Promise<void>;
  readonly patienceMs?: number;
}

export interface ApplyCounts {
  /** Changes that came in: one a key. */
  readonly rowsStaged: bigint;
  /** Rows inserted or really changed. */
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
  /** Rows that were not there before. */
  readonly rowsInserted: bigint;
}

/**
 * Applies changes to a published table together with the position that they lead to, in one transaction: COPY into a
 * temporary table, then one DELETE and one INSERT … ON CONFLICT in the order of the key. Rows that are equal already
 * are not rewritten. Readers wait only if columns are added.
 * @throws LastStateUnclear, FOREIGN_KEY_REFERENCES_ROW, INDEX_UNBUILDABLE, LOCK_TIMEOUT, LEASE_LOST, SYNCED_TABLE_DELETED, and what the source fails with
 */
export async function applyChanges(options: ApplyOptions): Promise<ApplyCounts> {
  const { client, table, relation } = options;
  let merge = upsertRows;
  let staged: Staged = { staging: '', rows: 0n };
  try {
    const { result } = await options.publish({
      table,
      relation,
      kind: 'rows',
      patienceMs: options.patienceMs,
      stage: async () => {
        staged = await stage(options);
      },
      apply: () => apply(options, staged, merge),
      mend: async (error) => {
        if (merge === replaceRows || !isUniqueViolation(error) || !(await canReplaceRows(client, relation)))
          return false;
        merge = replaceRows;
        return true;
      },
    });
    return result;
  } catch (error) {
    if (error instanceof LastStateUnclear) throw error;
    const withRows = (find: (rows: string) => Promise<string[]>) => withNewRows(options, find);
    throw await explainUnique(client, await explainForeignKey(client, error, table), { table, relation, withRows });
  }
}

/** The rows that the table would have had: staged once more, for a look at what was wrong with them. */
async function withNewRows(options: ApplyOptions, find: (rows: string) => Promise<string[]>): Promise<string[]> {
  const { client, table, columns, relation } = options;
  if (hasColumnChanges(options.columnChanges)) return [];
  return inTransaction(client, async () => {
    const { staging } = await stage(options);
    const partition = await solePartition(client, relation);
    if (options.newestBy !== null) await dropOutdated(options, options.newestBy, { staging, partition });
    const names = columns.map(({ field }) => field.name);
    const kept = `select ${identifierList(names)} from ${partition} t
                   where not exists (select from ${staging} s where ${isSameKey(table.keyColumns, 's', 't')})`;
    const changed = `select ${identifierList(names)} from ${staging} where ${CHANGE_TYPE_COLUMN} <> 'delete'`;
    return find(`(${kept} union all ${changed})`);
  });
}

/**
 * A key has several rows in the source that count alike, or had them for some of the versions: the last state of its
 * changes does not tell what it has now. Nothing was applied.
 */
export class LastStateUnclear extends Error {
  constructor() {
    super('changes do not tell the last state of a key');
  }
}

/**
 * The temporary table that changes are copied into, quoted for SQL. It outlives the transaction, empty: whoever follows
 * a table applies changes all the time, and catalogs must not grow by that. Other columns make it another table, and so
 * does another synced table: those that are published together are staged together.
 */
function stagingTable({ tableId }: SyncedTable, definitions: string): string {
  const hash = createHash('sha256').update(`${tableId} ${definitions}`).digest('hex');
  return `pg_temp.synced_tables_changes_${hash.slice(0, 16)}`;
}

interface Staged {
  readonly staging: string;
  readonly rows: bigint;
}

async function apply(options: ApplyOptions, staged: Staged, merge: typeof upsertRows): Promise<ApplyCounts> {
  const { staging, rows: rowsStaged } = staged;
  const { client, table, columns, relation } = options;
  await addColumns(options, `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`);
  // Not by way of the parent: rows that are routed do not tell whether they were inserted or updated.
  const partition = await solePartition(client, relation);
  if (options.newestBy !== null) await dropOutdated(options, options.newestBy, { staging, partition });
  const deleted = await client.query(
    `delete from ${partition} t using ${staging} s
      where s.${CHANGE_TYPE_COLUMN} = 'delete' and ${isSameKey(table.keyColumns, 't', 's')}`,
  );
  const { written, inserted } = await merge(client, {
    into: partition,
    from: staging,
    filter: `s.${CHANGE_TYPE_COLUMN} <> 'delete'`,
    columns,
    keyColumns: table.keyColumns,
  });
  const counts = {
    rowsStaged,
    rowsWritten: written,
    rowsInserted: inserted,
    rowsDeleted: BigInt(deleted.rowCount ?? 0),
  };
  if (options.balance !== null) requireBalance(counts, options.balance);
  await options.finish(counts);
  return counts;
}

/**
 * Takes the staged rows away that are not newer than the row of their key here. A null is older than any value.
 * @throws LastStateUnclear if a row is exactly as new
 */
async function dropOutdated(
  { client, table }: ApplyOptions,
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
        where s.${CHANGE_TYPE_COLUMN} = 'newer' and ${isSameKey(table.keyColumns, 't', 's')} and not ${isNewer}
       returning s.${name} is not distinct from t.${name} as is_tie)
     select exists (select from outdated where is_tie) as has_tie`,
  );
  if (rows[0]?.has_tie) throw new LastStateUnclear();
}

async function stage(options: ApplyOptions): Promise<Staged> {
  const { client, table, columns } = options;
  const definitions = `${columnDefinitions(columns)}, ${CHANGE_TYPE_COLUMN} text not null`;
  const staging = stagingTable(table, definitions);
  await client.query(`create temporary table if not exists ${staging} (${definitions}) on commit delete rows`);
  // Not analyzed: that takes half as long as applying them, and all that the planner could make of it is a scan of the
  // whole table, which the limit of changes that are applied rules out.
  const { rows } = await copyIn(client, `copy ${staging} from stdin`, await options.openSource());
  return { staging, rows };
}

/**
 * A key that has one row here and gets another one in the source has two there, and may lose either of them again.
 * Such keys only ever make the source's balance greater than ours, so the sums tell without a look at keys.
 */
function requireBalance(counts: ApplyCounts, balance: bigint): void {
  if (balance !== counts.rowsInserted - counts.rowsDeleted) throw new LastStateUnclear();
}

async function addColumns(options: ApplyOptions, target: string): Promise<void> {
  if (!hasColumnChanges(options.columnChanges)) return;
  const { client } = options;
  const { rows } = await client.query<{ lock_timeout: string }>('show lock_timeout');
  await client.query(BRIEF_LOCKS);
  await applyColumnChanges(client, options.table, target, options.columnChanges);
  await client.query(`set local lock_timeout = '${rows[0]?.lock_timeout}'`);
}
