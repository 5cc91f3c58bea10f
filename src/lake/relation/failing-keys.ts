import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { formatKey } from '../../core/format-key.js';
import { quoteIdentifier } from '../../core/names.js';
import { copyValue, preparedValue } from '../engine/copy-value.js';
import type { Relation } from './relation.js';
import { eachPart } from './relation-pass.js';

/** How long keys are searched for: a late message is worse than one that names fewer rows. */
const SEARCH_MS_MAX = 20_000;
/** The greatest hash of a key. */
const HASH_MAX = 2n ** 64n - 1n;

export interface FailingKeysOptions {
  readonly connection: DuckDBConnection;
  readonly relation: Relation;
  readonly keyColumns: readonly string[];
  /** Maximum number of keys. */
  readonly limit: number;
}

const OPTIONS = { format: 'text', invalidCharacters: 'strip' } as const;

/** SQL that reads only the values of `field` in COPY form, from rows that match `condition`. */
function readOf(field: Field, part: string, condition: string): string {
  const value = copyValue(field.type, 'c', 0, OPTIONS);
  const prepared = preparedValue(field.type, `r.${quoteIdentifier(field.name)}`, OPTIONS);
  return `select count((${value})::varchar) from (select ${prepared} as c from (${part}) r where ${condition})`;
}

/** The engine's error in choosing the rows of a relation, without reading a value of them; null if it can. */
export async function findFailure(
  connection: DuckDBConnection,
  relation: Relation,
): Promise<{ readonly cause: unknown } | null> {
  for await (const part of eachPart(relation)) {
    const error = await failureOf(connection, `select count(*) from (${part}) r`);
    if (error !== null) return error;
  }
  return null;
}

/** One of `fields` whose values alone cannot be read, with the engine's error; null if each can be read. */
export async function findUnreadableColumn(
  connection: DuckDBConnection,
  relation: Relation,
  fields: readonly Field[],
): Promise<{ readonly field: Field; readonly error: unknown } | null> {
  for await (const part of eachPart(relation)) {
    for (const field of fields) {
      const error = await failureOf(connection, readOf(field, part, 'true'));
      if (error !== null) return { field, error: error.cause };
    }
  }
  return null;
}

async function failureOf(connection: DuckDBConnection, sql: string): Promise<{ readonly cause: unknown } | null> {
  return connection.run(sql).then(
    () => null,
    (cause: unknown) => ({ cause }),
  );
}

/**
 * Keys of rows whose value in `field` cannot be read. The engine does not report the row, so the rows are bisected by
 * the hash of their key: only those that match a condition are converted.
 */
export async function keysOfUnreadable(options: FailingKeysOptions, field: Field): Promise<string[]> {
  const { connection, relation, keyColumns, limit } = options;
  if (keyColumns.length === 0 || keyColumns.includes(field.name)) return [];
  const found: string[] = [];
  const deadline = performance.now() + SEARCH_MS_MAX;
  for await (const part of eachPart(relation)) {
    const fails = async (range: HashRange) =>
      (await failureOf(connection, readOf(field, part, isWithin(range, keyColumns)))) !== null;
    const unsearched: HashRange[] = (await fails(WHOLE)) ? [WHOLE] : [];
    const nothing = unsearched.length === 0 ? null : await emptyRange(options, part);
    // If reading zero rows fails, the engine converts before it filters, and a failure says nothing about a row.
    if (nothing === null || (await fails(nothing))) continue;
    while (unsearched.length > 0 && found.length < limit && performance.now() < deadline) {
      const range = unsearched.pop() ?? WHOLE;
      const keys = await keysWhere(options, part, isWithin(range, keyColumns), 2);
      if (keys.length === 1) found.push(...keys);
      if (keys.length <= 1 || range.low === range.high) continue;
      const middle = (range.low + range.high) / 2n;
      const [lower, upper] = [
        { low: range.low, high: middle },
        { low: middle + 1n, high: range.high },
      ];
      // If the lower half is fine, the upper one is not and need not be tried.
      if (!(await fails(lower))) unsearched.push(upper);
      else unsearched.push(...((await fails(upper)) ? [upper, lower] : [lower]));
    }
    if (found.length >= limit) break;
  }
  return found;
}

