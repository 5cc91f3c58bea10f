import type pg from 'pg';
import { failingRowsError, type SyncedTablesError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { formatKey } from '../../core/format-key.js';
import { identifierList } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { inTransaction, isPostgresError } from '../session/session.js';
import { BRIEF_SEARCH, type IndexTerms, KEYS_MAX, keyOf, type Misfits, readTerms } from './index-misfits.js';

const TOO_LONG =
  /^index row (?:size (\d+) exceeds (?:[a-z]+ (?:version \d+ )?)?maximum (\d+)|requires (\d+) bytes, maximum size is (\d+))/;

/** True if Postgres refused values because an index has no room for them. */
export function isEntryTooLong(error: unknown): error is pg.DatabaseError {
  return isPostgresError(error) && error.code === '54000' && TOO_LONG.test(error.message);
}

/** How long an entry would be and may be, in our words: Postgres names an index that users do not know. */
function describeSizes(error: pg.DatabaseError): string {
  const [, size, max, otherSize, otherMax] = TOO_LONG.exec(error.message) ?? [];
  return `one of its entries would have ${size ?? otherSize} bytes, at most ${max ?? otherMax} are possible`;
}

/** Why an index of a user cannot be built. */
export function tooLongReason(error: pg.DatabaseError, terms: readonly string[]): string {
  const columns = terms.length === 0 ? 'it covers' : `its columns (${terms.join(', ')}) have`;
  return `${columns} values that are too long, as ${describeSizes(error)}`;
}

/** PRIMARY_KEY_TOO_LONG for rows of a table whose key is being built, given its name in SQL. */
export async function explainLongKey(
  client: pg.Client,
  error: unknown,
  { table, rows }: { readonly table: KeyedTable; readonly rows: string },
): Promise<unknown> {
  if (!isEntryTooLong(error)) return error;
  const terms = table.keyColumns.map((column) => identifierList([column]));
  const search = { client, rows, keyColumns: table.keyColumns, terms, filter: 'true', isPrimary: true };
  const keys = await inTransaction(client, () => keysOfTooLong(search, async () => null)).catch((): string[] => []);
  return primaryKeyTooLong(error, table, keys);
}

type KeyedTable = Pick<SyncedTable, 'source' | 'fullName' | 'keyColumns'>;

function primaryKeyTooLong(error: pg.DatabaseError, table: KeyedTable, keys: readonly string[]): SyncedTablesError {
  const details = {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
    reason: describeSizes(error),
  };
  return failingRowsError('PRIMARY_KEY_TOO_LONG', details, failingByKey(table.keyColumns, keys), error);
}

export interface LongEntryRefusal {
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** Runs `find` in a transaction in which the new rows are available, as a table or subquery. */
  readonly withRows: (find: (rows: string) => Promise<FoundIndex | null>) => Promise<FoundIndex | null>;
}

/** An index of the published table, and what is known of the rows that do not fit it. */
interface FoundIndex {
  readonly oid: number;
  readonly index: string;
  readonly isPrimary: boolean;
  readonly terms: readonly string[];
  readonly keys: readonly string[];
}

/** PRIMARY_KEY_TOO_LONG or INDEX_UNBUILDABLE for rows that an index of the table has no room for; else the error itself. */
export async function explainLongEntry(client: pg.Client, error: unknown, refusal: LongEntryRefusal): Promise<unknown> {
  if (!isEntryTooLong(error)) return error;
  const { table, relation, withRows } = refusal;
  const indexes = await readIndexes(client, relation, error);
  // The first error is the one to report, even if the rows cannot be obtained again.
  const searched = await withRows((rows) => findIndex(client, table, { indexes, relation, rows })).catch(() => null);
  const found = searched ?? (indexes.length === 1 ? indexes[0] : undefined);
  if (found?.isPrimary) return primaryKeyTooLong(error, table, found.keys);
  const details = {
    index: found?.index ?? 'of unknown name',
    target: table.fullName,
    table: table.source,
    reason: tooLongReason(error, found?.terms ?? []),
  };
  return failingRowsError('INDEX_UNBUILDABLE', details, { column: null, keys: found?.keys ?? [] }, error);
}

/** The index of the table whose part the error names; all of them if it names none. */
async function readIndexes(
  client: pg.Client,
  relation: number,
  { message }: pg.DatabaseError,
): Promise<readonly FoundIndex[]> {
  const [, part = null] = /for index "([^"\n]*)"$/.exec(message) ?? [];
  const { rows } = await client.query<Omit<FoundIndex, 'keys'>>(
    `select x.indexrelid as oid, x.indexrelid::regclass::text as index, x.indisprimary as "isPrimary",
            array(select pg_get_indexdef(x.indexrelid, n, false) from generate_series(1, x.indnkeyatts) n order by n) as terms
       from pg_index x
      where x.indrelid = $1
        and ($2::text is null or exists (select from pg_inherits h join pg_class i on i.oid = h.inhrelid
                                          where h.inhparent = x.indexrelid and i.relname = $2))
      order by x.indisprimary desc, x.indexrelid`,
    [relation, part],
  );
  return rows.map((row) => ({ ...row, keys: [] }));
}

