import type { TableSettings } from '../../../api/native/tables/alter-table-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { Fact } from '../../parts/facts.js';
import { Ago } from '../../parts/time.js';
import { policyWord } from '../../words/conditions.js';
import { settingsTexts } from './settings-texts.js';

const { facts } = settingsTexts;

interface SettingFactsProps {
  readonly table: TableSummary;
  readonly settings: TableSettings;
}

/** What is set of a table. Lists of its own are told where there are any. */
export function SettingFacts({ table, settings }: SettingFactsProps) {
  const lists = [
    [facts.overrides, settings.type_overrides],
    [facts.extraColumns, settings.extra_columns],
    [facts.indexes, settings.extra_index_definitions],
  ] as const;
  const isFollowed = settings.scheduling_policy !== 'SNAPSHOT';
  return (
    <dl class="facts">
      <Fact name={facts.source}>{settings.source_table_full_name}</Fact>
      <Fact name={facts.key}>{settings.primary_key_columns.join(', ')}</Fact>
      <Fact name={facts.timeseries}>{settings.timeseries_key ?? settingsTexts.none}</Fact>
      <Fact name={facts.columns}>{settings.columns?.join(', ') ?? settingsTexts.all}</Fact>
      <Fact name={facts.rows}>
        {settings.row_filter === null ? settingsTexts.all : <code>{settings.row_filter}</code>}
      </Fact>
      <Fact name={facts.mode} title={settings.scheduling_policy}>
        {policyWord(settings.scheduling_policy)}
      </Fact>
      {isFollowed && (
        <Fact name={facts.changes}>{settings.allow_file_diff ? settingsTexts.byFiles : settingsTexts.recorded}</Fact>
      )}
      {isFollowed && <Fact name={facts.gap}>{settingsTexts.gap[settings.on_history_gap]}</Fact>}
      <Fact name={facts.characters}>{settingsTexts.characters[settings.invalid_characters]}</Fact>
      <Fact name={facts.connections}>
        {settings.accelerated_sync ? settingsTexts.accelerated : settingsTexts.usual}
      </Fact>
      {lists.map(
        ([name, list]) =>
          list.length > 0 && (
            <Fact key={name} name={name} title={JSON.stringify(list)}>
              {settingsTexts.entries(list.length)}
            </Fact>
          ),
      )}
      <Fact name={facts.publish}>{settingsTexts.publish[table.pipeline.publish]}</Fact>
      <Fact name={facts.pipeline}>
        <a href={hrefOf(`/pipelines/${table.pipeline.pipeline_id}`)}>{table.pipeline.name}</a>
      </Fact>
      <Fact name={facts.created}>
        <Ago time={table.created_at} /> {settingsTexts.by(table.created_by)}
      </Fact>
    </dl>
  );
}
