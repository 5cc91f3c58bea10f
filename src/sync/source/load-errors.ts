import type pg from 'pg';
import { dataTypeText } from '../../core/data-type.js';
import { type ErrorCode, errorCatalogue } from '../../core/error-catalogue.js';
import { asSyncedTablesError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeKeys } from '../../core/format-key.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { NUL_ERROR_MARK } from '../../lake/engine/copy-value.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { findUnreadableColumn, keysOfRefused, keysOfUnreadable } from '../../lake/relation/failing-keys.js';
import type { Relation } from '../../lake/relation/relation.js';
import { keysWithNul } from '../../lake/relation/table-read.js';
import { isConnectionLoss, isPostgresError } from '../../postgres/session/session.js';

/** Maximum number of keys in a message. */
export const EXAMPLE_KEYS_MAX = 5;

export interface LoadContext {
  readonly engine: Engine;
  readonly relation: Relation;
  readonly table: Pick<SyncedTable, 'source' | 'fullName' | 'keyColumns'>;
  readonly columns: readonly TargetColumn[];
}

/**
 * Turns errors of loading rows into catalogued ones; rereads the source if that can name the rows concerned. Messages
 * never contain values of columns outside the key.
 */
export async function explainLoadError(error: unknown, context: LoadContext): Promise<unknown> {
  if (asSyncedTablesError(error)) return error;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn !== undefined) return explainNul(Number(nulColumn), error, context);
  if (isPostgresError(error)) return explainRefusal(error, context);
  if (isConnectionLoss(error)) return explainConnectionLoss(error);
  if (isValueError(error)) return explainValueError(error, context);
  return explainEngineError(error, context.table.source);
}

/** True for errors of the engine about a value. */
export function isValueError(error: unknown): boolean {
  return /^(Conversion|Out of Range|Invalid Input) Error/.test(error instanceof Error ? error.message : '');
}

/** The engine names neither column nor row: columns are read one by one until one fails, then its rows. */
async function explainValueError(error: unknown, context: LoadContext): Promise<unknown> {
  const { engine, relation, table, columns } = context;
  const connection = await engine.connect();
  try {
    const fields = columns.map(({ field }) => field);
    const found = await findUnreadableColumn(connection, relation, fields);
    if (found === null || !isValueError(found.error)) return explainEngineError(found?.error ?? error, table.source);
    const message = found.error instanceof Error ? found.error.message : '';
    const { name, type } = found.field;
    const search = { connection, relation, keyColumns: table.keyColumns, limit: EXAMPLE_KEYS_MAX };
    const rows = describeKeys(await keysOfUnreadable(search, found.field));
    const details = {
      column: name,
      table: table.source,
      type: dataTypeText(type),
      reason: withoutValues(message),
      rows,
    };
    return syncedTablesError('VALUE_OUT_OF_RANGE', details, error);
  } finally {
    connection.closeSync();
  }
}

/** Names the column of a refused value, and the keys of such rows if they can be found in the source. */
async function explainRefusal(error: pg.DatabaseError, context: LoadContext): Promise<SyncedTablesError> {
  const { engine, relation, table } = context;
  const name = refusedColumn(error);
  const column = context.columns.find(({ field }) => field.name === name);
  if (column === undefined) return explainPostgresError(error, table);
  const connection = await engine.connect();
  try {
    const search = { connection, relation, keyColumns: table.keyColumns, limit: EXAMPLE_KEYS_MAX };
    const rows = describeKeys(await keysOfRefused(search, column.field, column.postgresType));
    const reason = withoutValues(error.message);
    const details = { column: column.field.name, table: table.source, type: column.postgresType, reason, rows };
    return syncedTablesError('VALUE_OUT_OF_RANGE', details, error);
  } finally {
    connection.closeSync();
  }
}

/** The column of a value that COPY refused; its context reads `COPY name, line 7, column name: "value"`. */
function refusedColumn(error: pg.DatabaseError): string | null {
  if (!error.code?.startsWith('22')) return null;
  return /^COPY .+, line \d+, column (.+?)(?::|$)/.exec(error.where ?? '')?.[1] ?? null;
}

