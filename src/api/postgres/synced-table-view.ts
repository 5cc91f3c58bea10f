import { branchNameOf, projectIdOf } from '../names/resource-names.js';
import type { PlacedTable } from '../synced-tables/synced-table-place.js';
import { syncedTableReplyOf } from '../synced-tables/synced-table-reply.js';
import type { PostgresSyncedTable } from './postgres-schema.js';

/** A synced table as the `postgres` service shows it: the same facts as in the `database` service under other names. */
export function postgresTableOf(placed: PlacedTable): PostgresSyncedTable {
  const { instance, database, record, fullName } = placed;
  const reply = syncedTableReplyOf(placed);
  const status = reply.data_synchronization_status;
  const state = status.detailed_state;
  const lastSync = status.last_sync;
  const progress =
    status.provisioning_status?.initial_pipeline_sync_progress ??
    status.triggered_update_status?.triggered_update_progress;
  const { provisioning_phase: phase, ...ongoing } = progress ?? {};
  const processed = [status.continuous_update_status, status.triggered_update_status, status.failed_status]
    .map((each) => each?.last_processed_commit_version)
    .find((version) => version !== undefined);
  return {
    name: `synced_tables/${fullName}`,
    synced_table_id: fullName,
    uid: record.tableId,
    create_time: record.createdAt,
    spec: { ...reply.spec, branch: branchNameOf(instance), postgres_database: database.name },
    status: {
      detailed_state: state === 'SYNCED_TABLED_OFFLINE' ? 'SYNCED_TABLE_OFFLINE' : state,
      ...(status.message === undefined ? {} : { message: status.message }),
      pipeline_id: status.pipeline_id,
      project: `projects/${projectIdOf(instance)}`,
      unity_catalog_provisioning_state: 'ACTIVE',
      ...(phase === undefined ? {} : { provisioning_phase: phase }),
      ...(progress === undefined ? {} : { ongoing_sync_progress: ongoing }),
      ...(processed === undefined ? {} : { last_processed_commit_version: processed }),
      ...(lastSync?.sync_end_timestamp === undefined ? {} : { last_sync_time: lastSync.sync_end_timestamp }),
      ...(lastSync === undefined ? {} : { last_sync: positionOf(lastSync) }),
    },
  };
}

function positionOf(position: NonNullable<PostgresPosition>): NonNullable<PostgresSyncedTable['status']['last_sync']> {
  const { sync_start_timestamp: start, sync_end_timestamp: end, delta_table_sync_info: delta } = position;
  return {
    ...(start === undefined ? {} : { sync_start_time: start }),
    ...(end === undefined ? {} : { sync_end_time: end }),
    ...(delta === undefined
      ? {}
      : {
          delta_table_sync_info: {
            ...(delta.delta_commit_version === undefined ? {} : { delta_commit_version: delta.delta_commit_version }),
            ...(delta.delta_commit_timestamp === undefined ? {} : { delta_commit_time: delta.delta_commit_timestamp }),
          },
        }),
  };
}

type PostgresPosition = ReturnType<typeof syncedTableReplyOf>['data_synchronization_status']['last_sync'];
