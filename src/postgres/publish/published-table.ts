import type pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';

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

/** True if another table references this one by a foreign key: then its partition cannot be detached. */
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
 * Refreshes the planner's statistics of the parent: autovacuum never analyzes partitioned tables, and the partition was
 * analyzed before it was switched in.
 */
export async function analyzeParent(client: pg.Client, table: SyncedTable): Promise<void> {
  const { rows } = await client.query<{ has_only: boolean }>(
    `select current_setting('server_version_num')::int >= 180000 as has_only`,
  );
  const only = rows[0]?.has_only ? 'only ' : '';
  await client.query(`analyze ${only}${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`);
}
