import type pg from 'pg';
import { countOf } from '../../core/count-of.js';
import { failingRowsError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeKeys, failingByKey } from '../../core/failing-rows.js';
import { AUTHORED_COLUMN, KIND_COLUMN, sequenceColumn } from '../../core/flows/auto-cdc-flow.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { isStagedSequenceNull, orderColumns } from '../event/sequence-order.js';
import { DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER, stagedEvents } from '../event/staged-events.js';
import { listOf, type TargetLayout } from '../target/target-layout.js';

/** Maximum length of a value that is told with a key. */
const VALUE_LENGTH_MAX = 100;

/** For `exampleRows`. */
export const KEY_ONLY = { what: '', columns: [] } as const;

/** Facts about a batch that may be applied. */
export interface CheckedBatch {
  readonly rows: number;
  readonly hasTruncates: boolean;
  /** Whether several events share a key and a sequence value. */
  readonly hasTies: boolean;
  /** Upserts with the same key and sequence value but different contents. */
  readonly ties: bigint;
}

/**
 * Checks the staged events of a batch before they are applied.
 * @throws AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE, …NULL_KEY, AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA,
 *   AUTOCDC_EVENT_KIND_UNKNOWN
 */
export async function checkBatch(client: pg.Client, layout: TargetLayout, staging: string): Promise<CheckedBatch> {
  const { flow, keys, order } = layout;
  const kind = `e.${quoteIdentifier(KIND_COLUMN)}`;
  const kinds = flow.scdType === 1 ? `'U', 'D', 'T'` : `'U', 'D'`;
  const nullKeys = keys.map((key) => `count(*) filter (where ${kind} <> 'T' and e.${key} is null)`);
  const { rows } = await client.query<{
    rows: string;
    odd: string;
    sequences: string;
    truncates: string;
    keys: string[];
  }>(
    `select count(*)::text as rows, count(*) filter (where ${kind} in (${kinds}) is not true)::text as odd,
            count(*) filter (where ${isStagedSequenceNull(order, 'e')})::text as sequences,
            count(*) filter (where ${kind} = 'T')::text as truncates, array[${nullKeys.join(', ')}]::text[] as keys
       from ${staging} e`,
  );
  const found = rows[0];
  if (!found) throw new Error('counting the staged events gave no row');
  const target = flow.fullName;
  if (found.odd !== '0') throw syncedTablesError('AUTOCDC_EVENT_KIND_UNKNOWN', { target, count: found.odd });
  if (found.sequences !== '0') {
    const keys = await exampleRows(client, layout, staging, isStagedSequenceNull(order, 'e'), KEY_ONLY);
    const failing = { column: null, keys };
    throw failingRowsError('AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE', { target, count: found.sequences }, failing);
  }
  if (found.keys.some((count) => count !== '0')) {
    const sequence = { what: 'sequence', columns: order.sequence.fields.map((_, index) => sequenceColumn(index + 1)) };
    const isKeyless = `${kind} <> 'T' and (${keys.map((key) => `e.${key} is null`).join(' or ')})`;
    throw nullKeyError(layout, found.keys, await exampleRows(client, layout, staging, isKeyless, sequence));
  }
  if (flow.columnsToUpdate) await requireKnownNames(client, layout, staging);
  const hasTies = await hasTiedEvents(client, layout, staging);
  return {
    rows: Number(found.rows),
    hasTruncates: found.truncates !== '0',
    hasTies,
    ties: hasTies ? await countTies(client, layout, staging) : 0n,
  };
}

/**
 * AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY.
 * @param nullCounts number of rows with null, for each key column
 * @param keys from `exampleRows`
 */
