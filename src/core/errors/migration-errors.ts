import type { ErrorKind } from './error-kind.js';

/** Setting a database up. */
export const migrationErrors = {
  DATABASE_TOO_OLD: {
    message: 'Database {database} runs on PostgreSQL {version}; synced tables need PostgreSQL 15 or newer.',
    remedy: 'Upgrade the server, or use another one.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  DATABASE_ENCODING_UNSUPPORTED: {
    message:
      'Database {database} is encoded in {encoding}, which lacks characters that synced tables and their sources have; nothing was installed in it.',
    remedy:
      "Use a database in UTF8: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8', or another locale of UTF-8. The encoding of a database cannot be changed.",
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  DATABASE_NEWER: {
    message:
      'Database {database} was migrated by a newer synced-tables, and this version cannot work with it: migration {found} is for newer versions alone, this one knows up to {known}.',
    remedy: 'Use that version of synced-tables or a newer one for this database.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  DATABASE_OF_PREVIEW: {
    message:
      'Database {database} holds the SQL side of a preview of synced-tables, from before version 0.1.0; there is no upgrade from it.',
    remedy:
      'Use another database; or drop the schemas synced_tables, synced_tables_served and databricks_auth with CASCADE there, then migrate and create the synced tables again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  MIGRATION_IN_USE: {
    message: 'Database {database} was not migrated: {dependents}.',
    remedy:
      'This version no longer has what they depend on. Drop or change what is named here, then migrate again; nothing has been changed.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  MIGRATION_NOT_ALLOWED: {
    message: 'Role {role} may not install synced tables in database {database}: {lacks}.',
    remedy:
      'Run "synced-tables migrate" once as a superuser, or as an administrator of the database: a role with CREATEROLE that may grant CREATE on the database and on schema public. The sidecar itself needs only membership in databricks_sync.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  SIDECAR_ROLE_REFUSED: {
    message: 'Role {role} could not be made ready for a sidecar: {reason}.',
    remedy:
      'Nothing of it was done; the database is installed. Run this as a role with CREATEROLE, or let an administrator run: CREATE ROLE {role} LOGIN; GRANT databricks_sync TO {role};',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  FIRST_TOKEN_REFUSED: {
    message: 'The token of api.first_token could not be made on instance {instance}: {reason}.',
    remedy:
      'The database is installed; without a token the API answers this machine only. Run "synced-tables migrate" with these settings as an administrator, or make a token with "synced-tables token create".',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  MIGRATION_CHANGED: {
    message: 'Migration {file} was changed after it had been applied to database {database}.',
    remedy: 'Install an unchanged release of synced-tables; changes come as new files.',
    retry: 'manual',
    status: 500,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  MIGRATION_SCHEMA_TAKEN: {
    message: 'Schema {schema} of database {database} already exists and was not created by synced-tables.',
    remedy: 'Rename or drop that schema, then migrate again.',
    retry: 'manual',
    status: 409,
    apiCode: 'ALREADY_EXISTS',
    sqlState: '42P06',
  },
  MIGRATION_FAILED: {
    message: 'Database {database} was not migrated: {file} failed (SQLSTATE {sql_state}): {reason}.',
    remedy: 'Fix what the message names, then migrate again; nothing from that step was kept.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '55000',
  },
  MIGRATION_LOCKED: {
    message:
      'Database {database} was not migrated: for {seconds} s, another session has held the lock that migrations take: {session}.',
    remedy:
      'If that session is migrating too, wait for it to end and try again. If not, it holds an advisory lock of the same number by chance or on purpose: end it with "select pg_terminate_backend({pid})" as a superuser.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '55P03',
  },
  MIGRATION_BLOCKED: {
    message:
      'Database {database} was not migrated: {file} was given up after {attempts} attempts ({reason}). Sessions that hold tables of synced-tables: {sessions}.',
    remedy:
      'Wait until their transactions have ended, or end the sessions with pg_terminate_backend(…), then migrate again; nothing from that step was kept.',
    retry: 'timed',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '55P03',
  },
} as const satisfies Record<string, ErrorKind>;
