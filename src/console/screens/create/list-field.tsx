import { parseList } from './draft.js';
import { createTexts } from './texts.js';

const texts = createTexts.options;

/** One part of each entry of a list. */
export interface ListPart {
  /** Its name in the call. */
  readonly name: string;
  readonly label: string;
  readonly example?: string;
  /** What it can be, with the words for it; the first is the default. */
  readonly choices?: readonly (readonly [value: string, label: string])[];
  /** Names that are proposed. */
  readonly proposals?: readonly string[];
  readonly isNumber?: boolean;
}

interface ListFieldProps {
  readonly label: string;
  /** For ids. */
  readonly name: string;
  readonly parts: readonly ListPart[];
  /** A JSON array of objects, as the call takes it; empty for none. */
  readonly value: string;
  readonly onChange: (value: string) => void;
}

type Entry = Readonly<Record<string, unknown>>;

/** A list of entries, each a row of fields. What the fields have no place for stays as it is. */
export function ListField({ label, name, parts, value, onChange }: ListFieldProps) {
  const entries = (parseList(value) ?? []).filter(
    (entry): entry is Entry => typeof entry === 'object' && entry !== null,
  );
  const write = (next: readonly Entry[]) => onChange(next.length === 0 ? '' : JSON.stringify(next));
  const set = (at: number, part: ListPart, text: string) =>
    write(entries.map((entry, index) => (index === at ? withValue(entry, part, text) : entry)));
  const empty = Object.fromEntries(parts.flatMap((part) => (part.choices ? [[part.name, part.choices[0]?.[0]]] : [])));
  return (
    <fieldset class="create-list">
      <legend>{label}</legend>
      {entries.map((entry, at) => (
        <div key={at} class="create-row create-list-entry">
          {parts.map((part) => (
            <Part
              key={part.name}
              part={part}
              id={`${name}-${part.name}`}
              value={entry[part.name]}
              onChange={(text) => set(at, part, text)}
            />
          ))}
          <button type="button" onClick={() => write(entries.filter((_, index) => index !== at))}>
            {texts.removeEntry}
          </button>
        </div>
      ))}
      <button type="button" onClick={() => write([...entries, empty])}>
        {texts.addEntry}
      </button>
    </fieldset>
  );
}

interface PartProps {
  readonly part: ListPart;
  readonly id: string;
  readonly value: unknown;
  readonly onChange: (text: string) => void;
}

function Part(props: PartProps) {
  const { part, id, value, onChange } = props;
  const text = value === undefined || value === null ? '' : String(value);
  if (part.choices) return <ChoicePart {...props} choices={part.choices} text={text} />;
  return (
    <label class="create-field">
      <span>{part.label}</span>
      <input
        type="text"
        value={text}
        placeholder={part.example ?? ''}
        inputMode={part.isNumber ? 'numeric' : 'text'}
        list={part.proposals ? id : undefined}
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {part.proposals && (
        <datalist id={id}>
          {part.proposals.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </label>
  );
}

interface ChoicePartProps extends Pick<PartProps, 'part' | 'onChange'> {
  readonly choices: NonNullable<ListPart['choices']>;
  readonly text: string;
}

function ChoicePart({ part, choices, text, onChange }: ChoicePartProps) {
  return (
    <label class="create-field">
      <span>{part.label}</span>
      <select value={text} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Without what was emptied: the call takes no empty texts. A number that is none is told by the server. */
function withValue(entry: Entry, part: ListPart, text: string): Entry {
  const { [part.name]: _, ...rest } = entry;
  if (text === '') return rest;
  return { ...rest, [part.name]: part.isNumber && /^\d+$/.test(text) ? Number(text) : text };
}
