import type pg from 'pg';
import { dataTypeText } from '../../core/data-type.js';
import { type ErrorCode, errorCatalogue } from '../../core/error-catalogue.js';
import { asSyncedTablesError, failingRowsError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { EXAMPLE_KEYS_MAX } from '../../core/format-key.js';
import { damageReason, engineErrorClass, engineReason, namedFile } from '../../core/reasons/engine-reason.js';
import { isRaisedByUs, postgresReason } from '../../core/reasons/postgres-reason.js';
import { isSystemError, safeReason } from '../../core/reasons/safe-reason.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { NUL_ERROR_MARK } from '../../lake/engine/nul-error.js';
import { damagedFileOf } from '../../lake/relation/damaged-file.js';
import {
  findFailure,
  findUnreadableColumn,
  keysOfRefused,
  keysOfRows,
  keysOfUnreadable,
} from '../../lake/relation/failing-keys.js';
import type { Relation, SourceFile } from '../../lake/relation/relation.js';
import { keysWithNul } from '../../lake/relation/table-read.js';
import { isConnectionLoss, isPostgresError } from '../../postgres/session/session.js';
import { explainEngineLimit } from './engine-limits.js';
import { isCertainlyBigger, isRowTooBig, rowSizeOf } from './row-size.js';

export interface LoadContext {
  readonly engine: Engine;
  readonly relation: Relation;
  readonly table: Pick<SyncedTable, 'source' | 'fullName' | 'keyColumns' | 'rowFilter'>;
  readonly columns: readonly TargetColumn[];
  /** Local files that were read besides those of the relation. */
  readonly changeFiles?: readonly SourceFile[];
}

/**
 * Turns errors of loading rows into catalogued ones; rereads the source if that can name the rows concerned. Messages
 * contain no value of a row; keys are told apart from them (docs/decisions/0018, 0021).
 */
export async function explainLoadError(error: unknown, context: LoadContext): Promise<unknown> {
  if (asSyncedTablesError(error)) return error;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn !== undefined) return explainNul(Number(nulColumn), error, context);
  if (isPostgresError(error)) return explainRefusal(error, context);
  if (isConnectionLoss(error)) return explainConnectionLoss(error);
  const limit = explainEngineLimit(error, context.table.source);
  if (limit !== null) return limit;
  if (engineErrorClass(error) === null) return error;
  const damage = await explainDamage(error, context);
  if (damage !== null) return damage;
  if (isValueError(error)) return explainValueError(error, context);
  return explainEngineError(error, context.table.source);
}

/** True for errors of the engine about a value. */
export function isValueError(error: unknown): boolean {
  return ['Conversion', 'Out of Range', 'Invalid Input'].includes(engineErrorClass(error) ?? '');
}

/** SOURCE_FILE_CORRUPT if a file cannot even be decoded; null if the fault is elsewhere. */
async function explainDamage(error: unknown, context: LoadContext): Promise<SyncedTablesError | null> {
  const { engine, relation, table, columns, changeFiles } = context;
  const connection = await engine.connect();
  try {
    const changes = changeFiles && { parts: [''], files: [changeFiles] };
    const damaged =
      (changes && (await damagedFileOf(error, connection, changes))) ??
      (await damagedFileOf(error, connection, relation));
    if (damaged === null) return null;
    const details = { file: damaged.path, table: table.source, reason: damaged.reason };
    if (!isInvalidText(error)) return syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
    const fields = columns.map(({ field }) => field);
    const found = await findUnreadableColumn(connection, relation, fields);
    const reason = found === null ? damaged.reason : `column "${found.field.name}" holds text that is not UTF-8`;
    return syncedTablesError('SOURCE_FILE_CORRUPT', { ...details, reason }, error);
  } finally {
    connection.closeSync();
  }
}

function filterFailed(error: unknown, { fullName, source }: LoadContext['table']): SyncedTablesError {
  const details = { target: fullName, table: source, reason: safeReason(error) };
  return syncedTablesError('ROW_FILTER_FAILED', details, error);
}

function isInvalidText(error: unknown): boolean {
  return error instanceof Error && /^Invalid Input Error: Invalid string encoding found/.test(error.message);
}

