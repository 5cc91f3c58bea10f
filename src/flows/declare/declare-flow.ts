import { syncedTablesError } from '../../core/errors.js';
import type { FlowKind, FlowOptions } from '../../core/flows/flow-options.js';
import { parseColumnReference } from '../parser/parse-pipeline-file.js';
import type { ColumnSelection, DeclaredFlow } from './declared-flow.js';

/**
 * Checks the options of a flow on their own, before its source is opened.
 * @param name the flow's name, for messages
 * @throws AUTOCDC_EMPTY_KEYS, AUTOCDC_MISSING_SEQUENCE_BY, AUTOCDC_MULTIPART_COLUMN_IDENTIFIER,
 *   AUTOCDC_NON_COLUMN_IDENTIFIER and the other codes of the define phase
 *   (docs/reference/auto-cdc.md#when-errors-are-raised)
 */
export function declareFlow(name: string, kind: FlowKind, options: FlowOptions): DeclaredFlow {
  const scdType = scdTypeOf(name, options);
  const keys = columnNames(name, 'keys', options.keys);
  if (keys.length === 0) throw syncedTablesError('AUTOCDC_EMPTY_KEYS', { flow: name });
  const trackHistory = trackHistoryOf(name, options);
  if (scdType === 1 && trackHistory !== null) {
    throw syncedTablesError('AUTOCDC_TRACK_HISTORY_REQUIRES_SCD2', { flow: name });
  }
  const shared = { name, kind, keys, scdType, trackHistory: trackHistory ?? ALL, once: options.once ?? false };
  if (kind === 'snapshot') {
    const none = {
      sequenceBy: null,
      applyAsDeletes: null,
      applyAsTruncates: null,
      ignoreNull: null,
      columnsToUpdate: null,
    };
    return { ...shared, ...none, columns: ALL };
  }
  const applyAsTruncates = expressionOf(options.apply_as_truncates);
  if (applyAsTruncates !== null && scdType === 2) {
    throw syncedTablesError('AUTOCDC_TRUNCATE_REQUIRES_SCD1', { flow: name });
  }
  return {
    ...shared,
    sequenceBy: sequenceOf(name, options),
    applyAsDeletes: expressionOf(options.apply_as_deletes),
    applyAsTruncates,
    columns: columnsOf(name, options),
    ...partialUpdatesOf(name, options),
  };
}

const ALL: ColumnSelection = { kind: 'all' };

function scdTypeOf(flow: string, { stored_as_scd_type: given }: FlowOptions): 1 | 2 {
  const type = String(given ?? 1).trim();
  if (type !== '1' && type !== '2') throw syncedTablesError('AUTOCDC_INVALID_SCD_TYPE', { flow, type });
  return type === '1' ? 1 : 2;
}

function expressionOf(text: string | null | undefined): string | null {
  return text === undefined || text === null || text.trim() === '' ? null : text.trim();
}

function sequenceOf(flow: string, { sequence_by: given }: FlowOptions): string {
  const isStruct = typeof given === 'object' && given !== null;
  const text = isStruct ? (given.struct.length > 0 ? `struct(${given.struct.join(', ')})` : null) : expressionOf(given);
  if (text === null) throw syncedTablesError('AUTOCDC_MISSING_SEQUENCE_BY', { flow });
  return text;
}

function columnsOf(flow: string, options: FlowOptions): ColumnSelection {
  const { column_list: include, except_column_list: except } = options;
  if (isGiven(include) && isGiven(except)) {
    throw syncedTablesError('AUTOCDC_BOTH_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', { flow });
  }
  return selectionOf(flow, { include, except, options: ['column_list', 'except_column_list'] }) ?? ALL;
}

function trackHistoryOf(flow: string, options: FlowOptions): ColumnSelection | null {
  const { track_history_column_list: include, track_history_except_column_list: except } = options;
  if (isGiven(include) && isGiven(except)) {
    throw syncedTablesError('AUTOCDC_BOTH_TRACK_HISTORY_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', { flow });
  }
  const names = ['track_history_column_list', 'track_history_except_column_list'] as const;
  return selectionOf(flow, { include, except, options: names });
}

function partialUpdatesOf(flow: string, options: FlowOptions): Pick<DeclaredFlow, 'ignoreNull' | 'columnsToUpdate'> {
  const { ignore_null_updates: all, ignore_null_updates_column_list: include } = options;
  const except = options.ignore_null_updates_except_column_list;
  const given = [all === true, isGiven(include), isGiven(except)].filter(Boolean).length;
  if (given > 1) throw syncedTablesError('AUTOCDC_CONFLICTING_IGNORE_NULL_UPDATES_OPTIONS', { flow });
  if (isGiven(include) && include.length === 0)
    throw syncedTablesError('AUTOCDC_IGNORE_NULL_EMPTY_COLUMN_LIST', { flow });
  const [columnsToUpdate = null] = isGiven(options.columns_to_update)
    ? columnNames(flow, 'columns_to_update', [options.columns_to_update])
    : [];
  if (columnsToUpdate !== null && given > 0) throw syncedTablesError('AUTOCDC_COLUMNS_TO_UPDATE_CONFLICT', { flow });
  const names = ['ignore_null_updates_column_list', 'ignore_null_updates_except_column_list'] as const;
  const selection = selectionOf(flow, { include, except, options: names });
  return { ignoreNull: all === true ? ALL : selection, columnsToUpdate };
}

function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined;
}

interface SelectionLists {
  readonly include: readonly string[] | null | undefined;
  readonly except: readonly string[] | null | undefined;
  /** Their names, for messages. */
  readonly options: readonly [string, string];
}

function selectionOf(flow: string, { include, except, options }: SelectionLists): ColumnSelection | null {
  if (isGiven(include)) return { kind: 'include', names: columnNames(flow, options[0], include) };
  if (isGiven(except)) return { kind: 'except', names: columnNames(flow, options[1], except) };
  return null;
}

/** Plain column names; anything else in the list is refused, regardless of the source. */
function columnNames(flow: string, option: string, texts: readonly string[]): string[] {
  return texts.map((text) => {
    const { parts } = parseColumnReference(text);
    const [name] = parts ?? [];
    if (name === undefined) throw syncedTablesError('AUTOCDC_NON_COLUMN_IDENTIFIER', { flow, column: text, option });
    if (parts !== null && parts.length > 1) {
      throw syncedTablesError('AUTOCDC_MULTIPART_COLUMN_IDENTIFIER', { flow, column: text, option });
    }
    return name;
  });
}
