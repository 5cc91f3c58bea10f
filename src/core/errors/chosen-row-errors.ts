import type { ErrorKind } from './error-kind.js';

const WRITTEN =
  "Write an expression of the lakehouse's SQL over the columns of one row that is true or false, such as region = 'EU' and deleted_at is null; functions whose result depends on their arguments alone are possible, subqueries are not. Names that are words of SQL, such as `order` or `at`, need backticks.";

/** Synced tables with a part of the columns and rows of their source. */
export const chosenRowErrors = {
  COLUMNS_INVALID: {
    message: 'The columns of synced table {target} cannot be chosen like this: {reason}.',
    remedy: 'Give the names of the source columns that the table is to have, each once, or leave columns out for all.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  COLUMNS_WITHOUT_KEY: {
    message: 'Column "{column}" is in the primary key of synced table {target}, but not among its columns.',
    remedy: 'Add all primary key columns to columns.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  CHOSEN_COLUMN_NOT_FOUND: {
    message:
      'Source table {table} has no column "{column}", which is among the chosen columns. Its columns: {columns}.',
    remedy:
      'Name columns of the source table; names are case-sensitive. If the source has lost the column, delete the synced table and create it again without it.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42703',
  },
  CHOSEN_COLUMN_CHANGED: {
    message:
      'Column "{column}" of source table {table}, which a synced table has chosen or filters by, {change} at version {version}.',
    remedy:
      'Put the column back in the source and run a full refresh, or delete the synced table and create it again with columns and a row filter that the source has.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '42000',
  },
  ROW_FILTER_INVALID: {
    message: 'The row filter for source table {table} cannot be used: {reason}.',
    remedy: WRITTEN,
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42601',
  },
  ROW_FILTER_FAILED: {
    message:
      'The row filter of synced table {target} cannot be computed for some rows of source table {table}: {reason}.',
    remedy:
      'Correct the source, or delete the synced table and create it again with a filter that fits all rows: try_cast gives null, which does not match, where cast fails.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22000',
  },
} as const satisfies Record<string, ErrorKind>;
