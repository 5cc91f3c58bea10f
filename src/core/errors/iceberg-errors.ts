import type { ErrorKind } from './error-kind.js';

/** Reading the metadata of an Iceberg table. */
export const icebergErrors = {
  ICEBERG_METADATA_CORRUPT: {
    message: 'Metadata file {file} of Iceberg table {table} is damaged: {reason}.',
    remedy:
      'Restore the named file, or roll the table back to an earlier snapshot in the lakehouse; nothing was loaded.',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  ICEBERG_UNSUPPORTED_FEATURE: {
    message: 'Iceberg table {table} cannot be read: {file} needs {feature}, which is not supported.',
    remedy: 'Rewrite the table in the lakehouse without it, or sync a copy of the table that is written without it.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  ICEBERG_HISTORY_EXPIRED: {
    message: 'The history of Iceberg table {table} since version {version} is gone: {reason}.',
    remedy:
      'Run a full refresh (sync_now with full_refresh => true); the synced table keeps its rows until then. Sync more often than snapshots expire (history.expire.max-snapshot-age-ms), or keep them longer.',
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  ICEBERG_SNAPSHOT_NOT_FOUND: {
    message: 'Iceberg table {table} has no snapshot with sequence number {version}; the newest is {latest}.',
    remedy: 'Snapshots disappear when they expire or the table is rolled back: ask for one that it still has.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '22023',
  },
} as const satisfies Record<string, ErrorKind>;