export function nullKeyError(
  { flow }: TargetLayout,
  nullCounts: readonly string[],
  keys: readonly string[],
): SyncedTablesError {
  const found = flow.keyColumns
    .map((key, index) => ({ key, count: nullCounts[index] ?? '0' }))
    .filter(({ count }) => count !== '0');
  const counts = found.map(({ key, count }) => `"${key}": ${count}`).join(', ');
  const failing = failingByKey(
    found.map(({ key }) => key),
    keys,
  );
  return failingRowsError('AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY', { target: flow.fullName, counts }, failing);
}

/**
 * The keys of a few rows: `1`, or `(1, a)`, a null as `null`.
 * @param where a condition on the staged row `e`
 * @param more other columns of the row to tell, and what of the row they are
 */
export async function exampleRows(
  client: pg.Client,
  { keys }: TargetLayout,
  staging: string,
  where: string,
  more: { readonly columns: readonly string[]; readonly what: string },
): Promise<string[]> {
  const texts = (columns: readonly string[]) =>
    `array[${columns.map((column) => `e.${column}::text`).join(', ')}]::text[]`;
  const { rows } = await client.query<{ key: (string | null)[]; more: (string | null)[] }>(
    `select distinct ${texts(keys)} as key, ${texts(more.columns.map(quoteIdentifier))} as more
       from ${staging} e where ${where} order by 1, 2 limit ${EXAMPLE_KEYS_MAX}`,
  );
  const listed = (values: readonly (string | null)[]) =>
    values.map((value) => value?.slice(0, VALUE_LENGTH_MAX) ?? 'null').join(', ');
  return rows.map((row) => {
    const key = formatKey(row.key.map((value) => value ?? 'null'));
    return more.columns.length === 0 ? key : `${key} with ${more.what} ${listed(row.more)}`;
  });
}

async function requireKnownNames(client: pg.Client, layout: TargetLayout, staging: string): Promise<void> {
  const { flow } = layout;
  const known = [...flow.sourceColumns, ...flow.columns.map(({ name }) => name)];
  const isKnown = `lower(n.listed) = any (array[${known.map((name) => `lower(${quoteLiteral(name)})`).join(', ')}]) is true`;
  const listed = `unnest(e.${quoteIdentifier(AUTHORED_COLUMN)}) n (listed)`;
  const { rows } = await client.query<{ names: number }>(
    `select count(distinct coalesce(n.listed, 'null'))::int as names from ${staging} e cross join ${listed} where not ${isKnown}`,
  );
  const names = rows[0]?.names ?? 0;
  if (names === 0) return;
  const isWrong = `exists (select from ${listed} where not ${isKnown})`;
  const more = { what: 'list', columns: [AUTHORED_COLUMN] };
  const failing = { column: null, keys: await exampleRows(client, layout, staging, isWrong, more) };
  const details = {
    flow: flow.flowName,
    option: 'the list of columns to update in an event (whose whole batch was rejected)',
    // The names are values of rows.
    columns: `${countOf(names, 'name')}${describeKeys(failing)}`,
    available: flow.sourceColumns.join(', '),
  };
  throw failingRowsError('AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA', details, failing);
}

async function hasTiedEvents(client: pg.Client, layout: TargetLayout, staging: string): Promise<boolean> {
  const group = [...layout.keys, ...orderColumns(layout.order, EVENT_ORDER)].join(', ');
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from (${stagedEvents(layout, staging, false)}) e group by ${group} having count(*) > 1) as found`,
  );
  return rows[0]?.found === true;
}

async function countTies(client: pg.Client, layout: TargetLayout, staging: string): Promise<bigint> {
  const group = [...layout.keys, ...orderColumns(layout.order, EVENT_ORDER)].join(', ');
  const content = layout.isPartial ? EVENT_COLUMN : `row(${listOf(layout.data)})`;
  const { rows } = await client.query<{ ties: string }>(
    `select count(*)::text as ties from (
       select from (${stagedEvents(layout, staging, true)}) e where __autocdc_is_tied and not ${DELETES_COLUMN}
        group by ${group} having count(distinct ${content}::text) > 1) t`,
  );
  return BigInt(rows[0]?.ties ?? 0);
}
