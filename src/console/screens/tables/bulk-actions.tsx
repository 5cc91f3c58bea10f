import { useState } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { RequestError } from '../../data/request.js';
import { pauseTable, syncTable, verifyTable } from '../../data/table-acts.js';
import { ActionButton } from '../../parts/action-button.js';
import { tablesTexts } from './texts.js';

const { bulk } = tablesTexts;

/** Requests that are under way at once. */
const PARALLEL = 4;
const BULK_MAX = 200;

interface Outcome {
  readonly table: TableSummary;
  /** Null once it is begun. */
  readonly error: RequestError | null;
}

type Act = (table: TableSummary) => Promise<unknown>;

const acts: readonly { readonly word: string; readonly right: 'sync' | 'pause'; readonly act: Act }[] = [
  { word: bulk.sync, right: 'sync', act: (table) => syncTable(table, { fullRefresh: false, scope: 'table' }) },
  { word: bulk.pause, right: 'pause', act: (table) => pauseTable(table, true) },
  { word: bulk.resume, right: 'pause', act: (table) => pauseTable(table, false) },
  { word: bulk.verify, right: 'sync', act: verifyTable },
];

/** The same for all selected tables, one request each, and what became of each. */
export function BulkActions({ chosen }: { readonly chosen: readonly TableSummary[] }) {
  const [isBusy, setBusy] = useState(false);
  const [outcomes, setOutcomes] = useState<readonly Outcome[] | null>(null);
  const run = async (act: Act) => {
    setBusy(true);
    setOutcomes(await runAll(chosen, act));
    setBusy(false);
  };
  const refused = outcomes?.filter(({ error }) => error !== null) ?? [];
  return (
    <>
      {acts.map(({ word, right, act }) => (
        <ActionButton key={word} isBusy={isBusy} refusal={refusalOf(chosen, right)} onClick={() => void run(act)}>
          {word}
        </ActionButton>
      ))}
      <div class="outcomes" role="status">
        {outcomes && <p>{bulk.outcome(outcomes.length - refused.length, refused.length)}</p>}
        {refused.length > 0 && (
          <ul>
            {refused.map(({ table, error }) => (
              <li key={table.table_id}>
                <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}`)}>{table.name}</a>: {error?.message}
              </li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

/** Refused as a whole only where nothing of it could be done: otherwise each table answers for itself. */
function refusalOf(chosen: readonly TableSummary[], right: 'sync' | 'pause'): string | null {
  if (chosen.length > BULK_MAX) return bulk.tooMany(BULK_MAX);
  return chosen.some(({ may }) => may[right]) ? null : bulk.noRight;
}

async function runAll(tables: readonly TableSummary[], act: Act): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...tables];
  const work = async () => {
    for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
      const error = await act(table).then(
        () => null,
        (problem: unknown) => (problem instanceof RequestError ? problem : new RequestError(0, {}, problem)),
      );
      outcomes.push({ table, error });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return outcomes;
}
