import { assertNever } from '../../core/assert-never.js';
import type { SyncedTableRecord } from '../../postgres/registry/api/synced-table-record.js';
import { BRANCH_ID, projectIdOf } from '../names/resource-names.js';
import type { PlacedTable } from './synced-table-place.js';
import {
  type PipelineProgress,
  type SyncedTableReply,
  type SyncedTableStatusReply,
  syncedTableSpecInput,
} from './synced-table-schema.js';

/** A synced table as the `database` service shows it (docs/reference/databricks-api.md#synced-tables). */
export function syncedTableReplyOf({ fullName, instance, database, record }: PlacedTable): SyncedTableReply {
  return {
    name: fullName,
    spec: specOf(record),
    data_synchronization_status: statusOf(record),
    unity_catalog_provisioning_state: 'ACTIVE',
    effective_database_instance_name: instance.name,
    effective_logical_database_name: database.name,
    effective_database_project_id: projectIdOf(instance),
    effective_database_branch_id: BRANCH_ID,
  };
}

/** The spec is returned as given, so that Terraform sees no difference; fields that matter come from the registry. */
function specOf(record: SyncedTableRecord): SyncedTableReply['spec'] {
  const given = withoutUndefined(syncedTableSpecInput.parse(record.spec));
  return {
    ...given,
    source_table_full_name: asGiven(record.source, given.source_table_full_name),
    primary_key_columns: record.keyColumns.map((name, index) => asGiven(name, given.primary_key_columns?.[index])),
    scheduling_policy: record.policy,
    ...(record.timeseriesKey === null ? {} : { timeseries_key: asGiven(record.timeseriesKey, given.timeseries_key) }),
  };
}

/** A name in the case in which it was given. */
function asGiven(name: string, given: string | undefined): string {
  return given !== undefined && given.toLowerCase() === name.toLowerCase() ? given : name;
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}

function statusOf(record: SyncedTableRecord): SyncedTableStatusReply {
  const lastSync = lastSyncOf(record);
  return {
    detailed_state: record.state,
    ...(record.message === null ? {} : { message: record.message }),
    pipeline_id: record.pipelineId,
    // Absent while a full refresh runs, as on the real service.
    ...(lastSync && !record.isFullRefreshing ? { last_sync: lastSync } : {}),
    ...stateDetails(record),
  };
}

/** The one status object that goes with the state. */
function stateDetails(record: SyncedTableRecord): Partial<SyncedTableStatusReply> {
  const { state } = record;
  switch (state) {
    case 'SYNCED_TABLE_PROVISIONING':
    case 'SYNCED_TABLE_ONLINE':
    case 'SYNCED_TABLED_OFFLINE':
      return {};
    case 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES':
      return { provisioning_status: {} };
    case 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT':
      return { provisioning_status: { initial_pipeline_sync_progress: progressOf(record) } };
    case 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE':
    case 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES':
      return {
        continuous_update_status: {
          ...processedOf(record),
          ...(record.rowsDone === null ? {} : { initial_pipeline_sync_progress: progressOf(record) }),
        },
      };
    case 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE':
      return { triggered_update_status: { ...processedOf(record), triggered_update_progress: progressOf(record) } };
    case 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE':
      return { triggered_update_status: processedOf(record) };
    case 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED':
      return { failed_status: processedOf(record) };
    case 'SYNCED_TABLE_OFFLINE_FAILED':
      return { failed_status: {} };
    default:
      return assertNever(state);
  }
}

function progressOf(record: SyncedTableRecord): PipelineProgress {
  const { rowsDone, rowsTotal, processingVersion, phase, estimatedSeconds } = record;
  if (rowsDone === null) return {};
  return {
    ...(processingVersion === null ? {} : { latest_version_currently_processing: processingVersion }),
    synced_row_count: rowsDone,
    ...(rowsTotal === null
      ? {}
      : { total_row_count: rowsTotal, sync_progress_completion: fraction(rowsDone, rowsTotal) }),
    ...(estimatedSeconds === null ? {} : { estimated_completion_time_seconds: estimatedSeconds }),
    ...(phase === null ? {} : { provisioning_phase: phase }),
  };
}

/** The total may be an estimate. */
function fraction(done: bigint, total: bigint): number {
  if (total <= 0n || done >= total) return 1;
  return Number((done * 10_000n) / total) / 10_000;
}

function processedOf({ syncedVersion, lastSyncAt }: SyncedTableRecord) {
  return {
    ...(syncedVersion === null ? {} : { last_processed_commit_version: syncedVersion }),
    ...(lastSyncAt === null ? {} : { timestamp: lastSyncAt }),
  };
}

function lastSyncOf(record: SyncedTableRecord): SyncedTableStatusReply['last_sync'] | null {
  const { lastSyncAt, lastSyncStartedAt, syncedVersion, syncedCommittedAt } = record;
  if (lastSyncAt === null) return null;
  return {
    ...(lastSyncStartedAt === null ? {} : { sync_start_timestamp: lastSyncStartedAt }),
    sync_end_timestamp: lastSyncAt,
    ...(syncedVersion === null
      ? {}
      : {
          delta_table_sync_info: {
            delta_commit_version: syncedVersion,
            ...(syncedCommittedAt === null ? {} : { delta_commit_timestamp: syncedCommittedAt }),
          },
        }),
  };
}
