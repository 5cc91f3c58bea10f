import type { ErrorKind } from './error-kind.js';

/** Sources whose rows a server reads for us. */
export const remoteErrors = {
  CATALOG_LOGIN_REFUSED: {
    message: 'The server of catalog "{catalog}" refuses the login with which source table {table} is read: {reason}.',
    remedy: 'Correct user and password of the catalog in the settings.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '28000',
  },
  REMOTE_QUERY_FAILED: {
    message: 'The server of catalog "{catalog}" could not read source table {table}: {reason}.',
    remedy: 'Run a SELECT of the table on that server, whose own log says more, and mend what it says.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '38000',
  },
  REMOTE_VERSION_GONE: {
    message: 'The server of catalog "{catalog}" can no longer read version {version} of source table {table}.',
    remedy: 'Sync the table again; then it can be compared with the source.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  REMOTE_CHANGES_NOT_GIVEN: {
    message:
      'The server of catalog "{catalog}" does not give the changes of source table {table}, which the policies TRIGGERED and CONTINUOUS need: {reason}.',
    remedy:
      'Use policy SNAPSHOT. A Delta table gives its changes once its change data feed is on (delta.enableChangeDataFeed = true); where its files can be read from here, name it in a catalog of kind path, unity or iceberg.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  REMOTE_CHANGES_GONE: {
    message:
      'The server of catalog "{catalog}" cannot give all changes of source table {table} after version {from} up to version {to}: {reason}.',
    remedy:
      'Run a full refresh (sync_now with full_refresh => true); the synced table keeps its rows until then. With on_history_gap "refresh" that happens by itself. Sync more often than old versions of the source are cleaned up.',
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  SOURCE_TABLE_CHANGED: {
    message: 'Source table {table} was altered while it was read.',
    remedy: 'Nothing was loaded; the update is tried again.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
} as const satisfies Record<string, ErrorKind>;
