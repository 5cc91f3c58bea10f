import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { AutoCdcColumn, AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { sharedData } from './shared-data.js';

export type Row = Readonly<Record<string, unknown>>;

export interface DmlStep {
  readonly dml: 'insert' | 'update' | 'delete';
  readonly row?: Row;
  readonly where?: Row;
  readonly set?: Row;
}

interface Snapshot {
  readonly version: string | number;
  readonly rows: readonly Row[];
}

type Batch = readonly Row[] | DmlStep | Snapshot | null;

interface Options {
  readonly keys: readonly string[];
  readonly sequence_by?: string | { readonly struct: readonly string[] };
  readonly apply_as_deletes?: string;
  readonly apply_as_truncates?: string;
  readonly column_list?: readonly string[];
  readonly except_column_list?: readonly string[];
  readonly stored_as_scd_type?: number | string;
  readonly track_history_column_list?: readonly string[];
  readonly track_history_except_column_list?: readonly string[];
  readonly ignore_null_updates?: boolean;
  readonly ignore_null_updates_column_list?: readonly string[];
  readonly ignore_null_updates_except_column_list?: readonly string[];
  readonly columns_to_update?: string;
}

/** A case of the specification: batches, and the table that they have to give. */
export interface Vector {
  readonly name: string;
  readonly api: 'apply_changes' | 'apply_changes_from_snapshot';
  readonly columns: readonly (readonly [string, string])[];
  readonly options: Options;
  readonly version_type?: string;
  readonly batches: readonly Batch[];
  readonly expected: readonly Row[];
  readonly expected_after_each_batch?: readonly (readonly Row[])[];
  readonly expected_metrics_per_batch?: readonly { num_upserted_rows: number; num_deleted_rows: number }[];
  readonly expected_change_feed_per_batch?: readonly (readonly Row[])[];
  readonly expect_error?: string;
  readonly expect_definition_error?: string;
  readonly fails_at_batch?: number;
  readonly order_sensitive?: boolean;
}

/** The vectors kept beside the repository; none where they are missing. */
export function sharedVectors(): Vector[] {
  const folder = sharedData();
  const file = folder === null ? null : path.join(folder, 'autocdc/vectors.json');
  if (file === null || !existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }).vectors;
}

/** The flow of a vector, as the analysis of its options would resolve it. */
export function flowOfVector(vector: Vector, table = 'target'): AutoCdcFlow {
  const { options, columns } = vector;
  const isSnapshot = vector.api === 'apply_changes_from_snapshot';
  const names = columns.map(([name]) => name);
  const selected =
    options.column_list !== undefined
      ? names.filter((name) => options.column_list?.includes(name))
      : names.filter((name) => !options.except_column_list?.includes(name));
  const others = selected.filter((name) => !options.keys.includes(name));
  const narrowed = (list?: readonly string[], except?: readonly string[]) =>
    list !== undefined
      ? others.filter((name) => list.includes(name))
      : others.filter((name) => !except?.includes(name));
  const ignoresNull =
    options.ignore_null_updates === true ||
    options.ignore_null_updates_column_list !== undefined ||
    options.ignore_null_updates_except_column_list !== undefined;
  const typeOf = (name: string) => postgresTypeOf(columns.find((column) => column[0] === name)?.[1] ?? '');
  const sequence = options.sequence_by ?? '';
  const isScd2 = Number(options.stored_as_scd_type ?? 1) === 2;
  return {
    flowName: 'flow',
    source: isSnapshot ? 'snapshots' : 'changes',
    schema: 'gold',
    table,
    fullName: `gold.${table}`,
    createdBy: 'databricks_sync',
    scdType: isScd2 ? 2 : 1,
    keyColumns: options.keys,
    columns: columns.filter(([name]) => selected.includes(name)).map(columnOf),
    sequence: isSnapshot
      ? { kind: 'column', fields: [{ name: 'version', postgresType: postgresTypeOf(vector.version_type ?? 'int') }] }
      : typeof sequence === 'string'
        ? { kind: 'column', fields: [{ name: sequence, postgresType: typeOf(sequence) }] }
        : { kind: 'struct', fields: sequence.struct.map((name) => ({ name, postgresType: typeOf(name) })) },
    trackedColumns: isScd2 ? narrowed(options.track_history_column_list, options.track_history_except_column_list) : [],
    ignoreNullColumns: ignoresNull
      ? narrowed(options.ignore_null_updates_column_list, options.ignore_null_updates_except_column_list)
      : [],
    columnsToUpdate: options.columns_to_update !== undefined,
    sourceColumns: names,
    tombstoneRetentionSeconds: 172_800,
    changeFeedRetentionSeconds: 604_800,
  };
}

