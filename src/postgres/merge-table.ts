import type pg from 'pg';
import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges, hasColumnChanges } from './column-changes.js';
import type { Publisher } from './publication.js';
import { explainForeignKey } from './refusals/foreign-key-refusal.js';
import { canReplaceRows, explainUnique, isUniqueViolation } from './refusals/unique-refusal.js';
import { isSameKey, replaceRows, upsertRows } from './row-merge.js';
import { BRIEF_LOCKS } from './session/lock-patience.js';
import { inTransaction } from './session/session.js';
import { qualifiedShadow } from './shadow-table.js';
import { solePartition } from './table-switch.js';

export interface MergeOptions {
  readonly client: pg.Client;
  /** Runs it: in a transaction of its own, or with other tables. */
  readonly publish: Publisher;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  readonly columns: readonly TargetColumn[];
  readonly columnChanges: ColumnChanges;
  /** Name of the loaded shadow table: key built, ANALYZEd. */
  readonly shadow: string;
  /** Writes position and results in the same transaction. */
  readonly finish: (counts: MergeCounts) => Promise<void>;
}

export interface MergeCounts {
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
}

/**
 * Makes a published table equal to a loaded one row by row: for tables that a foreign key refers to, whose partition
 * Postgres does not let go. Rows that are equal are not rewritten. Readers wait only if columns change.
 * @throws FOREIGN_KEY_REFERENCES_ROW, INDEX_UNBUILDABLE, LOCK_TIMEOUT, DEPENDENT_OBJECTS_EXIST, LEASE_LOST, SYNCED_TABLE_DELETED
 */
export async function mergeTable(options: MergeOptions): Promise<void> {
  const { client, table, relation } = options;
  let merge = upsertRows;
  try {
    await options.publish({
      table,
      relation,
      kind: 'rows',
      apply: () => apply(options, merge),
      mend: async (error) => {
        if (merge === replaceRows || !isUniqueViolation(error) || !(await canReplaceRows(client, relation)))
          return false;
        merge = replaceRows;
        return true;
      },
    });
  } catch (error) {
    const withRows = (find: (rows: string) => Promise<string[]>) =>
      inTransaction(client, () => find(qualifiedShadow(options.shadow)));
    throw await explainUnique(client, await explainForeignKey(client, error, table), { table, relation, withRows });
  }
}

async function apply(options: MergeOptions, merge: typeof upsertRows): Promise<void> {
  const { client, table } = options;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  if (hasColumnChanges(options.columnChanges)) {
    const { rows } = await client.query<{ lock_timeout: string }>('show lock_timeout');
    await client.query(BRIEF_LOCKS);
    await applyColumnChanges(client, table, target, options.columnChanges);
    await client.query(`set local lock_timeout = '${rows[0]?.lock_timeout}'`);
  }
  await options.finish(await applyDifferences(options, target, merge));
  await client.query(`drop table ${qualifiedShadow(options.shadow)}`);
}

async function applyDifferences(
  { client, table, columns, relation, shadow }: MergeOptions,
  target: string,
  merge: typeof upsertRows,
): Promise<MergeCounts> {
  const from = qualifiedShadow(shadow);
  const { keyColumns } = table;
  const deleted = await client.query(
    `delete from ${target} t where not exists (select from ${from} s where ${isSameKey(keyColumns, 's', 't')})`,
  );
  // Not by way of the parent: rows that are routed do not tell whether they were inserted or updated.
  const into = await solePartition(client, relation);
  const { written } = await merge(client, { into, from, filter: 'true', columns, keyColumns });
  return { rowsWritten: written, rowsDeleted: BigInt(deleted.rowCount ?? 0) };
}
