import { inProblemWords } from '../../words/refusals.js';
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
  return (
    <>
      {table.error && <ProblemBox table={table} error={table.error} />}
      {table.condition === 'DROPPED' && !table.error && <p class="note">{table.message}</p>}
      <TableFindings table={table} />
      {table.waiting_for && <WaitBox waiting={table.waiting_for} />}
      {table.progress && <NowBox table={table} progress={table.progress} />}
      {!hasBox(table) && table.message && (
        <p class={table.changed_by_hand ? 'note' : 'quiet'}>{inProblemWords(table.message)}</p>
      )}
      {!table.is_readable && !table.error && <p>{tableTexts.noRowsYet}</p>}
      {table.is_readable && table.kind === 'synced' && <HistoryBox table={table} />}
      <LatestBox table={table} />
    </>
  );
}
