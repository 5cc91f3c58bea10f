import type { ErrorKind } from './error-kind.js';

const FULL_REFRESH =
  'Run a full refresh (sync_now with full_refresh => true); the synced table keeps its rows until then.';

/** Tables that a Delta Sharing server gives. */
export const sharingErrors = {
  SHARING_PROFILE_INVALID: {
    message: 'Profile {file} of catalog "{catalog}" cannot be used: {reason}.',
    remedy:
      'Put the profile there that the provider of the data gave you, or correct "profile" of the catalog in the settings.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '58P01',
  },
  CATALOG_TOKEN_EXPIRED: {
    message:
      'The token in profile {file} of catalog "{catalog}" expired at {time}, so source table {table} was not asked for.',
    remedy:
      'Ask the provider of the data for a new profile, and put it in the place of the old one: it is read anew for each request.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '28000',
  },
  SHARE_NOT_FOUND: {
    message:
      'The sharing server of catalog "{catalog}" has no share "{share}" for us: {reason}. It shares these with us: {shares}.',
    remedy: 'Set "share" of the catalog in the settings to one of them; by default it is the name of the catalog.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '3D000',
  },
  SHARING_REQUEST_REFUSED: {
    message: 'The sharing server of catalog "{catalog}" refused {wanted} of source table {table}: {reason}.',
    remedy: 'Ask the provider of the data whether the table can be read by others than its own programs.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  SHARED_PLACE_REFUSED: {
    message: 'Source table {table} is shared as the folder {root}, which is not read: {reason}.',
    remedy:
      'Ask the provider of the data to share the table in an object store, with credentials for it, or file by file (access mode "url").',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  SHARED_VERSION_REFUSED: {
    message: 'Version {version} of source table {table} is not shared: {reason}.',
    remedy:
      'Read the newest version, or ask the provider of the data to share the table with its history (on Databricks: WITH HISTORY).',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  SHARED_TABLE_CHANGED: {
    message:
      'Source table {table} changed while its version {version} was read, and its server gives no more addresses for the files of that version.',
    remedy:
      'The newest version is read later. Where it happens often, ask the provider to share the table with its history.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  SHARE_WITHOUT_HISTORY: {
    message:
      'The changes of source table {table} are not shared, which the policies TRIGGERED and CONTINUOUS need; SNAPSHOT works without them. {reason}.',
    remedy:
      'Use policy SNAPSHOT, or ask the provider of the data to turn on the change data feed of the table and to share it with its history (on Databricks: WITH HISTORY).',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  SHARED_CHANGES_GONE: {
    message:
      'The changes of source table {table} after version {from} up to version {to} are not shared any more. {reason}.',
    remedy: `${FULL_REFRESH} Sync more often than the provider of the data cleans up.`,
    retry: 'manual',
    status: 400,
    apiCode: 'DATA_LOSS',
    sqlState: '58P01',
  },
} as const satisfies Record<string, ErrorKind>;