/** The engine names neither column nor row: columns are read one by one until one fails, then its rows. */
async function explainValueError(error: unknown, context: LoadContext): Promise<unknown> {
  const { engine, relation, table, columns } = context;
  const connection = await engine.connect();
  try {
    const failed = table.rowFilter === null ? null : await findFailure(connection, relation);
    if (failed !== null && isValueError(failed.cause)) return filterFailed(failed.cause, table);
    const fields = columns.map(({ field }) => field);
    const found = await findUnreadableColumn(connection, relation, fields);
    // What is left is the filter of a row that is not part of the relation: one that changes removed.
    if (found === null && table.rowFilter !== null) return filterFailed(error, table);
    if (found === null || !isValueError(found.error)) return explainEngineError(found?.error ?? error, table.source);
    const { name, type } = found.field;
    const search = { connection, relation, keyColumns: table.keyColumns, limit: EXAMPLE_KEYS_MAX };
    const keys = await keysOfUnreadable(search, found.field);
    const reason = safeReason(found.error);
    const details = { column: name, table: table.source, type: dataTypeText(type), reason };
    return failingRowsError('VALUE_OUT_OF_RANGE', details, { column: name, keys }, error);
  } finally {
    connection.closeSync();
  }
}

/** Names the column of a refused value, and the keys of such rows if they can be found in the source. */
async function explainRefusal(error: pg.DatabaseError, context: LoadContext): Promise<SyncedTablesError> {
  const { engine, relation, table } = context;
  if (isRowTooBig(error)) return explainBigRow(error, context);
  const name = refusedColumn(error);
  const column = context.columns.find(({ field }) => field.name === name);
  if (column === undefined) return explainPostgresError(error, table);
  const connection = await engine.connect();
  try {
    const search = { connection, relation, keyColumns: table.keyColumns, limit: EXAMPLE_KEYS_MAX };
    const keys = await keysOfRefused(search, column.field, column.postgresType);
    const reason = postgresReason(error);
    const details = { column: column.field.name, table: table.source, type: column.postgresType, reason };
    return failingRowsError('VALUE_OUT_OF_RANGE', details, { column: column.field.name, keys }, error);
  } finally {
    connection.closeSync();
  }
}

async function explainBigRow(error: pg.DatabaseError, context: LoadContext): Promise<SyncedTablesError> {
  const { engine, relation, table, columns } = context;
  const { max, reason } = rowSizeOf(error);
  const connection = await engine.connect();
  try {
    const search = { connection, relation, keyColumns: table.keyColumns, limit: EXAMPLE_KEYS_MAX };
    const keys = await keysOfRows(search, isCertainlyBigger(columns, max));
    const details = { table: table.source, target: table.fullName, reason };
    return failingRowsError('ROW_TOO_BIG', details, { column: null, keys }, error);
  } finally {
    connection.closeSync();
  }
}

/**
 * The column of a value that COPY refused; its context reads `COPY name, line 7, column name: "value"`. The tables that
 * we copy into have no comma in their names, so nothing of a value can be taken for the column.
 */
