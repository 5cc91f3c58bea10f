import { useEffect, useRef, useState } from 'preact/hooks';
import type { MeReply } from '../../../api/native/me-schema.js';
import { policyWord } from '../../words/conditions.js';
import { isFiltered, NO_FILTER } from './list-query.js';
import { tablesTexts } from './texts.js';

interface FilterBarProps {
  readonly query: URLSearchParams;
  readonly me: MeReply | null;
  readonly onChange: (fields: Readonly<Record<string, string | null>>) => void;
}

/** Typed filters are applied after this pause, or with Enter. */
const PAUSE_MS = 250;

/** What narrows the list: all of it in the address. */
export function FilterBar({ query, me, onChange }: FilterBarProps) {
  const databases = [...new Set(me?.instances.flatMap(({ databases }) => databases.map(({ name }) => name)))].sort();
  return (
    <search class="filter-bar">
      <TextFilter value={query.get('q') ?? ''} onChange={(q) => onChange({ q })} />
      <Choice name={tablesTexts.policy} field="policy" query={query} onChange={onChange}>
        {(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const).map((policy) => ({
          value: policy,
          word: policyWord(policy),
        }))}
      </Choice>
      {databases.length > 1 && (
        <Choice name={tablesTexts.database} field="database" query={query} onChange={onChange}>
          {databases.map((value) => ({ value, word: value }))}
        </Choice>
      )}
      <Choice name={tablesTexts.kind} field="kind" query={query} onChange={onChange}>
        {(['synced', 'streaming'] as const).map((value) => ({ value, word: tablesTexts.kinds[value] }))}
      </Choice>
      {isFiltered(query) && (
        <button type="button" onClick={() => onChange(NO_FILTER)}>
          {tablesTexts.clear}
        </button>
      )}
    </search>
  );
}

function TextFilter({ value, onChange }: { readonly value: string; readonly onChange: (text: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // A link or the back button may change it from outside.
  useEffect(() => setText(value), [value]);
  const apply = (next: string) => {
    clearTimeout(timer.current);
    onChange(next);
  };
  return (
    <input
      type="search"
      class="filter-text"
      data-key="/"
      aria-label={tablesTexts.filter}
      placeholder={tablesTexts.filter}
      value={text}
      onInput={({ currentTarget }) => {
        const next = currentTarget.value;
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => apply(next), PAUSE_MS);
      }}
      onKeyDown={({ key }) => key === 'Enter' && apply(text)}
    />
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly field: string;
  readonly query: URLSearchParams;
  readonly onChange: FilterBarProps['onChange'];
  readonly children: readonly { readonly value: string; readonly word: string }[];
}

function Choice({ name, field, query, onChange, children }: ChoiceProps) {
  return (
    <label class="filter-choice">
      <span>{name}</span>
      <select
        value={query.get(field) ?? ''}
        onChange={({ currentTarget }) => onChange({ [field]: currentTarget.value })}
      >
        <option value="">{tablesTexts.any}</option>
        {children.map(({ value, word }) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}
