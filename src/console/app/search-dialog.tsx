import { useEffect, useRef, useState } from 'preact/hooks';
import type { TableListReply } from '../../api/native/tables/table-list-schema.js';
import { TABLES } from '../data/tables.js';
import { useQuery } from '../data/use-query.js';
import { railEntries } from './rail-entries.js';
import { navigate } from './router.js';
import { shellTexts } from './texts.js';

interface Hit {
  readonly word: string;
  readonly kind: string;
  readonly path: string;
}

const HITS_MAX = 20;
/** As codes of errors are written. */
const ERROR_CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/;

/** Finds tables by name, source and error, the places of the console, and codes of errors. */
export function SearchDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [chosen, choose] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  const query = new URLSearchParams({ q: text, page_size: String(HITS_MAX), sort: 'name' });
  const { data } = useQuery<TableListReply>(text === '' ? null : `${TABLES}?${query}`, { isLive: false });
  const hits = findHits(text, data);
  const open = (hit: Hit | undefined) => {
    if (!hit) return;
    dialog.current?.close();
    navigate(hit.path);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Enter') open(hits[chosen]);
    if (step === 0) return;
    event.preventDefault();
    choose((chosen + step + hits.length) % Math.max(1, hits.length));
  };
  // As an object, since the types of a combobox ask for a datalist, which cannot show what kind a hit is.
  const combobox: object = {
    role: 'combobox',
    'aria-expanded': hits.length > 0,
    'aria-controls': 'hits',
    'aria-activedescendant': hits.length > 0 ? `hit-${chosen}` : undefined,
  };
  return (
    <dialog ref={dialog} class="dialog search" aria-label={shellTexts.search} onClose={onClose}>
      <input
        type="search"
        {...combobox}
        aria-label={shellTexts.search}
        placeholder={shellTexts.search}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value.trim());
          choose(0);
        }}
        onKeyDown={onKey}
      />
      <div id="hits" role="listbox" aria-label={shellTexts.hits} class="hits">
        {hits.map((hit, nth) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above moves through them with arrow keys and Enter
          <div
            key={hit.path}
            id={`hit-${nth}`}
            role="option"
            tabIndex={-1}
            aria-selected={nth === chosen}
            onClick={() => open(hit)}
          >
            <span>{hit.word}</span>
            <span class="quiet">{hit.kind}</span>
          </div>
        ))}
      </div>
      <p class="quiet" role="status">
        {text !== '' && hits.length === 0 && shellTexts.noHits}
      </p>
    </dialog>
  );
}

function findHits(text: string, found: TableListReply | undefined): Hit[] {
  const wanted = text.toLowerCase();
  const places = railEntries
    .filter(({ word }) => isWithin(wanted, word.toLowerCase()))
    .map(({ word, path }) => ({ word, kind: shellTexts.place, path }));
  const tables = (text === '' ? [] : (found?.tables ?? [])).map(({ name, source }) => ({
    word: name,
    kind: source,
    path: `/tables/${encodeURIComponent(name)}`,
  }));
  const code = text.toUpperCase();
  const errors = ERROR_CODE.test(code) ? [{ word: code, kind: shellTexts.errorCode, path: `/errors/${code}` }] : [];
  return [...tables, ...errors, ...places].slice(0, HITS_MAX);
}

/** Whether the letters occur in this order. */
function isWithin(letters: string, word: string): boolean {
  let at = 0;
  for (const letter of word) if (letter === letters[at]) at += 1;
  return at === letters.length;
}
