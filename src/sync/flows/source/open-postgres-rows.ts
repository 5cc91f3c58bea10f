import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type pg from 'pg';
import type { DataType } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { postgresTableName, quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import { duckDbType } from '../../../lake/engine/duckdb-type.js';
import { copyOut } from '../../../postgres/copy/copy-out.js';
import {
  holdSourceTable,
  readSourceAttributes,
  type SourceAttribute,
} from '../../../postgres/registry/flow-sources.js';
import type { OpenedColumn, OpenedSource } from './opened-source.js';
import type { TablePosition } from './source-position.js';

export interface PostgresSourceOptions {
  readonly client: pg.Client;
  readonly engine: Engine;
  readonly flow: string;
  /** Must still be allowed to read the table. */
  readonly declaredBy: string;
  readonly schema: string;
  readonly table: string;
  /** Null to read every row. */
  readonly position: TablePosition | null;
}

/** Maximum length of a quoted value with line breaks, in bytes. */
const VALUE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Opens the rows of a table in the target's own database that were committed since `position`. They go through a file
 * beside the engine, so that what is staged in the end is exactly Postgres' text, whatever the type.
 *
 * The transaction that wrote a row decides whether it was committed since: rows of all transactions that were running,
 * or had not begun, at the last read are read now. Some of them may have been read already, which does no harm; none is
 * missed, even if rows were written in subtransactions, which snapshots do not list.
 * @throws FLOW_SOURCE_UNKNOWN, FLOW_SOURCE_UNFIT
 */
export async function openPostgresRows(options: PostgresSourceOptions): Promise<OpenedSource> {
  const { engine, schema, table } = options;
  const file = join(engine.scratchFolder, `${randomUUID()}.csv`);
  const connection = await engine.connect();
  const dispose = async () => {
    connection.closeSync();
    await rm(file, { force: true });
  };
  try {
    const { xid, rows, attributes } = await copyNewRows(options, file);
    const raw = attributes.map((_, index) => `'raw${index}': 'VARCHAR'`).join(', ');
    const reader = `read_csv(${quoteLiteral(file)}, columns = {${raw}}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, parallel = false, max_line_size = ${VALUE_BYTES_MAX}, buffer_size = ${2 * VALUE_BYTES_MAX})`;
    const typed = attributes.map(
      (attribute, index) => `${typedValue(attribute, `raw${index}`)} as ${quoteIdentifier(attribute.name)}`,
    );
    const kept = attributes.map((_, index) => `raw${index} as __autocdc_raw${index}`);
    return {
      connection,
      columns: attributes.map(openedColumn),
      select: `select ${[...typed, ...kept].join(', ')} from ${reader}`,
      hasInfinities: true,
      position: { [postgresTableName(schema, table)]: { kind: 'postgres', xid } },
      hasNews: rows > 0n,
      rowCount: rows,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Locks the table against changes of definition and verifies that reading it runs nobody's code: it belongs to others.
 * @throws FLOW_SOURCE_UNKNOWN, FLOW_SOURCE_UNFIT
 */
async function holdSource({ client, flow, declaredBy, schema, table }: PostgresSourceOptions): Promise<void> {
  const source = postgresTableName(schema, table);
  const { code, reason } = await holdSourceTable(client, { schema, table, declaredBy });
  if (code === null) return;
  if (code === 'MISSING') throw syncedTablesError('FLOW_SOURCE_UNKNOWN', { flow, source, reason });
  const hints: Readonly<Record<string, string>> = {
    NOT_READABLE: `Grant it: GRANT SELECT ON ${source} TO ${quoteIdentifier(declaredBy)}, databricks_sync;`,
    NOT_LENT: `Grant it again: GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO databricks_sync; GRANT SELECT ON ${source} TO databricks_sync; Declaring the flow again does the same, and so does synced_tables.repair().`,
  };
  const hint = hints[code] ?? 'Read from a plain table without that.';
  throw syncedTablesError('FLOW_SOURCE_UNFIT', { flow, source, reason, hint });
}

async function copyNewRows(
  options: PostgresSourceOptions,
  file: string,
): Promise<{ readonly xid: string; readonly rows: bigint; readonly attributes: SourceAttribute[] }> {
  const { client, schema, table, position } = options;
  const since = position?.kind === 'postgres' ? ` where ${writtenSince(position.xid)}` : '';
  const from = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
  // The rows are seen later than the horizon, so none is missed.
  await client.query('begin isolation level read committed');
  try {
    // A policy would silently leave rows out; without row_security the query fails. Others' constraints do not help.
    await client.query('set local row_security = off; set local constraint_exclusion = off');
    await holdSource(options);
    const attributes = await readSourceAttributes(client, schema, table);
    // A composite value is read as JSON, like a struct of the lakehouse.
    const columns = attributes
      .map(({ name, fields }) => (fields === null ? quoteIdentifier(name) : `to_jsonb(${quoteIdentifier(name)})`))
      .join(', ');
    const horizon = await client.query<{ xid: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xid');
    const sink = createWriteStream(file, { mode: 0o600 });
    const rows = await copyOut(
      client,
      `copy (select ${columns} from ${from}${since}) to stdout with (format csv, force_quote *)`,
      sink,
    );
    sink.end();
    await finished(sink);
    await client.query('commit');
    return { xid: horizon.rows[0]?.xid ?? '0', rows, attributes };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

/**
 * Ages are relative to one transaction, so comparing them is safe although `xmin` has only 32 bits. Beyond half their
 * range every row is read, also if the position comes from another cluster, through a dump. Rows frozen long ago may
 * look young: they are read again.
 */
function writtenSince(xid: string): string {
  const known = BigInt(xid);
  const short = (known % 4_294_967_296n).toString();
  return `(pg_snapshot_xmax(pg_current_snapshot())::text::numeric - ${known} not between 0 and 1000000000 or age(xmin) <= age(${quoteLiteral(short)}::xid))`;
}

const TYPES: Readonly<Record<string, DataType>> = {
  smallint: { kind: 'short' },
  integer: { kind: 'integer' },
  bigint: { kind: 'long' },
  real: { kind: 'float' },
  'double precision': { kind: 'double' },
  boolean: { kind: 'boolean' },
  bytea: { kind: 'binary' },
  date: { kind: 'date' },
  'timestamp with time zone': { kind: 'timestamp' },
  'timestamp without time zone': { kind: 'timestamp_ntz' },
  interval: { kind: 'interval' },
  json: { kind: 'variant' },
  jsonb: { kind: 'variant' },
  'text[]': { kind: 'array', element: { kind: 'string' } },
  'character varying[]': { kind: 'array', element: { kind: 'string' } },
};

/** Precision in expressions of a number declared without one; what is staged is exact in any case. */
const BARE_NUMERIC: DataType = { kind: 'decimal', precision: 38, scale: 18 };

function dataTypeOf({ base_type: base, precision, scale, fields }: SourceAttribute): DataType {
  if (fields !== null) {
    const members = fields.map(({ name, type }) => ({ name, type: TYPES[type] ?? ({ kind: 'string' } as const) }));
    return {
      kind: 'struct',
      fields: members.map(({ name, type }) => ({ name, type, nullable: true, physicalName: name })),
    };
  }
  if (base === 'numeric') {
    if (precision === null || scale === null || precision > 38 || scale > precision) return BARE_NUMERIC;
    return { kind: 'decimal', precision, scale };
  }
  return TYPES[base] ?? { kind: base.endsWith('[]') ? 'variant' : 'string' };
}

/** The value as expressions see it; read only if one of them names the column. */
function typedValue(attribute: SourceAttribute, raw: string): string {
  const type = dataTypeOf(attribute);
  if (type.kind === 'binary') return `unhex(substr(${raw}, 3))`;
  if (type.kind === 'array' || type.kind === 'variant' || type.kind === 'string') return raw;
  if (type.kind === 'struct') return `cast(cast(${raw} as json) as ${duckDbType(type)})`;
  return `cast(${raw} as ${duckDbType(type)})`;
}

function openedColumn(attribute: SourceAttribute, index: number): OpenedColumn {
  const { name, type_text: typeText } = attribute;
  return {
    field: { name, type: dataTypeOf(attribute), nullable: true, physicalName: name },
    // Values of json have no equality, so changes could not be detected.
    postgresType: typeText === 'json' || attribute.fields !== null ? 'jsonb' : typeText,
    staged: { sql: `r.__autocdc_raw${index}`, type: { kind: 'string' } },
  };
}
