import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import { quoteIdentifier } from '../../core/names.js';
import { nullOf } from '../parquet/project-column.js';
import type { Relation } from '../relation/relation.js';
import { eachPart } from '../relation/relation-pass.js';
import { rowsOfKeys } from './rows-of-keys.js';

export interface LatestRowsOptions {
  /** The source at the version up to which the changes go. */
  readonly relation: Pick<Relation, 'parts' | 'remote'>;
  readonly columns: readonly Field[];
  readonly keyColumns: readonly string[];
  /** Of the rows with the same key, the one with the greatest value here wins, nulls lowest; null: keys are unique. */
  readonly timeseriesKey: string | null;
  /** `CollapsedChanges.keysTable`; the rows found are stored next to it. */
  readonly keysTable: string;
  /** Once it is aborted, a server that gives the rows is told to stop. */
  readonly signal?: AbortSignal;
}

/** The state of touched keys that may have several rows. */
export interface LatestRows {
  /** In the form of `CollapsedChanges.select`, without the balance. A key with a tie appears several times. */
  readonly select: string;
  readonly upserts: bigint;
  readonly deletes: bigint;
  /** Keys with several rows of the same greatest value, or with several rows at all. */
  readonly tieCount: bigint;
  /** Some of them, as text. */
  readonly ties: readonly string[];
}

/**
 * Looks up the latest row of each touched key in the source itself: the successor of a removed row may be one that no
 * change mentions. Only those keys are read. Call it once per `keysTable`.
 */
export async function latestRows(connection: DuckDBConnection, options: LatestRowsOptions): Promise<LatestRows> {
  const { columns, keysTable, keyColumns } = options;
  const names = keyColumns.map(quoteIdentifier);
  const table = `${keysTable}_latest`;
  const time = options.timeseriesKey === null ? null : quoteIdentifier(options.timeseriesKey);
  const isLatest = `qualify rank() over (partition by ${names.join(', ')} order by ${time} desc nulls last) = 1`;
  await collectRows(connection, `${table}_rows`, options);
  await connection.run(`create table ${table} as select * from ${table}_rows r ${time === null ? '' : isLatest}`);
  await connection.run(`drop table ${table}_rows`);
  const key = names.join(', ');
  const grouped = `(select ${key}, count(*) as _rows from ${table} group by ${key})`;
  const [counts = []] = await rowsOf(
    connection,
    `select count(*), count(*) filter (_rows > 1), (select count(*) from ${keysTable}) from ${grouped}`,
  );
  const [upserts = 0n, tieCount = 0n, touched = 0n] = counts.map((count) => BigInt(String(count)));
  const ties =
    tieCount === 0n
      ? []
      : await rowsOf(
          connection,
          `select ${names.map((name) => `cast(${name} as varchar)`).join(', ')} from ${grouped} where _rows > 1
           order by ${key} limit ${EXAMPLE_KEYS_MAX}`,
        );
  return {
    select: lastStates(table, { columns, keysTable, names }),
    upserts,
    deletes: touched - upserts,
    tieCount,
    ties: ties.map((values) => formatKey(values.map(String))),
  };
}

/** The rows of touched keys, in whichever parts they are. */
async function collectRows(connection: DuckDBConnection, table: string, options: LatestRowsOptions): Promise<void> {
  let isFirst = true;
  for await (const part of eachPart(options.relation, options.signal)) {
    const [rows = ''] = rowsOfKeys({ parts: [part] }, options);
    await connection.run(isFirst ? `create table ${table} as ${rows}` : `insert into ${table} ${rows}`);
    isFirst = false;
  }
}

function lastStates(
  table: string,
  { columns, keysTable, names }: { columns: readonly Field[]; keysTable: string; names: readonly string[] },
): string {
  const found = columns.map((field) => `r.${quoteIdentifier(field.name)}`);
  const gone = columns.map((field) => {
    const name = quoteIdentifier(field.name);
    return names.includes(name) ? `k.${name}` : `${nullOf(field.type)} as ${name}`;
  });
  const isSame = names.map((name) => `k.${name} = r.${name}`).join(' and ');
  const change = (type: string) =>
    `'${type}' as _change_type, k._touched_version as _commit_version, k._touched_at as _commit_timestamp`;
  return `
    select ${found.join(', ')}, ${change('upsert')} from ${table} r join ${keysTable} k on ${isSame}
    union all
    select ${gone.join(', ')}, ${change('delete')} from ${keysTable} k anti join ${table} r on ${isSame}`;
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
}
