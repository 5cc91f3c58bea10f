import type { ErrorKind } from './error-kind.js';

/** Asking a catalog server for a source table. */
export const catalogErrors = {
  CATALOG_ROOT_MISSING: {
    message: 'The root {root} of catalog "{catalog}" does not exist or is empty.',
    remedy: 'Correct "root" of the catalog in the settings: source tables are at <root>/<schema>/<table>.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '58P01',
  },
  SOURCE_CATALOG_SLOW: {
    message: 'Catalog "{catalog}" did not answer within {seconds} seconds.',
    remedy: 'Ask for one table by its name, or check whether the catalog server or the object store behind it is slow.',
    retry: 'manual',
    status: 504,
    apiCode: 'DEADLINE_EXCEEDED',
    sqlState: '08006',
  },
  CATALOG_UNREACHABLE: {
    message: 'Catalog "{catalog}" did not answer a request for source table {table} (attempts: {attempts}): {reason}.',
    remedy: 'Check the catalog server and its "uri" or "endpoint" in the settings; the request is retried later.',
    retry: 'timed',
    status: 503,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
  CATALOG_ACCESS_DENIED: {
    message: 'Catalog "{catalog}" refused {wanted} of source table {table}: {reason}.',
    remedy:
      'Give the token of the catalog USE CATALOG, USE SCHEMA and SELECT, and for the credentials of its files EXTERNAL USE SCHEMA (in an Iceberg REST catalog: the right to read the table; in Postgres: USAGE of the schema, SELECT on the table, and BYPASSRLS where it has policies; of a share: ask its provider); or set "storage" of the catalog.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  CATALOG_TOKEN_REFUSED: {
    message: 'Catalog "{catalog}" {what} where source table {table} is looked up: {reason}.',
    remedy: 'Set or renew "token" of the catalog in the settings, or its "oauth" or "profile".',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '28000',
  },
  CATALOG_WITHOUT_COMMITS: {
    message:
      'Catalog "{catalog}" manages the commits of source table {table}, but its server has no call that tells them.',
    remedy: 'Update the catalog server: the open-source Unity Catalog has the call ("delta/v1") since version 0.7.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '0A000',
  },
  CATALOG_ANSWER_INVALID: {
    message:
      'Catalog "{catalog}" answered a request for source table {table} with something other than a table: {reason}.',
    remedy:
      'Check that "uri" or "endpoint" in the settings is the address of a catalog server of the kind that "kind" says.',
    retry: 'manual',
    status: 502,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58030',
  },
  FILES_INVALID: {
    message: 'The files of source table {table} cannot be read as one table: {reason}.',
    remedy:
      'Correct the files, or say under "tables" of their catalog in the settings what they hold: format, columns, csv.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22000',
  },
  VIEW_INVALID: {
    message: 'View {table} cannot be read: {reason}.',
    remedy:
      'Correct its query: one SELECT over tables of configured catalogs, with functions whose result depends on their arguments alone.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42601',
  },
  VIEW_VERSION_GONE: {
    message: 'View {table} can only be read as it is now: a table below it has changed since version {version}.',
    remedy: 'Sync the table again; then it can be compared with the view.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  SOURCE_FORMAT_UNSUPPORTED: {
    message: 'Source table {table} is of format {format}, which cannot be read.',
    remedy:
      'Sync a Delta or an Iceberg table: write one from this source, for example with CREATE TABLE … AS SELECT. What a SQL warehouse of Databricks reads, such as a materialized view, can be synced from a catalog of kind databricks.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '0A000',
  },
} as const satisfies Record<string, ErrorKind>;
