import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { syncedTablesError } from '../../../core/errors.js';
import { postgresTableName, quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { describeServer } from '../../../core/postgres-url.js';
import { isPostgresFailure } from '../../../core/reasons/postgres-reason.js';
import { copyOut } from '../../../postgres/copy/copy-out.js';
import { closeSession, cutSession } from '../../../postgres/session/session.js';
import { csvRows } from '../csv-rows.js';
import { identify } from '../remote-table.js';
import type { RemoteColumn, RemoteState, RowProducer, RowScan, RowSink, RowSource } from '../row-source.js';
import { postgresColumns } from './postgres-columns.js';
import { beginReading, explainFailure, openReader, type SourceServer, withServer } from './postgres-session.js';

export interface PostgresSourceOptions {
  readonly server: SourceServer;
  /** Full name of the source table. */
  readonly tableName: string;
  readonly schema: string;
  readonly table: string;
}

/** What a table is to its own server. */
interface FoundTable {
  readonly oid: string;
  /** Bytes of its rows; 0 for views. */
  readonly bytes: string;
  readonly pages: number;
  /** Whether ranges of pages can be asked for. */
  readonly has_pages: boolean;
  readonly database: string;
  readonly key: readonly string[] | null;
}

/** Pages that make another connection worthwhile: 64 MB. */
const PAGES_MIN = 8_192;
/** Bytes that arrive before the server is asked to wait. */
const ARRIVING_BYTES = 256 * 1024;

// Names of PostgreSQL's error codes.
const WRONG_OBJECT_TYPE = '42809';
const UNDEFINED_TABLE = '42P01';

/**
 * A table, a view, a materialized view or a foreign table of a Postgres database. It keeps no history: its only state is
 * that of now.
 */
export function postgresSource(options: PostgresSourceOptions): RowSource {
  const { server, tableName, schema, table } = options;
  return {
    details: { format: 'POSTGRESQL', location: `${describeServer(server.url)}/${schema}.${table}` },
    async state() {
      const state = await withServer(server, tableName, (client) => findState(client, options));
      if (state === null) throw tableMissing(options);
      return state;
    },
    scan: (state, columns, producersMax) => openScan(options, state, columns, producersMax),
  };
}

type TablePlace = Pick<PostgresSourceOptions, 'schema' | 'table'>;

/** Null if there is no such table. */
export async function findState(client: pg.Client, place: TablePlace): Promise<RemoteState | null> {
  const found = await findTable(client, place);
  return found && stateOf(place, found, await postgresColumns(client, found.oid));
}

function stateOf({ schema, table }: TablePlace, found: FoundTable, columns: readonly RemoteColumn[]): RemoteState {
  return {
    // Where a table is restored from a dump, it has another number: the name stays.
    tableId: identify(found.database, schema, table),
    columns,
    version: null,
    committedAtMs: null,
    ...(found.has_pages ? { sizeBytes: BigInt(found.bytes) } : {}),
    primaryKey: found.key,
  };
}

function tableMissing({ tableName, schema, table }: PostgresSourceOptions): Error {
  const reason = `its database has no table or view ${postgresTableName(schema, table)}`;
  return syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: tableName, reason });
}

