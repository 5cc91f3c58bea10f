import pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { Answer } from '../session/query-together.js';

/** The partition that holds the rows of a synced table, quoted for SQL. */
export async function solePartition(client: pg.Client, relation: number): Promise<string> {
  const { rows } = await client.query<{ relation: string; schema: string; name: string }>(
    solePartitionsStatement([relation]),
  );
  const found = solePartitions(rows.map(({ relation: oid, schema, name }) => [oid, schema, name]));
  return requirePartition(found.get(relation));
}

/** The partitions of synced tables: rows for `solePartitions`. */
export function solePartitionsStatement(relations: readonly number[]): string {
  return `select p.relation::text as relation, n.nspname::text as schema, c.relname::text as name
            from unnest(array[${relations.join(', ')}]::oid[]) as p (relation)
            join pg_class c on c.oid = databricks_auth.sole_partition(p.relation) join pg_namespace n on n.oid = c.relnamespace`;
}

/** By the OID of the synced table, the partition that holds its rows, quoted for SQL. */
export function solePartitions(rows: Answer): ReadonlyMap<number, string> {
  return new Map(
    rows.map(([relation, schema, name]) => [
      Number(relation),
      `${quoteIdentifier(schema ?? '')}.${quoteIdentifier(name ?? '')}`,
    ]),
  );
}

export function requirePartition(partition: string | undefined): string {
  if (partition === undefined) throw new Error('the synced table does not have its one partition');
  return partition;
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
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const analyze = (what: string) => `execute ${pg.escapeLiteral(`analyze ${what}`)};`;
  // ONLY is new in 18.
  const text = `begin if current_setting('server_version_num')::int >= 180000 then ${analyze(`only ${target}`)}
                else ${analyze(target)} end if; end`;
  await client.query(`do ${pg.escapeLiteral(text)}`);
}
