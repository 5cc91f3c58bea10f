import type pg from 'pg';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import type { TargetColumn } from '../../core/synced-table.js';
import { canReplaceRows, isUniqueViolation } from '../refusals/unique-refusal.js';

/** Rows to merge into a table by key: inserted, or written over rows with other values. */
export interface RowMerge {
  /** The table, quoted for SQL. */
  readonly into: string;
  /** Where the rows are, quoted for SQL; known as `s` to `filter`. */
  readonly from: string;
  readonly filter: string;
  readonly columns: readonly TargetColumn[];
  readonly keyColumns: readonly string[];
}

export interface RowMergeCounts {
  /** Rows inserted or actually changed. */
  readonly written: bigint;
  /** Rows that were not there before. */
  readonly inserted: bigint;
}

/** True where two rows have the same key. */
export function isSameKey(keyColumns: readonly string[], left: string, right: string): string {
  return keyColumns.map((key) => `${left}.${quoteIdentifier(key)} = ${right}.${quoteIdentifier(key)}`).join(' and ');
}

/**
 * True where two rows differ in a stored byte: values that compare equal may still be distinct, such as `0` and `-0`.
 * Compared as records, since `row(…) *<> row(…)` would look for that operator column by column.
 */
export function isDifferent(names: readonly string[], left: string, right: string): string {
  const record = (side: string) => `row(${names.map((name) => `${side}.${quoteIdentifier(name)}`).join(', ')})::record`;
  return `${record(left)} *<> ${record(right)}`;
}

/** Types whose equal values are stored identically; `numeric` is one if its scale is declared. */
const TYPES_STORED_ALIKE: ReadonlySet<string> = new Set([
  'bigint',
  'boolean',
  'bytea',
  'date',
  'integer',
  'smallint',
  'text',
  'timestamp with time zone',
  'timestamp without time zone',
]);

/**
 * Like `isDifferent` at lower cost: it builds records only for the columns that need them, and only where the others
 * are equal.
 */
function isChanged(columns: readonly TargetColumn[], left: string, right: string): string {
  const isStoredAlike = ({ postgresType }: TargetColumn) =>
    TYPES_STORED_ALIKE.has(postgresType) || postgresType.startsWith('numeric(');
  const plain = columns.filter(isStoredAlike).map(({ field }) => {
    const name = quoteIdentifier(field.name);
    return `${left}.${name} is distinct from ${right}.${name}`;
  });
  const others = columns.filter((column) => !isStoredAlike(column)).map(({ field }) => field.name);
  return [...plain, ...(others.length === 0 ? [] : [isDifferent(others, left, right)])].join(' or ');
}

/**
 * Writes in key order, so that neighbours in the index are written together; rows that are already equal are not
 * rewritten. Fails with 23505 where values move between rows under a user's unique index.
 */
function upsertRows(merge: RowMerge): string {
  const { keyColumns } = merge;
  const names = namesOf(merge);
  const keys = identifierList(keyColumns);
  const others = merge.columns.filter(({ field }) => !keyColumns.includes(field.name));
  const assignments = others.map(
    ({ field }) => `${quoteIdentifier(field.name)} = excluded.${quoteIdentifier(field.name)}`,
  );
  const conflict =
    others.length === 0
      ? 'nothing'
      : `update set ${assignments.join(', ')} where ${isChanged(others, 't', 'excluded')}`;
  return `with written as (
       insert into ${merge.into} as t (${identifierList(names)})
       select ${identifierList(names)} from ${merge.from} s where ${merge.filter} order by ${keys}
           on conflict (${keys}) do ${conflict} returning (t.xmax = 0) as is_new)
     select count(*) filter (where is_new)::text as inserted, count(*)::text as written from written`;
}

/**
 * The same for values that move between rows under a unique index, such as two that are swapped: an uncorrelated
 * subquery ensures that all changed rows are deleted before the first is inserted. A single statement, so that foreign
 * keys are checked once all rows are back.
 */
function replaceRows(merge: RowMerge): string {
  const { into, from, filter, keyColumns } = merge;
  const names = namesOf(merge);
  const sameKey = isSameKey(keyColumns, 't', 's');
  return `with gone as (
       delete from ${into} t using ${from} s where ${filter} and ${sameKey} and ${isDifferent(names, 't', 's')} returning 1
     ), replaced as materialized (select count(*) as n from gone),
     written as (
       insert into ${into} (${identifierList(names)})
       select ${names.map((name) => `s.${quoteIdentifier(name)}`).join(', ')} from ${from} s
        where ${filter} and (select n from replaced) >= 0
          and not exists (select from ${into} t where ${sameKey} and not (${isDifferent(names, 't', 's')}))
        order by ${keyColumns.map((key) => `s.${quoteIdentifier(key)}`).join(', ')}
       returning 1)
     select (count(*) - (select n from replaced))::text as inserted, count(*)::text as written from written`;
}

/**
 * Merges rows into a published table: by an upsert, and once that has met a unique index under which values move
 * between rows, by deleting and inserting the changed ones.
 */
export class MergeStatement {
  readonly #client: pg.Client;
  readonly #relation: number;
  #merge = upsertRows;

  /** @param relation OID of the published table */
  constructor(client: pg.Client, relation: number) {
    this.#client = client;
    this.#relation = relation;
  }

  /** The statement; its result is for `mergeCounts`. */
  text(merge: RowMerge): string {
    return this.#merge(merge);
  }

  /** True if the statement failed on a unique index and should be retried the other way. */
  async mend(error: unknown): Promise<boolean> {
    if (this.#merge === replaceRows || !isUniqueViolation(error)) return false;
    if (!(await canReplaceRows(this.#client, this.#relation))) return false;
    this.#merge = replaceRows;
    return true;
  }
}

export function mergeCounts(result: pg.QueryResult | undefined): RowMergeCounts {
  const [counts] = (result?.rows ?? []) as { inserted: string; written: string }[];
  if (!counts) throw new Error('a count has no row');
  return { written: BigInt(counts.written), inserted: BigInt(counts.inserted) };
}

const namesOf = ({ columns }: RowMerge) => columns.map(({ field }) => field.name);
