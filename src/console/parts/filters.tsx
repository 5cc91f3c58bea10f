import { useEffect, useRef, useState } from 'preact/hooks';
import './filters.css';

// What narrows lists: all of it is in the address.

/** Sets fields of the address. */
export type SetFields = (fields: Readonly<Record<string, string | null>>) => void;

/** Typed filters are applied after this pause, or with Enter. */
const PAUSE_MS = 250;

const ANY = 'Any';

interface TextFilterProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

/** A text that narrows a list. */
export function TextFilter({ name, value, onChange }: TextFilterProps) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const applied = useRef(value);
  // A link or the back button may change it from outside. What was applied here comes back late: more may be typed by then.
  useEffect(() => {
    if (value === applied.current) return;
    applied.current = value;
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  // Elsewhere it would narrow the next list.
  useEffect(() => () => clearTimeout(timer.current), []);
  const apply = (next: string) => {
    clearTimeout(timer.current);
    applied.current = next;
    onChange(next);
  };
  return (
    <input
      type="search"
      class="filter-text"
      data-key="/"
      aria-label={name}
      placeholder={name}
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
  readonly onChange: SetFields;
  readonly children: readonly { readonly value: string; readonly word: string }[];
}

/** One of a few values that narrow a list. */
export function Choice({ name, field, query, onChange, children }: ChoiceProps) {
  return (
    <label class="filter-choice">
      <span>{name}</span>
      <select
        value={query.get(field) ?? ''}
        onChange={({ currentTarget }) => onChange({ [field]: currentTarget.value })}
      >
        <option value="">{ANY}</option>
        {children.map(({ value, word }) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}