async function findTable(client: pg.Client, { schema, table }: TablePlace): Promise<FoundTable | null> {
  const { rows } = await client.query<FoundTable>(
    `select c.oid::text, current_database() as database,
            case when c.relkind in ('r', 'm') then pg_table_size(c.oid) else 0 end::text as bytes,
            case when c.relkind in ('r', 'm') then (pg_relation_size(c.oid) / current_setting('block_size')::int)::int else 0 end as pages,
            c.relkind in ('r', 'm') and a.amname = 'heap' as has_pages,
            (select array_agg(k.attname::text order by i.place)
               from pg_index x cross join unnest(x.indkey) with ordinality as i(attnum, place)
               join pg_attribute k on k.attrelid = c.oid and k.attnum = i.attnum
              where x.indrelid = c.oid and x.indisprimary and i.place <= x.indnkeyatts) as key
       from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_am a on a.oid = c.relam
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema, table],
  );
  return rows[0] ?? null;
}

/**
 * All reads of a scan see the same rows: one session holds the snapshot, which the others take over.
 * @throws SOURCE_TABLE_CHANGED if its columns are no longer those of the state
 */
async function openScan(
  options: PostgresSourceOptions,
  state: RemoteState,
  columns: readonly RemoteColumn[],
  producersMax: number,
): Promise<RowScan> {
  const { server, tableName, schema, table } = options;
  const holder = await openReader(server, tableName);
  const name = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
  try {
    await holdTable(holder, name);
    const exported = await holder.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
    const found = await findTable(holder, options);
    if (found === null) throw tableMissing(options);
    const now = stateOf(options, found, await postgresColumns(holder, found.oid));
    if (columnsText(now) !== columnsText(state)) throw syncedTablesError('SOURCE_TABLE_CHANGED', { table: tableName });
    const { pages, has_pages: hasPages } = found;
    const readers = hasPages ? Math.max(1, Math.min(producersMax, Math.ceil(pages / PAGES_MIN))) : 1;
    const asked = columns.map((column) => column.asked).join(', ') || 'null';
    const snapshot = exported.rows[0]?.snapshot ?? '';
    const producers = pageRanges(pages, readers).map((range): RowProducer => {
      return (sink, signal) => readRows(options, snapshot, `select ${asked} from ${name}${range}`, { sink, signal });
    });
    return {
      format: csvRows,
      begin: () => producers,
      [Symbol.asyncDispose]: () => closeSession(holder),
    };
  } catch (error) {
    cutSession(holder);
    throw explainFailure(server, tableName, error);
  }
}

/**
 * Keeps a table as it is, from before the snapshot on: of one that is truncated or rewritten, older snapshots see no
 * rows. Materialized views and foreign tables cannot be locked; the former show their new rows to older snapshots, too.
 */
async function holdTable(client: pg.Client, name: string): Promise<void> {
  try {
    await client.query(`lock table ${name} in access share mode`);
  } catch (error) {
    if (!isPostgresFailure(error) || (error.code !== WRONG_OBJECT_TYPE && error.code !== UNDEFINED_TABLE)) throw error;
    await beginReading(client);
  }
}

function columnsText({ columns }: RemoteState): string {
  return JSON.stringify(columns.map(({ field, asked }) => [field, asked]));
}

/** Conditions that share the pages of a table; the last range is open, since others append. */
function pageRanges(pages: number, readers: number): string[] {
  if (readers === 1) return [''];
  const first = (reader: number) => Math.floor((pages * reader) / readers);
  return Array.from({ length: readers }, (_, reader) => {
    const from = `ctid >= '(${first(reader)},0)'`;
    return ` where ${from}${reader === readers - 1 ? '' : ` and ctid < '(${first(reader + 1)},0)'`}`;
  });
}

async function readRows(
  { server, tableName }: PostgresSourceOptions,
  snapshot: string,
  select: string,
  { sink, signal }: { readonly sink: RowSink; readonly signal: AbortSignal },
): Promise<void> {
  const client = await openReader(server, tableName);
  // Whatever is still to come of a table is not waited for.
  const cut = () => cutSession(client);
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    await client.query(`set transaction snapshot ${quoteLiteral(snapshot)}`);
    const arriving = rowsInto(sink).once('error', cut);
    await copyOut(client, `copy (${select}) to stdout with (format csv, force_quote *)`, arriving);
    arriving.end();
    await finished(arriving);
  } catch (error) {
    signal.throwIfAborted();
    throw explainFailure(server, tableName, error);
  } finally {
    signal.removeEventListener('abort', cut);
    if (signal.aborted) cutSession(client);
    else await closeSession(client);
  }
}

/** Each message of the server is one row. */
function rowsInto(sink: RowSink): Writable {
  return new Writable({
    highWaterMark: ARRIVING_BYTES,
    write(row: Buffer, _, done) {
      sink.append(row, row.byteLength).then(() => done(), done);
    },
    writev(chunks, done) {
      const rows = chunks.map(({ chunk }) => chunk as Buffer);
      const longest = rows.reduce((bytes, row) => Math.max(bytes, row.byteLength), 0);
      sink.append(Buffer.concat(rows), longest).then(() => done(), done);
    },
  });
}
