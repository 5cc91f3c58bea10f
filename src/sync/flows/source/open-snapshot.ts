import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { engineSyntaxReason } from '../../../core/reasons/engine-reason.js';
import { safeReason } from '../../../core/reasons/safe-reason.js';
import { flowSourceColumn } from '../../../flows/declare/resolve-flow.js';
import type { CatalogSet } from '../../../lake/catalog/catalog.js';
import { dataTypeOfEngine } from '../../../lake/dialect/engine-data-type.js';
import { engineText } from '../../../lake/dialect/lakehouse-text.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import { holdWhole } from '../../../lake/relation/relation-pass.js';
import type { OpenedColumn, OpenedSource } from './opened-source.js';
import type { SnapshotRows } from './snapshot-function.js';
import { computedValue } from './staged-value.js';

export interface OpenSnapshotOptions {
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly flow: string;
  /** Once it is aborted, nothing more is read. */
  readonly signal: AbortSignal;
}

type OpenedSnapshot = Pick<OpenedSource, 'connection' | 'columns' | 'select' | 'requireUnchanged'> & AsyncDisposable;

/**
 * Opens the rows of a snapshot from a program.
 * @throws FLOW_SOURCE_UNFIT, SOURCE_TABLE_NOT_FOUND, APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION
 */
export async function openSnapshot(options: OpenSnapshotOptions, snapshot: SnapshotRows): Promise<OpenedSnapshot> {
  if ('files' in snapshot) return openFiles(options, snapshot);
  if ('table' in snapshot) return openTable(options, snapshot);
  if ('rows' in snapshot && Array.isArray(snapshot.rows)) return openRows(options, snapshot);
  const what = `an object with ${Object.keys(snapshot).join(', ') || 'nothing'}`;
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION', { flow: options.flow, what });
}

const READERS = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' } as const;

function openFiles(
  options: OpenSnapshotOptions,
  { files, format }: Extract<SnapshotRows, { files: unknown }>,
): Promise<OpenedSnapshot> {
  const names = typeof files === 'string' ? [files] : files;
  const chosen = format ?? formatOf(names);
  if (chosen === null) {
    throw unfit(
      options.flow,
      names.join(', '),
      'their names do not show a format',
      'Say it: format: "parquet", "csv" or "json".',
    );
  }
  const list = names.map((name) => quoteLiteral(name)).join(', ');
  const select = `select * from ${READERS[chosen]}([${list}]${chosen === 'parquet' ? '' : ', union_by_name = true'})`;
  return openSelect(options, select, names.join(', '), async () => {});
}

function formatOf(names: readonly string[]): keyof typeof READERS | null {
  const [first = ''] = names;
  const extension = extname(first.replace(/\.(gz|zst)$/, ''))
    .slice(1)
    .toLowerCase();
  if (extension === 'ndjson' || extension === 'jsonl') return 'json';
  return extension === 'parquet' || extension === 'csv' || extension === 'json' ? extension : null;
}

async function openTable(
  options: OpenSnapshotOptions,
  { table, tableVersion }: Extract<SnapshotRows, { table: unknown }>,
): Promise<OpenedSnapshot> {
  const lakeTable = await options.catalogs.open(table);
  const snapshot = await lakeTable.snapshot(tableVersion === undefined ? undefined : BigInt(tableVersion));
  const relation = await lakeTable.openRelation(snapshot, 1);
  const opened: AsyncDisposable[] = [relation];
  const dispose = async () => {
    for (const each of opened.reverse()) await each[Symbol.asyncDispose]();
  };
  try {
    const whole = await holdWhole(relation, options.signal);
    opened.push(whole);
    const connection = await options.engine.connect();
    return {
      connection,
      columns: snapshot.columns.map(openedColumn),
      select: whole.select,
      requireUnchanged: async () => relation.requireUnchanged?.(),
      async [Symbol.asyncDispose]() {
        connection.closeSync();
        await dispose();
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Through a file beside the engine, which reads JSON exactly as written. */
async function openRows(
  options: OpenSnapshotOptions,
  { rows, columns }: Extract<SnapshotRows, { rows: unknown }>,
): Promise<OpenedSnapshot> {
  const file = join(options.engine.scratchFolder, `${randomUUID()}.ndjson`);
  const lines = Readable.from(
    (function* () {
      for (const row of rows) yield `${JSON.stringify(row, jsonValue)}\n`;
    })(),
  );
  await pipeline(lines, createWriteStream(file, { mode: 0o600 }));
  const types = Object.entries(columns).map(([name, type]) => `${quoteLiteral(name)}: ${quoteLiteral(typeText(type))}`);
  const select = `select * from read_json(${quoteLiteral(file)}, format = 'newline_delimited', columns = {${types.join(', ')}})`;
  return openSelect(options, select, 'its rows', () => rm(file, { force: true }));
}

function jsonValue(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Only letters, digits and what nested types need: the text becomes part of a statement. */
function typeText(type: string): string {
  const text = engineText(type).trim();
  return /^timestamp$/i.test(text) ? 'TIMESTAMPTZ' : text.replace(/^timestamp_ntz$/i, 'TIMESTAMP');
}

async function openSelect(
  options: OpenSnapshotOptions,
  select: string,
  name: string,
  release: () => Promise<void>,
): Promise<OpenedSnapshot> {
  const connection = await options.engine.connect();
  const dispose = async () => {
    connection.closeSync();
    await release();
  };
  try {
    const described = await connection.runAndReadAll(`select * from (${select}) limit 0`);
    const types = described.columnTypes();
    const columns = described.columnNames().map((column, index) => {
      const type = types[index];
      if (type === undefined) throw new Error(`a column without a type: ${column}`);
      return readColumn({ name: column, type: dataTypeOfEngine(type), nullable: true, physicalName: column });
    });
    return { connection, columns, select, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    const reason = engineSyntaxReason(error) ?? safeReason(error);
    throw unfit(options.flow, name, reason, 'Check the files of the snapshot.', error);
  }
}

function openedColumn(field: Field): OpenedColumn {
  return { ...flowSourceColumn(field), staged: { sql: `r.${quoteIdentifier(field.name)}`, type: field.type } };
}

/** A column of files, which are in no catalog: in the type that holds all of the engine's values. */
function readColumn(field: Field): OpenedColumn {
  const column = openedColumn(field);
  const { sql, type } = column.staged;
  return column.postgresType === null ? column : { ...column, staged: computedValue(sql, type, false) };
}

function unfit(flow: string, source: string, reason: string, hint: string, cause?: unknown) {
  return syncedTablesError('FLOW_SOURCE_UNFIT', { flow, source, reason, hint }, cause);
}
