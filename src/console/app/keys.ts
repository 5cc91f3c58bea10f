import { liveState, pauseLive } from '../data/live.js';
import { railEntries } from './rail-entries.js';
import { navigate } from './router.js';

// Single letters, for those who use the console all day. They do nothing in fields and dialogs, and can be switched off.

/** What a key does; shown by `?`. */
interface Key {
  readonly key: string;
  readonly does: string;
}

export const KEYS: readonly Key[] = [
  { key: '/', does: 'Go to the filter' },
  { key: 'Ctrl K', does: 'Search tables, places and error codes' },
  ...railEntries.flatMap(({ key, word }) => (key === undefined ? [] : [{ key: `g ${key}`, does: `Go to ${word}` }])),
  { key: 'c', does: 'Create a synced table' },
  { key: 'j k', does: 'Next and previous row of a list' },
  { key: 'x', does: 'Select the row' },
  { key: 's', does: 'Sync now' },
  { key: '.', does: 'Pause what is live, or go on' },
  { key: '?', does: 'These keys' },
  { key: 'Esc', does: 'Close what is open' },
];

const OFF = 'synced-tables.keys';
/** After `g`, the second key has so long. */
const SECOND_MS = 1_500;

export function areKeysOn(): boolean {
  return localStorage.getItem(OFF) !== 'off';
}

export function switchKeys(isOn: boolean): void {
  if (isOn) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, 'off');
}

let goesSince = 0;

/** @param open shows the search or the list of keys */
export function startKeys(open: (what: 'search' | 'keys') => void): () => void {
  const hear = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
      event.preventDefault();
      open('search');
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !areKeysOn() || isBusy(event.target)) return;
    if (act(event.key, open)) event.preventDefault();
  };
  addEventListener('keydown', hear);
  return () => removeEventListener('keydown', hear);
}

/** Whether the key belongs to a field or a dialog. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector('dialog[open]')) return true;
  return (
    target instanceof Element &&
    target.closest('input:not([type="checkbox"], [type="radio"]), select, textarea') !== null
  );
}

function act(key: string, open: (what: 'search' | 'keys') => void): boolean {
  if (Date.now() - goesSince < SECOND_MS) {
    goesSince = 0;
    const entry = railEntries.find((each) => each.key === key);
    if (entry) navigate(entry.path);
    return entry !== undefined;
  }
  switch (key) {
    case 'g':
      goesSince = Date.now();
      return true;
    case '/':
      return focus(document.querySelector('[data-key="/"]'));
    case '?':
      open('keys');
      return true;
    case '.':
      pauseLive(liveState().kind !== 'paused');
      return true;
    case 'c':
      navigate('/create');
      return true;
    case 'j':
    case 'k':
      return moveRow(key === 'j' ? 1 : -1);
    case 'x':
      return click(currentRow()?.querySelector('input[type="checkbox"]'));
    case 's':
      return click(document.querySelector('[data-key="s"]'));
    default:
      return false;
  }
}

function focus(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  return true;
}

function click(element: Element | null | undefined): boolean {
  if (!(element instanceof HTMLElement)) return false;
  element.click();
  return true;
}

/** The row that has the focus. */
function currentRow(): Element | null {
  return document.activeElement?.closest('.list tbody tr') ?? null;
}

/** Moves the focus to the link of another row, which Enter opens. */
function moveRow(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll('.list tbody tr')];
  const current = currentRow();
  const next = current === null ? rows[0] : rows[rows.indexOf(current) + step];
  return focus(next?.querySelector('a') ?? null);
}
