import type pg from 'pg';
import { identifierList } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { CopySelects } from '../../lake/engine/copy-stream.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { type OnPart, readersOf, sharedCopy, wholeCopy } from '../../lake/relation/copy-parts.js';
import type { Relation } from '../../lake/relation/relation.js';
import { beginPass } from '../../lake/relation/relation-pass.js';
import { openTableCopy } from '../../lake/relation/table-copy.js';
import { countPart, type KeyedRows, type TableRead } from '../../lake/relation/table-read.js';
import { type CopyResult, copyIn } from '../../postgres/copy/copy-in.js';
import { createShadowTable, qualifiedShadow, shadowDefinition } from '../../postgres/publish/shadow-table.js';
import { closeSession, inTransaction } from '../../postgres/session/session.js';
import { targetRead } from '../source/target-read.js';

export interface LoadOptions {
  readonly engine: Engine;
  readonly relation: Relation;
  readonly table: SyncedTable;
  readonly columns: readonly TargetColumn[];
  /** Name of the shadow table to create and fill. */
  readonly shadow: string;
  /** The session that creates it and starts loading. */
  readonly client: pg.Client;
  /** Maximum number of loading sessions. */
  readonly connections: number;
  /** Opens a session for each further reader. */
  readonly openLoader: () => Promise<pg.Client>;
  readonly signal: AbortSignal;
}

export interface LoadedShadow {
  /** Number of rows stored, equal to the number that the engine wrote. */
  readonly rows: bigint;
  /** True if transactions older than the load see the rows too. */
  readonly isFrozen: boolean;
  /** What the relation has, where only reading its rows told; else null. */
  readonly counted: KeyedRows | null;
}

/**
 * Creates a shadow table and fills it, over as many connections as can share the rows. Rows whose number footers do not
 * tell are counted part by part, while its files are there: to fetch them again would take as long as the load.
 */
export async function loadShadow(options: LoadOptions): Promise<LoadedShadow> {
  const { engine, relation, table, signal } = options;
  if (relation.rowCount !== null || table.timeseriesKey !== null) {
    return { ...(await fillShadow(options)), counted: null };
  }
  const connection = await engine.connect();
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  const counted = { rows: 0n, withoutKey: 0n };
  try {
    const filled = await fillShadow(options, async (part) => {
      const { rows, withoutKey } = await countPart(connection, part, table.keyColumns);
      counted.rows += rows;
      counted.withoutKey += withoutKey;
    });
    return { ...filled, counted };
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}

async function fillShadow(options: LoadOptions, onPart?: OnPart): Promise<Omit<LoadedShadow, 'counted'>> {
  const { client, columns, shadow, table } = options;
  const { engine, relation, signal } = options;
  const read = targetRead(table, columns);
  const columnList = identifierList(columns.map((column) => column.field.name));
  const copySql = (freeze: string) =>
    `copy ${qualifiedShadow(shadow)} (${columnList}) from stdin with (format ${read.format}${freeze})`;
  const readers = readersOf(relation, read, options.connections);
  if (readers === 1) {
    // One transaction for table and rows: Postgres may store them frozen, and a kill leaves nothing behind.
    const copy = copySql(', freeze true');
    const load = (sql: string) => {
      return loadPart(options, read, client, wholeCopy(engine, relation, read, signal, onPart), sql);
    };
    const rows =
      table.extraColumns.length === 0
        ? await atOnce(client, () => load(`begin; ${shadowDefinition(shadow, columns)}; ${copy}; commit`))
        : await inTransaction(client, async () => {
            await createShadowTable(client, shadow, columns, table);
            return load(copy);
          });
    return { rows, isFrozen: true };
  }
  await createShadowTable(client, shadow, columns, table);
  await using pass = beginPass(relation, signal);
  const counts = await settleAll(
    Array.from({ length: readers }, async (_, index) => {
      const loader = index === 0 ? client : await options.openLoader();
      try {
        return await loadPart(options, read, loader, sharedCopy(pass, read, onPart), copySql(''));
      } finally {
        if (index > 0) await closeSession(loader);
      }
    }),
  );
  return { rows: counts.reduce((sum, count) => sum + count, 0n), isFrozen: false };
}

/** For a text that begins a transaction and ends it: two round trips for the whole of a load. */
async function atOnce<Result>(client: pg.Client, load: () => Promise<Result>): Promise<Result> {
  try {
    return await load();
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

/** Waits for all, even after a failure: nothing may still be writing into a table when it is dropped. */
async function settleAll<Value>(promises: Promise<Value>[]): Promise<Value[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

async function loadPart(
  options: LoadOptions,
  read: TableRead,
  client: pg.Client,
  selects: CopySelects,
  sql: string,
): Promise<bigint> {
  const { engine, signal } = options;
  signal.throwIfAborted();
  const connection = await engine.connect();
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const stream = await openTableCopy(engine, connection, selects, read, { signal });
    const result: CopyResult = await copyIn(client, sql, stream);
    const written = await stream.finished;
    if (result.rows !== written) {
      throw new Error(`Postgres stored ${result.rows} rows of ${written}`);
    }
    return written;
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}
