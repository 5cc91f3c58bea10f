import type pg from 'pg';
import { ABANDONED_SHADOWS } from '../../postgres/maintain-tables.js';

export interface SidecarFacts {
  /** Number of processes, judged by sessions: each has one session that listens. */
  readonly sidecars: number;
  /** Pipelines that a sidecar is running now. */
  readonly leases: number;
  /** Seconds since a sidecar asked this database anything; null if none is connected, or the role may not see it. */
  readonly silentSeconds: number | null;
  /** Updates that are due but not started, and how long the oldest has been due. */
  readonly waiting: number;
  readonly waitingMinutes: number;
}

/** @param application prefix of the names of sidecar sessions */
export async function readSidecarFacts(client: pg.Client, application: string): Promise<SidecarFacts> {
  const { rows } = await client.query<SidecarFacts>(
    `with session as (select * from pg_stat_activity where datname = current_database() and application_name like $1 || '%'),
          due as (select coalesce(u.next_attempt_at, u.created_at) as since
                    from synced_tables._updates u left join synced_tables._pipelines p using (pipeline_id)
                   where u.state = 'QUEUED' and coalesce(u.next_attempt_at, u.created_at) <= clock_timestamp()
                     and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause))
     select (select greatest(count(*) filter (where application_name = $1 || ' (listener)'), least(count(*), 1))::int
               from session) as sidecars,
            (select count(*)::int from synced_tables_internal._leases) as leases,
            (select extract(epoch from clock_timestamp() - max(greatest(state_change, query_start)))::int from session) as "silentSeconds",
            (select count(*)::int from due) as waiting,
            coalesce((select floor(extract(epoch from clock_timestamp() - min(since)) / 60)::int from due), 0) as "waitingMinutes"`,
    [application],
  );
  const [facts] = rows;
  if (!facts) throw new Error('the queue tells nothing of itself');
  return facts;
}

export interface StuckUpdate {
  readonly update: string;
  /** Table, or pipeline of several. */
  readonly of: string;
  readonly kind: 'strange' | 'abandoned' | 'waiting' | 'retried';
  /** How long ago the lease expired or the update was due. */
  readonly seconds: number;
  readonly attempts: number;
  readonly message: string;
  /** Of a strange one: the catalogs that no running sidecar has, and those that they have. */
  readonly catalogs: string;
  readonly configured: string;
}

/** Updates that make no progress; those waiting for another update of their pipeline are fine. */
export async function readStuckUpdates(client: pg.Client, secondsMin: number): Promise<StuckUpdate[]> {
  const { rows } = await client.query<StuckUpdate>(
    `select u.update_id as update, coalesce(names.tables, p.name, 'a pipeline that is gone') as of, k.kind, k.seconds::int,
            greatest(u.attempt, coalesce(r.failed_attempts, 0)) as attempts, coalesce(r.message, u.message, '') as message,
            coalesce(array_to_string(x.catalogs, ', '), '') as catalogs, coalesce(x.configured, 'none') as configured
       from synced_tables._updates u left join synced_tables._pipelines p using (pipeline_id)
       left join synced_tables._sidecars s on s.holder = p.lease_holder
       left join synced_tables_internal._strange x using (pipeline_id)
       left join lateral (select string_agg(t.synced_table, ', ' order by t.synced_table) as tables
                            from synced_tables._known_tables t where t.pipeline_id = u.pipeline_id) names on true
       left join lateral (select r.failed_attempts, r.message from synced_tables._table_updates r
                           where r.update_id = u.update_id and r.failed_attempts is not null
                           order by r.failed_attempts desc limit 1) r on true
       cross join lateral (select case
           when x.pipeline_id is not null then 'strange'
           when u.state = 'RUNNING' and extract(epoch from clock_timestamp() - s.expires_at) > 5 then 'abandoned'
           when u.state = 'RUNNING' and s.holder is null then 'abandoned'
           when r.failed_attempts >= 3 then 'retried'
           when u.state = 'QUEUED' and p.lease_holder is null and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause)
                and coalesce(u.next_attempt_at, u.created_at) < clock_timestamp() - make_interval(secs => $1) then 'waiting'
         end as kind, extract(epoch from clock_timestamp() - case when u.state = 'RUNNING' then coalesce(s.expires_at, u.started_at)
                                                            else coalesce(u.next_attempt_at, u.created_at) end) as seconds) k
      where u.state in ('QUEUED', 'RUNNING') and k.kind is not null
      order by u.created_at limit 20`,
    [secondsMin],
  );
  return rows;
}

