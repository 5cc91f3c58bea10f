import type { ErrorKind } from './error-kind.js';

/** Finding and reading a source table. */
export const sourceErrors = {
  SOURCE_NAME_INVALID: {
    message:
      'Source table name "{name}" is not of the form catalog.schema.table with parts without dots, slashes, spaces and quotes{problem}.',
    remedy:
      'Write the three parts separated by dots, for example analytics.gold.user_profiles; backticks around them do no harm.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42602',
  },
  CATALOG_NOT_FOUND: {
    message: 'Catalog "{catalog}" of source table {table} is not configured. Configured: {configured}.',
    remedy:
      'Add it under "catalogs" in the settings file, or use a configured catalog; without a settings file, SYNCED_TABLES_LAKE=<folder> defines one named lake.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '3D000',
  },
  SOURCE_TABLE_NOT_FOUND: {
    message: 'Source table {table} does not exist: {reason}.',
    remedy:
      'Check the name: the table may have been renamed or dropped, or its catalog in the settings looks elsewhere.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42P01',
  },
  SOURCE_READ_ERROR: {
    message: 'Source table {table} could not be read: {reason}.',
    remedy: 'Check the file and its storage, then sync again.',
    retry: 'timed',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58030',
  },
  SOURCE_FILE_MISSING: {
    message: 'File {file} of source table {table}, version {version}, does not exist.',
    remedy:
      'The table is damaged, or VACUUM removed a file that this version needs: restore the file, or sync a newer version.',
    retry: 'timed',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  SOURCE_FILE_CORRUPT: {
    message: 'File {file} of source table {table} is damaged: {reason}.',
    remedy: 'Restore the file or rewrite the table; nothing from this version was loaded.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  SOURCE_FILE_CHANGED: {
    message: 'File {file} was changed while it was read.',
    remedy: 'Files of a table must never change: find out what overwrites them. The file is read again later.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  SOURCE_NOT_A_FILE: {
    message: '{path} is {kind}, not a file; it was not opened.',
    remedy: 'Restore the file that belongs there, or remove what is in its place.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42809',
  },
  SOURCE_READ_TIMEOUT: {
    message: '{path} could not be read: {reason}.',
    remedy:
      'Check the disk or network mount that holds it; it is read again later. How long to wait is storage.timeout_seconds in the settings.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '58030',
  },
  SOURCE_FILE_COLUMNS_UNKNOWN: {
    message:
      'File {file} of source table {table} holds none of the columns that the schema names{where}, but {found}: its rows would be nothing but nulls.',
    remedy:
      'Compare the column mapping of the table (delta.columnMapping.mode and the physical names in its schema) with the columns of the file, and correct the one or rewrite the other; nothing was loaded.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  SOURCE_PATH_OUTSIDE: {
    message: 'Source table {table} refers to {path}, which lies outside {folder}.',
    remedy:
      'Set "allow_outside_paths: true" on its catalog if files in other folders may be read (for a shallow clone, a converted table, or links to other disks).',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42501',
  },
  DELTA_VERSION_NOT_FOUND: {
    message: 'Version {version} of source table {table} does not exist; the newest is {latest}.',
    remedy: 'Ask for a version that is not above the newest.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '22023',
  },
  DELTA_LOG_GAP: {
    message: 'The log of source table {table} has a gap: version {version} is missing.',
    remedy: 'Restore the missing file of _delta_log, or write a checkpoint at a later version.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  DELTA_LOG_CORRUPT: {
    message: 'The log of source table {table} is damaged: {reason}.',
    remedy: 'Restore the named file of _delta_log; nothing was loaded.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  DELTA_COMMIT_INCOMPLETE: {
    message: 'The newest commit of source table {table} is not whole yet: {reason}.',
    remedy:
      'It is read again later. If it stays like that, its writer or a copy of the folder was broken off: restore the named file of _delta_log.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  DELTA_UNSUPPORTED_FEATURE: {
    message: 'Source table {table} needs {feature}, which this reader does not support.',
    remedy: 'Drop the table feature in the lakehouse, or sync a copy of the table that is written without it.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  DELTA_CATALOG_MANAGED: {
    message:
      'A catalog manages the commits of source table {table}: its files alone do not tell which of its commits count.',
    remedy:
      'Add the Unity Catalog that manages the table to "catalogs" in the settings (kind: unity), and name the table as it is named there: catalog.schema.table.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  COLUMN_TYPE_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} has type {type}, which has no Postgres counterpart.',
    remedy:
      'Leave the column out of the source or convert it there to a supported type, for example with CREATE TABLE … AS SELECT.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  VALUE_OUT_OF_RANGE: {
    message: 'Column "{column}" of source table {table} holds a value that does not fit {type}: {reason}{rows}.',
    remedy: 'Correct the values in the source.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22003',
  },
  SOURCE_WITHOUT_COLUMNS: {
    message: 'Source table {table} has no columns.',
    remedy: 'Give the table a schema first.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42P16',
  },
  COLUMN_NAME_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} cannot exist in Postgres: {reason}.',
    remedy:
      'Rename the column in the source, or leave it out of the source, for example with CREATE TABLE … AS SELECT.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42622',
  },
  CHANGE_DATA_FEED_OFF: {
    message:
      'Source table {table} has no change data feed, which the policies TRIGGERED and CONTINUOUS need; SNAPSHOT works without one.',
    remedy:
      'For TRIGGERED or CONTINUOUS, have it compare files, which is slower (allow_file_diff, --allow-file-diff on the command line), or run in the lakehouse: ALTER TABLE {table} SET TBLPROPERTIES (delta.enableChangeDataFeed = true)',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
} as const satisfies Record<string, ErrorKind>;
