import { useEffect } from 'preact/hooks';
import type { TableSettings } from '../../../api/native/tables/alter-table-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { rememberDraft } from '../../data/drafts.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { tableTexts } from './texts.js';

const { problem } = tableTexts;

/** The draft of a table that somebody has dropped; its name is free once it is deleted. */
export function CreateAgain({ table }: { readonly table: TableSummary }) {
  const settings = useQuery<TableSettings>(tableCall(table, 'settings'));
  const place = settings.data ? `/create?${draftOf(table, settings.data)}` : null;
  useEffect(() => {
    if (place !== null) rememberDraft(table.name, place);
  }, [place]);
  return (
    <>
      <p>{problem.dropped}</p>
      {place !== null && (
        <p>
          <a class="button primary" href={hrefOf(place)}>
            {problem.again}
          </a>
        </p>
      )}
    </>
  );
}

/** Everything that was set of it, as the form takes it from the address. */
function draftOf(table: TableSummary, settings: TableSettings): URLSearchParams {
  const { schedule } = table;
  const list = (values: readonly unknown[]) => (values.length === 0 ? '' : JSON.stringify(values));
  const fields = {
    source: settings.source_table_full_name,
    target: table.name,
    policy: settings.scheduling_policy,
    timeseries: settings.timeseries_key ?? '',
    filter: settings.row_filter ?? '',
    fileDiff: settings.allow_file_diff ? '1' : '',
    strip: settings.invalid_characters === 'strip' ? '1' : '',
    refresh: settings.on_history_gap === 'refresh' ? '1' : '',
    accelerated: settings.accelerated_sync ? '1' : '',
    together: table.pipeline.publish === 'together' ? '1' : '',
    cron: schedule?.cron ?? '',
    zone: schedule?.time_zone ?? '',
    overrides: list(settings.type_overrides),
    columns: list(settings.extra_columns),
    indexes: list(settings.extra_index_definitions),
  };
  const draft = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ''));
  for (const column of settings.primary_key_columns) draft.append('key', column);
  for (const column of settings.columns ?? []) draft.append('chosen', column);
  return draft;
}
