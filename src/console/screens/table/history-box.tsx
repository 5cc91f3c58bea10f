import type { z } from 'zod';
import type { sampleReply } from '../../../api/native/tables/sample-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { LineChart } from '../../parts/line-chart.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { rowsText } from '../../words/numbers.js';
import { durationText } from '../../words/times.js';
import { historyTexts } from './history-texts.js';
import './history.css';

type Samples = z.output<typeof sampleReply>;

const DAY_HOURS = '24';
/** Of a line that stays at nothing, this is at the top. */
const LAG_TOP_MIN = 10;
const AROUND_MS = 60_000;

/** Lag and rows of a table over time, as charts. */
export function HistoryBox({ table }: { readonly table: TableSummary }) {
  const asked = usePlace().query.get('hours') ?? DAY_HOURS;
  const hours = asked in historyTexts.ranges ? asked : DAY_HOURS;
  const query = useQuery<Samples>(tableCall(table, 'samples', { hours }), { hints: [`table:${table.table_id}`] });
  return (
    <section class="history" aria-labelledby="history">
      <h2 id="history">{historyTexts.title}</h2>
      <fieldset class="ranges">
        <legend class="hidden">{historyTexts.range}</legend>
        {Object.entries(historyTexts.ranges).map(([value, word]) => (
          <button
            type="button"
            key={value}
            aria-pressed={value === hours}
            onClick={() => setQuery({ hours: value === DAY_HOURS ? null : value })}
          >
            {word}
          </button>
        ))}
      </fieldset>
      <Loaded query={query} what={historyTexts.what} skeleton={<Skeleton rows={2} tall />}>
        {(reply) => <Charts table={table} reply={reply} />}
      </Loaded>
    </section>
  );
}

function Charts({ table, reply }: { readonly table: TableSummary; readonly reply: Samples }) {
  const [from, to] = [Date.parse(reply.from), Date.parse(reply.to)];
  // An hour apart where the samples have been thinned out; else as far as steps and quiet times may be.
  const isThinned = from < Date.parse(reply.hourly_before);
  const gapMs = isThinned ? 2 * 3_600_000 + 1 : 1000 * reply.quiet_seconds + (to - from) / 300;
  const moments = reply.samples.map((sample) => ({ ...sample, at: Date.parse(sample.sampled_at) }));
  const shared = {
    from,
    to,
    gapMs,
    linkOf: (at: number) => ({ href: eventsOf(table, at), text: historyTexts.events }),
  };
  return (
    <>
      <LineChart
        {...shared}
        title={historyTexts.lag}
        points={moments.map(({ at, lag_seconds: value, is_failed: isFailed }) => ({ at, value, isFailed }))}
        topMin={LAG_TOP_MIN}
        textOf={(seconds) => (seconds === 0 ? historyTexts.noLag : durationText(seconds))}
      />
      <LineChart
        {...shared}
        title={table.kind === 'streaming' ? historyTexts.rowsEstimated : historyTexts.rows}
        points={moments.map(({ at, row_count: rows }) => ({
          at,
          value: rows === null ? null : Number(rows),
          isFailed: false,
        }))}
        topMin={1}
        textOf={rowsText}
      />
      {moments.some(({ is_failed: isFailed }) => isFailed) && <p class="quiet">{historyTexts.failed}</p>}
    </>
  );
}

function eventsOf({ name }: TableSummary, at: number): string {
  const around = (ms: number) => new Date(at + ms).toISOString();
  return hrefOf(`/events?${new URLSearchParams({ table: name, from: around(-AROUND_MS), to: around(AROUND_MS) })}`);
}
