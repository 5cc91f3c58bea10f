import type pg from 'pg';
import { dropShadowTable } from './publish/shadow-table.js';
import { forgetPreviews } from './registry/api/previews.js';
import { forgetSidecars } from './registry/lease.js';
import { inTransaction, isPostgresError } from './session/session.js';

/**
 * Cleans up after dead sidecars and tables dropped by hand:
 * - shadow tables whose update is over, or whose lease was lost, are dropped;
 * - so are streaming tables that full refreshes were building beside others;
 * - names that synced tables got while nobody told the registry are taken over;
 * - synced tables that are gone are marked as such, and their owner roles removed;
 * - former synced tables that could not be given to their creators are;
 * - CONTINUOUS pipelines that are neither running nor queued are queued, so that no accident ends their following;
 * - those with failed tables are tried again now and then, since the cause may have gone;
 * - previews whose time is over are removed.
 */
export async function maintainTables(client: pg.Client): Promise<void> {
  await sweepShadowTables(client);
  await client.query('select synced_tables_internal._sweep_refreshes()');
  await client.query('select synced_tables_internal._adopt_names()');
  await client.query(
    `select synced_tables_internal._forget_dropped(t.table_id) from synced_tables._tables t
      where t.relation is not null and t.last_error_code is distinct from 'SYNCED_TABLE_DROPPED'
        and not exists (select from pg_class c where c.oid = t.relation)`,
  );
  await client.query('select synced_tables_internal._release_formers()');
  await client.query(
    `select synced_tables_internal._queue_follower(p.pipeline_id) from synced_tables._pipelines p
      where p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped and p.paused_at is null and p.lease_holder is null`,
  );
  await client.query('select synced_tables_internal._retry_failed()');
  await forgetSidecars(client);
  await forgetPreviews(client);
}

/** Takes the samples of lag and rows that are due. */
export async function takeSamples(client: pg.Client): Promise<void> {
  await client.query('select synced_tables_internal._take_samples()');
}

/** Drops the owner roles of synced tables of databases that were dropped. */
export async function dropLeftRoles(client: pg.Client): Promise<void> {
  await client.query('select from synced_tables.drop_left_roles()');
}

/** History rows handled at once: a backlog takes several calls, and locks stay short. */
const PRUNED_ROWS_MAX = 2_000;

/**
 * Deletes events, notices, the audit, ended updates and samples older than `historyDays`, and thins out samples. A pipeline's newest update
 * stays, however old.
 * @returns true if there may be more
 */
export async function pruneHistory(client: pg.Client, historyDays: number): Promise<boolean> {
  const events = await client.query(
    `delete from synced_tables._events
      where event_id in (select event_id from (select event_id, occurred_at from synced_tables._events
                                                order by event_id limit ${PRUNED_ROWS_MAX}) oldest
                          where occurred_at < clock_timestamp() - make_interval(days => $1))`,
    [historyDays],
  );
  const updates = await client.query(
    `delete from synced_tables._updates
      where update_id in (select u.update_id from synced_tables._updates u
                           where u.state not in ('QUEUED', 'RUNNING')
                             and u.finished_at < clock_timestamp() - make_interval(days => $1)
                             and (not exists (select from synced_tables._pipelines p where p.pipeline_id = u.pipeline_id)
                                  or exists (select from synced_tables._updates newer
                                              where newer.pipeline_id = u.pipeline_id and newer.created_at > u.created_at))
                           limit ${PRUNED_ROWS_MAX})`,
    [historyDays],
  );
  await client.query('select synced_tables_internal._thin_samples()');
  const samples = await client.query(
    `delete from synced_tables._samples
      where ctid = any (array(select ctid from synced_tables._samples
                               where sampled_at < clock_timestamp() - make_interval(days => $1) limit ${PRUNED_ROWS_MAX}))`,
    [historyDays],
  );
  const dated = [];
  for (const table of ['_notices', '_audit']) {
    dated.push(
      await client.query(
        `delete from synced_tables.${table}
          where ctid = any (array(select ctid from synced_tables.${table}
                                   where occurred_at < clock_timestamp() - make_interval(days => $1) limit ${PRUNED_ROWS_MAX}))`,
        [historyDays],
      ),
    );
  }
  await client.query(
    `delete from synced_tables._hand_writes w
      where not exists (select from synced_tables._tables t where t.table_id = w.table_id)`,
  );
  return [events, updates, samples, ...dated].some(({ rowCount }) => rowCount === PRUNED_ROWS_MAX);
}

/** The name of a shadow table contains lease and update; see `shadowTableName`. */
export const ABANDONED_SHADOWS = `
  with shadow as (
    select c.relname as name, m[1]::bigint as epoch, m[2]::uuid as update_id
      from pg_class c join pg_namespace n on n.oid = c.relnamespace,
           regexp_match(c.relname, '^partition_([0-9]{1,18})_([0-9a-f]{32})_[0-9]+$') m
     where n.nspname = '__db_system' and c.relkind = 'r' and not c.relispartition and m is not null
  )
  select s.name from shadow s
   where not exists (
     select from synced_tables._updates u join synced_tables_internal._leases l using (pipeline_id)
      where u.update_id = s.update_id and u.state = 'RUNNING' and l.lease_epoch = s.epoch)`;

async function sweepShadowTables(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(ABANDONED_SHADOWS);
  for (const { name } of rows) {
    try {
      await inTransaction(client, async () => {
        await client.query(`set local lock_timeout = '1s'`);
        await dropShadowTable(client, name);
      });
    } catch (error) {
      // The dead sidecar's session may still hold it; the next sweep gets it.
      if (!isPostgresError(error) || error.code !== '55P03') throw error;
    }
  }
}
