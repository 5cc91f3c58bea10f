import type { ErrorKind } from './error-kind.js';

/** Writing a synced table. */
export const targetErrors = {
  POSTGRES_UNREACHABLE: {
    message: 'Postgres at {server} cannot be used: {reason}.',
    remedy: 'Check that the server runs and that the connection string (DATABASE_URL or the settings file) is right.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  POSTGRES_CONNECTIONS_TAKEN: {
    message: 'Postgres at {server} has no connection free for the sidecar: {reason}.',
    remedy:
      'Nothing is lost: the work waits its turn and is tried again, with growing pauses. If this lasts, raise max_connections, or close sessions that are not needed.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '53300',
  },
  POSTGRES_SILENT: {
    message: 'The connection to Postgres at {server} gave no answer for {seconds} s and was cut.',
    remedy:
      'It is tried again on a new connection. If this recurs, look at what lies between the sidecar and Postgres: a proxy, a pooler, a firewall that drops idle connections.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  LOCK_TIMEOUT: {
    message:
      'Synced table {target} could not switch to its new rows: transactions kept it locked for {seconds} s. Sessions in the way: {sessions}.',
    remedy:
      'End the transactions that keep the table locked (see pg_stat_activity); the sync is retried automatically.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '55P03',
  },
  CHANGED_PRIMARY_KEY_COLUMN_TYPE: {
    message:
      'Key column "{column}" of source table {table} is now {type}; in synced table {target} it is {target_type}.',
    remedy:
      'Delete the synced table, drop it and create it again, with its grants, indexes and views: it is partitioned by this column, the first of its key, whose type Postgres cannot change in place, so that a refresh does not help.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42804',
  },
  FOREIGN_KEY_REFERENCES_ROW: {
    message:
      'Rows that are gone from {table} cannot be deleted from synced table {target}: foreign key {constraint} of table {referencing} still refers to them{rows}.',
    remedy: 'Delete or change the referring rows, or drop the foreign key; then sync again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23503',
  },
  TARGET_REFUSED: {
    message: 'Postgres refused the rows of {table} for synced table {target}: {reason}.',
    remedy: 'Fix what the message names, then sync again; the table has not changed.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: 'XX000',
  },
  INDEX_UNBUILDABLE: {
    message: 'Index {index} of synced table {target} cannot be built on the new rows of {table}: {reason}{rows}.',
    remedy:
      'Correct the source or drop the index, then sync again; the table keeps its old rows until then. Where values are too long, index a hash or their beginning instead, as in md5(column) or left(column, 500).',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  ROW_TOO_BIG: {
    message: 'Rows of source table {table} are too big for synced table {target}: {reason}{rows}.',
    remedy:
      'A row of Postgres has to fit a page of 8 kB, in which a long value takes 18 bytes and a null nothing: leave columns out in the source, or combine them into nested ones, each stored as one jsonb.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '54000',
  },
  TARGET_DATABASE_FULL: {
    message: 'The disk of the Postgres server is full; the update of synced table {target} has changed nothing.',
    remedy: 'Free some space, then sync again. A refresh needs room for the old and the new rows at once.',
    retry: 'timed',
    status: 507,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53100',
  },
  TARGET_RESOURCES_EXHAUSTED: {
    message: 'Postgres has run out of what the update of synced table {target} needs: {reason}.',
    remedy:
      'Give the server what the reason names: memory, or a higher limit such as temp_file_limit for the role of the sidecar.',
    retry: 'timed',
    status: 507,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53000',
  },
  TARGET_READ_ONLY: {
    message: 'Postgres accepts no writes, so synced table {target} was not updated: {reason}.',
    remedy:
      'Find out why: a standby, default_transaction_read_only, or a service whose storage is full. The update is retried.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '25006',
  },
  TARGET_STATEMENT_CANCELED: {
    message: 'Postgres ended a statement of the update of synced table {target}: {reason}.',
    remedy:
      'The update is retried. If it happens again, find out who cancels it, or which timeout is set for the role or the database.',
    retry: 'timed',
    status: 503,
    apiCode: 'ABORTED',
    sqlState: '57014',
  },
  CONCURRENT_CHANGE: {
    message: 'The update of synced table {target} collided with another session: {reason}.',
    remedy: 'Nothing to do: it is retried. If it happens again, look for the other session in pg_stat_activity.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  DEPENDENT_OBJECTS_EXIST: {
    message: 'Synced table {target} cannot follow the new columns of {table}: {objects} depends on column "{column}".',
    remedy: 'Drop or change whatever depends on the column, then sync again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  FORMER_TABLE_HAS_DEPENDENTS: {
    message:
      'Synced table {target} cannot take the place of the former one: {objects} depends on that, which is partitioned by column {column}, and the column {reason}.',
    remedy:
      'Drop whatever depends on the former table and sync again, or delete the synced table and create it with the primary key that it had.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  KEY_HAS_DEPENDENTS: {
    message:
      'Synced table {target} cannot get this primary key in place: it is partitioned by column {column}, which {reason}, so that it would have to be replaced, and {objects} depends on it.',
    remedy:
      'Keep that column in the primary key, with its type; or drop whatever depends on the table, change it, and make that again. Nothing was changed.',
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
  POSITION_MOVED: {
    message:
      'The update of synced table {target} started from version {expected}, but the table reflects version {found}; the update has changed nothing.',
    remedy:
      'Nothing to do: the update is retried from there. If it happens again, find out what else writes to synced_tables._tables.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  LEASE_LOST: {
    message:
      'Another sidecar has taken over the pipeline of synced table {target}; this one ended its update without a change.',
    remedy: 'Nothing to do: the other sidecar carries on.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  LEASES_RUN_OUT: {
    message:
      'This sidecar could not renew its leases within {seconds} seconds; its updates have ended without a change, and another sidecar may have taken them over.',
    remedy:
      'Nothing to do if it was once: they are claimed again as soon as the server answers. If it happens again and again, look at the connection to Postgres, at the load of both machines, and at sync.lease_seconds.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '40001',
  },
  SIDECAR_STOPS_UNCONNECTED: {
    message:
      'The sidecar stops, and has no session with the database in which it could return its updates to the queue.',
    remedy: 'Nothing to do: their leases run out, and then any sidecar takes them over.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08003',
  },
  PUBLISHED_TOGETHER_FAILED: {
    message:
      'Synced table {target} keeps its rows because {failed}, which is published together with it, failed with {error_code}.',
    remedy: 'See the message of {failed} in synced_tables.status; fix that, then sync again.',
    retry: 'manual',
    status: 500,
    apiCode: 'ABORTED',
    sqlState: '55000',
  },
  PUBLISHED_TOGETHER_DELAYED: {
    message:
      'Synced table {target} waits because {failed}, which is published together with it, failed with {error_code}, which may pass by itself.',
    remedy: 'See the message of {failed} in synced_tables.status.',
    retry: 'timed',
    status: 503,
    apiCode: 'ABORTED',
    sqlState: '55000',
  },
  TABLES_DIFFER: {
    message:
      'Synced table {target} differs from {table} at the version it reflects: rows missing here: {missing}, not in the source: {extra}, with other values: {different}.',
    remedy:
      'Run a full refresh (sync_now with full_refresh => true). No write by hand is known of: unless its write gate was switched off, or a person acted as databricks_sync, report it, for this must never happen.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: 'XX001',
  },
  TABLE_CHANGED_BY_HAND: {
    message:
      'Synced table {target} differs from {table} at the version it reflects, for it was changed by hand since {since}, first by {role}: rows missing here: {missing}, not in the source: {extra}, with other values: {different}.',
    remedy: 'Sync it (synced_tables.sync_now): the next update copies all rows of the source again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  INTERNAL_ERROR: {
    message: 'Synced table {target} could not be synced because of an unexpected error: {reason}.',
    remedy: 'See the log of the sidecar; please report it if it happens again.',
    retry: 'timed',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: 'XX000',
  },
} as const satisfies Record<string, ErrorKind>;
