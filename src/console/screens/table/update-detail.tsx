import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { Copy } from '../../parts/copy.js';
import { EventList } from '../../parts/event-list/event-list.js';
import { Fact } from '../../parts/facts.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Exact } from '../../parts/time.js';
import { numberText, type WholeNumber } from '../../words/numbers.js';
import { withoutPointer } from '../../words/refusals.js';
import { durationText } from '../../words/times.js';
import { UpdateState } from './update-state.js';
import type { TableUpdate } from './update-words.js';
import { updatesTexts } from './updates-texts.js';

const { facts } = updatesTexts;

/** All that is known of one update of a table, and what happened in it. */
export function UpdateDetail({ table, id }: { readonly table: TableSummary; readonly id: string }) {
  const query = useQuery<TableUpdate>(tableCall(table, `updates/${encodeURIComponent(id)}`), {
    hints: [`update:${id}`],
    isBusy: ({ finished_at: finished }) => finished === null,
  });
  return (
    <>
      <p>
        <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/updates`)}>{updatesTexts.back}</a>
      </p>
      <h2>{updatesTexts.title(id)}</h2>
      <Loaded query={query} what={updatesTexts.whatOne} skeleton={<Skeleton rows={4} />}>
        {(update) => (
          <>
            <p>
              <UpdateState update={update} />
            </p>
            <UpdateProblem table={table} update={update} />
            <UpdateFacts update={update} />
          </>
        )}
      </Loaded>
      <h2>{updatesTexts.events}</h2>
      <EventList fixed={{ update: id, instance: table.instance }} />
    </>
  );
}

function UpdateProblem({ table, update }: { readonly table: TableSummary; readonly update: TableUpdate }) {
  const { error_code: code, message, remedy, failing_column: column, failing_keys: keys } = update;
  if (code === null) return message === null ? null : <p>{message}</p>;
  return (
    <section class="box box-fail">
      <p>
        <a href={hrefOf(`/errors/${code}`)}>{code}</a>
      </p>
      <p>{withoutPointer(message ?? '')}</p>
      {keys && (
        <p>
          {updatesTexts.keys} {column && <strong>{column}</strong>} <code>{keys.join(', ')}</code>{' '}
          <Copy text={keys.join('\n')} what={updatesTexts.copyKeys} />
        </p>
      )}
      {!keys && table.is_readable && !table.may.read_rows && (
        <p class="quiet">{updatesTexts.keysHidden(table.sql_name)}</p>
      )}
      {remedy && (
        <p>
          <strong>{updatesTexts.whatToDo}</strong> {remedy}
        </p>
      )}
    </section>
  );
}

function UpdateFacts({ update }: { readonly update: TableUpdate }) {
  const counts: readonly (readonly [string, WholeNumber | null])[] = [
    [facts.before, update.previous_version],
    [facts.after, update.synced_version],
    [facts.written, update.rows_written],
    [facts.deleted, update.rows_deleted],
    [facts.noKey, update.rows_without_key],
    [facts.stripped, update.rows_with_stripped_characters],
    [facts.upserted, update.num_upserted_rows],
    [facts.flowDeleted, update.num_deleted_rows],
    [facts.batches, update.batches],
  ];
  const times: readonly (readonly [string, string | null])[] = [
    [facts.created, update.created_at],
    [facts.started, update.started_at],
    [facts.finished, update.finished_at],
    [facts.next, update.next_attempt_at],
  ];
  return (
    <dl class="facts">
      <Fact name={facts.cause}>{updatesTexts.causes[update.cause]}</Fact>
      {update.requested_by && <Fact name={facts.role}>{update.requested_by}</Fact>}
      {times.map(([name, time]) => time && <Fact name={name} key={name} children={<Exact time={time} />} />)}
      <Fact name={facts.attempt}>{numberText(update.attempt)}</Fact>
      <Fact name={facts.full}>{update.full_refresh ? facts.yes : facts.no}</Fact>
      {update.method && <Fact name={facts.method}>{updatesTexts.methods[update.method] ?? update.method}</Fact>}
      {counts.map(([name, count]) => count !== null && <Fact name={name} key={name} children={numberText(count)} />)}
      {update.load_seconds !== null && <Fact name={facts.load}>{durationText(update.load_seconds)}</Fact>}
      {update.switch_ms !== null && <Fact name={facts.switch}>{durationText(update.switch_ms / 1000)}</Fact>}
    </dl>
  );
}
