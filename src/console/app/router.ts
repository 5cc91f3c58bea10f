import { useSyncExternalStore } from './external-store.js';
import { consolePath, hrefOf } from './places.js';

/** A place within the console. */
export interface Place {
  /** Begins with a slash; still encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export const SIGN_IN = '/sign-in';

const listeners = new Set<() => void>();
let place = readPlace();

function readPlace(): Place {
  const path = `/${location.pathname.slice(consolePath.length)}`;
  return { path: path === '/' ? '/tables' : path.replace(/\/$/, ''), query: new URLSearchParams(location.search) };
}

function changed(): void {
  place = readPlace();
  for (const listener of listeners) listener();
}

/** Goes to a place, such as `/tables/a.b.c?tab=x`. `replace` is for filters: back leads out of the list, not through them. */
export function navigate(to: string, { replace = false } = {}): void {
  const href = hrefOf(to);
  if (href === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  changed();
  if (!replace) scrollTo(0, 0);
}

/** Sets or, where a value is empty, removes fields of the query of the current place. */
export function setQuery(fields: Readonly<Record<string, string | null>>): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(`${place.path}${text === '' ? '' : `?${text}`}`, { replace: true });
}

/** Leads to the sign-in, and back to this place afterwards. */
export function goToSignIn(): void {
  if (place.path === SIGN_IN) return;
  const text = place.query.toString();
  const next = `${place.path}${text === '' ? '' : `?${text}`}`;
  navigate(`${SIGN_IN}?${new URLSearchParams({ next })}`, { replace: true });
}

export function currentPlace(): Place {
  return place;
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, currentPlace);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Links are plain `<a href>`: a click without a modifier on one of ours changes the screen and loads nothing. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link?.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(consolePath)) return;
  const isSamePage = link.pathname === location.pathname && link.search === location.search;
  if (isSamePage && link.hash !== '') return;
  event.preventDefault();
  navigate(`/${link.pathname.slice(consolePath.length)}${link.search}`);
}

/** Starts to listen to links and to the browser's back and forward. */
export function startRouter(): void {
  addEventListener('popstate', changed);
  document.addEventListener('click', followLink);
}
