import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** A table of a pipeline, as far as the overview of pipelines tells of it. */
interface OverviewTable {
  readonly sqlName: string;
  readonly kind: 'SYNCED' | 'STREAMING';
  /** The catalog that it was named with over HTTP; null for others. */
  readonly catalog: string | null;
  readonly state: string;
  readonly errorCode: string | null;
  /** Whether the role may sync it. */
  readonly mayControl: boolean;
  readonly rowsDone: number | null;
  readonly rowsTotal: number | null;
}

/** An update, as far as the overview of pipelines tells of it. */
export interface OverviewUpdate {
  readonly updateId: string;
  readonly state: string;
  readonly cause: string;
  readonly mode: string;
  readonly isFullRefresh: boolean;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly attempt: number;
  readonly errorCode: string | null;
  readonly message: string | null;
}

/** Everything of a pipeline that people look at, at one moment. Times are ISO 8601 in UTC. */
export interface PipelineOverview {
  readonly pipelineId: string;
  readonly name: string;
  readonly kind: 'SYNCED_TABLES' | 'FLOWS';
  readonly policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  readonly publish: 'separately' | 'together';
  readonly triggerIntervalMs: number | null;
  readonly runsInProgram: boolean;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly isStopped: boolean;
  readonly pausedAt: string | null;
  readonly pausedBy: string | null;
  /** The sidecar that works on it; null if none does. */
  readonly holder: string | null;
  /** Those that the role may see. */
  readonly tables: readonly OverviewTable[];
  /** How many others there are. */
  readonly hiddenTables: number;
  readonly mayControl: boolean;
  readonly schedule: {
    readonly cron: string;
    readonly timeZone: string;
    readonly nextRunAt: string | null;
    readonly message: string | null;
  } | null;
  /** The one that runs, else the one that waits; null if none does. */
  readonly activeUpdate: OverviewUpdate | null;
  /** The newest that has ended. */
  readonly lastUpdate: OverviewUpdate | null;
}

interface PipelineRow {
  readonly pipeline_id: string;
  readonly name: string;
  readonly kind: PipelineOverview['kind'];
  readonly scheduling_policy: PipelineOverview['policy'];
  readonly publish: PipelineOverview['publish'];
  readonly trigger_interval_ms: number | null;
  readonly runs_in_program: boolean;
  readonly created_by: string;
  readonly created_at: string;
  readonly is_stopped: boolean;
  readonly paused_at: string | null;
  readonly paused_by: string | null;
  readonly holder: string | null;
  readonly tables: readonly OverviewTable[];
  readonly hidden_tables: number;
  readonly may_control: boolean;
  readonly schedule: PipelineOverview['schedule'];
  readonly active_update: OverviewUpdate | null;
  readonly last_update: OverviewUpdate | null;
}

const UPDATE = `jsonb_build_object(
  'updateId', u.update_id, 'state', u.state, 'cause', u.cause, 'mode', u.mode, 'isFullRefresh', u.full_refresh,
  'createdAt', ${isoTime('u.created_at')}, 'startedAt', ${isoTime('u.started_at')}, 'finishedAt', ${isoTime('u.finished_at')},
  'nextAttemptAt', ${isoTime('u.next_attempt_at')}, 'attempt', u.attempt, 'errorCode', u.error_code, 'message', u.message)`;

