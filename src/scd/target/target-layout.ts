import { createHash } from 'node:crypto';
import type { AutoCdcColumn, AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../core/names.js';
import { type SequenceOrder, sequenceOrder } from '../event/sequence-order.js';

/**
 * Names of the relations and columns of one target, quoted for statements: derived from a flow, never stored.
 * TargetShape is what the target was created with.
 */
export interface TargetLayout {
  readonly flow: AutoCdcFlow;
  readonly order: SequenceOrder;
  /** What users read and write. */
  readonly view: string;
  /** The private state behind it. */
  readonly storage: string;
  readonly feed: string;
  /** Rows of the last snapshot, for snapshot flows: the next one is compared with them. */
  readonly base: string;
  /** Quoted names. */
  readonly keys: readonly string[];
  readonly data: readonly string[];
  readonly columns: readonly string[];
  readonly tracked: readonly string[];
  readonly dataColumns: readonly AutoCdcColumn[];
  /** Events may leave columns out, so each column has its own latest author. */
  readonly isPartial: boolean;
}

/** Postgres truncates names after this many bytes. */
const NAME_BYTES_MAX = 63;

export function targetLayout(flow: AutoCdcFlow): TargetLayout {
  const names = flow.columns.map(({ name }) => name);
  const isKey = (name: string) => flow.keyColumns.includes(name);
  const qualified = (name: string) => `${quoteIdentifier(flow.schema)}.${quoteIdentifier(name)}`;
  return {
    flow,
    order: sequenceOrder(flow.sequence),
    view: qualified(flow.table),
    storage: qualified(privateName('__apply_changes_storage_', flow.table)),
    feed: qualified(privateName('__apply_changes_feed_', flow.table)),
    base: qualified(privateName('__apply_changes_snapshot_', flow.table)),
    keys: flow.keyColumns.map(quoteIdentifier),
    data: names.filter((name) => !isKey(name)).map(quoteIdentifier),
    columns: names.map(quoteIdentifier),
    tracked: flow.trackedColumns.filter((name) => !isKey(name)).map(quoteIdentifier),
    dataColumns: flow.columns.filter(({ name }) => !isKey(name)),
    isPartial: flow.columnsToUpdate || flow.ignoreNullColumns.length > 0,
  };
}

/** Name of an object behind a target. The end of a long one is replaced by a hash. */
export function privateName(prefix: string, table: string): string {
  const name = `${prefix}${table}`;
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  const hash = createHash('sha256').update(table).digest('hex').slice(0, 8);
  const room = NAME_BYTES_MAX - prefix.length - hash.length - 1;
  return `${prefix}${Buffer.from(table)
    .subarray(0, room)
    .toString()
    .replace(/\uFFFD$/, '')}_${hash}`;
}

/** `a.x, a.y` */
export function listOf(columns: readonly string[], alias = ''): string {
  return columns.map((column) => (alias === '' ? column : `${alias}.${column}`)).join(', ');
}

/** `a.k = b.k and …` for columns that are never null. */
export function sameColumns(columns: readonly string[], a: string, b: string): string {
  return columns.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ');
}

/** Whether any of the columns differ; nulls are equal. */
export function differs(columns: readonly string[], a: string, b: string): string {
  if (columns.length === 0) return 'false';
  return `row(${listOf(columns, a)}) is distinct from row(${listOf(columns, b)})`;
}
