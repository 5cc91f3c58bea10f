import { useEffect, useRef } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { announce } from '../../app/announcer.js';
import { hrefOf } from '../../app/places.js';
import { Breakable } from '../../parts/breakable.js';
import { Changing } from '../../parts/changing.js';
import { Condition } from '../../parts/condition.js';
import { memo } from '../../parts/memo.js';
import { cronWords } from '../../parts/schedule/cron-words.js';
import { Sparkline } from '../../parts/sparkline.js';
import { Ago } from '../../parts/time.js';
import { conditionWords, policyWord, versionsText } from '../../words/conditions.js';
import { changedRows, numberText, rowWord } from '../../words/numbers.js';
import { durationText, roughDuration } from '../../words/times.js';
import { tablesTexts } from './texts.js';

/** Seconds: less than this is drawn as little. */
const LAG_TOP_MIN = 10;

interface TableRowProps {
  readonly table: TableSummary;
  readonly isSelected: boolean;
  readonly onSelect: (id: string) => void;
}

/** One table: a row, or a card where there is little room. */
export const TableRow = memo(function TableRow({ table, isSelected, onSelect }: TableRowProps) {
  const group = useRef(table.group);
  useEffect(() => {
    if (group.current === table.group) return;
    group.current = table.group;
    announce(tablesTexts.became(table.table, conditionWords(table, Date.now())));
  }, [table.group]);
  return (
    <tr class={isSelected ? 'selected' : ''}>
      <td class="cell-select">
        <input
          type="checkbox"
          aria-label={tablesTexts.selectOne(table.name)}
          checked={isSelected}
          onChange={() => onSelect(table.table_id)}
        />
      </td>
      <td class="cell-state">
        <Condition table={table} />
      </td>
      <td class="cell-name">
        <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}`)}>
          <Breakable text={table.name} />
        </a>
        <span class="quiet">
          <Breakable text={table.source} />
          {table.kind === 'streaming' && <span class="chip">{tablesTexts.streaming}</span>}
        </span>
      </td>
      <td class="cell-mode" title={table.policy}>
        {policyWord(table.policy)}
        {table.schedule && (
          <span class="quiet" title={`${table.schedule.cron} ${table.schedule.time_zone}`}>
            {cronWords(table.schedule.cron)}
            {table.schedule.next_run_at && (
              <>
                , {tablesTexts.next} <Ago time={table.schedule.next_run_at} />
              </>
            )}
          </span>
        )}
      </td>
      {table.condition === 'DROPPED' ? <NothingLeft /> : <LagAndRows table={table} />}
      <td class="cell-sync">
        {table.last_sync_at === null ? (
          <span class="quiet">
            {tablesTexts.never}
            <span class="card-word"> {tablesTexts.synced}</span>
          </span>
        ) : (
          <>
            {/* Beside lag and rows it is understood; there is little room. */}
            {table.condition === 'DROPPED' && <span class="card-word">{tablesTexts.synced} </span>}
            <Ago time={table.last_sync_at} />
          </>
        )}
      </td>
      <td class="cell-result">
        <Result table={table} />
      </td>
    </tr>
  );
});

/** How far it is behind, and what it holds. */
function LagAndRows({ table }: { readonly table: TableSummary }) {
  return (
    <>
      <td
        class={table.lag_seconds === null ? 'cell-lag number unknown' : 'cell-lag number'}
        title={table.source_seen_at === null ? undefined : tablesTexts.lastSeen}
      >
        <span class="card-word">{tablesTexts.columns.lag} </span>
        {table.lag_seconds === null ? (
          <span class="quiet">{tablesTexts.noLag}</span>
        ) : (
          <Changing text={lag(table.lag_seconds)} />
        )}
        {Number(table.lag_versions ?? 0) > 0 && (
          <span class="quiet lag-versions">{versionsText(table.lag_versions ?? 0)}</span>
        )}
        {table.lag_points && (
          <Sparkline
            values={table.lag_points}
            label={tablesTexts.lagOfHour(durationText(Math.max(...table.lag_points.map((lag) => lag ?? 0))))}
            topMin={LAG_TOP_MIN}
          />
        )}
      </td>
      <td class={table.row_count === null ? 'cell-rows number unknown' : 'cell-rows number'}>
        {table.row_count === null ? (
          <span class="quiet">{tablesTexts.noLag}</span>
        ) : (
          <>
            <Changing text={numberText(table.row_count)} />
            <span class="card-word"> {rowWord(table.row_count)}</span>
          </>
        )}
      </td>
    </>
  );
}

/** In the place of lag and rows: a table that is gone has neither. */
function NothingLeft() {
  return (
    <>
      <td class="cell-lag unknown" />
      <td class="cell-rows unknown" />
    </>
  );
}

function lag(seconds: number): string {
  return seconds > 0 && seconds < 1 ? durationText(seconds) : roughDuration(seconds);
}

/** What the newest update did, or why it failed. */
function Result({ table: { error, last_update: update } }: { readonly table: TableSummary }) {
  if (error) {
    return (
      <>
        <a href={hrefOf(`/errors/${error.code}`)}>
          <Breakable text={error.code} />
        </a>
        <span class="quiet clamp">{firstSentence(error.message)}</span>
      </>
    );
  }
  if (update === null) return null;
  if (update.state === 'RUNNING' && update.rows_written === null) return <>{tablesTexts.running}</>;
  if (update.state === 'CANCELED') return <span class="quiet">{tablesTexts.canceled}</span>;
  const changed = changedRows(update.rows_written ?? 0, update.rows_deleted ?? 0);
  if (changed === null) return <span class="quiet">{tablesTexts.unchanged}</span>;
  return (
    <>
      <Changing text={changed} />
      {update.load_seconds !== null && (
        <span class="quiet"> {tablesTexts.seconds(durationText(update.load_seconds))}</span>
      )}
    </>
  );
}

function firstSentence(message: string): string {
  return /^.*?[.:](?=\s|$)/.exec(message)?.[0] ?? message;
}
