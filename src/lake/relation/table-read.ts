import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { formatKey } from '../../core/format-key.js';
import { quoteIdentifier } from '../../core/names.js';
import { type CopyFormat, copyValue, hasNul, preparedValue } from '../engine/copy-value.js';
import { type Relation, wholeRelation } from './relation.js';
import { eachPart } from './relation-pass.js';

/** Which rows of a relation to read, and in which form. */
export interface TableRead {
  readonly columns: readonly Field[];
  /** Rows with a null in one of these are left out; none for a plain read. */
  readonly keyColumns: readonly string[];
  /** Of the rows with the same key, those with the greatest value here are kept, nulls lowest; all ties stay. */
  readonly timeseriesKey: string | null;
  readonly invalidCharacters: 'fail' | 'strip';
  readonly format: CopyFormat;
  readonly limit?: bigint;
}

/**
 * The SELECTs whose results, taken together, are the rows to load, one for each reading connection, of a relation
 * whose files are on the local disk. Keeping the latest row per key needs all rows in one.
 */
export function copySelects(relation: Pick<Relation, 'parts'>, read: TableRead): string[] {
  const isWhole = read.timeseriesKey !== null || read.limit !== undefined;
  const sources = isWhole ? [wholeRelation(relation)] : relation.parts;
  return sources.map((source) => copySelect(source, read));
}

/** The wanted rows of `source`, in the wanted form. */
export function copySelect(source: string, read: TableRead): string {
  const options = { format: read.format, invalidCharacters: read.invalidCharacters };
  const prepared = read.columns.map((field, index) => {
    return `${preparedValue(field.type, `r.${quoteIdentifier(field.name)}`, options)} as c${index}`;
  });
  const values = read.columns.map((field, index) => {
    return `${copyValue(field.type, `c${index}`, index, options)} as ${quoteIdentifier(field.name)}`;
  });
  const limit = read.limit === undefined ? '' : ` limit ${read.limit}`;
  return `select ${values.join(', ')} from (select ${prepared.join(', ')} from (${source}) r${keyFilter(read)}${latestOnly(read)}${limit})`;
}

function keyFilter(read: TableRead): string {
  if (read.keyColumns.length === 0) return '';
  return ` where ${read.keyColumns.map((key) => `r.${quoteIdentifier(key)} is not null`).join(' and ')}`;
}

function latestOnly(read: TableRead): string {
  if (read.timeseriesKey === null) return '';
  const keys = read.keyColumns.map((key) => `r.${quoteIdentifier(key)}`).join(', ');
  return ` qualify rank() over (partition by ${keys} order by r.${quoteIdentifier(read.timeseriesKey)} desc nulls last) = 1`;
}

/** Counts the rows skipped because their key contains a null. */
export async function countRowsWithoutKey(
  connection: DuckDBConnection,
  relation: Relation,
  keyColumns: readonly string[],
): Promise<bigint> {
  const isNull = keyColumns.map((key) => `r.${quoteIdentifier(key)} is null`).join(' or ');
  return countWhere(connection, relation, isNull);
}

/** Rows of a relation, and those of them that are skipped because their key contains a null. */
export interface KeyedRows {
  readonly rows: bigint;
  readonly withoutKey: bigint;
}

/** Counts the rows of one part, whose files are present. */
export async function countPart(
  connection: DuckDBConnection,
  part: string,
  keyColumns: readonly string[],
): Promise<KeyedRows> {
  const isWhole = keyColumns.map((key) => `r.${quoteIdentifier(key)} is not null`).join(' and ');
  const result = await connection.runAndReadAll(
    `select count(*)::varchar, count(*) filter (not (${isWhole}))::varchar from (${part}) r`,
  );
  const [rows = 0n, withoutKey = 0n] = (result.getRowsJson()[0] ?? []).map((count) => BigInt(String(count)));
  return { rows, withoutKey };
}

/** Counts the rows with a NUL character in some text, nested values included. */
export async function countRowsWithNul(
  connection: DuckDBConnection,
  relation: Relation,
  read: TableRead,
): Promise<bigint> {
  const tests = read.columns.flatMap((field) => hasNul(field.type, `r.${quoteIdentifier(field.name)}`) ?? []);
  const filter = [...read.keyColumns].map((key) => `r.${quoteIdentifier(key)} is not null`);
  if (tests.length === 0) return 0n;
  return countWhere(connection, relation, [`(${tests.join(' or ')})`, ...filter].join(' and '));
}

async function countWhere(connection: DuckDBConnection, relation: Relation, condition: string): Promise<bigint> {
  let rows = 0n;
  for await (const part of eachPart(relation)) {
    const result = await connection.runAndReadAll(`select count(*)::varchar from (${part}) r where ${condition}`);
    rows += BigInt(String(result.getRowsJson()[0]?.[0]));
  }
  return rows;
}

/** Up to `limit` keys, each as text, of rows in which column `field` holds a NUL character. */
export async function keysWithNul(
  connection: DuckDBConnection,
  relation: Relation,
  field: Field,
  keyColumns: readonly string[],
  limit: number,
): Promise<string[]> {
  const test = hasNul(field.type, `r.${quoteIdentifier(field.name)}`);
  if (test === null || keyColumns.length === 0) return [];
  const keys = keyColumns.map((key) => `cast(r.${quoteIdentifier(key)} as varchar)`);
  const filter = keyColumns.map((key) => `r.${quoteIdentifier(key)} is not null`).join(' and ');
  const found: string[] = [];
  for await (const part of eachPart(relation)) {
    const left = limit - found.length;
    const result = await connection.runAndReadAll(
      `select ${keys.join(', ')} from (${part}) r where ${test} and ${filter} limit ${left}`,
    );
    found.push(...result.getRowsJson().map((row) => formatKey(row.map(String))));
    if (found.length >= limit) break;
  }
  return found;
}
