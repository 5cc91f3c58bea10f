import type pg from 'pg';
import { formatKey } from '../../core/format-key.js';
import { quoteIdentifier } from '../../core/names.js';
import { inTransaction, isPostgresError } from '../session/session.js';

/** Maximum number of keys told of a failure. */
export const KEYS_MAX = 5;
/** How long to search for keys: a late message helps less than one that names no row. */
const SEARCH_MS_MAX = 20_000;

/** Rows that do not fit an index of the published table. */
export interface Misfits {
  readonly client: pg.Client;
  /** OID of the index. */
  readonly index: number;
  /** The rows in SQL: a table, or a subquery in brackets. */
  readonly rows: string;
  readonly keyColumns: readonly string[];
}

/** What an index computes. Null if it calls code from outside Postgres, which must not run with the sync's rights. */
export interface IndexTerms {
  readonly terms: readonly string[];
  readonly filter: string;
  readonly allowsNulls: boolean;
  readonly isPrimary: boolean;
}

export async function readTerms({ client, index }: Misfits): Promise<IndexTerms | null> {
  // Built-in objects of Postgres do not appear as dependencies.
  const { rows } = await client.query<IndexTerms>(
    `select array(select pg_get_indexdef(x.indexrelid, n, false) from generate_series(1, x.indnkeyatts) n order by n) as terms,
            coalesce(pg_get_expr(x.indpred, x.indrelid), 'true') as filter, not x.indnullsnotdistinct as "allowsNulls",
            x.indisprimary as "isPrimary"
       from pg_index x
      where x.indexrelid = $1
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid
                           and d.refclassid not in ('pg_class'::regclass, 'pg_constraint'::regclass))`,
    [index],
  );
  return rows[0] ?? null;
}

/** Keys of rows with equal values in a unique index. For use within a transaction, which a failure leaves aborted. */
export async function keysOfDuplicates(misfits: Misfits): Promise<string[]> {
  const { client, rows: from, keyColumns } = misfits;
  const index = await readTerms(misfits);
  if (index === null) return [];
  const list = index.terms.map((term) => `(${term})`);
  const present = index.allowsNulls ? list.map((term) => `${term} is not null`) : [];
  const place = `array_to_string(array[${list.map((term) => `${term}::text`).join(', ')}], ' ', '')`;
  await client.query(BRIEF_SEARCH);
  return client
    .query<{ key: string[] }>(
      `select key from (
         select ${keyOf(keyColumns)} as key, ${place} as place, count(*) over (partition by ${list.join(', ')}) as n
           from ${from} r where ${[`(${index.filter})`, ...present].join(' and ')}) d
        where n > 1 order by place, key limit ${KEYS_MAX}`,
    )
    .then(({ rows }) => rows.map(({ key }) => formatKey(key)), unlessRefused);
}

/** Keys of rows for which the index cannot be computed, given the server's error. For use outside a transaction. */
export async function keysOfFailing(misfits: Misfits, error: pg.DatabaseError): Promise<string[]> {
  const tuple = /\btuple (\(\d+,\d+\))/.exec(error.detail ?? '')?.[1];
  if (tuple !== undefined) return keysAt(misfits, [tuple]);
  const terms = await readTerms(misfits);
  return terms === null ? [] : findFailing(misfits, terms).then((places) => keysAt(misfits, places), unlessRefused);
}

/** SQL for the key of a row of `r`: the texts of its columns. */
export function keyOf(keyColumns: readonly string[]): string {
  return `array[${keyColumns.map((key) => `r.${quoteIdentifier(key)}::text`).join(', ')}]`;
}

async function keysAt({ client, rows: from, keyColumns }: Misfits, places: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ key: string[] }>(
    `select ${keyOf(keyColumns)} as key from ${from} r where r.ctid = any ($1::tid[]) order by r.ctid`,
    [places],
  );
  return rows.map(({ key }) => formatKey(key));
}

/** The original error matters more: if the search for rows fails too, they merely stay unnamed. */
function unlessRefused(error: unknown): string[] {
  if (!isPostgresError(error)) throw error;
  return [];
}

/** Set in transactions that search for rows. */
export const BRIEF_SEARCH = `set local statement_timeout = ${SEARCH_MS_MAX}`;

/** Positions of rows for which a term fails: blocks are halved until one is left, whose rows are tried one by one. */
async function findFailing(misfits: Misfits, { terms, filter }: IndexTerms): Promise<string[]> {
  const { client, rows: from } = misfits;
  const deadline = performance.now() + SEARCH_MS_MAX;
  const values = terms.map((term) => `(${term})::text`).join(', ');
  const fails = async (where: string, parameters: readonly string[]) => {
    const sql = `select count(*) filter (where array[${values}] is not null) from ${from} r where (${where}) and (${filter})`;
    const probe = async () => {
      await client.query(BRIEF_SEARCH);
      await client.query(sql, [...parameters]);
    };
    return inTransaction(client, probe).then(
      () => false,
      (error: unknown) => {
        if (!isPostgresError(error) || error.code === '57014') throw error;
        return true;
      },
    );
  };
  const failsWithin = (first: number, end: number) =>
    fails('r.ctid >= $1::tid and r.ctid < $2::tid', [`(${first},0)`, `(${end},0)`]);
  let first = 0;
  let end = await blocksOf(misfits);
  if (!(await failsWithin(first, end))) return [];
  while (end - first > 1) {
    if (performance.now() > deadline) return [];
    const middle = Math.floor((first + end) / 2);
    if (await failsWithin(first, middle)) end = middle;
    else first = middle;
  }
  const { rows } = await client.query<{ place: string }>(
    `select r.ctid::text as place from ${from} r where r.ctid >= $1::tid and r.ctid < $2::tid order by r.ctid`,
    [`(${first},0)`, `(${end},0)`],
  );
  const found: string[] = [];
  for (const { place } of rows) {
    if (await fails('r.ctid = $1::tid', [place])) found.push(place);
    if (found.length === KEYS_MAX || performance.now() > deadline) break;
  }
  return found;
}

async function blocksOf({ client, rows: from }: Misfits): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    `select (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int as blocks`,
    [from],
  );
  return rows[0]?.blocks ?? 0;
}
