import type pg from 'pg';
import { errorCatalogue } from '../../core/error-catalogue.js';
import type { SyncedTablesError } from '../../core/errors.js';
import type { ExtraIndex, SyncedTable, SyncedTableState } from '../../core/synced-table.js';
import { failingValues } from './table-update-record.js';

interface TableRow {
  table_id: string;
  schema_name: string;
  table_name: string;
  synced_table: string;
  source_table_full_name: string;
  primary_key_columns: string[];
  timeseries_key: string | null;
  invalid_characters: 'fail' | 'strip';
  scheduling_policy: SyncedTable['policy'];
  publish: SyncedTable['publish'];
  relation: string | null;
  synced_version: string | null;
  source_table_id: string | null;
  source_bookmark: string | null;
  row_count: string | null;
  allow_file_diff: boolean;
  on_history_gap: 'fail' | 'refresh';
  is_failed: boolean;
  is_changed_by_hand: boolean;
  created_by: string;
  columns: string[] | null;
  row_filter: string | null;
  override_types: Record<string, string | null>;
  extra_columns: { column_name: string; column_type: string; compute?: string | null; maintenance: string }[];
  extra_index_definitions: ExtraIndex[];
  accelerated_sync: boolean;
}

const SELECT_COLUMNS = `
  select t.table_id, t.schema_name, t.table_name, t.synced_table, t.source_table_full_name, t.primary_key_columns,
         t.timeseries_key, t.invalid_characters, p.scheduling_policy, p.publish, t.relation::oid::text as relation,
         t.synced_version::text, t.source_table_id, t.source_bookmark, t.row_count::text, t.allow_file_diff,
         t.on_history_gap, t.is_failed, t.created_by, t.extra_columns, t.extra_index_definitions, t.accelerated_sync,
         t.columns, t.row_filter,
         exists (select from synced_tables._hand_writes w where w.table_id = t.table_id) as is_changed_by_hand,
         (select coalesce(jsonb_object_agg(o->>'column_name', synced_tables_internal._override_type(o)), '{}')
            from jsonb_array_elements(t.type_overrides) o) as override_types`;

const SELECT_TABLE = `${SELECT_COLUMNS}
    from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)`;

function toSyncedTable(row: TableRow): SyncedTable {
  return {
    tableId: row.table_id,
    schema: row.schema_name,
    name: row.table_name,
    fullName: row.synced_table,
    source: row.source_table_full_name,
    keyColumns: row.primary_key_columns,
    timeseriesKey: row.timeseries_key,
    invalidCharacters: row.invalid_characters,
    policy: row.scheduling_policy,
    publish: row.publish,
    relation: row.relation === null ? null : Number(row.relation),
    syncedVersion: row.synced_version === null ? null : BigInt(row.synced_version),
    sourceTableId: row.source_table_id,
    sourceBookmark: row.source_bookmark,
    rowCount: row.row_count === null ? null : BigInt(row.row_count),
    allowFileDiff: row.allow_file_diff,
    onHistoryGap: row.on_history_gap,
    isFailed: row.is_failed,
    isChangedByHand: row.is_changed_by_hand,
    createdBy: row.created_by,
    typeOverrides: new Map(Object.entries(row.override_types)),
    chosenColumns: row.columns,
    rowFilter: row.row_filter,
    extraColumns: row.extra_columns.map((column) => ({
      name: column.column_name,
      postgresType: column.column_type,
      kind: column.maintenance === 'STORED_GENERATED' ? 'generated' : 'default',
      expression: column.compute ?? 'null',
    })),
    extraIndexes: row.extra_index_definitions.map(({ name, definition }) => ({ name, definition })),
    isAccelerated: row.accelerated_sync,
  };
}

const OF_PIPELINE = 'where t.pipeline_id = $1 order by t.created_at, t.table_id';

/** The synced tables of a pipeline, oldest first. */
export async function readPipelineTables(client: pg.Client, pipelineId: string): Promise<SyncedTable[]> {
  const { rows } = await client.query<TableRow>(`${SELECT_TABLE} ${OF_PIPELINE}`, [pipelineId]);
  return rows.map(toSyncedTable);
}

/** The tables of a pipeline that an update is for, by `SyncedTable.fullName`. */
interface UpdateSelection {
  readonly refresh: readonly string[];
  readonly fullRefresh: readonly string[];
}

/** The tables of an update. */
export interface UpdateTables {
  /** All of its pipeline. */
  readonly tables: SyncedTable[];
  /** Which of them it is for; null if all. */
  readonly selection: UpdateSelection | null;
  /** Whether it changes the one that it is for. */
  readonly isChange: boolean;
}

