import type { ErrorCode } from '../../../core/error-catalogue.js';
import { asSyncedTablesError } from '../../../core/errors.js';
import { asRaisedError } from '../../../postgres/refusals/raised-error.js';
import { FieldRefusal } from '../../wire/field-refusal.js';

/** Codes that belong to one field of a create request; others may have several causes. */
const CODES_BY_FIELD: Readonly<Record<string, readonly ErrorCode[]>> = {
  name: [
    'API_NAME_INVALID',
    'SYNCED_TABLE_NAME_INVALID',
    'SYNCED_TABLE_EXISTS',
    'TARGET_TABLE_EXISTS',
    'REGISTERED_TABLE_EXISTS',
    'SCHEMA_MISSING',
    'SCHEMA_RESERVED',
    'CATALOG_PLACE_DIFFERS',
    'CATALOG_PLACE_MISSING',
    'LOGICAL_DATABASE_NOT_FOUND',
    'NAME_BEING_TAKEN',
    'CATALOG_FIXED',
  ],
  instance: ['API_INSTANCE_NOT_FOUND'],
  source_table_full_name: [
    'SOURCE_NAME_INVALID',
    'CATALOG_NOT_FOUND',
    'SOURCE_TABLE_NOT_FOUND',
    'SOURCE_FORMAT_UNSUPPORTED',
    'DELTA_UNSUPPORTED_FEATURE',
    'COLUMN_TYPE_UNSUPPORTED',
    'COLUMN_NAME_UNSUPPORTED',
    'SOURCE_WITHOUT_COLUMNS',
    'SYNCED_TABLE_LIMIT',
  ],
  primary_key_columns: [
    'PRIMARY_KEY_MISSING',
    'PRIMARY_KEY_INVALID',
    'PRIMARY_KEY_DUPLICATE',
    'PRIMARY_KEY_COLUMN_NOT_FOUND',
    'PRIMARY_KEY_TYPE_UNSUPPORTED',
    'PRIMARY_KEY_HAS_NULLS',
    'PRIMARY_KEY_CONSTRAINT_VIOLATION',
  ],
  timeseries_key: ['TIMESERIES_KEY_INVALID', 'TIMESERIES_COLUMN_NOT_FOUND', 'TIMESERIES_TYPE_UNSUPPORTED'],
  scheduling_policy: [
    'SCHEDULING_POLICY_INVALID',
    'CHANGE_DATA_FEED_OFF',
    'CHANGES_NOT_RECORDED',
    'SOURCE_WITHOUT_HISTORY',
  ],
  invalid_characters: ['INVALID_CHARACTERS_UNKNOWN', 'CHARACTER_NOT_IN_REPERTOIRE'],
  on_history_gap: ['ON_HISTORY_GAP_UNKNOWN'],
  existing_pipeline_id: ['PIPELINE_NOT_FOUND', 'PIPELINE_OF_FLOWS', 'PIPELINE_POLICY_DIFFERS'],
  publish: ['PUBLISH_UNKNOWN', 'PIPELINE_PUBLISH_DIFFERS'],
  columns: ['COLUMNS_INVALID', 'COLUMNS_WITHOUT_KEY', 'CHOSEN_COLUMN_NOT_FOUND'],
  row_filter: ['ROW_FILTER_INVALID', 'ROW_FILTER_FAILED'],
  type_overrides: ['TYPE_OVERRIDE_IMPOSSIBLE', 'PGVECTOR_MISSING'],
  extra_columns: ['EXTRA_COLUMN_CONFLICT'],
  trigger_interval_ms: ['TRIGGER_INTERVAL_INVALID'],
  'schedule.cron': ['CRON_INVALID'],
  'schedule.time_zone': ['TIME_ZONE_UNKNOWN'],
  schedule: ['SCHEDULE_ON_CONTINUOUS'],
};

const FIELDS_BY_CODE: ReadonlyMap<string, string> = new Map(
  Object.entries(CODES_BY_FIELD).flatMap(([field, codes]) => codes.map((code) => [code, field] as const)),
);

/** The field of a create request that an error is about; null if that is not clear. */
export function fieldOfCode(code: ErrorCode): string | null {
  return FIELDS_BY_CODE.get(code) ?? null;
}

/**
 * Does part of a request; an error that is about one field says so in its reply.
 * @param spelt fields that have another name in this request than in one that creates a table
 */
export async function namingFields<Result>(
  work: () => Promise<Result>,
  spelt: Readonly<Record<string, string>> = {},
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const known = asSyncedTablesError(error) ?? asRaisedError(error);
    const field = known && fieldOfCode(known.code);
    throw field === null ? error : new FieldRefusal(spelt[field] ?? field, error);
  }
}
