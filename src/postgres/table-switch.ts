import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { postgresTableName, quoteIdentifier } from '../core/names.js';
import type { SyncedTable } from '../core/synced-table.js';
import { applyColumnChanges, type ColumnChanges } from './column-changes.js';
import { type Lease, requireLease } from './lease.js';
import { inTransaction, isPostgresError } from './session.js';
import { buildMissingIndexes, qualifiedShadow } from './shadow-table.js';

/** Readers queue behind our lock request, so it gives up long before anybody notices, and comes again later. */
const LOCK_TIMEOUT_MS = 50;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 2_000;
/** How long to keep trying before the update fails and is tried again as a whole. */
export const SWITCH_PATIENCE_MS = 60_000;

export interface SwitchOptions {
  readonly client: pg.Client;
  readonly lease: Lease;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** Name of the loaded shadow table: key built, ANALYZEd. */
  readonly shadow: string;
  readonly columnChanges: ColumnChanges;
  /** Writes position and results in the same transaction, before the table is locked. */
  readonly finish: () => Promise<void>;
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Replaces the partition of a published table by a loaded one. The table keeps its OID, indexes, rights, comments and
 * whatever depends on it; readers see the old rows or the new ones and wait for milliseconds.
 * @returns how long the transaction that switched took, in ms
 * @throws LOCK_TIMEOUT if transactions keep the table locked, LEASE_LOST, SYNCED_TABLE_DELETED, DEPENDENT_OBJECTS_EXIST
 */
export async function switchTable(options: SwitchOptions): Promise<number> {
  const { client, relation, shadow, table, signal } = options;
  const patienceMs = options.patienceMs ?? SWITCH_PATIENCE_MS;
  const startedAt = performance.now();
  await client.query('select databricks_auth.prepare_partition($1::oid, $2::regclass)', [
    relation,
    qualifiedShadow(shadow),
  ]);
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    signal.throwIfAborted();
    const mayLackColumns = options.columnChanges.dropped.length > 0;
    const unbuildable = await buildMissingIndexes(client, relation, shadow, mayLackColumns);
    try {
      const triedAt = performance.now();
      if (await trySwitch(options, unbuildable)) return performance.now() - triedAt;
      continue; // somebody made another index meanwhile: build it, then come again
    } catch (error) {
      if (!isPostgresError(error) || (error.code !== '55P03' && error.code !== '40P01')) throw error;
      if (performance.now() - startedAt > patienceMs) {
        throw syncedTablesError(
          'LOCK_TIMEOUT',
          { target: table.fullName, seconds: Math.round(patienceMs / 1000), sessions: await lockHolders(options) },
          error,
        );
      }
    }
    await sleep(pauseMs * (0.75 + Math.random() / 2), undefined, { signal });
  }
}

async function trySwitch(options: SwitchOptions, unbuildable: ReadonlySet<string>): Promise<boolean> {
  const { client, lease, table, relation, shadow } = options;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const isDone = await inTransaction(client, async () => {
    await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await requireLease(client, lease, table.fullName);
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
    return true;
  }).catch((error: unknown) => {
    if (error instanceof IndexAppeared) return false;
    throw error;
  });
  return isDone;
}

/** Rolls the switch back: an index that ATTACH had to build would keep readers waiting. */
class IndexAppeared extends Error {}

/** The partition, quoted for SQL. */
async function solePartition(client: pg.Client, relation: number): Promise<string> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = databricks_auth.sole_partition($1::oid)`,
    [relation],
  );
  const partition = rows[0];
  if (!partition) throw new Error('the synced table does not have its one partition');
  return `${quoteIdentifier(partition.schema)}.${quoteIdentifier(partition.name)}`;
}

/** Sessions that hold the table, for the message: process, user and application, no statements. */
async function lockHolders(options: SwitchOptions): Promise<string> {
  const { rows } = await options.client.query<{ holder: string }>(
    `select distinct format('%s (%s %s)', a.pid, a.usename, a.application_name) as holder
       from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.relation = $1 and l.granted and a.pid <> pg_backend_pid()
        and l.database = (select oid from pg_database where datname = current_database()) limit 5`,
    [options.relation],
  );
  return rows.map((row) => row.holder).join(', ') || 'none at this moment';
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
