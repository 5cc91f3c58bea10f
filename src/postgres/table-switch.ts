import type pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../core/names.js';
import type { SyncedTable } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges } from './column-changes.js';
import type { Publisher } from './publication.js';
import { BRIEF_LOCKS } from './session/lock-patience.js';
import { buildMissingIndexes, qualifiedShadow } from './shadow-table.js';

export interface SwitchOptions {
  readonly client: pg.Client;
  /** Runs it: in a transaction of its own, or with other tables. */
  readonly publish: Publisher;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** Name of the loaded shadow table: key built, ANALYZEd. */
  readonly shadow: string;
  readonly columnChanges: ColumnChanges;
  /** Writes position and results in the same transaction, before the table is locked. */
  readonly finish: () => Promise<void>;
}

/**
 * Replaces the partition of a published table by a loaded one. The table keeps its OID, indexes, rights, comments and
 * whatever depends on it; readers see the old rows or the new ones and wait for milliseconds.
 * @returns how long the transaction that switched took, in ms
 * @throws LOCK_TIMEOUT if transactions keep the table locked, LEASE_LOST, SYNCED_TABLE_DELETED, DEPENDENT_OBJECTS_EXIST,
 *   INDEX_UNBUILDABLE
 */
export async function switchTable(options: SwitchOptions): Promise<number> {
  const { client, table, relation, shadow } = options;
  await client.query('select databricks_auth.prepare_partition($1::oid, $2::regclass)', [
    relation,
    qualifiedShadow(shadow),
  ]);
  const mayLackColumns = options.columnChanges.dropped.length > 0;
  let unbuildable: ReadonlySet<string> = new Set();
  const { transactionMs } = await options.publish({
    table,
    relation,
    kind: 'switch',
    ready: async () => {
      unbuildable = await buildMissingIndexes({ ...options, mayLackColumns });
    },
    apply: () => exchange(options, unbuildable),
    // If somebody made another index meanwhile: build it, then come again.
    mend: async (error) => error instanceof IndexAppeared,
  });
  return transactionMs;
}

async function exchange(options: SwitchOptions, unbuildable: ReadonlySet<string>): Promise<void> {
  const { client, table, relation, shadow } = options;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  await client.query(BRIEF_LOCKS);
  await options.finish();
  const old = await solePartition(client, relation);
  await client.query(`alter table ${target} detach partition ${old}`);
  const { rows } = await client.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes($1::oid, $2::regclass) as statement`,
    [relation, qualifiedShadow(shadow)],
  );
  if (rows.some(({ statement }) => !unbuildable.has(statement))) throw new IndexAppeared();
  await applyColumnChanges(client, table, target, options.columnChanges);
  await client.query(`alter table ${target} attach partition ${qualifiedShadow(shadow)} default`);
  await client.query(`drop table ${old}`);
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