export interface TableHealth {
  readonly table: string;
  readonly policy: string;
  readonly state: string;
  readonly message: string;
  readonly errorCode: string | null;
  readonly remedy: string | null;
  readonly lagVersions: string | null;
  readonly lagSeconds: number | null;
  readonly catalog: string | null;
  /** Since when its pipeline is paused, as text; null if it is not. */
  readonly pausedSince: string | null;
  readonly pausedBy: string | null;
  /** Since when somebody else than a sidecar has written to it, as text; null if nobody has. */
  readonly changedSince: string | null;
  readonly changedBy: string | null;
}

/** All synced tables that the role may see. */
export async function readTableHealth(client: pg.Client): Promise<TableHealth[]> {
  const { rows } = await client.query<TableHealth>(
    `select s.synced_table as table, s.scheduling_policy as policy, s.state, coalesce(s.message, '') as message,
            s.last_error_code as "errorCode", s.lag_versions::text as "lagVersions", s.lag_seconds as "lagSeconds",
            s.changed_by_hand_by as "changedBy",
            to_char(s.changed_by_hand_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as "changedSince",
            s.paused_by as "pausedBy", to_char(s.paused_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as "pausedSince",
            substring(s.source_table_full_name from '^([^.]+)\\.[^.]+\\.[^.]+$') as catalog,
            case when s.last_error_code is not null then (
              select u.remedy from synced_tables.updates u
               where u.pipeline_id = s.pipeline_id and u.synced_table = s.synced_table and u.error_code = s.last_error_code
               order by u.created_at desc limit 1) end as remedy
       from synced_tables.status s order by s.synced_table`,
  );
  return rows;
}

export interface ScheduleTrouble {
  readonly of: string;
  /** Null if it does not run at all: see `message`. */
  readonly minutesLate: number | null;
  readonly message: string | null;
}

export async function readScheduleTrouble(client: pg.Client, minutesMin: number): Promise<ScheduleTrouble[]> {
  const { rows } = await client.query<ScheduleTrouble>(
    `select array_to_string(s.synced_tables, ', ') as of, s.message,
            floor(extract(epoch from clock_timestamp() - s.next_run_at) / 60)::int as "minutesLate"
       from synced_tables.schedules s
      where s.next_run_at < clock_timestamp() - make_interval(mins => $1) and s.paused_at is null or (s.next_run_at is null and s.message is not null)`,
    [minutesMin],
  );
  return rows;
}

export interface OrphanedShadow {
  readonly name: string;
  readonly bytes: number;
}

/** Shadow tables that no update uses any more. */
export async function readOrphanedShadows(client: pg.Client): Promise<OrphanedShadow[]> {
  const { rows } = await client.query<OrphanedShadow>(
    `select o.name, pg_total_relation_size(format('__db_system.%I', o.name))::float8 as bytes from (${ABANDONED_SHADOWS}) o`,
  );
  return rows;
}

/** Notices that the webhook has refused, or not answered, and that are tried again. */
export async function readWaitingNotices(
  client: pg.Client,
): Promise<{ readonly count: number; readonly since: string }> {
  const { rows } = await client.query<{ count: number; since: string }>(
    `select count(*)::int as count, coalesce(to_char(min(n.occurred_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), '') as since
       from synced_tables._notices n
      where n.ended_at is null and n.attempts > 0 and n.occurred_at > clock_timestamp() - interval '1 day'`,
  );
  return rows[0] ?? { count: 0, since: '' };
}

/** Owner roles of synced tables of databases that were dropped. */
export async function readLeftRoles(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ role: string }>('select role from synced_tables_internal._left_roles() role');
  return rows.map(({ role }) => role);
}