function refusedColumn(error: pg.DatabaseError): string | null {
  if (!error.code?.startsWith('22')) return null;
  return /^COPY [^,\n]+, line \d+, column ([^\n]+?)(?:: "|: null input|$)/.exec(error.where ?? '')?.[1] ?? null;
}

async function explainNul(index: number, error: unknown, context: LoadContext): Promise<unknown> {
  const { engine, relation, table, columns } = context;
  const field = columns[index]?.field;
  if (!field) return error;
  const connection = await engine.connect();
  try {
    const keys = await keysWithNul(connection, relation, field, table.keyColumns, EXAMPLE_KEYS_MAX);
    const details = { column: field.name, table: table.source, target: table.fullName };
    return failingRowsError('CHARACTER_NOT_IN_REPERTOIRE', details, { column: field.name, keys }, error);
  } finally {
    connection.closeSync();
  }
}

/** The connection was lost without word from the server. */
function explainConnectionLoss(error: unknown): SyncedTablesError {
  return syncedTablesError('POSTGRES_UNREACHABLE', { server: 'the target', reason: safeReason(error) }, error);
}

/** Catalogued errors raised by our own SQL functions; null for others. */
function raisedByUs(error: pg.DatabaseError): SyncedTablesError | null {
  const code = /^error code: ([\w.]+)$/.exec(error.detail ?? '')?.[1];
  if (code === undefined || !(code in errorCatalogue) || !isRaisedByUs(error)) return null;
  return new SyncedTablesError(code as ErrorCode, error.message, error.hint ?? '', error);
}

/** Codes for SQLSTATEs and their classes, the longer first; what is not listed was refused for its contents. */
const CODES: readonly (readonly [sqlState: string, code: PostgresErrorCode])[] = [
  ['53100', 'TARGET_DATABASE_FULL'],
  ['53300', 'POSTGRES_UNREACHABLE'],
  ['53', 'TARGET_RESOURCES_EXHAUSTED'],
  ['25006', 'TARGET_READ_ONLY'],
  ['25P03', 'TARGET_STATEMENT_CANCELED'],
  ['25P04', 'TARGET_STATEMENT_CANCELED'],
  ['57014', 'TARGET_STATEMENT_CANCELED'],
  ['57P05', 'TARGET_STATEMENT_CANCELED'],
  ['57', 'POSTGRES_UNREACHABLE'],
  ['08', 'POSTGRES_UNREACHABLE'],
  ['55P03', 'CONCURRENT_CHANGE'],
  ['40', 'CONCURRENT_CHANGE'],
];

type PostgresErrorCode =
  | 'TARGET_DATABASE_FULL'
  | 'TARGET_RESOURCES_EXHAUSTED'
  | 'TARGET_READ_ONLY'
  | 'TARGET_STATEMENT_CANCELED'
  | 'POSTGRES_UNREACHABLE'
  | 'CONCURRENT_CHANGE'
  | 'TARGET_REFUSED';

function codeOf({ code = '', message }: pg.DatabaseError): PostgresErrorCode {
  // Two GRANTs at once, reported as an internal error.
  if (/^tuple concurrently (updated|deleted)$/.test(message)) return 'CONCURRENT_CHANGE';
  return CODES.find(([sqlState]) => code.startsWith(sqlState))?.[1] ?? 'TARGET_REFUSED';
}

function explainPostgresError(
  error: pg.DatabaseError,
  table: Pick<SyncedTable, 'fullName' | 'source'>,
): SyncedTablesError {
  const own = raisedByUs(error);
  if (own) return own;
  const reason = postgresReason(error);
  const column = refusedColumn(error);
  if (column !== null) {
    const details = { column, table: table.source, type: 'its Postgres type', reason, rows: '' };
    return syncedTablesError('VALUE_OUT_OF_RANGE', details, error);
  }
  const details = { server: 'the target', table: table.source, target: table.fullName, reason };
  return syncedTablesError(codeOf(error), details, error);
}

/** Errors of the engine, and of the system about the source's files. */
export function explainEngineError(error: unknown, source: string): SyncedTablesError {
  const limit = explainEngineLimit(error, source);
  if (limit !== null) return limit;
  const file = namedFile(error);
  const kind = engineErrorClass(error);
  if (file !== null && (kind === 'Invalid' || kind === 'Invalid Input')) {
    const details = { file, table: source, reason: damageReason(error) };
    return syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
  }
  const reason = safeReason(error);
  if (isValueError(error)) {
    const details = { column: 'unknown', table: source, type: 'the type of its column', reason, rows: '' };
    return syncedTablesError('VALUE_OUT_OF_RANGE', details, error);
  }
  return syncedTablesError(
    'SOURCE_READ_ERROR',
    { table: source, reason: file === null ? reason : `${file}: ${reason}` },
    error,
  );
}

/**
 * The catalogued error for anything that went wrong with a table: what is left is a defect.
 * @param table its names, for messages
 */
export function explainAnyError(error: unknown, table: Pick<SyncedTable, 'fullName' | 'source'>): SyncedTablesError {
  const known = asSyncedTablesError(error);
  if (known) return known;
  if (isPostgresError(error)) return explainPostgresError(error, table);
  if (isConnectionLoss(error)) return explainConnectionLoss(error);
  if (engineReason(error) !== null || isSystemError(error)) return explainEngineError(error, table.source);
  return syncedTablesError('INTERNAL_ERROR', { target: table.fullName, reason: safeReason(error) }, error);
}
