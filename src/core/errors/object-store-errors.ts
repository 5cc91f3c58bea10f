import type { ErrorKind } from './error-kind.js';

/** Reaching the object store that holds a source table. */
export const objectStoreErrors = {
  OBJECT_STORE_UNREACHABLE: {
    message: 'The object store did not deliver {path} (attempts: {attempts}): {reason}.',
    remedy:
      'Check the store, its endpoint and region in the settings of the catalog, and the network; the request is retried later.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  OBJECT_STORE_ACCESS_DENIED: {
    message: 'The object store refused access to {path}: {reason}.',
    remedy:
      'Give the sidecar credentials that may list and read there: under "storage" of the catalog, or where the official client of the store looks for them.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  OBJECT_STORE_BUCKET_NOT_FOUND: {
    message: 'The bucket or container of {path} does not exist: {reason}.',
    remedy: 'Check the root of the catalog, and the endpoint and region in its "storage" settings.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '3D000',
  },
  OBJECT_STORE_REFUSED: {
    message: 'The object store refused a request for {path}: {reason}.',
    remedy: 'Check endpoint, region and path_style in the "storage" settings of the catalog.',
    retry: 'manual',
    status: 502,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58030',
  },
  OBJECT_CHANGED: {
    message: 'Object {path} was replaced while it was being read.',
    remedy: 'Files of a table must never change: find out what overwrites them. The object is read again later.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '40001',
  },
  OBJECT_STORE_CLIENT_MISSING: {
    message: 'Reading {url} URLs needs packages that are not installed: {packages}.',
    remedy: 'Install them alongside synced-tables: npm install {packages}',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  STORAGE_URL_INVALID: {
    message: '{url} of source table {table} is not a location that can be read: {reason}.',
    remedy: 'Use a folder, or a URL that begins with file:///, s3://, gs://, abfss:// or r2://.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SPOOL_TOO_SMALL: {
    message: 'All files of source table {table} are needed at once, {bytes} bytes; the spool holds {limit}.',
    remedy: 'Raise storage.spool_mb in the settings, or ask for something that can be read file by file.',
    retry: 'manual',
    status: 400,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53100',
  },
  SPOOL_DISK_FULL: {
    message: 'The disk of the temporary folder is full: {path} could not be fetched.',
    remedy: 'Free space there, or lower storage.spool_mb or choose another engine.temporary_folder in the settings.',
    retry: 'timed',
    status: 507,
    apiCode: 'RESOURCE_EXHAUSTED',
    sqlState: '53100',
  },
} as const satisfies Record<string, ErrorKind>;
