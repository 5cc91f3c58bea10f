import { CreateAgain } from './create-again.js';
import { HistoryBox } from './history-box.js';
import { LatestBox } from './latest-box.js';
import { NowBox } from './now-box.js';
import { ProblemBox } from './problem-box.js';
import type { TableTabProps } from './tab-props.js';
import { TableFindings } from './table-findings.js';
import { tableTexts } from './texts.js';
import { WaitBox } from './wait-box.js';

/** Whether something else says what its message says, in words for those who look at pages. */
function hasBox({ error, progress, waiting_for: waiting, condition }: TableTabProps['table']): boolean {
  return error !== null || progress !== null || waiting !== null || condition === 'DROPPED';
}

/** What is wrong, what goes on, and the newest of everything. */
export function OverviewTab({ table }: TableTabProps) {
  const isDropped = table.condition === 'DROPPED';
  // What failed before it was dropped concerns nobody any more.
  const error = isDropped && table.error?.code !== 'SYNCED_TABLE_DROPPED' ? null : table.error;
  return (
    <>
      {error && <ProblemBox table={table} error={error} />}
      {isDropped && !error && <UnseenDrop table={table} />}
      <TableFindings table={table} />
      {table.waiting_for && <WaitBox waiting={table.waiting_for} />}
      {table.progress && <NowBox table={table} progress={table.progress} />}
      {!hasBox(table) && table.message && <p class={table.changed_by_hand ? 'note' : 'quiet'}>{table.message}</p>}
      {!table.is_readable && !table.error && !isDropped && <p>{tableTexts.noRowsYet}</p>}
      {table.is_readable && table.kind === 'synced' && <HistoryBox table={table} />}
      <LatestBox table={table} />
    </>
  );
}

/** A table that somebody dropped, which no update has met yet: there is no error of one. */
function UnseenDrop({ table }: Pick<TableTabProps, 'table'>) {
  return (
    <>
      <p class="note">{tableTexts.problem.wasDropped(table.sql_name)}</p>
      {table.kind === 'synced' && <CreateAgain table={table} />}
    </>
  );
}
