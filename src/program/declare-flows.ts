import type { FlowOptions } from '../core/flows/flow-options.js';
import type {
  FlowDeclaration,
  PipelineDeclaration,
  StreamingTableDeclaration,
  ViewDeclaration,
} from '../core/flows/pipeline-declaration.js';
import { parseColumnReference } from '../flows/parser/parse-pipeline-file.js';
import type { NextSnapshotAndVersion } from '../sync/flows/source/snapshot-function.js';

/** A part of a pipeline: the result of `createStreamingTable`, `createView`, `applyChanges` and the like. */
export type Declaration =
  | { readonly kind: 'streaming_table'; readonly table: StreamingTableDeclaration }
  | { readonly kind: 'view'; readonly view: ViewDeclaration }
  | {
      readonly kind: 'flow';
      readonly flow: FlowDeclaration;
      /** Set if the source is a function of this program. */
      readonly next: NextSnapshotAndVersion | null;
    };

export interface StreamingTableChoices {
  /** `table`, or `schema.table`. */
  readonly name: string;
  readonly comment?: string;
  /** Declared columns with types in the lakehouse's SQL; if left out, they follow from the flow. */
  readonly columns?: readonly { readonly name: string; readonly type: string }[];
  /** How long to remember what only late events need, in seconds. Default two days. */
  readonly tombstoneSeconds?: number;
}

/** Declares the target of flows. */
export function createStreamingTable(choices: StreamingTableChoices): Declaration {
  const { name, comment = null, columns = null, tombstoneSeconds = null } = choices;
  return { kind: 'streaming_table', table: { name: nameParts(name), comment, columns, tombstoneSeconds } };
}

/** Declares a query of the lakehouse engine that flows can read from. */
export function createView(view: ViewDeclaration): Declaration {
  return { kind: 'view', view };
}

export interface ChangeFlowChoices {
  readonly target: string;
  /** A lakehouse table (catalog.schema.table), a database table (schema.table), or a view of the pipeline. */
  readonly source: string;
  readonly keys: readonly string[];
  /** An expression, or the columns of a struct. */
  readonly sequenceBy: string | { readonly struct: readonly string[] };
  readonly ignoreNullUpdates?: boolean;
  readonly ignoreNullUpdatesColumnList?: readonly string[];
  readonly ignoreNullUpdatesExceptColumnList?: readonly string[];
  /** A column holding an array of names: the columns that the event writes. */
  readonly columnsToUpdate?: string;
  readonly applyAsDeletes?: string;
  readonly applyAsTruncates?: string;
  readonly columnList?: readonly string[];
  readonly exceptColumnList?: readonly string[];
  readonly storedAsScdType?: 1 | 2 | '1' | '2';
  readonly trackHistoryColumnList?: readonly string[];
  readonly trackHistoryExceptColumnList?: readonly string[];
  /** Name of the flow; defaults to that of the target. */
  readonly name?: string;
  readonly once?: boolean;
  /** Read the change feed of a lakehouse table instead of its new rows. */
  readonly sourceChangeFeed?: boolean;
}

/**
 * Declares a flow from change records into a streaming table. Mistakes in its options are reported when the pipeline
 * runs.
 */
export function applyChanges(choices: ChangeFlowChoices): Declaration {
  const options: FlowOptions = {
    keys: choices.keys,
    sequence_by: choices.sequenceBy ?? null,
    ignore_null_updates: choices.ignoreNullUpdates ?? null,
    ignore_null_updates_column_list: choices.ignoreNullUpdatesColumnList ?? null,
    ignore_null_updates_except_column_list: choices.ignoreNullUpdatesExceptColumnList ?? null,
    columns_to_update: choices.columnsToUpdate ?? null,
    apply_as_deletes: choices.applyAsDeletes ?? null,
    apply_as_truncates: choices.applyAsTruncates ?? null,
    column_list: choices.columnList ?? null,
    except_column_list: choices.exceptColumnList ?? null,
    stored_as_scd_type: choices.storedAsScdType ?? null,
    track_history_column_list: choices.trackHistoryColumnList ?? null,
    track_history_except_column_list: choices.trackHistoryExceptColumnList ?? null,
    once: choices.once ?? null,
  };
  const source = sourceOf(choices.source, choices.sourceChangeFeed ?? false);
  const target = nameParts(choices.target);
  const flow: FlowDeclaration = { name: choices.name ?? target.join('.'), kind: 'changes', target, source, options };
  return { kind: 'flow', flow, next: null };
}

