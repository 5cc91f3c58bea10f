import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { Copy } from '../../parts/copy.js';
import { Ago } from '../../parts/time.js';
import { withoutPointer } from '../../words/refusals.js';
import { CreateAgain } from './create-again.js';
import { tableTexts } from './texts.js';

type TableError = NonNullable<TableSummary['error']>;

const { problem } = tableTexts;

/** Why the newest update failed, what to do, and what readers see meanwhile. */
export function ProblemBox({ table, error }: { readonly table: TableSummary; readonly error: TableError }) {
  const isDropped = error.code === 'SYNCED_TABLE_DROPPED';
  return (
    <section class="box box-fail" aria-labelledby="problem">
      <div class="box-head">
        <h2 id="problem">{problem.title}</h2>
        <a href={hrefOf(`/errors/${error.code}`)}>{error.code}</a>
      </div>
      <p>{isDropped ? problem.wasDropped(table.sql_name) : withoutPointer(error.message)}</p>
      <FailingKeys table={table} error={error} />
      {/* What to do about a dropped table is a button below. */}
      {error.remedy !== '' && !isDropped && (
        <p>
          <strong>{problem.whatToDo}</strong> {error.remedy}
        </p>
      )}
      {table.condition === 'FAILED_UNREADABLE' && table.kind === 'synced' && <FirstCopyFailed table={table} />}
      {isDropped && table.kind === 'synced' && <CreateAgain table={table} />}
      <p class="quiet">
        {!isDropped && (table.is_readable ? problem.readersSee : problem.nobodySees)} <Again error={error} />
        {error.update_id && (
          <>
            {' '}
            <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/updates/${error.update_id}`)}>
              {problem.update(error.update_id)}
            </a>
            {error.attempt !== null && error.attempt > 0 && `, ${problem.attempt(error.attempt)}`}
            {error.at && (
              <>
                , <Ago time={error.at} />
              </>
            )}
          </>
        )}
      </p>
    </section>
  );
}

/** A first copy that its rows made fail: the definition stays, and so does the name, until somebody mends either or gives it up. */
function FirstCopyFailed({ table }: { readonly table: TableSummary }) {
  return (
    <p>
      {problem.firstCopy}{' '}
      <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/settings?change=1`)}>{problem.change}</a>
    </p>
  );
}

function FailingKeys({ table, error }: { readonly table: TableSummary; readonly error: TableError }) {
  if (error.failing_keys && error.failing_keys.length > 0) {
    return (
      <p>
        {error.failing_column && `${problem.column(error.failing_column)} `}
        {problem.keys} <code>{error.failing_keys.join(', ')}</code>{' '}
        <Copy text={error.failing_keys.join('\n')} what={problem.copyKeys} />
      </p>
    );
  }
  if (table.may.read_rows || !table.is_readable) return null;
  return <p class="quiet">{problem.keysHidden(table.sql_name)}</p>;
}

function Again({ error }: { readonly error: TableError }) {
  if (error.next_attempt_at) {
    return (
      <>
        {problem.triedAgain} <Ago time={error.next_attempt_at} />.
      </>
    );
  }
  if (error.retry === 'timed') return <>{problem.mayPass}</>;
  return <>{problem.notTriedAgain}</>;
}
