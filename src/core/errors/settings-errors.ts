import type { ErrorKind } from './error-kind.js';

/** The settings file and the environment. */
export const settingsErrors = {
  SETTINGS_INVALID: {
    message: 'Setting {setting} is {found}; allowed: {allowed} (from {origin}).',
    remedy: 'Correct the setting and start again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SETTINGS_UNREADABLE: {
    message: 'The settings file {file} cannot be read: {reason}.',
    remedy: 'Correct the file, or name another one with --config or SYNCED_TABLES_CONFIG.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SETTINGS_SECRET_UNREADABLE: {
    message: 'The file {file}, which {variable} names, cannot be read: {reason}.',
    remedy: 'Put the value there and let the user of the sidecar read it, or set {name} itself.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SETTINGS_MISSING: {
    message: 'There is no settings file and DATABASE_URL is not set, so there is no Postgres to work with.',
    remedy:
      'Set DATABASE_URL or write synced-tables.yaml; to try synced-tables without a Postgres of your own, run the quickstart.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
} as const satisfies Record<string, ErrorKind>;
