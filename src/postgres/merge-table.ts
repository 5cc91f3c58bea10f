import type pg from 'pg';
import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges, hasColumnChanges } from './column-changes.js';
import { explainForeignKey } from './foreign-key-refusal.js';
import { type Lease, requireLease } from './lease.js';
import { BRIEF_LOCKS, NO_SILENCE, withLockPatience } from './lock-patience.js';
import { inTransaction } from './session.js';
import { qualifiedShadow } from './shadow-table.js';
import { upsertStatement } from './upsert-statement.js';

export interface MergeOptions {
  readonly client: pg.Client;
  readonly lease: Lease;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  readonly columns: readonly TargetColumn[];
  readonly columnChanges: ColumnChanges;
  /** Name of the loaded shadow table: key built, ANALYZEd. */
  readonly shadow: string;
  /** Writes position and results in the same transaction. */
  readonly finish: (counts: MergeCounts) => Promise<void>;
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
}

export interface MergeCounts {
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
}

/**
 * Makes a published table equal to a loaded one row by row: for tables that a foreign key refers to, whose partition
 * Postgres does not let go. Rows that are equal are not rewritten. Readers wait only if columns change.
 * @throws FOREIGN_KEY_REFERENCES_ROW, LOCK_TIMEOUT, DEPENDENT_OBJECTS_EXIST, LEASE_LOST, SYNCED_TABLE_DELETED
 */
export async function mergeTable(options: MergeOptions): Promise<void> {
  const { client, lease, table, columns, shadow } = options;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  try {
    await withLockPatience(options, () =>
      inTransaction(client, async () => {
        await client.query(NO_SILENCE);
        await requireLease(client, lease, table.fullName);
        if (hasColumnChanges(options.columnChanges)) {
          const { rows } = await client.query<{ lock_timeout: string }>('show lock_timeout');
          await client.query(BRIEF_LOCKS);
          await applyColumnChanges(client, table, target, options.columnChanges);
          await client.query(`set local lock_timeout = '${rows[0]?.lock_timeout}'`);
        }
        const counts = await applyDifferences(client, table, columns, target, qualifiedShadow(shadow));
        await options.finish(counts);
        await client.query(`drop table ${qualifiedShadow(shadow)}`);
        return counts;
      }),
    );
  } catch (error) {
    throw await explainForeignKey(client, error, table);
  }
}

async function applyDifferences(
  client: pg.Client,
  table: SyncedTable,
  columns: readonly TargetColumn[],
  target: string,
  shadow: string,
): Promise<MergeCounts> {
  const isSameKey = table.keyColumns.map((key) => `s.${quoteIdentifier(key)} = t.${quoteIdentifier(key)}`);
  const deleted = await client.query(
    `delete from ${target} t where not exists (select from ${shadow} s where ${isSameKey.join(' and ')})`,
  );
  const written = await client.query(upsertStatement({ table, columns, target, source: shadow }));
  return { rowsWritten: BigInt(written.rowCount ?? 0), rowsDeleted: BigInt(deleted.rowCount ?? 0) };
}
