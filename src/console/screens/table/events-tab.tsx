import { useEffect, useRef, useState } from 'preact/hooks';
import { serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { CopyAs } from '../../parts/copy-as.js';
import { curlText, quoteLiteral, quoteShell } from '../../words/quoting.js';
import { EventList, eventsPath } from './event-list.js';
import { eventsTexts } from './events-texts.js';
import type { TableTabProps } from './tab-props.js';

/** What happened to a table, newest first. */
export function Tab({ table }: TableTabProps) {
  const { query } = usePlace();
  const [words, level] = [query.get('q') ?? '', query.get('level')];
  const filter = { table: table.name, instance: table.instance, q: words, level };
  const isFiltered = words !== '' || level !== null;
  return (
    <>
      <search class="filters">
        <WordFilter value={words} />
        <label class="filter-choice">
          <input
            type="checkbox"
            checked={level === 'ERROR'}
            onChange={({ currentTarget }) => setQuery({ level: currentTarget.checked ? 'ERROR' : null })}
          />
          <span>{eventsTexts.errorsOnly}</span>
        </label>
        {isFiltered && (
          <button type="button" onClick={() => setQuery({ q: null, level: null })}>
            {eventsTexts.clear}
          </button>
        )}
      </search>
      <EventList
        key={eventsPath(filter)}
        filter={filter}
        hints={['event:', `table:${table.table_id}`]}
        isFiltered={isFiltered}
      />
      <CopyAs
        what={eventsTexts.elsewhere}
        snippets={{
          SQL: `select * from synced_tables.events where synced_table = ${quoteLiteral(table.sql_name)};`,
          CLI: `synced-tables events ${quoteShell(table.sql_name)}`,
          curl: curlText(serverUrl, 'GET', eventsPath(filter)),
        }}
      />
    </>
  );
}

/** Typed words are looked for after this pause, or with Enter. */
const PAUSE_MS = 250;

function WordFilter({ value }: { readonly value: string }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setText(value), [value]);
  const apply = (q: string) => {
    clearTimeout(timer.current);
    setQuery({ q });
  };
  return (
    <input
      type="search"
      class="filter-text"
      data-key="/"
      aria-label={eventsTexts.filter}
      placeholder={eventsTexts.filter}
      value={text}
      onInput={({ currentTarget: { value: next } }) => {
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => apply(next), PAUSE_MS);
      }}
      onKeyDown={({ key }) => key === 'Enter' && apply(text)}
    />
  );
}
