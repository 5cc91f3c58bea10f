import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Choice } from '../../parts/filters.js';
import { Loaded } from '../../parts/loaded.js';
import { NextPage } from '../../parts/next-page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { numberText, type WholeNumber } from '../../words/numbers.js';
import { callSnippets, quoteLiteral } from '../../words/quoting.js';
import { durationText } from '../../words/times.js';
import type { TableTabProps } from './tab-props.js';
import { UpdateDetail } from './update-detail.js';
import { UpdateState } from './update-state.js';
import { deletedBy, secondsOf, type TableUpdate, type TableUpdateList, versionsOf, writtenBy } from './update-words.js';
import { updatesTexts } from './updates-texts.js';
import './history.css';

const { columns } = updatesTexts;

/** The updates of a table, newest first, or one of them. */
export function Tab({ table, item }: TableTabProps) {
  return item === null ? <UpdateList table={table} /> : <UpdateDetail table={table} id={item} />;
}

function UpdateList({ table }: { readonly table: TableSummary }) {
  const { query } = usePlace();
  const filter = { state: query.get('state'), cause: query.get('cause') };
  const path = tableCall(table, 'updates', filter);
  return (
    <>
      <search class="filter-bar">
        <Choice field="state" name={updatesTexts.state} query={query} onChange={setQuery}>
          {choicesOf(updatesTexts.states)}
        </Choice>
        <Choice field="cause" name={updatesTexts.cause} query={query} onChange={setQuery}>
          {choicesOf(updatesTexts.causes)}
        </Choice>
        {(filter.state || filter.cause) && (
          <button type="button" onClick={() => setQuery({ state: null, cause: null })}>
            {updatesTexts.clear}
          </button>
        )}
      </search>
      <UpdatePage key={path} table={table} filter={filter} token={null} />
      <CopyAs
        what={updatesTexts.elsewhere}
        snippets={{
          SQL: `SELECT * FROM synced_tables.updates WHERE synced_table = ${quoteLiteral(table.sql_name)} ORDER BY created_at DESC;`,
          ...callSnippets(serverUrl, { method: 'GET', path }),
        }}
      />
    </>
  );
}

function choicesOf(words: Readonly<Record<string, string>>) {
  return Object.entries(words).map(([value, word]) => ({ value, word }));
}

interface UpdatePageProps {
  readonly table: TableSummary;
  readonly filter: { readonly state: string | null; readonly cause: string | null };
  /** Null for the newest, which is kept fresh; older ones stay as they were read. */
  readonly token: string | null;
}

function UpdatePage({ table, filter, token }: UpdatePageProps) {
  const path = tableCall(table, 'updates', { ...filter, page_token: token });
  const isFirst = token === null;
  const query = useQuery<TableUpdateList>(path, {
    hints: isFirst ? ['update:', `table:${table.table_id}`] : [],
    isLive: isFirst,
    isBusy: ({ updates }) => updates.some(({ finished_at: finished }) => finished === null),
  });
  return (
    <Loaded query={query} what={updatesTexts.what} skeleton={<Skeleton rows={5} />}>
      {({ updates, next_page_token: next }) => (
        <>
          {isFirst && updates.length === 0 && (
            <p>{filter.state || filter.cause ? updatesTexts.noMatch : updatesTexts.empty}</p>
          )}
          {updates.length > 0 && (
            <table class="list history">
              <UpdateHeader isHidden={!isFirst} />
              <tbody>
                {updates.map((update) => (
                  <UpdateRow key={update.update_id} table={table} update={update} />
                ))}
              </tbody>
            </table>
          )}
          <NextPage
            token={next}
            verb={updatesTexts.more}
            page={(older) => <UpdatePage table={table} filter={filter} token={older} />}
          />
        </>
      )}
    </Loaded>
  );
}

/** For later pages it is there for screen readers alone. */
function UpdateHeader({ isHidden }: { readonly isHidden: boolean }) {
  return (
    <thead class={isHidden ? 'hidden' : ''}>
      <tr>
        <th scope="col">{columns.state}</th>
        <th scope="col">{columns.when}</th>
        <th scope="col">{columns.cause}</th>
        <th scope="col">{columns.versions}</th>
        <th scope="col" class="number">
          {columns.written}
        </th>
        <th scope="col" class="number">
          {columns.deleted}
        </th>
        <th scope="col" class="number">
          {columns.time}
        </th>
        <th scope="col">{columns.message}</th>
      </tr>
    </thead>
  );
}

/** With its words where there are no columns. */
function CountCell({ count, verb }: { readonly count: WholeNumber | null; readonly verb: 'written' | 'deleted' }) {
  return (
    <td class="number">
      {count !== null && [
        numberText(count),
        <span key={verb} class="card-word">
          {' '}
          {updatesTexts.rowsOf[verb](count)}
        </span>,
      ]}
    </td>
  );
}

function UpdateRow({ table, update }: { readonly table: TableSummary; readonly update: TableUpdate }) {
  const seconds = secondsOf(update, Date.now());
  return (
    <tr>
      <td>
        <UpdateState update={update} />
      </td>
      <td>
        <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/updates/${update.update_id}`)}>
          <Ago time={update.created_at} />
        </a>
      </td>
      <td>{updatesTexts.causes[update.cause]}</td>
      <td>{versionsOf(update)}</td>
      <CountCell count={writtenBy(update)} verb="written" />
      <CountCell count={deletedBy(update)} verb="deleted" />
      <td class="number">{seconds === null ? '' : durationText(seconds)}</td>
      <td>
        {update.full_refresh && <span class="chip">{updatesTexts.fullRefresh}</span>}{' '}
        {update.error_code && <a href={hrefOf(`/errors/${update.error_code}`)}>{update.error_code}</a>}{' '}
        <span class="clamp">{update.message ?? updatesTexts.methods[update.method ?? ''] ?? ''}</span>
      </td>
    </tr>
  );
}
