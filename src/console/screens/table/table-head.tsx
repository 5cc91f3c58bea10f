import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { Breakable } from '../../parts/breakable.js';
import { Condition } from '../../parts/condition.js';
import { Fact } from '../../parts/facts.js';
import { cronWords } from '../../parts/schedule/cron-words.js';
import { Ago } from '../../parts/time.js';
import { lagText, policyWord, versionsText } from '../../words/conditions.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { TableActions } from './table-actions.js';
import { notKnown, tableTexts } from './texts.js';

const { facts } = tableTexts;

/** State, what can be done, and the facts that people look for first. */
export function TableHead({ table }: { readonly table: TableSummary }) {
  const isDropped = table.condition === 'DROPPED';
  return (
    <header class="table-head">
      <div class="table-state">
        <p class="table-condition">
          <Condition table={table} />
        </p>
        <TableActions table={table} />
      </div>
      <dl class="facts">
        {/* What is gone has no lag, no rows and no size. */}
        {!isDropped && (
          <Fact name={facts.lag} title={lagTitle(table)}>
            {lagText(table, Date.now())}
            {Number(table.lag_versions ?? 0) > 0 && ` (${versionsText(table.lag_versions ?? 0)})`}
          </Fact>
        )}
        <Fact name={facts.version}>{versionText(table)}</Fact>
        {!isDropped && (
          <>
            <Fact name={facts.rows}>{table.row_count === null ? notKnown : numberText(table.row_count)}</Fact>
            <Fact
              name={facts.size}
              title={table.size_bytes === null ? undefined : `${numberText(table.size_bytes)} bytes`}
            >
              {table.size_bytes === null ? notKnown : sizeText(table.size_bytes)}
            </Fact>
          </>
        )}
        <Fact name={facts.lastSync}>
          {table.last_sync_at === null ? facts.never : <Ago time={table.last_sync_at} />}
        </Fact>
        <Fact name={facts.mode} title={table.policy}>
          {policyWord(table.policy)}
          {table.schedule && <ScheduleText schedule={table.schedule} />}
        </Fact>
        <Fact name={facts.source}>
          {table.kind === 'synced' ? (
            <a href={hrefOf(`/catalog/${table.source.split('.').map(encodeURIComponent).join('/')}`)}>
              <Breakable text={table.source} />
            </a>
          ) : (
            <Breakable text={table.source} />
          )}
        </Fact>
        <Fact name={facts.pipeline}>
          <a href={hrefOf(`/pipelines/${table.pipeline.pipeline_id}`)}>
            <Breakable text={table.pipeline.name} />
          </a>
          {table.pipeline.tables > 1 && ` (${tableTexts.tablesOf(table.pipeline.tables)})`}
        </Fact>
        {table.key_columns.length > 0 && <Fact name={facts.key}>{table.key_columns.join(', ')}</Fact>}
        <Fact name={facts.createdBy}>
          {table.created_by}, <Ago time={table.created_at} />
        </Fact>
      </dl>
    </header>
  );
}

function ScheduleText({ schedule }: { readonly schedule: NonNullable<TableSummary['schedule']> }) {
  return (
    <>
      , <span title={schedule.cron}>{cronWords(schedule.cron)}</span>, {schedule.time_zone}
      {schedule.next_run_at && (
        <>
          , {facts.next} <Ago time={schedule.next_run_at} />
        </>
      )}
    </>
  );
}

function versionText({ synced_version: synced, source_version: source }: TableSummary): string {
  if (synced === null) return notKnown;
  if (source === null || source === synced) return numberText(synced);
  return tableTexts.versionOf(numberText(synced), numberText(source));
}

function lagTitle({ lag_seconds: seconds, policy }: TableSummary): string {
  if (seconds === null) return tableTexts.lagUnknown;
  return policy === 'CONTINUOUS' ? tableTexts.lagFollowed : tableTexts.lagLooked;
}
