import type { TableOptions } from '../../../postgres/registry/api/table-options.js';
import type { TableSettings } from './alter-table-schema.js';

/** What is set of a table, by the names that requests have for it. */
export function tableSettingsOf(options: TableOptions): TableSettings {
  return {
    source_table_full_name: options.source,
    primary_key_columns: [...options.primaryKeyColumns],
    scheduling_policy: options.policy,
    timeseries_key: options.timeseriesKey,
    columns: options.columns && [...options.columns],
    row_filter: options.rowFilter,
    invalid_characters: options.invalidCharacters,
    allow_file_diff: options.allowFileDiff,
    on_history_gap: options.onHistoryGap,
    accelerated_sync: options.acceleratedSync,
    type_overrides: [...options.typeOverrides],
    extra_columns: [...options.extraColumns],
    extra_index_definitions: [...options.extraIndexDefinitions],
    trigger_interval_ms: options.triggerIntervalMs,
  };
}
