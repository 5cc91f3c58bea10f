import type pg from 'pg';
import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { identifierList, quoteIdentifier, quoteLiteral } from '../core/names.js';
import type { RowDifference } from '../core/row-difference.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { isDifferent, isSameKey } from './publish/merge-rows.js';
import { columnDefinitions } from './publish/shadow-table.js';
import { type HandChange, readHandChange } from './registry/hand-writes.js';
import { readTable } from './registry/synced-tables.js';
import { inTransaction } from './session/session.js';

/** The copies being compared: temporary tables of the current session. */
const TARGET_COPY = 'pg_temp.synced_tables_verify_target';
export const SOURCE_COPY = 'pg_temp.synced_tables_verify_source';

/** Maximum number of keys listed. */
const DIFFERENCES_MAX = 20;
/** Longer values are cut; their length and hash still show that they differ. */
const SHOWN_CHARACTERS_MAX = 1_000;
/** For the one join that compares; the rest spills to disk. */
const WORK_MEM = '64MB';

export interface Comparison {
  readonly sourceRows: bigint;
  readonly targetRows: bigint;
  /** Rows of the source missing from the table. */
  readonly missingRows: bigint;
  /** Rows of the table missing from the source. */
  readonly extraRows: bigint;
  /** Keys on both sides whose other values differ. */
  readonly differentRows: bigint;
  /** Up to 20 of them, in key order. */
  readonly differences: readonly RowDifference[];
}

/** The result of comparing a synced table with its source. Only `compared` says anything about the table. */
export type VerificationOutcome =
  | {
      readonly kind: 'compared';
      readonly version: bigint | null;
      readonly comparison: Comparison;
      /** Rows of the source that a sync leaves out for a null in the key; null if that is not known. */
      readonly leftOutRows: bigint | null;
      /** Whether somebody else had written to the table. */
      readonly handChange: HandChange | null;
    }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError };

/** TABLES_DIFFER, or TABLE_CHANGED_BY_HAND if that explains it; null for a table that equals its source. */
export function explainDifference(
  { target, source }: { readonly target: string; readonly source: string },
  { missingRows, extraRows, differentRows }: Comparison,
  handChange: HandChange | null,
): SyncedTablesError | null {
  if (missingRows + extraRows + differentRows === 0n) return null;
  const details = { target, table: source, missing: missingRows, extra: extraRows, different: differentRows };
  if (handChange === null) return syncedTablesError('TABLES_DIFFER', details);
  return syncedTablesError('TABLE_CHANGED_BY_HAND', { ...details, role: handChange.by, since: handChange.since });
}

/** A published table whose rows were copied aside. */
export interface CopiedTarget {
  /** With the position that the rows reflect. */
  readonly table: SyncedTable;
  /** Whether somebody else had written to it by then. */
  readonly handChange: HandChange | null;
}

/**
 * Copies the rows of a published table and reads its position, both from one snapshot. The table is locked, as by any
 * reader, while the copy takes place; no partition switch can come in between.
 * @returns null if the table is no longer registered or not published
 */
export async function copyTarget(client: pg.Client, tableId: string): Promise<CopiedTarget | null> {
  const known = await readTable(client, tableId);
  if (known === null || known.relation === null) return null;
  // It may have been renamed since.
  const named = await client.query<{ target: string }>(
    'select oid::regclass::text as target from pg_class where oid = $1',
    [known.relation],
  );
  const target = named.rows[0]?.target ?? `${quoteIdentifier(known.schema)}.${quoteIdentifier(known.name)}`;
  return inTransaction(client, async () => {
    // The lock precedes the snapshot, which the first query takes, so rows switched in later are not seen.
    await client.query(`set transaction isolation level repeatable read; lock table ${target} in access share mode`);
    const table = await readTable(client, tableId);
    if (table === null || table.relation === null) return null;
    await client.query(`create temporary table synced_tables_verify_target as select * from ${target}`);
    return { table, handChange: table.isChangedByHand ? await readHandChange(client, tableId) : null };
  });
}