// Who may see a pipeline: see readPipelines. Who may control it: _require_pipeline_control.
const SELECT_OVERVIEWS = `
  with members as (
    select t.pipeline_id, t.synced_table, 'SYNCED' as kind, s.catalog_name, t.created_by, t.relation, t.rows_done, t.rows_total,
           case when t.relation is not null and c.oid is null then 'SYNCED_TABLED_OFFLINE' else t.state end as state, t.last_error_code
      from synced_tables._tables t
      left join synced_tables._table_specs s using (table_id)
      left join pg_catalog.pg_class c on c.oid = t.relation
    union all
    select t.pipeline_id, t.synced_table, 'STREAMING', null, t.created_by, t.relation, null, null, t.state, t.last_error_code
      from synced_tables._streaming_tables t
  ), known as (
    select m.*, r.controls, r.controls or synced_tables_internal._role_may_see($1, m.created_by, m.relation) as is_visible
      from members m
     cross join lateral (select synced_tables_internal._role_may_control($1, m.created_by)
                             or m.kind = 'SYNCED' and databricks_auth.can_manage(m.relation, $1) as controls) r
  )
  select p.pipeline_id, p.name, p.kind, p.scheduling_policy, p.publish, p.trigger_interval_ms, p.runs_in_program, p.created_by,
         ${isoTime('p.created_at')} as created_at, p.is_stopped, ${isoTime('p.paused_at')} as paused_at, p.paused_by,
         (select l.lease_holder from synced_tables_internal._leases l where l.pipeline_id = p.pipeline_id) as holder,
         k.tables, k.hidden_tables,
         case when p.kind = 'FLOWS' or k.hidden_tables is null then synced_tables_internal._role_may_control($1, p.created_by)
              else k.controls end as may_control,
         (select jsonb_build_object('cron', s.cron, 'timeZone', s.time_zone, 'nextRunAt', ${isoTime('s.next_run_at')}, 'message', s.message)
            from synced_tables._schedules s where s.pipeline_id = p.pipeline_id) as schedule,
         (select ${UPDATE} from synced_tables._updates u
           where u.pipeline_id = p.pipeline_id and u.state in ('QUEUED', 'RUNNING')
           order by u.state = 'RUNNING' desc, u.created_at limit 1) as active_update,
         (select ${UPDATE} from (
            select u.* from synced_tables._updates u where u.pipeline_id = p.pipeline_id
             order by u.created_at desc limit 5) u
           where u.state not in ('QUEUED', 'RUNNING') order by u.created_at desc limit 1) as last_update
    from synced_tables._pipelines p
   cross join lateral (
     select coalesce(jsonb_agg(jsonb_build_object(
              'sqlName', k.synced_table, 'kind', k.kind, 'catalog', k.catalog_name, 'state', k.state, 'errorCode', k.last_error_code,
              'mayControl', k.controls, 'rowsDone', k.rows_done, 'rowsTotal', k.rows_total) order by k.synced_table)
              filter (where k.is_visible), '[]') as tables,
            nullif(count(*), 0) - count(*) filter (where k.is_visible) as hidden_tables, bool_and(k.controls) as controls
       from known k where k.pipeline_id = p.pipeline_id) k
   where ($2::uuid is null or p.pipeline_id = $2)
     and (jsonb_array_length(k.tables) > 0 or p.kind = 'FLOWS' and synced_tables_internal._role_may_control($1, p.created_by))`;

/**
 * The pipelines of a database that a role may see.
 * @param client a session with the sidecar's rights
 * @param id null for all of them
 */
export async function readPipelineOverviews(
  client: pg.ClientBase,
  role: string,
  id: string | null,
): Promise<PipelineOverview[]> {
  const { rows } = await client.query<PipelineRow>(SELECT_OVERVIEWS, [role, id]);
  return rows.map((row) => ({
    pipelineId: row.pipeline_id,
    name: row.name,
    kind: row.kind,
    policy: row.scheduling_policy,
    publish: row.publish,
    triggerIntervalMs: row.trigger_interval_ms,
    runsInProgram: row.runs_in_program,
    createdBy: row.created_by,
    createdAt: row.created_at,
    isStopped: row.is_stopped,
    pausedAt: row.paused_at,
    pausedBy: row.paused_by,
    holder: row.holder,
    tables: row.tables,
    hiddenTables: Number(row.hidden_tables ?? 0),
    mayControl: row.may_control,
    schedule: row.schedule,
    activeUpdate: row.active_update,
    lastUpdate: row.last_update,
  }));
}

/** The statements that a pipeline of flows was created from over HTTP; null for others. */
export async function readPipelineSpec(
  client: pg.ClientBase,
  pipelineId: string,
): Promise<Readonly<Record<string, unknown>> | null> {
  const { rows } = await client.query<{ spec: Readonly<Record<string, unknown>> }>(
    'select spec from synced_tables._pipeline_specs where pipeline_id = $1',
    [pipelineId],
  );
  return rows[0]?.spec ?? null;
}
