import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { AUTHORED_COLUMN, KIND_COLUMN, sequenceColumn } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { isStagedSequenceNull, orderColumns } from '../event/sequence-order.js';
import { DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER, stagedEvents } from '../event/staged-events.js';
import { listOf, type TargetLayout } from '../target/target-layout.js';

/** Maximum number of rows in a message, and maximum length of a value. */
const EXAMPLES_MAX = 5;
const VALUE_LENGTH_MAX = 100;

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
    const keys = await exampleRows(client, layout, staging, isStagedSequenceNull(order, 'e'), []);
    throw syncedTablesError('AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE', { target, count: found.sequences, keys });
  }
  if (found.keys.some((count) => count !== '0')) {
    const sequence = order.sequence.fields.map((_, index) => sequenceColumn(index + 1));
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
export function nullKeyError({ flow }: TargetLayout, nullCounts: readonly string[], keys: string) {
  const counts = flow.keyColumns
    .map((key, index) => ({ key, count: nullCounts[index] ?? '0' }))
    .filter(({ count }) => count !== '0')
    .map(({ key, count }) => `"${key}": ${count}`);
  const details = { target: flow.fullName, counts: counts.join(', '), keys };
  return syncedTablesError('AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY', details);
}

/**
 * The keys of a few rows, for a message: `(1, a), (null, b)`.
 * @param where a condition on the staged row `e`
 * @param sequence the columns of the row's sequence, to include it
 */
export async function exampleRows(
  client: pg.Client,
  { keys }: TargetLayout,
  staging: string,
  where: string,
  sequence: readonly string[],
): Promise<string> {
  const texts = (columns: readonly string[]) =>
    `array[${columns.map((column) => `e.${column}::text`).join(', ')}]::text[]`;
  const { rows } = await client.query<{ key: (string | null)[]; sequence: (string | null)[] }>(
    `select distinct ${texts(keys)} as key, ${texts(sequence.map(quoteIdentifier))} as sequence
       from ${staging} e where ${where} order by 1, 2 limit ${EXAMPLES_MAX}`,
  );
  const listed = (values: readonly (string | null)[]) =>
    values.map((value) => value?.slice(0, VALUE_LENGTH_MAX) ?? 'null').join(', ');
  return rows
    .map((row) => `(${listed(row.key)})${sequence.length === 0 ? '' : ` with sequence ${listed(row.sequence)}`}`)
    .join(', ');
}

async function requireKnownNames(client: pg.Client, { flow }: TargetLayout, staging: string): Promise<void> {
  const known = [...flow.sourceColumns, ...flow.columns.map(({ name }) => name)];
  const { rows } = await client.query<{ name: string }>(
    `select distinct coalesce(n.listed, 'null') as name
       from ${staging} e cross join unnest(e.${quoteIdentifier(AUTHORED_COLUMN)}) n (listed)
      where lower(n.listed) = any (array[${known.map((name) => `lower(${quoteLiteral(name)})`).join(', ')}]) is not true
      order by 1 limit 5`,
  );
  if (rows.length === 0) return;
  throw syncedTablesError('AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA', {
    flow: flow.flowName,
    option: 'the list of columns to update in an event (whose whole batch was rejected)',
    columns: rows.map(({ name }) => name).join(', '),
    available: flow.sourceColumns.join(', '),
  });
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
