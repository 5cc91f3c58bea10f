import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import { hrefOf } from '../../app/places.js';
import { useTables } from '../../data/tables.js';
import type { Query } from '../../data/use-query.js';
import { Condition } from '../../parts/condition.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import type { KnownError } from './known-errors.js';
import { errorsTexts } from './texts.js';

/** One error: what it says, what to do, and the tables that have it now. */
export function ErrorPage({ known: { code, message, remedy, kind, severity } }: { readonly known: KnownError }) {
  const tables = useTables(new URLSearchParams({ q: code }));
  return (
    <Page title={code}>
      <h2>{errorsTexts.message}</h2>
      <p>{message}</p>
      {remedy !== '' && (
        <>
          <h2>{errorsTexts.remedy}</h2>
          <p>{remedy}</p>
        </>
      )}
      {/\{\w+\}/.test(message + remedy) && <p class="quiet">{errorsTexts.placeholders}</p>}
      {kind && (
        <>
          <h2>{errorsTexts.retry}</h2>
          <p>{errorsTexts.retries[kind.retry]}</p>
          <h2>{errorsTexts.codes}</h2>
          <p>
            {errorsTexts.http(kind.status, kind.apiCode)}; {errorsTexts.sqlState(kind.sqlState)}
          </p>
        </>
      )}
      {severity && (
        <p>
          {errorsTexts.severity} <a href={hrefOf(`/doctor?code=${code}`)}>{errorsTexts.severities[severity]}</a>.
        </p>
      )}
      {kind && <Tables query={tables} code={code} />}
      <p>
        <a href={hrefOf(`/events?q=${code}`)}>{errorsTexts.events}</a> ·{' '}
        <a href={hrefOf('/errors')}>{errorsTexts.all}</a>
      </p>
    </Page>
  );
}

function Tables({ query, code }: { readonly query: Query<TableListReply>; readonly code: string }) {
  return (
    <section class="error-tables" aria-labelledby="tables">
      <h2 id="tables">{errorsTexts.tables}</h2>
      <Loaded query={query} what={errorsTexts.tablesWhat} skeleton={<Skeleton rows={2} />}>
        {({ tables }) => {
          const having = tables.filter(({ error }) => error?.code === code);
          if (having.length === 0) return <p class="quiet">{errorsTexts.noTables}</p>;
          return (
            <ul>
              {having.map((table) => (
                <li key={table.table_id}>
                  <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}`)}>{table.name}</a>{' '}
                  <Condition table={table} />
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </section>
  );
}
