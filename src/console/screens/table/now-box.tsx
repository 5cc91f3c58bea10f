import { useEffect, useRef, useState } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { ActionButton } from '../../parts/action-button.js';
import { Progress } from '../../parts/progress.js';
import { numberText } from '../../words/numbers.js';
import { durationText } from '../../words/times.js';
import { CancelDialog } from './cancel-dialog.js';
import { tableTexts } from './texts.js';

type RunningProgress = NonNullable<TableSummary['progress']>;

const { acts, now } = tableTexts;

/** What a running load does, how far it is and how long it still takes. */
export function NowBox({ table, progress }: { readonly table: TableSummary; readonly progress: RunningProgress }) {
  const rate = useRate(progress);
  const [isAsking, ask] = useState(false);
  const isCopying =
    progress.phase !== 'PROVISIONING_PHASE_INDEX_SCAN' && progress.phase !== 'PROVISIONING_PHASE_INDEX_SORT';
  return (
    <section class="box" aria-labelledby="now">
      <h2 id="now">{isCopying ? now.copying : now.indexes}</h2>
      <Progress completion={isCopying ? progress.completion : null} text={rowsText(progress)} />
      <p class="quiet">
        {isCopying && rate !== null && now.rate(numberText(Math.round(rate)))}
        {isCopying && progress.estimated_seconds !== null && ` ${now.left(durationText(progress.estimated_seconds))}`}
        {progress.processing_version !== null && ` ${now.version(numberText(progress.processing_version))}`}
        {table.is_readable && ` ${now.readersKeep}`}
      </p>
      <ActionButton refusal={table.may.sync ? null : acts.noRight} onClick={() => ask(true)}>
        {now.cancel}
      </ActionButton>
      {isAsking && <CancelDialog table={table} onClose={() => ask(false)} />}
    </section>
  );
}

function rowsText({ rows_done: done, rows_total: total, completion }: RunningProgress): string {
  if (total === null) return now.rows(numberText(done));
  const percent = completion === null ? '' : `${Math.floor(completion * 100)}\u00a0%, `;
  return percent + now.rowsOf(numberText(done), numberText(total));
}

const WINDOW_MS = 10_000;

/** Rows a second over the last ten seconds; before that, since the phase began. */
function useRate({ rows_done: rowsDone, phase_started_at: startedAt }: RunningProgress): number | null {
  const seen = useRef<{ at: number; rows: number }[]>([]);
  const [rate, setRate] = useState<number | null>(null);
  useEffect(() => {
    const moment = Date.now();
    const rows = Number(rowsDone);
    const recent = seen.current.filter(({ at, rows: before }) => moment - at <= WINDOW_MS && before <= rows);
    seen.current = [...recent, { at: moment, rows }];
    const [first] = recent;
    if (first && moment - first.at > 1_000) setRate(((rows - first.rows) * 1000) / (moment - first.at));
    else if (startedAt !== null && moment > Date.parse(startedAt))
      setRate((rows * 1000) / (moment - Date.parse(startedAt)));
  }, [rowsDone, startedAt]);
  return rate;
}
