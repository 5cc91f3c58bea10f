import { useEffect, useState } from 'preact/hooks';
import { hrefOf } from '../../app/places.js';
import { currentPlace, setQuery, usePlace } from '../../app/router.js';
import { useMe } from '../../data/me.js';
import { everywhere } from '../../data/use-snippet-place.js';
import { eventSnippets } from '../../words/event-snippets.js';
import { CopyAs } from '../copy-as.js';
import { ErrorBox } from '../error-box.js';
import { Icon } from '../icon.js';
import { Loaded } from '../loaded.js';
import { Skeleton } from '../skeleton.js';
import { Exact } from '../time.js';
import { EventFilters, eventFilterOf } from './event-filters.js';
import { type EventLog, exportEvents, useEventLog } from './event-log.js';
import { EventRow } from './event-row.js';
import { eventTexts } from './texts.js';
import './event-list.css';

interface EventListProps {
  /** What the list is about, beside the filters of the address: a table, a pipeline. */
  readonly fixed?: Readonly<Record<string, string>>;
}

/** Events, with filters in the address, newest first; older ones on request, new ones by themselves while followed. */
export function EventList({ fixed = {} }: EventListProps) {
  const { query } = usePlace();
  const [isFollowed, setFollowed] = useState(true);
  const filter = eventFilterOf(query, fixed);
  const log = useEventLog(filter, isFollowed && !query.has('around'));
  const { data: me } = useMe();
  const open = query.get('event');
  useEffect(() => {
    if (open !== null && log.events.length > 0)
      document.getElementById(`event-${open}`)?.scrollIntoView({ block: 'center' });
  }, [open, log.events.length > 0]);
  return (
    <>
      <EventFilters query={query} fixed={fixed} />
      {!query.has('around') && (
        <p class="event-follow">
          <button type="button" aria-pressed={isFollowed} onClick={() => setFollowed(!isFollowed)}>
            <Icon name={isFollowed ? 'check' : 'right'} />
            {isFollowed ? eventTexts.following : eventTexts.follow}
          </button>
        </p>
      )}
      <Loaded query={log.query} what={eventTexts.what} skeleton={<Skeleton rows={10} />}>
        {(reply) => (
          <>
            {reply.unreachable.map(({ instance, database, error_code: code, message }) => (
              <p key={`${instance}/${database}`} class="box box-fail">
                <strong>{eventTexts.down(`${instance}/${database}`)}</strong> {message}{' '}
                <a href={hrefOf(`/errors/${code}`)}>{code}</a>
              </p>
            ))}
            <Rows log={log} open={open} days={me?.history_days ?? null} />
          </>
        )}
      </Loaded>
      <footer class="list-foot">
        {me && !me.may.operate && <p class="quiet">{eventTexts.onlyVisible}</p>}
        <button type="button" onClick={() => void exportEvents(filter)}>
          {eventTexts.export}
        </button>
        <details>
          <summary>{eventTexts.elsewhere}</summary>
          <CopyAs what={eventTexts.thisList} snippets={eventSnippets(everywhere, filter)} />
        </details>
      </footer>
    </>
  );
}

function Rows({
  log,
  open,
  days,
}: {
  readonly log: EventLog;
  readonly open: string | null;
  readonly days: number | null;
}) {
  if (log.events.length === 0 && log.searchedTo !== null) {
    return (
      <section class="empty">
        <h2>{eventTexts.noneSoFar}</h2>
        <FurtherBack log={log} to={log.searchedTo} />
      </section>
    );
  }
  if (log.events.length === 0) {
    return (
      <section class="empty">
        <h2>{eventTexts.none}</h2>
        <p>{eventTexts.noneWhy(days)}</p>
      </section>
    );
  }
  return (
    <>
      {log.pending > 0 && (
        <p class="moved" role="status">
          {eventTexts.pending(log.pending)}{' '}
          <button type="button" onClick={log.showPending}>
            {eventTexts.show}
          </button>
        </p>
      )}
      <table class="list event-table">
        <thead>
          <tr>
            <th scope="col">{eventTexts.columns.time}</th>
            <th scope="col">{eventTexts.columns.level}</th>
            <th scope="col">{eventTexts.columns.about}</th>
            <th scope="col">{eventTexts.columns.message}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {log.events.map((event) => (
            <EventRow
              key={event.id}
              event={event}
              isOpen={event.id === open}
              onToggle={() => setQuery({ event: event.id === open ? null : event.id })}
              link={linkTo(event.id)}
            />
          ))}
        </tbody>
      </table>
      {log.olderError && <ErrorBox error={log.olderError} what={eventTexts.what} onRetry={log.loadOlder} />}
      {log.searchedTo !== null ? (
        <FurtherBack log={log} to={log.searchedTo} />
      ) : log.hasOlder ? (
        <p>
          <button type="button" aria-busy={log.isLoadingOlder} onClick={log.loadOlder}>
            {eventTexts.older}
          </button>
        </p>
      ) : (
        <p class="quiet">{eventTexts.oldest(days)}</p>
      )}
    </>
  );
}

/** How far back words were looked for, and the way on. */
function FurtherBack({ log, to }: { readonly log: EventLog; readonly to: string }) {
  return (
    <>
      <p role="status">
        {eventTexts.searchedTo} <Exact time={to} />
      </p>
      {log.events.length === 0 && log.olderError && (
        <ErrorBox error={log.olderError} what={eventTexts.what} onRetry={log.loadOlder} />
      )}
      <p>
        <button type="button" aria-busy={log.isLoadingOlder} onClick={log.loadOlder}>
          {log.isLoadingOlder ? eventTexts.searching : eventTexts.furtherBack}
        </button>
      </p>
    </>
  );
}

/** The current place with that event open. */
function linkTo(id: string): string {
  const { path, query } = currentPlace();
  const next = new URLSearchParams(query);
  next.set('event', id);
  return hrefOf(`${path}?${next}`);
}
