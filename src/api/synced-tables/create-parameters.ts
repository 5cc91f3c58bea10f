import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import type { CreateParameters } from '../../postgres/registry/api/synced-tables.js';
import type { SourceRequest } from '../../sync/source/check-source.js';
import { sqlNameOf } from '../names/table-name.js';
import type { CreateRequest } from './create-request.js';

/** The part of a request that depends on its source. */
export function sourceRequestOf({ name, spec }: CreateRequest): SourceRequest {
  return {
    source: spec.source_table_full_name ?? '',
    keyColumns: spec.primary_key_columns ?? [],
    timeseriesKey: spec.timeseries_key || null,
    // An empty list is refused by create_synced_table.
    chosenColumns: spec.columns?.length ? spec.columns : null,
    rowFilter: spec.row_filter || null,
    policy: spec.scheduling_policy ?? 'SNAPSHOT',
    fullName: sqlNameOf(name),
    allowFileDiff: spec.allow_file_diff ?? false,
    typeOverrides: new Map((spec.type_overrides ?? []).map((each) => [each.column_name, typeOf(each)])),
    extraColumns: (spec.extra_columns ?? []).map(({ column_name, column_type, compute, maintenance }) => ({
      name: column_name,
      postgresType: column_type,
      kind: maintenance === 'DEFAULT_VALUE' ? 'default' : 'generated',
      expression: compute ?? '',
    })),
  };
}

type TypeOverride = NonNullable<CreateRequest['spec']['type_overrides']>[number];

function typeOf({ pg_type: type, size }: TypeOverride): string {
  const length = size === undefined ? '' : `(${size})`;
  return type === 'PG_SPECIFIC_TYPE_VARCHAR'
    ? `character varying${length}`
    : `${type.replace('PG_SPECIFIC_TYPE_', '').toLowerCase()}${length}`;
}

/** Passes the spec to create_synced_table: the only place where the two meet. */
export function parametersOf({ name, spec, createsSchemaByDefault }: CreateRequest): CreateParameters {
  const json = (value: object | undefined) => (value === undefined ? undefined : JSON.stringify(value));
  return {
    synced_table: sqlNameOf(name),
    source_table_full_name: spec.source_table_full_name ?? '',
    primary_key_columns: spec.primary_key_columns ?? [],
    scheduling_policy: spec.scheduling_policy ?? '',
    timeseries_key: spec.timeseries_key === '' ? undefined : spec.timeseries_key,
    create_database_objects_if_missing: spec.create_database_objects_if_missing ?? createsSchemaByDefault,
    existing_pipeline_id: pipelineIdOf(spec.existing_pipeline_id),
    type_overrides: json(spec.type_overrides),
    extra_columns: json(spec.extra_columns),
    extra_index_definitions: json(spec.extra_index_definitions),
    accelerated_sync: spec.accelerated_sync === true ? true : undefined,
    invalid_characters: spec.invalid_characters,
    allow_file_diff: spec.allow_file_diff,
    on_history_gap: spec.on_history_gap,
    publish: spec.publish,
    columns: spec.columns,
    row_filter: spec.row_filter === '' ? undefined : spec.row_filter,
  };
}

function pipelineIdOf(given: string | undefined): string | undefined {
  if (given === undefined || given === '') return undefined;
  if (isUuid(given.toLowerCase())) return given;
  throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: given });
}
