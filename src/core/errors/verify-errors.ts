import type { ErrorKind } from './error-kind.js';

/** Comparing a synced table with its source. */
export const verifyErrors = {
  SYNCED_TABLE_NOT_LOADED: {
    message: 'Synced table {target} has not been loaded yet: there is nothing to compare.',
    remedy: 'Wait for its first update; see synced_tables.status.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  SOURCE_VERSION_GONE: {
    message:
      'Version {version} of source table {table}, which synced table {target} reflects, can no longer be read: {reason}.',
    remedy: 'Sync the table first (synced_tables.sync_now), then verify it again; that compares the newer version.',
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
  COLUMNS_DIFFER: {
    message: 'The columns of synced table {target} differ from those of {table} at the version it reflects: {columns}.',
    remedy: 'Run a full refresh (sync_now with full_refresh => true).',
    retry: 'manual',
    status: 500,
    apiCode: 'DATA_LOSS',
    sqlState: 'XX001',
  },
  VERIFICATION_NOT_FOUND: {
    message: 'Verification {verification} does not exist.',
    remedy: 'Pass the id that synced_tables.verify returned; see synced_tables.verifications.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '42704',
  },
  VERIFICATION_FAILED: {
    message: 'Verification {verification} failed.',
    remedy: 'See synced_tables.verifications.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: 'P0001',
  },
  VERIFICATION_CANCELED: {
    message: 'The comparison of synced table {target} with its source was canceled by {role}.',
    remedy: 'Ask for another with synced_tables.verify.',
    retry: 'manual',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '57014',
  },
  VERIFICATION_WAIT_TIMEOUT: {
    message: 'Verification {verification} is still {state} after {timeout}.',
    remedy:
      'It carries on in the background; wait for it again. If it stays QUEUED, a sidecar may be missing: see synced-tables doctor.',
    retry: 'timed',
    status: 504,
    apiCode: 'DEADLINE_EXCEEDED',
    sqlState: '57014',
  },
} as const satisfies Record<string, ErrorKind>;