function columnOf([name, type]: readonly [string, string]): AutoCdcColumn {
  const struct = /^struct<(.*)>$/.exec(type)?.[1];
  const fields = struct?.split(',').map((field) => {
    const [fieldName = '', fieldType = ''] = field.split(':');
    return { name: fieldName, postgresType: postgresTypeOf(fieldType), struct: null };
  });
  return { name, postgresType: fields ? 'jsonb' : postgresTypeOf(type), struct: fields ?? null };
}

function postgresTypeOf(type: string): string {
  const known: Record<string, string> = { int: 'integer', timestamp: 'timestamp without time zone' };
  return known[type] ?? type;
}

/** An event as it is staged. */
export function stagedRow(vector: Vector, flow: AutoCdcFlow, event: Row): Row {
  const { options } = vector;
  const holds = (condition: string | undefined) => {
    const [, column = '', text] = /^(\w+) = '(.*)'$/.exec(condition ?? '') ?? [];
    return condition !== undefined && event[column] === text;
  };
  const kind = holds(options.apply_as_truncates) ? 'T' : holds(options.apply_as_deletes) ? 'D' : 'U';
  const sequence =
    typeof options.sequence_by === 'string' ? [options.sequence_by] : (options.sequence_by?.struct ?? []);
  return {
    ...Object.fromEntries(flow.columns.map(({ name }) => [name, event[name]])),
    __autocdc_kind: kind,
    ...Object.fromEntries(sequence.map((name, place) => [`__autocdc_seq${place + 1}`, event[name]])),
    ...(options.columns_to_update === undefined ? {} : { __autocdc_authored: event[options.columns_to_update] }),
  };
}

const people = {
  api: 'apply_changes',
  columns: [
    ['id', 'int'],
    ['job', 'text'],
    ['desk', 'text'],
    ['what', 'text'],
    ['at', 'bigint'],
  ],
  order_sensitive: false,
} as const;
const kept = { keys: ['id'], sequence_by: 'at', apply_as_deletes: "what = 'gone'", except_column_list: ['what', 'at'] };
const moves: readonly Row[] = [
  { id: 1, job: 'smith', desk: 'north', what: 'set', at: 10 },
  { id: 1, job: 'smith', desk: 'south', what: 'set', at: 30 },
  { id: 1, job: null, desk: null, what: 'gone', at: 40 },
  { id: 1, job: 'baker', desk: null, what: 'set', at: 50 },
  { id: 2, job: 'miller', desk: 'east', what: 'set', at: 20 },
  { id: 2, job: null, desk: 'west', what: 'set', at: 60 },
];

/** A few cases of our own, which every clone has. */
export const ownVectors: readonly Vector[] = [
  {
    ...people,
    name: 'the latest of whole rows',
    options: kept,
    batches: [moves],
    expected: [
      { id: 1, job: 'baker', desk: null },
      { id: 2, job: null, desk: 'west' },
    ],
  },
  {
    ...people,
    name: 'the latest author of each column',
    options: { ...kept, ignore_null_updates: true },
    batches: [moves],
    expected: [
      { id: 1, job: 'baker', desk: null },
      { id: 2, job: 'miller', desk: 'west' },
    ],
  },
  {
    ...people,
    name: 'a truncate ends what is older',
    options: { ...kept, apply_as_truncates: "what = 'all gone'" },
    batches: [moves, [{ id: null, job: null, desk: null, what: 'all gone', at: 55 }]],
    expected: [{ id: 2, job: null, desk: 'west' }],
  },
  {
    ...people,
    name: 'a history of every change',
    options: { ...kept, stored_as_scd_type: 2 },
    batches: [moves],
    expected: [
      { id: 1, job: 'smith', desk: 'north', __START_AT: 10, __END_AT: 30 },
      { id: 1, job: 'smith', desk: 'south', __START_AT: 30, __END_AT: 40 },
      { id: 1, job: 'baker', desk: null, __START_AT: 50, __END_AT: null },
      { id: 2, job: 'miller', desk: 'east', __START_AT: 20, __END_AT: 60 },
      { id: 2, job: null, desk: 'west', __START_AT: 60, __END_AT: null },
    ],
  },
  {
    ...people,
    name: 'a history of jobs in which desks change in place',
    options: { ...kept, stored_as_scd_type: 2, track_history_column_list: ['job'], ignore_null_updates: true },
    batches: [moves],
    expected: [
      { id: 1, job: 'smith', desk: 'south', __START_AT: 10, __END_AT: 40 },
      { id: 1, job: 'baker', desk: null, __START_AT: 50, __END_AT: null },
      { id: 2, job: 'miller', desk: 'west', __START_AT: 20, __END_AT: null },
    ],
  },
];
