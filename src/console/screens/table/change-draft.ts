import type { TableSettings } from '../../../api/native/tables/alter-table-schema.js';
import type { TableChange } from '../../words/alter-snippets.js';
import { type Draft, EMPTY_DRAFT, parseList } from '../create/draft.js';

// A table as the form of its settings shows it, and what somebody has changed there.

/** The settings as a draft, so that the fields of the create form show them. */
export function draftOf(settings: TableSettings): Draft {
  return {
    ...EMPTY_DRAFT,
    source: settings.source_table_full_name,
    key: settings.primary_key_columns,
    timeseries: settings.timeseries_key ?? '',
    chosen: settings.columns ?? [],
    filter: settings.row_filter ?? '',
    policy: settings.scheduling_policy,
    fileDiff: settings.allow_file_diff,
    strip: settings.invalid_characters === 'strip',
    refresh: settings.on_history_gap === 'refresh',
    accelerated: settings.accelerated_sync,
    overrides: listText(settings.type_overrides),
    columns: listText(settings.extra_columns),
    indexes: listText(settings.extra_index_definitions),
  };
}

function listText(list: readonly unknown[]): string {
  return list.length === 0 ? '' : JSON.stringify(list);
}

/** What the call has to be asked for so that the settings become those of the draft; null while a list is being typed. */
export function changeOf(settings: TableSettings, draft: Draft): TableChange | null {
  const before = draftOf(settings);
  const change: Record<string, unknown> = {};
  const reset: string[] = [];
  const set = (name: string, value: unknown, isEmpty = false) => {
    if (isEmpty) reset.push(name);
    else change[name] = value;
  };
  if (draft.source !== before.source) set('source_table_full_name', draft.source);
  if (!isSame(draft.key, before.key)) set('primary_key_columns', draft.key);
  if (draft.policy !== before.policy) set('scheduling_policy', draft.policy);
  if (draft.fileDiff !== before.fileDiff) set('allow_file_diff', draft.fileDiff);
  if (draft.refresh !== before.refresh) set('on_history_gap', draft.refresh ? 'refresh' : 'fail');
  if (draft.accelerated !== before.accelerated) set('accelerated_sync', draft.accelerated);
  if (draft.strip !== before.strip) set('invalid_characters', draft.strip ? 'strip' : 'fail');
  if (draft.timeseries !== before.timeseries) set('timeseries_key', draft.timeseries, draft.timeseries === '');
  const chosen = draft.chosen.length === 0 ? [] : [...new Set([...draft.key, ...draft.chosen])];
  if (!isSame([...chosen].sort(), [...before.chosen].sort())) set('columns', chosen, chosen.length === 0);
  const filter = draft.filter.trim() === '' ? '' : draft.filter;
  if (filter !== before.filter) set('row_filter', filter, filter === '');
  for (const [name, now, then] of [
    ['type_overrides', draft.overrides, before.overrides],
    ['extra_columns', draft.columns, before.columns],
    ['extra_index_definitions', draft.indexes, before.indexes],
  ] as const) {
    const list = parseList(now);
    if (list === null) return null;
    if (!isSame(list, parseList(then))) set(name, list, list.length === 0);
  }
  return reset.length === 0 ? change : { ...change, reset };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a change takes (docs/guides/changing-tables.md). */
export type ChangeCost = 'copy' | 'catch-up' | 'nothing';

const COPIED_FOR: ReadonlySet<string> = new Set([
  'source_table_full_name',
  'primary_key_columns',
  'timeseries_key',
  'invalid_characters',
  'columns',
  'row_filter',
  'type_overrides',
  'extra_columns',
  'extra_index_definitions',
]);

export function costOf({ reset, ...change }: TableChange): ChangeCost {
  const names = [...Object.keys(change), ...((reset as readonly string[] | undefined) ?? [])];
  if (names.some((name) => COPIED_FOR.has(name))) return 'copy';
  const { scheduling_policy: policy, allow_file_diff: fileDiff } = change;
  return (policy !== undefined && policy !== 'SNAPSHOT') || fileDiff === false ? 'catch-up' : 'nothing';
}