/** The newer name of `applyChanges`. */
export function createAutoCdcFlow(choices: ChangeFlowChoices): Declaration {
  return applyChanges(choices);
}

export interface SnapshotFlowChoices {
  readonly target: string;
  /**
   * A table or view, of which each update takes a snapshot; or a function that returns snapshots with their versions
   * until there are no more.
   */
  readonly source: string | NextSnapshotAndVersion;
  readonly keys: readonly string[];
  readonly storedAsScdType?: 1 | 2 | '1' | '2';
  readonly trackHistoryColumnList?: readonly string[];
  readonly trackHistoryExceptColumnList?: readonly string[];
  readonly once?: boolean;
  /** Name of the flow; defaults to that of the target. */
  readonly name?: string;
}

/** Declares a flow that compares each snapshot with the one before it. */
export function applyChangesFromSnapshot(choices: SnapshotFlowChoices): Declaration {
  const { source } = choices;
  const target = nameParts(choices.target);
  const options: FlowOptions = {
    keys: choices.keys,
    stored_as_scd_type: choices.storedAsScdType ?? null,
    track_history_column_list: choices.trackHistoryColumnList ?? null,
    track_history_except_column_list: choices.trackHistoryExceptColumnList ?? null,
    once: choices.once ?? null,
  };
  const isFunction = typeof source === 'function';
  const flow: FlowDeclaration = {
    name: choices.name ?? target.join('.'),
    kind: 'snapshot',
    target,
    source: isFunction ? { kind: 'function' } : sourceOf(source, false),
    options,
  };
  return { kind: 'flow', flow, next: isFunction ? source : null };
}

/** The newer name of `applyChangesFromSnapshot`. */
export function createAutoCdcFromSnapshotFlow(choices: SnapshotFlowChoices): Declaration {
  return applyChangesFromSnapshot(choices);
}

/** Splits `a.b`, with backticks around parts that contain other characters; `live.` refers to the pipeline itself. */
function nameParts(name: string): readonly string[] {
  const parts = parseColumnReference(name).parts ?? [name];
  return parts.length > 1 && parts[0]?.toLowerCase() === 'live' ? parts.slice(1) : parts;
}

function sourceOf(source: string | undefined, isChangeFeed: boolean): FlowDeclaration['source'] {
  const name = /^\s*stream\s*\((.*)\)\s*$/i.exec(source ?? '')?.[1] ?? source ?? '';
  return { kind: 'name', parts: name.trim() === '' ? [] : nameParts(name.trim()), isChangeFeed };
}

/** The declarations as one pipeline, and its functions by flow. */
export function gatherPipeline(declarations: readonly Declaration[]): {
  readonly pipeline: PipelineDeclaration;
  readonly functions: ReadonlyMap<string, NextSnapshotAndVersion>;
} {
  const tables = declarations.flatMap((each) => (each.kind === 'streaming_table' ? [each.table] : []));
  const views = declarations.flatMap((each) => (each.kind === 'view' ? [each.view] : []));
  const flows = declarations.flatMap((each) => (each.kind === 'flow' ? [each] : []));
  const functions = flows.flatMap(({ flow, next }) => (next === null ? [] : [[flow.name, next] as const]));
  return { pipeline: { tables, views, flows: flows.map(({ flow }) => flow) }, functions: new Map(functions) };
}