/** The synced tables of a pipeline, and which of them an update is for. */
export async function readUpdateTables(client: pg.Client, pipelineId: string, updateId: string): Promise<UpdateTables> {
  type Selected = { selection: { refresh?: string[]; full_refresh?: string[] } | null; is_change: boolean | null };
  const { rows } = await client.query<TableRow & Selected>(
    `select t.*, u.selection, u.mode = 'CHANGE' as is_change
       from (${SELECT_TABLE} ${OF_PIPELINE}) t left join synced_tables._updates u on u.update_id = $2`,
    [pipelineId, updateId],
  );
  const selection = rows[0]?.selection ?? null;
  return {
    tables: rows.map(toSyncedTable),
    selection: selection && { refresh: selection.refresh ?? [], fullRefresh: selection.full_refresh ?? [] },
    isChange: rows[0]?.is_change === true,
  };
}

/** The table that an update of mode CHANGE changes, with the settings that it is to have. */
export async function readWantedTable(client: pg.Client, updateId: string): Promise<SyncedTable | null> {
  const { rows } = await client.query<TableRow>(
    `${SELECT_COLUMNS}
       from synced_tables._updates u
       join synced_tables._tables b on b.table_id = u.changed_table_id
      cross join lateral jsonb_populate_record(b, u.change) t
       join lateral (select q.pipeline_id, q.publish, coalesce(u.change ->> 'scheduling_policy', q.scheduling_policy) as scheduling_policy
                       from synced_tables._pipelines q where q.pipeline_id = b.pipeline_id) p on true
      where u.update_id = $1`,
    [updateId],
  );
  return rows[0] ? toSyncedTable(rows[0]) : null;
}

/** The current state of a synced table; null if it is no longer registered. */
export async function readTable(client: pg.Client, tableId: string): Promise<SyncedTable | null> {
  const { rows } = await client.query<TableRow>({
    name: 'synced_tables_read_table',
    text: `${SELECT_TABLE} where t.table_id = $1`,
    values: [tableId],
  });
  return rows[0] ? toSyncedTable(rows[0]) : null;
}

/** The code of a table's last error; null if there is none. */
export async function readLastErrorCode(client: pg.Client, tableId: string): Promise<string | null> {
  const { rows } = await client.query<{ code: string | null }>(
    'select last_error_code as code from synced_tables._tables where table_id = $1',
    [tableId],
  );
  return rows[0]?.code ?? null;
}

/**
 * CONTINUOUS tables that are no longer followed, since they failed for a reason that does not pass without
 * intervention. Stopped, paused or dropped tables are not included.
 */
export async function readFailedFollowed(client: pg.Client): Promise<SyncedTable[]> {
  const { rows } = await client.query<TableRow>(
    `${SELECT_TABLE}
      where t.is_failed and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped and p.paused_at is null and t.synced_version is not null
        and t.state <> 'SYNCED_TABLED_OFFLINE' order by t.table_id`,
  );
  return rows.map(toSyncedTable);
}

/** The pipeline of a table; null if the table is no longer registered. */
export async function readPipelineOf(client: pg.Client, tableId: string): Promise<string | null> {
  const { rows } = await client.query<{ pipeline_id: string }>(
    'select pipeline_id from synced_tables._tables where table_id = $1',
    [tableId],
  );
  return rows[0]?.pipeline_id ?? null;
}

/** Notes that somebody dropped the table by hand, and removes its owner role. */
export async function forgetDropped(client: pg.Client, tableId: string): Promise<void> {
  await client.query('select synced_tables_internal._forget_dropped($1)', [tableId]);
}

/** Removes a registration that never became a table: only the update's error and an event remain. */
export async function rejectCreate(
  client: pg.Client,
  updateId: string,
  tableId: string,
  error: SyncedTablesError,
): Promise<void> {
  const { sqlState } = errorCatalogue[error.code];
  await client.query('select synced_tables_internal._reject_create($1, $2, $3, $4, $5, $6)', [
    tableId,
    updateId,
    error.code,
    error.message,
    error.remedy,
    sqlState,
  ]);
}

/** How often a pipeline checks for commits; null if that was left to the sidecar. */
export async function readTriggerInterval(client: pg.Client, pipelineId: string): Promise<number | null> {
  const { rows } = await client.query<{ ms: number | null }>(
    'select trigger_interval_ms as ms from synced_tables._pipelines where pipeline_id = $1',
    [pipelineId],
  );
  return rows[0]?.ms ?? null;
}

/** The synced table with that name, written as in `synced_tables.status`; null if there is none. */
export async function findSyncedTable(client: pg.Client, fullName: string): Promise<SyncedTable | null> {
  const { rows } = await client.query<TableRow>(`${SELECT_TABLE} where t.synced_table = $1`, [fullName]);
  return rows[0] ? toSyncedTable(rows[0]) : null;
}

/** Changes the table's row in the status view; false if the table is no longer registered. */
export async function writeTableState(
  client: pg.Client,
  tableId: string,
  state: SyncedTableState,
  message: string,
  error: SyncedTablesError | null = null,
): Promise<boolean> {
  const written = await client.query(
    `update synced_tables._tables
        set state = $2, message = $3, last_error_code = $4, failing_column = $5, failing_keys = $6, rows_done = null,
            rows_total = null
      where table_id = $1`,
    [tableId, state, message, error?.code ?? null, ...failingValues(error)],
  );
  return written.rowCount === 1;
}

