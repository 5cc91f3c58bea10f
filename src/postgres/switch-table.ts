import type pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../core/names.js';
import type { SyncedTable } from '../core/synced-table.js';
import { applyColumnChanges } from './column-changes.js';
import { commitPosition } from './commit-position.js';
import type { ReplacingCopy } from './loaded-copy.js';
import { BRIEF_LOCKS } from './lock-patience.js';
import type { Publication } from './publication.js';
import { buildMissingIndexes, qualifiedShadow } from './shadow-table.js';
import type { TableUpdateResult } from './table-update-record.js';

/** Makes a loaded shadow table fit to become the partition of a published table: owner, rights, constraints. */
export async function preparePartition(client: pg.Client, relation: number, shadow: string): Promise<void> {
  await client.query('select databricks_auth.prepare_partition($1::oid, $2::regclass)', [
    relation,
    qualifiedShadow(shadow),
  ]);
}

/**
 * Replaces the partition of a published table by a loaded and prepared one. The table keeps its OID, indexes, rights,
 * comments and whatever depends on it; readers see the old rows or the new ones and wait for milliseconds.
 * Fails with SYNCED_TABLE_DELETED, DEPENDENT_OBJECTS_EXIST, INDEX_UNBUILDABLE.
 */
export function switchPublication(copy: ReplacingCopy): Publication {
  const { client, position, relation, shadow } = copy;
  const { table } = position;
  const mayLackColumns = copy.columnChanges.dropped.length > 0;
  let unbuildable: ReadonlySet<string> = new Set();
  return {
    table,
    relation,
    kind: 'switch',
    ready: async () => {
      unbuildable = await buildMissingIndexes({ client, table, relation, shadow, mayLackColumns });
    },
    apply: () => exchange(copy, unbuildable),
    // If somebody made another index meanwhile: build it, then come again.
    mend: async (error) => error instanceof IndexAppeared,
  };
}

/** The position is written before the table is locked: readers wait for what comes after. */
async function exchange(copy: ReplacingCopy, unbuildable: ReadonlySet<string>): Promise<TableUpdateResult> {
  const { client, position, relation, shadow, result } = copy;
  const { table } = position;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  await client.query(BRIEF_LOCKS);
  await commitPosition(client, position, { relation, result, rowCount: result.rowsWritten });
  const old = await solePartition(client, relation);
  await client.query(`alter table ${target} detach partition ${old}`);
  const { rows } = await client.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes($1::oid, $2::regclass) as statement`,
    [relation, qualifiedShadow(shadow)],
  );
  if (rows.some(({ statement }) => !unbuildable.has(statement))) throw new IndexAppeared();
  await applyColumnChanges(client, table, target, copy.columnChanges);
  await client.query(`alter table ${target} attach partition ${qualifiedShadow(shadow)} default`);
  await client.query(`drop table ${old}`);
  return result;
}

/** Rolls the switch back: an index that ATTACH had to build would keep readers waiting. */
class IndexAppeared extends Error {}

/** The partition that holds the rows of a synced table, quoted for SQL. */
export async function solePartition(client: pg.Client, relation: number): Promise<string> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = databricks_auth.sole_partition($1::oid)`,
    [relation],
  );
  const partition = rows[0];
  if (!partition) throw new Error('the synced table does not have its one partition');
  return `${quoteIdentifier(partition.schema)}.${quoteIdentifier(partition.name)}`;
}

/** True if another table refers to this one by a foreign key: then its partition cannot be detached. */
export async function isReferenced(client: pg.Client, relation: number): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from pg_constraint where confrelid = $1 and contype = 'f') as found`,
    [relation],
  );
  return rows[0]?.found === true;
}

/** OID and current name of a published table; null if it was dropped. */
export async function findRelation(client: pg.Client, relation: number): Promise<string | null> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = $1 and c.relkind = 'p'`,
    [relation],
  );
  return rows[0] ? postgresTableName(rows[0].schema, rows[0].name) : null;
}

/**
 * Brings the planner's statistics of the parent up to date: autovacuum never looks at partitioned tables, and the
 * partition was analyzed before it was switched in.
 */
export async function analyzeParent(client: pg.Client, table: SyncedTable): Promise<void> {
  const { rows } = await client.query<{ has_only: boolean }>(
    `select current_setting('server_version_num')::int >= 180000 as has_only`,
  );
  const only = rows[0]?.has_only ? 'only ' : '';
  await client.query(`analyze ${only}${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`);
}
