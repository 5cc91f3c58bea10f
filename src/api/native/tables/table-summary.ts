import { errorCatalogue } from '../../../core/error-catalogue.js';
import { conditionOf, groupOf, type TableCondition } from '../../../core/table-condition.js';
import type { TableDetails } from '../../../postgres/registry/api/table-details.js';
import type { TableOverview } from '../../../postgres/registry/api/table-overview.js';
import type { DatabasePlace } from '../../places/database-place.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import type { TableSummary } from './table-summary-schema.js';

/** A table with its name and what people are told of it. */
export interface NamedTable {
  readonly place: DatabasePlace;
  readonly name: string;
  readonly overview: TableOverview;
  readonly condition: TableCondition;
}

export function nameTable(place: DatabasePlace, overview: TableOverview, otherCatalog: string): NamedTable {
  const { catalog, schema, table } = overview;
  return {
    place,
    overview,
    name: `${catalog ?? otherCatalog}.${schema}.${table}`,
    condition: conditionOf(overview),
  };
}

/** The table as replies show it. */
export function tableSummaryOf({ place, name, overview, condition }: NamedTable, details: TableDetails): TableSummary {
  const { schedule } = details;
  return {
    table_id: overview.tableId,
    name,
    instance: place.instance.name,
    database: place.database.name,
    schema: overview.schema,
    table: overview.table,
    sql_name: overview.sqlName,
    kind: overview.kind,
    source: overview.source,
    policy: overview.policy,
    state: overview.state,
    condition,
    group: groupOf(condition),
    message: details.message,
    pipeline: {
      pipeline_id: overview.pipelineId,
      name: details.pipeline_name,
      tables: details.pipeline_tables,
      publish: details.publish,
    },
    schedule: schedule && {
      cron: schedule.cron,
      time_zone: schedule.time_zone,
      next_run_at: schedule.next_run_at,
      problem: schedule.message,
    },
    paused: details.paused,
    changed_by_hand: details.changed_by_hand,
    key_columns: details.key_columns,
    timeseries_key: details.timeseries_key,
    columns: details.columns,
    row_filter: details.row_filter,
    lag_seconds: details.lag_seconds,
    lag_versions: whole(details.lag_versions),
    synced_version: whole(details.synced_version),
    source_version: whole(details.source_version),
    source_seen_at: condition === 'FOLLOWING' || condition === 'BEHIND' ? null : (details.newest?.started_at ?? null),
    synced_committed_at: details.synced_committed_at,
    row_count: overview.rowCount === null ? null : exactNumberOf(overview.rowCount),
    size_bytes: whole(details.size_bytes),
    last_sync_started_at: details.last_sync_started_at,
    last_sync_at: details.last_sync_at,
    progress: progressOf(details),
    last_update: lastUpdateOf(details),
    error: errorOf(overview, details),
    waiting_for: details.waiting && { since: details.waiting.began_at, sessions: [...details.waiting.sessions] },
    is_readable: details.is_readable,
    created_by: details.created_by,
    created_at: details.created_at,
    may: {
      sync: details.may_control,
      delete: details.may_control,
      pause: details.may_control,
      schedule: details.may_schedule,
      manage: details.may_control,
      change_rows: details.may_change_rows,
      read_rows: details.may_read,
    },
  };
}

function whole(digits: string | null): number | string | null {
  return digits === null ? null : exactNumberOf(digits);
}

function progressOf(details: TableDetails): TableSummary['progress'] {
  const { rows_done: done, rows_total: total } = details;
  if (done === null) return null;
  const completion = total === null || total === '0' ? null : Math.min(1, Number(done) / Number(total));
  return {
    phase: details.phase,
    phase_started_at: details.phase_started_at,
    rows_done: exactNumberOf(done),
    rows_total: whole(total),
    completion,
    estimated_seconds: estimatedSeconds(details, completion),
    processing_version: whole(details.processing_version),
  };
}

/** Assumes the rate so far; before one percent is done that says nothing. */
function estimatedSeconds(
  { phase, phase_started_at: startedAt }: TableDetails,
  completion: number | null,
): number | null {
  if (phase !== 'PROVISIONING_PHASE_MAIN' || startedAt === null || completion === null || completion < 0.01)
    return null;
  const seconds = (Date.now() - Date.parse(startedAt)) / 1000;
  return Math.max(0, (seconds * (1 - completion)) / completion);
}

function lastUpdateOf({ newest }: TableDetails): TableSummary['last_update'] {
  if (newest === null) return null;
  const { remedy, attempt, next_attempt_at, rows_written: written, rows_deleted: deleted, ...told } = newest;
  return { ...told, rows_written: whole(written), rows_deleted: whole(deleted) };
}

/** The last error, unless an update has succeeded since. Words of the registry's message where its update is gone. */
function errorOf({ errorCode: code }: TableOverview, details: TableDetails): TableSummary['error'] {
  if (code === null) return null;
  const { failed } = details;
  const isOfThisUpdate = failed !== null && failed.error_code === code;
  const kind = Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code as keyof typeof errorCatalogue] : null;
  return {
    code,
    message: (isOfThisUpdate ? failed.message : details.message) ?? '',
    remedy: (isOfThisUpdate ? failed.remedy : null) ?? '',
    retry: kind?.retry ?? 'manual',
    update_id: isOfThisUpdate ? failed.update_id : null,
    attempt: isOfThisUpdate ? failed.attempt : null,
    next_attempt_at: failed?.next_attempt_at ?? null,
    at: isOfThisUpdate ? (failed.finished_at ?? failed.started_at) : null,
    failing_column: details.failing_column,
    failing_keys: details.failing_keys,
  };
}