async function explainNul(index: number, error: unknown, context: LoadContext): Promise<unknown> {
  const { engine, relation, table, columns } = context;
  const field = columns[index]?.field;
  if (!field) return error;
  const connection = await engine.connect();
  try {
    const keys = await keysWithNul(connection, relation, field, table.keyColumns, EXAMPLE_KEYS_MAX);
    return syncedTablesError(
      'CHARACTER_NOT_IN_REPERTOIRE',
      { column: field.name, table: table.source, target: table.fullName, keys: keys.join(', ') },
      error,
    );
  } finally {
    connection.closeSync();
  }
}

/** The connection was lost without word from the server. */
export function explainConnectionLoss(error: unknown): SyncedTablesError {
  const reason = error instanceof Error ? error.message : String(error);
  return syncedTablesError('POSTGRES_UNREACHABLE', { server: 'the target', reason }, error);
}

/** Catalogued errors raised by our own SQL functions; null for others. */
function raisedByUs(error: pg.DatabaseError): SyncedTablesError | null {
  const code = /^error code: ([\w.]+)$/.exec(error.detail ?? '')?.[1];
  if (code === undefined || !(code in errorCatalogue)) return null;
  return new SyncedTablesError(code as ErrorCode, error.message, error.hint ?? '', error);
}

/** Passing conflicts: serialization failures, deadlocks, lock timeouts, two GRANTs at once. */
function isCollision(error: pg.DatabaseError): boolean {
  const code = error.code ?? '';
  return code.startsWith('40') || code === '55P03' || /tuple concurrently (updated|deleted)/.test(error.message);
}

/** SQLSTATE classes: 22 data, 53 resources, 57 intervention, 08 connection; 25P03 ends a session that is too slow. */
export function explainPostgresError(
  error: pg.DatabaseError,
  table: Pick<SyncedTable, 'fullName' | 'source'>,
): SyncedTablesError {
  const own = raisedByUs(error);
  if (own) return own;
  const code = error.code ?? '';
  if (code === '53100') return syncedTablesError('TARGET_DATABASE_FULL', { target: table.fullName }, error);
  const column = refusedColumn(error);
  if (column !== null) {
    const details = { column, table: table.source, type: 'its Postgres type', reason: withoutValues(error.message) };
    return syncedTablesError('VALUE_OUT_OF_RANGE', { ...details, rows: '' }, error);
  }
  if (isCollision(error)) {
    return syncedTablesError('INTERNAL_ERROR', { target: table.fullName, reason: error.message }, error);
  }
  if (code.startsWith('57') || code.startsWith('08') || code.startsWith('53') || code === '25P03') {
    return syncedTablesError('POSTGRES_UNREACHABLE', { server: 'the target', reason: error.message }, error);
  }
  // Messages about data quote values, all others names.
  const reason = code.startsWith('22') ? withoutValues(error.message) : error.message;
  return syncedTablesError('TARGET_REFUSED', { table: table.source, target: table.fullName, reason }, error);
}

/** The engine's errors begin with a class such as `IO Error: `; the rest may quote row values. */
export function explainEngineError(error: unknown, source: string): SyncedTablesError {
  const message = error instanceof Error ? error.message : String(error);
  const damaged = /^Invalid (?:Input )?Error: .*\bfile ['"](\/[^'"]+)['"].*/i.exec(message);
  if (damaged?.[1] !== undefined) {
    const details = { file: damaged[1], table: source, reason: withoutValues(damaged[0]) };
    return syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
  }
  if (isValueError(error)) {
    return syncedTablesError(
      'VALUE_OUT_OF_RANGE',
      { column: 'unknown', table: source, type: 'the type of its column', reason: withoutValues(message), rows: '' },
      error,
    );
  }
  return syncedTablesError('SOURCE_READ_ERROR', { table: source, reason: withoutValues(message) }, error);
}

const REASON_LENGTH_MAX = 300;

/** The first line, without quoted text other than paths, and without what is called a value. */
export function withoutValues(message: string): string {
  const [line = ''] = message.split('\n');
  return line
    .slice(0, REASON_LENGTH_MAX)
    .replace(/"(?!\/)[^"]*"/g, '"…"')
    .replace(/'(?!\/)[^']*'/g, "'…'")
    .replace(/\bvalue [-+]?\d\S*/gi, 'value …')
    .replace(/\.$/, '');
}
