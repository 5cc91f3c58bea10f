import type pg from 'pg';
import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges, hasColumnChanges } from './column-changes.js';
import { type CopySource, copyIn } from './copy-in.js';
import { explainForeignKey } from './foreign-key-refusal.js';
import { type Lease, requireLease } from './lease.js';
import { BRIEF_LOCKS, NO_SILENCE, withLockPatience } from './lock-patience.js';
import { inTransaction } from './session.js';
import { columnDefinitions, identifierList } from './shadow-table.js';

/** Columns of the staged rows behind those of the table: `upsert` or `delete`, and rows that came less rows that went. */
export const CHANGE_TYPE_COLUMN = '_change_type';
export const ROW_BALANCE_COLUMN = '_row_balance';

/** Below this the planner's guess for a table it knows nothing of is good enough. */
const ANALYZE_ROWS_MIN = 1_000;

export interface ApplyOptions {
  readonly client: pg.Client;
  readonly lease: Lease;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** The columns of the source now. */
  readonly columns: readonly TargetColumn[];
  /** Columns to be added first; nothing else can be done to rows that stay. */
  readonly columnChanges: ColumnChanges;
  /** Opens the changes: one row a key, `columns`, CHANGE_TYPE_COLUMN, ROW_BALANCE_COLUMN. Called again for each attempt. */
  readonly openSource: () => Promise<CopySource>;
  /** Writes position and results in the same transaction. */
  readonly finish: (counts: ApplyCounts) => Promise<void>;
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
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
 * @throws FOREIGN_KEY_REFERENCES_ROW, LOCK_TIMEOUT, LEASE_LOST, SYNCED_TABLE_DELETED, and what the source fails with
 */
export async function applyChanges(options: ApplyOptions): Promise<ApplyCounts> {
  return withLockPatience(options, () => applyOnce(options)).catch((error: unknown) => {
    throw explainForeignKey(error, options.table);
  });
}

async function applyOnce(options: ApplyOptions): Promise<ApplyCounts> {
  const { client, lease, table, columns } = options;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const names = identifierList(columns.map((column) => column.field.name));
  return inTransaction(client, async () => {
    const staging = 'pg_temp.synced_tables_changes';
    await client.query(
      `create temporary table synced_tables_changes (${columnDefinitions(columns)},
         ${CHANGE_TYPE_COLUMN} text not null, ${ROW_BALANCE_COLUMN} bigint not null) on commit drop`,
    );
    // The source sets the pace of the COPY, however slow; what follows must not fall silent while it holds locks.
    const copied = await copyIn(client, `copy ${staging} from stdin`, await options.openSource());
    if (copied.rows >= ANALYZE_ROWS_MIN) await client.query(`analyze ${staging}`);
    await client.query(NO_SILENCE);
    await requireLease(client, lease, table.fullName);
    await addColumns(options, target);
    const deleted = await client.query(
      `delete from ${target} t using ${staging} s where s.${CHANGE_TYPE_COLUMN} = 'delete' and ${isSameKey(table)}`,
    );
    const written = await client.query<{ inserted: string; written: string }>(
      `with written as (${upsert(table, columns, target, staging, names)} returning (t.xmax = 0) as is_new)
       select count(*) filter (where is_new)::text as inserted, count(*)::text as written from written`,
    );
    const counts = {
      rowsStaged: copied.rows,
      rowsWritten: BigInt(written.rows[0]?.written ?? 0),
      rowsInserted: BigInt(written.rows[0]?.inserted ?? 0),
      rowsDeleted: BigInt(deleted.rowCount ?? 0),
    };
    await requireBalance(options, counts, staging);
    await options.finish(counts);
    return counts;
  });
}

/**
 * A key that has one row here and gets another one in the source has two there: a whole copy would refuse it, so do
 * we. Such keys only ever make the source's balance greater than ours, so the sums tell them without a look at keys.
 * @throws KeyBalanceBroken, for the caller to look for the keys
 */
async function requireBalance(options: ApplyOptions, counts: ApplyCounts, staging: string): Promise<void> {
  if (options.table.timeseriesKey !== null) return;
  const { rows } = await options.client.query<{ balance: string }>(
    `select coalesce(sum(${ROW_BALANCE_COLUMN}), 0)::text as balance from ${staging}`,
  );
  if (BigInt(rows[0]?.balance ?? 0) !== counts.rowsInserted - counts.rowsDeleted) throw new KeyBalanceBroken();
}

/** The source has several rows with one key. */
export class KeyBalanceBroken extends Error {}

async function addColumns(options: ApplyOptions, target: string): Promise<void> {
  if (!hasColumnChanges(options.columnChanges)) return;
  const { client } = options;
  const { rows } = await client.query<{ lock_timeout: string }>('show lock_timeout');
  await client.query(BRIEF_LOCKS);
  await applyColumnChanges(client, options.table, target, options.columnChanges);
  await client.query(`set local lock_timeout = '${rows[0]?.lock_timeout}'`);
}

function isSameKey(table: SyncedTable): string {
  return table.keyColumns.map((key) => `t.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`).join(' and ');
}

/** In the order of the key, so that neighbours in the index are written together and sessions never deadlock. */
function upsert(
  table: SyncedTable,
  columns: readonly TargetColumn[],
  target: string,
  staging: string,
  names: string,
): string {
  const others = columns.map((column) => column.field.name).filter((name) => !table.keyColumns.includes(name));
  const list = (prefix: string) => others.map((name) => `${prefix}.${quoteIdentifier(name)}`).join(', ');
  const assignments = others.map((name) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`);
  const keys = identifierList(table.keyColumns);
  const conflict =
    others.length === 0
      ? 'nothing'
      : `update set ${assignments.join(', ')} where (${list('t')}) is distinct from (${list('excluded')})`;
  return `insert into ${target} as t (${names}) select ${names} from ${staging} where ${CHANGE_TYPE_COLUMN} = 'upsert' order by ${keys}
            on conflict (${keys}) do ${conflict}`;
}