/** Creates the table for the rows of the source, which COPY fills; one from an earlier attempt is replaced. */
export async function createSourceCopy(client: pg.Client, columns: readonly TargetColumn[]): Promise<void> {
  await client.query(`drop table if exists ${SOURCE_COPY}`);
  await client.query(`create temporary table synced_tables_verify_source (${columnDefinitions(columns)})`);
}

/** Ends the comparison: temporary tables would last as long as the session. */
export async function dropCopies(client: pg.Client): Promise<void> {
  await client.query(`drop table if exists ${TARGET_COPY}, ${SOURCE_COPY}`);
}

/** OID of the table with the copied rows, for looking up its columns. */
export async function targetCopyRelation(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ oid: number }>('select $1::regclass::oid as oid', [TARGET_COPY]);
  return Number(rows[0]?.oid);
}

/**
 * Compares the copies by key, and every cell by its stored bytes: `1.0` and `1.00`, or `0` and `-0`, differ.
 * @returns null if keys occur more than once, so that rows cannot be matched
 */
export async function compareCopies(
  client: pg.Client,
  table: SyncedTable,
  columns: readonly TargetColumn[],
): Promise<Comparison | null> {
  const names = columns.map((column) => column.field.name);
  await client.query(`analyze ${TARGET_COPY}; analyze ${SOURCE_COPY}`);
  return inTransaction(client, async () => {
    await client.query(`set local work_mem = '${WORK_MEM}'`);
    const counts = await countDifferences(client, table, names);
    const { sourceRows, targetRows, missingRows, extraRows, differentRows, pairs } = counts;
    if (sourceRows !== pairs + missingRows || targetRows !== pairs + extraRows) return null;
    const isEqual = missingRows + extraRows + differentRows === 0n;
    const differences = isEqual ? [] : await listDifferences(client, table, names);
    return { sourceRows, targetRows, missingRows, extraRows, differentRows, differences };
  });
}

/** Up to `limit` keys that occur more than once in the source, each as the texts of its columns. */
export async function findDuplicateSourceKeys(
  client: pg.Client,
  keyColumns: readonly string[],
  limit: number,
): Promise<string[][]> {
  const keys = identifierList(keyColumns);
  const { rows } = await client.query<{ key: string[] }>(
    `select array[${keyColumns.map((key) => `${quoteIdentifier(key)}::text`).join(', ')}] as key
       from ${SOURCE_COPY} group by ${keys} having count(*) > 1 order by ${keys} limit $1`,
    [limit],
  );
  return rows.map((row) => row.key);
}

/** The copies joined by key, as SQL. */
interface JoinedCopies {
  readonly from: string;
  readonly inSource: string;
  readonly inTarget: string;
  readonly isDifferent: string;
  /** The row of each side as a value of its type. */
  readonly source: string;
  readonly target: string;
}

/** A join has the columns of both sides, and Postgres takes 1,664 at most. */
const JOINED_COLUMNS_MAX = 800;
/** No column of a synced table can have these names. */
const ROW = '__synced_tables_row';
const IMAGE = '__synced_tables_image';

function joined(table: SyncedTable, names: readonly string[]): JoinedCopies {
  const first = quoteIdentifier(table.keyColumns[0] ?? '');
  // Key columns are never null, so the first one shows on which side there is a row.
  const sides = { inSource: `s.${first} is not null`, inTarget: `t.${first} is not null` };
  const on = isSameKey(table.keyColumns, 's', 't');
  if (names.length <= JOINED_COLUMNS_MAX) {
    return {
      ...sides,
      from: `${SOURCE_COPY} s full join ${TARGET_COPY} t on ${on}`,
      isDifferent: isDifferent(names, 's', 't'),
      // The bare alias would mean a column of that name, if there is one.
      source: `(s.*)::${SOURCE_COPY}`,
      target: `(t.*)::${TARGET_COPY}`,
    };
  }
  // Rows as values, whose images are compared: what the columns hold, byte by byte.
  const asValues = (copy: string) =>
    `(select ${identifierList(table.keyColumns)}, (c.*)::${copy} as ${ROW}, row(${identifierList(names)}) as ${IMAGE} from ${copy} c)`;
  return {
    ...sides,
    from: `${asValues(SOURCE_COPY)} s full join ${asValues(TARGET_COPY)} t on ${on}`,
    isDifferent: `s.${IMAGE} *<> t.${IMAGE}`,
    source: `s.${ROW}`,
    target: `t.${ROW}`,
  };
}