/** The rows in which the hash of the key is from `low` to `high`. */
interface HashRange {
  readonly low: bigint;
  readonly high: bigint;
}

const WHOLE: HashRange = { low: 0n, high: HASH_MAX };

/** The engine knows that comparisons cannot fail, so it filters by them before it converts anything. */
function isWithin({ low, high }: HashRange, keyColumns: readonly string[]): string {
  const keys = keyColumns.map((key) => `r.${quoteIdentifier(key)}`).join(', ');
  return `hash(${keys}) between ${low}::ubigint and ${high}::ubigint`;
}

/** A range that contains no row, which the engine cannot know; null if there are no rows at all. */
async function emptyRange({ connection, keyColumns }: FailingKeysOptions, part: string): Promise<HashRange | null> {
  const keys = keyColumns.map((key) => `r.${quoteIdentifier(key)}`).join(', ');
  const result = await connection.runAndReadAll(`select max(hash(${keys}))::varchar from (${part}) r`);
  const greatest = result.getRowsJson()[0]?.[0];
  if (typeof greatest !== 'string') return null;
  const low = BigInt(greatest) + 1n;
  return low > HASH_MAX ? null : { low, high: HASH_MAX };
}

async function keysWhere(
  { connection, keyColumns }: FailingKeysOptions,
  part: string,
  where: string,
  limit: number,
): Promise<string[]> {
  const keys = keyColumns.map((key) => `cast(r.${quoteIdentifier(key)} as varchar)`).join(', ');
  const result = await connection.runAndReadAll(
    `select distinct ${keys} from (${part}) r where ${where} limit ${limit}`,
  );
  return result.getRowsJson().map((row) => formatKey(row.map(String)));
}

/** Keys of rows whose value in `field` does not fit its Postgres type. */
export async function keysOfRefused(
  options: FailingKeysOptions,
  field: Field,
  postgresType: string,
): Promise<string[]> {
  const test = refusedBy(field, postgresType);
  return test === null ? [] : keysOfRows(options, test);
}

/**
 * Keys of rows that match a condition.
 * @param condition SQL of the engine on the columns of `r`
 */
export async function keysOfRows(options: FailingKeysOptions, condition: string): Promise<string[]> {
  if (options.keyColumns.length === 0) return [];
  const found: string[] = [];
  for await (const part of eachPart(options.relation)) {
    found.push(...(await keysWhere(options, part, condition, options.limit - found.length)));
    if (found.length >= options.limit) break;
  }
  return found;
}

/** SQL that is true where Postgres refuses a value; null for types where that is unknown. */
function refusedBy(field: Field, postgresType: string): string | null {
  const value = `r.${quoteIdentifier(field.name)}`;
  const [, name = '', size = ''] = /^(?:\w+\.)?([a-z ]+)(?:\((\d+)\))?$/.exec(postgresType) ?? [];
  // Trailing spaces are cut off instead.
  if (name === 'character varying') return `length(rtrim(${value}, ' ')) > ${size}`;
  if (name === 'vector' || name === 'halfvec') {
    const entries = field.type.kind === 'array' ? value : `string_split(${value}, ',')`;
    const isOdd = field.type.kind === 'array' ? ` or len(list_filter(${value}, lambda x: x is null)) > 0` : '';
    return `(len(${entries}) <> ${size}${isOdd})`;
  }
  if (name === 'date') return `(${value} < '4713-01-01 (BC)'::date or ${value} > '5874897-12-31'::date)`;
  if (name.startsWith('timestamp')) return `${value} < '4713-01-01 (BC)'::date`;
  return null;
}
