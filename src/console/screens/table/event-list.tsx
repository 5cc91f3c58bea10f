import { useState } from 'preact/hooks';
import type { z } from 'zod';
import type { eventSearchReply } from '../../../api/native/events/event-search-schema.js';
import { hrefOf } from '../../app/places.js';
import { useQuery } from '../../data/use-query.js';
import { Copy } from '../../parts/copy.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { eventsTexts } from './events-texts.js';
import './history.css';

type Events = z.output<typeof eventSearchReply>;
type FoundEvent = Events['events'][number];

/** Fields of the search, as the call takes them; empty ones are left out. */
export type EventFilter = Readonly<Partial<Record<'q' | 'level' | 'table' | 'update' | 'instance', string | null>>>;

const LOOKS = {
  INFO: { icon: 'check', group: 'ok' },
  WARN: { icon: 'triangle', group: 'warn' },
  ERROR: { icon: 'octagon', group: 'fail' },
} as const;

export function eventsPath(filter: EventFilter, token: string | null = null): string {
  const query = new URLSearchParams();
  for (const [field, value] of Object.entries({ ...filter, page_token: token })) if (value) query.set(field, value);
  return `/api/2.0/synced-tables/events?${query}`;
}

interface EventListProps {
  readonly filter: EventFilter;
  readonly hints: readonly string[];
  /** Null for the newest, which is kept fresh. */
  readonly token?: string | null;
  readonly isFiltered?: boolean;
}

/** Events, newest first; older ones on request. */
export function EventList({ filter, hints, token = null, isFiltered = false }: EventListProps) {
  const [hasMore, setMore] = useState(false);
  const isFirst = token === null;
  const query = useQuery<Events>(eventsPath(filter, token), { hints: isFirst ? hints : [], isLive: isFirst });
  return (
    <Loaded query={query} what={eventsTexts.what} skeleton={<Skeleton rows={5} />}>
      {({ events, next_page_token: next, unreachable }) => (
        <>
          {isFirst &&
            unreachable.map(({ instance, database }) => (
              <p class="note" key={`${instance}/${database}`}>
                {eventsTexts.unreachable(`${instance}/${database}`)}
              </p>
            ))}
          {isFirst && events.length === 0 && <p>{isFiltered ? eventsTexts.noMatch : eventsTexts.empty}</p>}
          <ol class="events">
            {events.map((event) => (
              <EventItem key={event.id} event={event} />
            ))}
          </ol>
          {next !== undefined && hasMore && <EventList filter={filter} hints={[]} token={next} />}
          {next !== undefined && !hasMore && (
            <button type="button" onClick={() => setMore(true)}>
              {eventsTexts.more}
            </button>
          )}
        </>
      )}
    </Loaded>
  );
}

function EventItem({ event }: { readonly event: FoundEvent }) {
  const { icon, group } = LOOKS[event.level];
  const line = `${event.occurred_at} ${event.level} ${event.event_type} ${event.message}`;
  return (
    <li>
      <span class={`state group-${group}`}>
        <Icon name={icon} />
        <span>{eventsTexts.levels[event.level]}</span>
      </span>
      <Ago time={event.occurred_at} />
      <div class="event-text">
        {event.message} <span class="quiet">{event.event_type}</span>{' '}
        <details>
          <summary>{eventsTexts.details}</summary>
          {event.details && <pre class="code">{JSON.stringify(event.details, null, 2)}</pre>}
          <p class="event-foot">
            <a href={hrefOf(`/events?event=${encodeURIComponent(event.id)}`)}>{eventsTexts.link}</a>
            <Copy text={line} what={eventsTexts.copyLine} />
          </p>
        </details>
      </div>
    </li>
  );
}
