import type { ErrorKind } from './error-kind.js';

/** Connecting to Postgres, directly and through poolers. */
export const connectionErrors = {
  POSTGRES_LOGIN_REFUSED: {
    message: 'Postgres at {server} refused the login: {reason}.',
    remedy:
      'Check the user, its password (of url, password_file, password_command, PGPASSWORD or PGPASSFILE, whichever is set first; files and commands are read anew for each connection) and pg_hba.conf of the server. See docs/guides/connections.md.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '28000',
  },
  POSTGRES_PASSWORD_MISSING: {
    message: 'Postgres at {server} wants a password that cannot be had: {reason}.',
    remedy:
      'Give one in url, password_file, password_command, PGPASSWORD or PGPASSFILE. Files and commands are read anew for each connection, so nothing has to be restarted once they are right.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '28000',
  },
  POSTGRES_DATABASE_MISSING: {
    message: 'There is no database that can be used at {server}: {reason}.',
    remedy: 'Create it with CREATE DATABASE, or correct its name in url or under databases of the instance.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '3D000',
  },
  POSTGRES_TLS_FAILED: {
    message:
      'The connection to Postgres at {server} could not be encrypted as its connection string demands: {reason}.',
    remedy: '{advice}. See docs/guides/connections.md.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08001',
  },
  POSTGRES_SESSION_NOT_KEPT: {
    message:
      'Postgres at {server} is behind a pooler that gives each transaction another session (transaction or statement pooling); what has to be done here needs a session that stays.',
    remedy:
      'Set direct_url of the instance (DATABASE_DIRECT_URL where there is no settings file) to the address of the server itself, or of a pooler in session mode; url may stay as it is, for short requests. See docs/guides/connections.md.',
    retry: 'manual',
    status: 503,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  POSTGRES_URLS_DIFFER: {
    message: 'url ({server}) and direct_url ({direct}) of instance {instance} lead to different databases.',
    remedy:
      'Correct the settings: both have to reach the same database of the same primary server, one of them perhaps through a pooler.',
    retry: 'manual',
    status: 503,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
} as const satisfies Record<string, ErrorKind>;
