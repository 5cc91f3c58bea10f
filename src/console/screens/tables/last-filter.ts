import { useEffect, useState } from 'preact/hooks';
import { isFiltered, NO_FILTER } from './list-query.js';

const KEY = 'tables-filter';

/**
 * The filter that was used last in this browser, as fields of the address; null if the list is filtered already, or was
 * never. It is offered, never applied by itself.
 */
export function useLastFilter(query: URLSearchParams): Record<string, string> | null {
  const isOn = isFiltered(query);
  const fields = Object.keys(NO_FILTER).filter((field) => query.get(field));
  const text = new URLSearchParams(fields.map((field) => [field, query.get(field) ?? ''])).toString();
  const [kept, keep] = useState(() => localStorage.getItem(KEY));
  useEffect(() => {
    if (!isOn || text === kept) return;
    localStorage.setItem(KEY, text);
    keep(text);
  }, [isOn, text, kept]);
  if (isOn || kept === null) return null;
  const last = [...new URLSearchParams(kept)].filter(([field]) => Object.hasOwn(NO_FILTER, field));
  return last.length === 0 ? null : Object.fromEntries(last);
}