/** Sets a table's current activity; its state stays. Not written once the update has ended. */
export async function writeTableMessage(
  client: pg.Client,
  { tableId, syncedVersion }: Pick<SyncedTable, 'tableId' | 'syncedVersion'>,
  message: string,
): Promise<void> {
  await client.query(
    `update synced_tables._tables set message = $2
      where table_id = $1 and synced_version is not distinct from $3
        and state <> 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE'`,
    [tableId, message, syncedVersion?.toString() ?? null],
  );
}

/** Notes whose transactions the switch of a table waits for: sessions as `_session_name` names them, process first. */
export async function recordLockWait(client: pg.Client, tableId: string, sessions: readonly string[]): Promise<void> {
  const processes = sessions.map((session) => Number.parseInt(session, 10)).filter((process) => !Number.isNaN(process));
  await client.query('select synced_tables_internal._record_lock_wait($1, $2)', [tableId, processes]);
}

/** Like `writeTableState`, for lasting failures: the table is not followed until an update succeeds. */
export async function writeTableFailure(
  client: pg.Client,
  tableId: string,
  state: SyncedTableState,
  error: SyncedTablesError,
): Promise<void> {
  await client.query(
    `update synced_tables._tables
        set state = $2, message = $3, last_error_code = $4, failing_column = $5, failing_keys = $6, is_failed = true,
            failed_since = coalesce(failed_since, clock_timestamp()), rows_done = null, rows_total = null
      where table_id = $1`,
    [tableId, state, `${error.message} ${error.remedy}`, error.code, ...failingValues(error)],
  );
}

/** The newest version of a source that was seen. */
export interface SourceSeen {
  readonly version: bigint | null;
  readonly committedAtMs: number | null;
  /** Commit time of the first version that the table does not reflect, if known. */
  readonly behindSinceMs?: number | null;
}

/** $2 to $4 are `sourceValues`. */
const SET_SOURCE = `source_version = $2, source_committed_at = to_timestamp($3::float8 / 1000),
            behind_since = case when $2 > synced_version
                                then coalesce(behind_since, to_timestamp($4::float8 / 1000), to_timestamp($3::float8 / 1000),
                                              clock_timestamp()) end`;

function sourceValues({ version, committedAtMs, behindSinceMs = null }: SourceSeen) {
  return [version?.toString() ?? null, committedAtMs, behindSinceMs];
}

/** Records the newest source version seen and its commit time. */
export async function writeSourceVersion(client: pg.Client, tableId: string, source: SourceSeen): Promise<void> {
  await client.query(`update synced_tables._tables set ${SET_SOURCE} where table_id = $1`, [
    tableId,
    ...sourceValues(source),
  ]);
}

/** The same, and what is done with it now. */
export async function writeWork(
  client: pg.Client,
  tableId: string,
  source: SourceSeen,
  { state, message }: { readonly state: SyncedTableState; readonly message: string },
): Promise<void> {
  await client.query(
    `update synced_tables._tables
        set ${SET_SOURCE}, state = $5, message = $6, last_error_code = null, failing_column = null, failing_keys = null,
            rows_done = null, rows_total = null
      where table_id = $1`,
    [tableId, ...sourceValues(source), state, message],
  );
}

/** Progress of a load. */
export interface LoadProgress {
  readonly phase: 'load' | 'index';
  readonly version: bigint | null;
  readonly rowsDone: bigint;
  /** Null if it is known only at the end. */
  readonly rowsTotal: bigint | null;
  /** Time spent in the current phase. */
  readonly phaseMs: number;
}

const PHASES = { load: 'PROVISIONING_PHASE_MAIN', index: 'PROVISIONING_PHASE_INDEX_SCAN' } as const;

/** Records the progress of an update. Not written once the update has ended. */
export async function writeProgress(client: pg.Client, tableId: string, progress: LoadProgress): Promise<void> {
  const { phase, version, rowsDone, rowsTotal, phaseMs } = progress;
  await client.query(
    `update synced_tables._tables
        set rows_done = $2, rows_total = $3, provisioning_phase = $4, processing_version = $5,
            phase_started_at = clock_timestamp() - make_interval(secs => $6::float8 / 1000)
      where table_id = $1 and state in ('SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT',
              'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
              'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES')`,
    [tableId, rowsDone.toString(), rowsTotal?.toString() ?? null, PHASES[phase], version?.toString() ?? null, phaseMs],
  );
}

export interface EventRecord {
  readonly level: 'INFO' | 'WARN' | 'ERROR';
  readonly type: string;
  readonly syncedTable: string | null;
  readonly pipelineId: string | null;
  readonly updateId: string | null;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds to the history shown by `synced_tables.events`. Never pass row values. */
export async function recordEvent(client: pg.Client, event: EventRecord): Promise<void> {
  await client.query(
    `insert into synced_tables._events (level, event_type, synced_table, pipeline_id, update_id, message, details)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      event.level,
      event.type,
      event.syncedTable,
      event.pipelineId,
      event.updateId,
      event.message,
      event.details ? JSON.stringify(event.details) : null,
    ],
  );
}
