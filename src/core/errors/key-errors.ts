import type { ErrorKind } from './error-kind.js';

/** Primary keys, timeseries keys and values that cannot be stored. */
export const keyErrors = {
  PRIMARY_KEY_COLUMN_NOT_FOUND: {
    message:
      'Source table {table} has no column "{column}", which the primary key names. Its columns: {columns}.{meant}',
    remedy: 'Name columns of the source table.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42703',
  },
  PRIMARY_KEY_TYPE_UNSUPPORTED: {
    message: 'Column "{column}" of source table {table} has type {type}, which cannot be part of a primary key.',
    remedy: 'Choose key columns of simple types, not nested ones.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42804',
  },
  TIMESERIES_COLUMN_NOT_FOUND: {
    message:
      'Source table {table} has no column "{column}", which was named as the timeseries key. Its columns: {columns}.{meant}',
    remedy: 'Name a column of the source table.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42703',
  },
  TIMESERIES_TYPE_UNSUPPORTED: {
    message:
      'Column "{column}" of source table {table} has type {type}, which has no order, so it cannot be a timeseries key.',
    remedy: 'Choose a column whose values have an order: timestamps, dates, numbers or strings.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '42804',
  },
  PRIMARY_KEY_CONSTRAINT_VIOLATION: {
    message:
      'Source table {table} has several rows with the same primary key ({columns}) for synced table {target}{rows}.',
    remedy:
      'Correct the source, choose a key that is unique, or set timeseries_key to the column whose greatest value wins.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23505',
  },
  TIMESERIES_KEY_TIE: {
    message:
      'Source table {table} has several rows with the same primary key ({columns}) and the same greatest "{timeseries}" for synced table {target}{rows}.',
    remedy: 'Correct the source, or choose a timeseries key that differs between rows with the same key.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23505',
  },
  PRIMARY_KEY_TOO_LONG: {
    message:
      'Source table {table} has keys ({columns}) that are too long for the primary key of synced table {target}: {reason}{rows}.',
    remedy:
      'Shorten the values in the source, or delete the synced table and create it with another key, such as a column with a hash of the long one.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '54000',
  },
  CHARACTER_NOT_IN_REPERTOIRE: {
    message:
      'Column "{column}" of source table {table} holds NUL characters, which Postgres cannot store in synced table {target}{rows}.',
    remedy:
      "Remove them in the source, or create the synced table with invalid_characters => 'strip', which leaves them out and counts the rows.",
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '22021',
  },
  PRIMARY_KEY_HAS_NULLS: {
    message: 'In {rows} rows of source table {table}, a column of the primary key ({columns}) is null.',
    remedy: 'A sync leaves these rows out: fill the columns in the source, or choose a key without nulls.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '23502',
  },
} as const satisfies Record<string, ErrorKind>;
