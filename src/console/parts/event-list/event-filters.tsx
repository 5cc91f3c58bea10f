import { useState } from 'preact/hooks';
import { setQuery } from '../../app/router.js';
import { Choice, TextFilter } from '../filters.js';
import { Icon } from '../icon.js';
import { EVENT_TYPES, eventTexts, typeWords } from './texts.js';

const FIELDS = ['q', 'level', 'type', 'table', 'from', 'to'] as const;
/** Folded away where there is little room. */
const SECONDARY = ['type', 'table', 'from', 'to'] as const;
const NO_FILTER = Object.fromEntries([...FIELDS, 'around', 'event'].map((field) => [field, null]));
/** As many as stand around one. */
const AROUND = '21';

/** The filter of an address as the call takes it. @param fixed what the list is about */
export function eventFilterOf(query: URLSearchParams, fixed: Readonly<Record<string, string>>): URLSearchParams {
  const filter = new URLSearchParams(fixed);
  const around = query.get('around');
  if (around !== null) return new URLSearchParams({ ...fixed, around, page_size: AROUND });
  for (const field of FIELDS) {
    const value = query.get(field);
    if (value === null || value === '') continue;
    filter.set(field, field === 'from' || field === 'to' ? instantOf(value) : value);
  }
  return filter;
}

/** What a field of the browser gives is local time; links may have an instant. */
function instantOf(value: string): string {
  const moment = new Date(value);
  return Number.isNaN(moment.getTime()) ? value : moment.toISOString();
}

/** The form that a field of the browser takes. */
function localOf(value: string | null): string {
  if (value === null || value === '') return '';
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return '';
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface EventFiltersProps {
  readonly query: URLSearchParams;
  readonly fixed: Readonly<Record<string, string>>;
}

export function EventFilters({ query, fixed }: EventFiltersProps) {
  const [isWide] = useState(() => matchMedia('(min-width: 600px)').matches);
  if (query.has('around')) {
    return (
      <p class="event-around">
        <strong>{eventTexts.aroundTitle}</strong>
        <button type="button" onClick={() => setQuery({ around: null })}>
          {eventTexts.backToAll}
        </button>
      </p>
    );
  }
  const isErrors = query.get('level') === 'ERROR';
  return (
    <search class="filter-bar">
      <TextFilter name={eventTexts.search} value={query.get('q') ?? ''} onChange={(q) => setQuery({ q })} />
      <button type="button" aria-pressed={isErrors} onClick={() => setQuery({ level: isErrors ? null : 'ERROR' })}>
        <Icon name="octagon" />
        {eventTexts.errorsOnly}
      </button>
      <details class="filter-more" open={isWide || SECONDARY.some((field) => query.has(field))}>
        <summary>{eventTexts.more}</summary>
        <div class="filter-bar">
          <Choice name={eventTexts.level} field="level" query={query} onChange={setQuery}>
            {(['INFO', 'WARN', 'ERROR'] as const).map((value) => ({ value, word: eventTexts.levels[value] }))}
          </Choice>
          <Choice name={eventTexts.type} field="type" query={query} onChange={setQuery}>
            {EVENT_TYPES.map((value) => ({ value, word: typeWords(value) }))}
          </Choice>
          {fixed.table === undefined && (
            <TextFilter
              name={eventTexts.table}
              value={query.get('table') ?? ''}
              onChange={(table) => setQuery({ table })}
            />
          )}
          {(['from', 'to'] as const).map((field) => (
            <label key={field} class="filter-choice">
              <span>{eventTexts[field]}</span>
              <input
                type="datetime-local"
                value={localOf(query.get(field))}
                onChange={({ currentTarget }) => setQuery({ [field]: currentTarget.value })}
              />
            </label>
          ))}
        </div>
      </details>
      {FIELDS.some((field) => query.has(field)) && (
        <button type="button" onClick={() => setQuery(NO_FILTER)}>
          {eventTexts.clear}
        </button>
      )}
    </search>
  );
}
