import type { ErrorCode } from '../../core/error-catalogue.js';
import { SyncedTablesError } from '../../core/errors.js';

// Remedies of the catalogue are for whoever works in psql. Here is what somebody does who sends requests.

const SEE_PIPELINES = 'See GET /api/2.0/pipelines for those that the caller may see.';
const SEE_TABLES = 'See GET /api/2.0/database/instances/<name>/synced_tables for those that the caller may see.';
const OTHER_PIPELINE = 'Use the pipeline_id of a synced table, or leave it out to get a new pipeline.';
const FULL_REFRESH = 'Start an update of its pipeline with full_refresh: true';
const SEE_UPDATES = 'See GET /api/2.0/pipelines/<id>/updates.';
const SEE_VERIFICATIONS = 'See GET /api/2.0/synced-tables/tables/<name>/verifications.';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  AUTOCDC_EMPTY_KEYS: 'Name the columns that identify a row: KEYS (id).',
  AUTOCDC_TARGET_CHANGED:
    'Put the schema and tables back as they were; or drop what is in the way, delete the pipeline with its tables, and create it again.',
  CHANGED_PRIMARY_KEY_COLUMN_TYPE:
    'Delete the synced table and create it again: it is partitioned by this column, the first of its key, whose type Postgres cannot change in place, so that a refresh does not help.',
  CHANGES_NOT_RECORDED: 'Create the synced table with allow_file_diff: true, or with SNAPSHOT.',
  CHANGE_INVALID: 'Name what is to be changed, or in reset what is to be as if it had never been given.',
  CHARACTER_NOT_IN_REPERTOIRE:
    'Remove them in the source, or create the synced table with invalid_characters "strip", which leaves them out and counts the rows.',
  COLUMNS_DIFFER: `${FULL_REFRESH}.`,
  PIPELINE_NOT_FOUND: SEE_PIPELINES,
  PIPELINE_OF_FLOWS: OTHER_PIPELINE,
  PIPELINE_TABLE_UNKNOWN: 'Declare it in the same pipeline: CREATE OR REFRESH STREAMING TABLE.',
  POSITION_MOVED: 'Nothing to do: the update is retried from there.',
  PRIMARY_KEY_MISSING: 'Name the columns that identify a source row in primary_key_columns, such as ["id"].',
  PUBLISHED_TOGETHER_DELAYED: 'See the message of that table.',
  PUBLISHED_TOGETHER_FAILED: 'See the message of that table; fix that, then sync again.',
  SCHEDULE_ON_CONTINUOUS: 'Remove the schedule first: DELETE /api/2.0/synced-tables/tables/<name>/schedule.',
  SCHEMA_MISSING: 'Create the schema, or, when a table is created, set create_database_objects_if_missing to true.',
  SOURCE_VERSION_GONE: 'Sync the table first, then verify it again; that compares the newer version.',
  STREAMING_TABLE_NOT_FOUND: 'See GET /api/2.0/synced-tables/pipelines for those that do.',
  STREAMING_TABLE_PROTECTED: 'To drop it, delete its pipeline.',
  SYNCED_TABLE_DROPPED: 'Delete it, and create it again if it is still wanted.',
  SYNCED_TABLE_EXISTS: 'Choose another name, or delete it first.',
  SYNCED_TABLE_HAS_DEPENDENTS:
    'Drop those first, or delete without the data (purge_data=false for a synced table, cascade=false for a pipeline): then syncing stops and the table stays.',
  SYNCED_TABLE_NAME_INVALID: 'Write schema and table separated by a dot, for example gold.user_profiles.',
  SYNCED_TABLE_NOT_FOUND: SEE_TABLES,
  SYNCED_TABLE_NOT_LOADED: 'Wait for its first update.',
  TABLE_CHANGED_BY_HAND: 'Start an update of its pipeline: it copies all rows of the source again.',
  TABLE_NOT_SERVING: 'Wait for its first update.',
  TOKEN_NOT_FOUND: 'See GET /api/2.0/synced-tables/tokens for those that do.',
  UPDATE_CANCELED: 'Start another.',
  UPDATE_FAILED: SEE_UPDATES,
  UPDATE_NOT_FOUND: SEE_UPDATES,
  VERIFICATION_CANCELED: 'Ask for another.',
  VERIFICATION_FAILED: SEE_VERIFICATIONS,
  VERIFICATION_NOT_FOUND: SEE_VERIFICATIONS,
  VERSION_WAIT_TIMEOUT: 'A table that is not CONTINUOUS needs an update.',
};

/** What only somebody at a psql prompt can follow. Grants are meant for them, whoever reads it. */
const SQL = /=>|\bsynced_tables\.\w|\bSELECT synced|purge out|quote parts|delete_synced_table|sync_now/;

/**
 * Whether a remedy tells what to do in SQL.
 * @internal exported for tests
 */
export function isForPsql(remedy: string): boolean {
  return SQL.test(remedy);
}

/** The error as it is told to somebody who sent a request. */
export function inHttpWords(error: SyncedTablesError): SyncedTablesError {
  if (!isForPsql(error.remedy)) return error;
  const { code, message } = error;
  const remedy =
    REMEDIES[code] ?? error.remedy.replace(/sync_now with full_refresh => true/, 'an update with full_refresh: true');
  return new SyncedTablesError(code, message, isForPsql(remedy) ? '' : remedy, error);
}

/** Postgres' words for a role that may not use our functions at all. */
const NO_ACCESS = /^permission denied for (schema|function|view|table) (synced_tables\w*|create_\w+|delete_\w+|_\w+)/;

/** What Postgres refused to a role, in words about synced tables. */
export function refusalInHttpWords(reason: string): string {
  return NO_ACCESS.test(reason)
    ? 'the role of the caller may not create or change synced tables: it is no member of databricks_superuser'
    : reason;
}

/** Of a field that a request needs. */
export const IS_MISSING = 'it is missing';

/** What a schema found wrong with a field, in words for people. */
export function inFieldWords(message: string): string {
  if (/received undefined$/.test(message)) return IS_MISSING;
  return message.replace(/^Invalid (input|option): /, '').replace(/\.$/, '');
}