async function countDifferences(client: pg.Client, table: SyncedTable, names: readonly string[]) {
  const { from, inSource, inTarget, ...pair } = joined(table, names);
  const isPair = `${inSource} and ${inTarget}`;
  const { rows } = await client.query<
    Record<'source' | 'target' | 'missing' | 'extra' | 'pairs' | 'different', string>
  >(
    `select (select count(*) from ${SOURCE_COPY})::text as source, (select count(*) from ${TARGET_COPY})::text as target,
            c.missing::text, c.extra::text, c.pairs::text, c.different::text
       from (select count(*) filter (where ${inSource} and not ${inTarget}) as missing,
                    count(*) filter (where ${inTarget} and not ${inSource}) as extra,
                    count(*) filter (where ${isPair}) as pairs,
                    count(*) filter (where ${isPair} and ${pair.isDifferent}) as different
               from ${from}) c`,
  );
  const [counts] = rows;
  if (!counts) throw new Error('a count has no row');
  return {
    sourceRows: BigInt(counts.source),
    targetRows: BigInt(counts.target),
    missingRows: BigInt(counts.missing),
    extraRows: BigInt(counts.extra),
    pairs: BigInt(counts.pairs),
    differentRows: BigInt(counts.different),
  };
}

/** The twenty are chosen first, so that texts of possibly large values are made for them alone. */
async function listDifferences(
  client: pg.Client,
  table: SyncedTable,
  names: readonly string[],
): Promise<readonly RowDifference[]> {
  const { from, inSource, inTarget, source, target, ...pair } = joined(table, names);
  const keys = table.keyColumns.map((key, place) => {
    const name = quoteIdentifier(key);
    return `coalesce(s.${name}, t.${name}) as k${place}`;
  });
  const places = table.keyColumns.map((_, place) => `k${place}`);
  const chosen = `select ${keys.join(', ')}, ${source} as s, ${target} as t,
                         case when not (${inTarget}) then 'missing' when not (${inSource}) then 'extra' else 'different' end as difference
                    from ${from}
                   where not (${inSource}) or not (${inTarget}) or ${pair.isDifferent}
                   order by ${places.join(', ')} limit ${DIFFERENCES_MAX}`;
  const nameList = (of: readonly string[]) => `array[${of.map(quoteLiteral).join(', ')}]::text[]`;
  const texts = (side: string) =>
    `array[${names.map((name) => `(r.${side}).${quoteIdentifier(name)}::text`).join(', ')}]`;
  const values = (side: string) =>
    `(select jsonb_object_agg(c.name, ${shownText(`c.${side}`)})
        from unnest(${nameList(names)}, ${texts('s')}, ${texts('t')}) as c (name, s, t)
       where r.difference <> 'different' or c.s is distinct from c.t)`;
  const { rows } = await client.query<RowDifference>(
    `select r.difference, jsonb_object(${nameList(table.keyColumns)}, array[${places.map((place) => `${place}::text`).join(', ')}]) as key,
            case when r.difference <> 'extra' then ${values('s')} end as source,
            case when r.difference <> 'missing' then ${values('t')} end as target
       from (${chosen}) r order by ${places.join(', ')}`,
  );
  return rows;
}

function shownText(text: string): string {
  const cut = `format('%s… (%s characters, md5 %s)', left(${text}, ${SHOWN_CHARACTERS_MAX}), length(${text}), md5(${text}))`;
  return `case when length(${text}) > ${SHOWN_CHARACTERS_MAX} then ${cut} else ${text} end`;
}
