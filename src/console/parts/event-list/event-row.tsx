import { hrefOf } from '../../app/places.js';
import { exactTime } from '../../words/times.js';
import { Breakable } from '../breakable.js';
import { Copy } from '../copy.js';
import { Icon } from '../icon.js';
import type { FoundEvent } from './event-log.js';
import { eventTexts, typeWords } from './texts.js';

const LOOKS = {
  INFO: { icon: 'event', group: 'wait' },
  WARN: { icon: 'triangle', group: 'warn' },
  ERROR: { icon: 'octagon', group: 'fail' },
} as const;

interface EventRowProps {
  readonly event: FoundEvent;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  /** The address of the page that shows this event open. */
  readonly link: string;
}

/** One event: a line, and below it what else is known of it, when it is open. */
export function EventRow({ event, isOpen, onToggle, link }: EventRowProps) {
  const { icon, group } = LOOKS[event.level];
  const moment = new Date(event.occurred_at);
  return (
    <>
      <tr class={isOpen ? 'selected' : ''} id={`event-${event.id}`}>
        <td class="cell-time">
          <time dateTime={event.occurred_at} title={exactTime(moment)}>
            {dayAndTime(moment)}
          </time>
        </td>
        <td class="cell-level">
          <span class={`state group-${group}`}>
            <Icon name={icon} />
            <span>{eventTexts.levels[event.level]}</span>
          </span>
        </td>
        <td class="cell-about">
          <About event={event} />
        </td>
        <td class="cell-message">
          {event.message} <span class="quiet">{typeWords(event.event_type)}</span>
        </td>
        <td class="cell-open">
          <button
            type="button"
            class="quiet-button"
            aria-expanded={isOpen}
            aria-label={isOpen ? eventTexts.close : eventTexts.open}
            onClick={onToggle}
          >
            <Icon name={isOpen ? 'down' : 'right'} />
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr class="event-details">
          <td colSpan={5}>
            <Details event={event} link={link} />
          </td>
        </tr>
      )}
    </>
  );
}

function dayAndTime(moment: Date): string {
  const isToday = moment.toDateString() === new Date().toDateString();
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  const day = isToday ? {} : ({ day: 'numeric', month: 'short' } as const);
  return new Intl.DateTimeFormat(undefined, { ...day, ...time, hourCycle: 'h23' }).format(moment);
}

function About({ event }: { readonly event: FoundEvent }) {
  if (event.table !== null) {
    return (
      <a href={hrefOf(`/tables/${encodeURIComponent(event.table)}`)}>
        <Breakable text={event.table} />
      </a>
    );
  }
  if (event.pipeline_id === null) return null;
  return <a href={hrefOf(`/pipelines/${event.pipeline_id}`)}>{event.pipeline_name ?? event.pipeline_id}</a>;
}

function Details({ event, link }: { readonly event: FoundEvent; readonly link: string }) {
  const { error_code: code, remedy, ...rest } = event.details ?? {};
  const line = `${event.occurred_at} ${event.level} ${event.synced_table ?? event.pipeline_name ?? ''} ${event.message}`;
  return (
    <div class="event-more">
      {typeof remedy === 'string' && remedy !== '' && (
        <p>
          <strong>{eventTexts.remedy}</strong> {remedy}
        </p>
      )}
      <p class="event-links">
        {typeof code === 'string' && <a href={hrefOf(`/errors/${code}`)}>{code}</a>}
        {event.update_id !== null && event.table !== null && (
          <a href={hrefOf(`/tables/${encodeURIComponent(event.table)}/updates/${event.update_id}`)}>
            {eventTexts.update(event.update_id)}
          </a>
        )}
        <a href={hrefOf(`/events?around=${encodeURIComponent(event.id)}&event=${encodeURIComponent(event.id)}`)}>
          {eventTexts.around}
        </a>
        <span class="quiet">{`${event.instance}/${event.database}`}</span>
        <Copy text={line} what={eventTexts.copyLine} word={eventTexts.lineWord} />
        <Copy text={new URL(link, location.href).href} what={eventTexts.copyLink} word={eventTexts.linkWord} />
      </p>
      {Object.keys(rest).length > 0 && (
        <details>
          <summary>{eventTexts.details}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
          <pre class="code" tabIndex={0}>
            {JSON.stringify(rest, null, 2)}
          </pre>
        </details>
      )}
    </div>
  );
}