/** The index that a row does not fit; if none is found, the only one that cannot be tried. */
async function findIndex(
  client: pg.Client,
  { keyColumns }: SyncedTable,
  {
    indexes,
    relation,
    rows,
  }: { readonly indexes: readonly FoundIndex[]; readonly relation: number; readonly rows: string },
): Promise<FoundIndex | null> {
  const untried: FoundIndex[] = [];
  for (const index of indexes) {
    const keys = await keysTooLongFor({ client, index: index.oid, rows, keyColumns }, relation);
    if (keys === null) untried.push(index);
    else if (keys.length > 0) return { ...index, keys };
  }
  return untried.length === 1 ? (untried[0] ?? null) : null;
}

/**
 * Keys of rows that an index of the published table has no room for; null if it uses code that we do not run. For use
 * within a transaction.
 * @param relation OID of the published table
 */
export async function keysTooLongFor(misfits: Misfits, relation: number): Promise<string[] | null> {
  const terms = await readTerms(misfits);
  if (terms === null) return null;
  return keysOfTooLong({ ...misfits, ...terms }, async (probe) => {
    const { rows } = await misfits.client.query<{ statement: string }>(
      `select s.statement
         from (select statement, substr(statement, strpos(statement, ' USING ')) as tail
                 from databricks_auth.missing_indexes($1::oid, $2::regclass) as statement) s
        where right(pg_get_indexdef($3), length(s.tail)) = s.tail limit 1`,
      [relation, probe, misfits.index],
    );
    return rows[0]?.statement ?? null;
  });
}

/** Rows with the longest entries, of which only some may be too long: what counts is their size when compressed. */
const CANDIDATES_MAX = 50;
const CANDIDATES = 'pg_temp.synced_tables_candidates';
const PROBE = 'pg_temp.synced_tables_probe';

interface Search extends Omit<Misfits, 'index'>, Pick<IndexTerms, 'terms' | 'filter'> {
  readonly isPrimary: boolean;
}

/**
 * Keys of rows for which the index cannot be built: the rows with the longest entries are tried one by one, each in a
 * table of its own, since Postgres' error names at most the first.
 * @param statementFor the statement that builds the index on a table; null if there is none but the primary key
 */
async function keysOfTooLong(
  { client, rows: from, keyColumns, terms, filter, isPrimary }: Search,
  statementFor: (probe: string) => Promise<string | null>,
): Promise<string[]> {
  const found: string[] = [];
  await client.query(`savepoint synced_tables_search; ${BRIEF_SEARCH}`);
  try {
    const size = terms.map((term) => `coalesce(pg_column_size(${term}), 0)`).join(' + ');
    await client.query(`create temporary table ${CANDIDATES} on commit drop as
      select r.* from ${from} r where (${filter}) order by ${size} desc limit ${CANDIDATES_MAX}`);
    await client.query(`create temporary table ${PROBE} (like ${CANDIDATES}) on commit drop`);
    const build = isPrimary
      ? `alter table ${PROBE} add primary key (${identifierList(keyColumns)})`
      : await statementFor(PROBE);
    if (build === null) return [];
    const { rows } = await client.query<{ place: string }>(
      `select ctid::text as place from ${CANDIDATES} order by ctid`,
    );
    for (const { place } of rows) {
      if (await fits(client, place, build)) continue;
      const { rows: failing } = await client.query<{ key: string[] }>(
        `select ${keyOf(keyColumns)} as key from ${CANDIDATES} r where r.ctid = $1::tid`,
        [place],
      );
      found.push(...failing.map(({ key }) => formatKey(key)));
      if (found.length === KEYS_MAX) break;
    }
    return found;
  } finally {
    // What was found stays found if this fails: the session is broken then.
    await client.query('rollback to savepoint synced_tables_search').catch(() => {});
  }
}

async function fits(client: pg.Client, place: string, build: string): Promise<boolean> {
  await client.query('savepoint synced_tables_row');
  try {
    await client.query(`insert into ${PROBE} select * from ${CANDIDATES} where ctid = $1::tid`, [place]);
    await client.query(build);
    return true;
  } catch (error) {
    if (!isEntryTooLong(error)) throw error;
    return false;
  } finally {
    await client.query('rollback to savepoint synced_tables_row').catch(() => {});
  }
}
