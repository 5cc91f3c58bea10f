import { hrefOf } from '../../app/places.js';
import { Fact } from '../../parts/facts.js';
import { ScheduleForm } from '../../parts/schedule/schedule-form.js';
import { Ago } from '../../parts/time.js';
import { policyWord } from '../../words/conditions.js';
import { settingsTexts } from './settings-texts.js';
import type { TableTabProps } from './tab-props.js';

const { facts } = settingsTexts;

/** What can be set of a table while it is synced, and what was set when it was created. */
export function Tab({ table }: TableTabProps) {
  return (
    <>
      <h2>{settingsTexts.schedule}</h2>
      <ScheduleForm
        table={table.name}
        sqlName={table.sql_name}
        instance={table.instance}
        database={table.database}
        maySet={table.may.schedule}
      />
      <h2>{settingsTexts.options}</h2>
      <p class="quiet">{settingsTexts.optionsWhy}</p>
      <dl class="facts">
        <Fact name={facts.source}>{table.source}</Fact>
        <Fact name={facts.key}>{table.key_columns.join(', ') || settingsTexts.none}</Fact>
        <Fact name={facts.timeseries}>{table.timeseries_key ?? settingsTexts.none}</Fact>
        <Fact name={facts.columns}>{table.columns?.join(', ') ?? settingsTexts.all}</Fact>
        <Fact name={facts.rows}>{table.row_filter === null ? settingsTexts.all : <code>{table.row_filter}</code>}</Fact>
        <Fact name={facts.mode} title={table.policy}>
          {policyWord(table.policy)}
        </Fact>
        <Fact name={facts.publish}>{settingsTexts.publish[table.pipeline.publish]}</Fact>
        <Fact name={facts.pipeline}>
          <a href={hrefOf(`/pipelines/${table.pipeline.pipeline_id}`)}>{table.pipeline.name}</a>
        </Fact>
        <Fact name={facts.created}>
          <Ago time={table.created_at} /> {settingsTexts.by(table.created_by)}
        </Fact>
      </dl>
    </>
  );
}
