import type { EventSearchReply } from '../../../api/native/events/event-search-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { EVENTS } from '../../parts/event-list/event-log.js';
import { eventTexts } from '../../parts/event-list/texts.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { historyTexts } from './history-texts.js';
import { UpdateState } from './update-state.js';
import { type TableUpdateList, writtenText } from './update-words.js';
import { updatesTexts } from './updates-texts.js';
import './history.css';

const SHOWN = '5';

/** The newest updates and events of a table, and the way to all of them. */
export function LatestBox({ table }: { readonly table: TableSummary }) {
  const base = `/tables/${encodeURIComponent(table.name)}`;
  const hints = [`table:${table.table_id}`];
  const updates = useQuery<TableUpdateList>(tableCall(table, 'updates', { page_size: SHOWN }), {
    hints: [...hints, 'update:'],
  });
  const fields = new URLSearchParams({ table: table.name, instance: table.instance, page_size: SHOWN });
  const events = useQuery<EventSearchReply>(`${EVENTS}?${fields}`, { hints: [...hints, 'event'] });
  return (
    <div class="latest">
      <section aria-labelledby="latest-updates">
        <h2 id="latest-updates">{historyTexts.latestUpdates}</h2>
        <Loaded query={updates} what={updatesTexts.what} skeleton={<Skeleton rows={3} />}>
          {(reply) => (
            <ul>
              {reply.updates.map((update) => (
                <li key={update.update_id}>
                  <UpdateState update={update} />{' '}
                  <a href={hrefOf(`${base}/updates/${update.update_id}`)}>
                    <Ago time={update.created_at} />
                  </a>{' '}
                  <span class="quiet">{update.error_code ?? writtenText(update)}</span>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
        <p>
          <a href={hrefOf(`${base}/updates`)}>{historyTexts.allUpdates}</a>
        </p>
      </section>
      <section aria-labelledby="latest-events">
        <h2 id="latest-events">{historyTexts.latestEvents}</h2>
        <Loaded query={events} what={eventTexts.what} skeleton={<Skeleton rows={3} />}>
          {(reply) => (
            <ul>
              {reply.events.map((event) => (
                <li key={event.id}>
                  <EventLevel level={event.level} /> <Ago time={event.occurred_at} />{' '}
                  <span class="clamp">{event.message}</span>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
        <p>
          <a href={hrefOf(`${base}/events`)}>{historyTexts.allEvents}</a>
        </p>
      </section>
    </div>
  );
}

const LOOKS = {
  INFO: { icon: 'event', group: 'wait' },
  WARN: { icon: 'triangle', group: 'warn' },
  ERROR: { icon: 'octagon', group: 'fail' },
} as const;

function EventLevel({ level }: { readonly level: keyof typeof LOOKS }) {
  const { icon, group } = LOOKS[level];
  return (
    <span class={`state group-${group}`}>
      <Icon name={icon} />
      <span>{eventTexts.levels[level]}</span>
    </span>
  );
}
