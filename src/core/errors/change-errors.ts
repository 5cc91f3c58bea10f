import type { ErrorKind } from './error-kind.js';

const FULL_REFRESH =
  'Run a full refresh (sync_now with full_refresh => true); the synced table keeps its rows until then.';

/** What makes it impossible to follow a source table by its changes, so that mostly only a new copy helps. */
export const changeErrors = {
  SOURCE_WITHOUT_HISTORY: {
    message: 'Source table {table} is of a kind whose changes cannot be followed.',
    remedy: 'Use policy SNAPSHOT for it.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
  CHANGES_NOT_RECORDED: {
    message:
      'Source table {table} does not record its changes, as no Iceberg table does; they can only be found by comparing its files.',
    remedy:
      'Set allow_file_diff => true, by which every file is read that was written or rewritten since the last update, or use policy SNAPSHOT.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  CHANGE_RANGE_INVALID: {
    message: 'Source table {table} has no changes after version {from} up to version {to}: {reason}.',
    remedy: 'Name two versions of the table, the lower one first.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  DELTA_TRUNCATED_TRANSACTION_LOG: {
    message:
      'The history of source table {table} from version {version} on is gone; the oldest version left in its log is {oldest}.',
    remedy: `${FULL_REFRESH} Sync more often than delta.logRetentionDuration, or raise that.`,
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  DELTA_CHANGE_FILE_MISSING: {
    message:
      'File {file}, which holds changes of version {version} of source table {table}, does not exist; VACUUM has probably removed it.',
    remedy: `${FULL_REFRESH} Sync more often than VACUUM's retention, or raise that.`,
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  CHANGE_DATA_FEED_INCOMPLETE: {
    message:
      'The change data feed of source table {table} was off at version {version}, so its changes are not recorded.',
    remedy: `${FULL_REFRESH} Keep delta.enableChangeDataFeed = true on the source, or set allow_file_diff on the synced table.`,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  CHANGE_DATA_FEED_WRONG: {
    message:
      'The change data feed of source table {table} is wrong at version {version}: inserted less deleted rows are {inFeed} by the feed, but {inFiles} by the files. The files cannot be used instead: {reason}',
    remedy: `${FULL_REFRESH} Report it to the maker of the program that writes the table.`,
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: 'XX001',
  },
  CHANGE_TYPE_UNKNOWN: {
    message:
      'Change data file {file} of source table {table}, version {version}, holds the change type {type}, which is none of the four known ones.',
    remedy: `${FULL_REFRESH} Report it to the maker of the program that writes the table.`,
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: '58030',
  },
  SOURCE_TABLE_REPLACED: {
    message: 'Source table {table} has been replaced: since version {version} a different table is in its place.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  SOURCE_COMMIT_GREW: {
    message:
      'Commit {version} of source table {table} is longer than when it was applied, and begins as it did: it was read before it was whole, as where a table is copied file by file.',
    remedy: `Synced tables are copied again by themselves. Of flows: ${FULL_REFRESH} Let files appear whole: write them under another name, then rename them.`,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  SOURCE_HISTORY_REWRITTEN: {
    message: 'The history of source table {table} is not the one that was read before: {reason}.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  CHANGED_PRIMARY_KEY: {
    message: 'Key column "{column}" of source table {table} {change} at version {version}.',
    remedy:
      'Delete the synced table and create it again with a key that the source has. Where only its type changed, try a full refresh first (sync_now with full_refresh => true).',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
  COLUMN_TYPE_CHANGE_NOT_SUPPORTED: {
    message:
      'Column "{column}" of source table {table} changed its type from {from} to {to} at version {version}; changes cannot be applied across that.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
  COLUMN_RENAME_NOT_SUPPORTED: {
    message: 'Column "{column}" of source table {table} was renamed to "{to}" at version {version}.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
  COLUMN_DROP_NOT_SUPPORTED: {
    message: 'Column "{column}" of source table {table} was dropped at version {version}.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
  SOURCE_LAYOUT_CHANGED: {
    message:
      'Source table {table} changed its {what} at version {version}, so older files cannot be read beside newer ones.',
    remedy: FULL_REFRESH,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
} as const satisfies Record<string, ErrorKind>;
