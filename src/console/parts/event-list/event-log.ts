import { useEffect, useRef, useState } from 'preact/hooks';
import type { EventSearchReply } from '../../../api/native/events/event-search-schema.js';
import { call, RequestError } from '../../data/request.js';
import { type Query, useQuery } from '../../data/use-query.js';

export type FoundEvent = EventSearchReply['events'][number];

export const EVENTS = '/api/2.0/synced-tables/events';

/** Below this, people read the newest: what comes then appears at once. */
const READING_PX = 120;

/** The events of a filter: the newest, kept fresh, and as many older ones as were asked for. */
export interface EventLog {
  readonly query: Query<EventSearchReply>;
  readonly events: readonly FoundEvent[];
  /** Newer ones that wait to be shown, since people read further down. */
  readonly pending: number;
  readonly showPending: () => void;
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  readonly olderError: RequestError | null;
  readonly loadOlder: () => void;
  /** As far back as words were looked for, if older events were left out so far; null else. */
  readonly searchedTo: string | null;
}

interface Known {
  readonly byId: ReadonlyMap<string, FoundEvent>;
  /** Of the oldest page that was read. */
  readonly next: string | null;
  /** How far the search for words has come; null at the end, and without words. */
  readonly searchedTo: string | null;
}

const NOTHING: Known = { byId: new Map(), next: null, searchedTo: null };

/**
 * @param filter as the call takes it
 * @param isFollowed whether new events appear by themselves
 */
export function useEventLog(filter: URLSearchParams, isFollowed: boolean): EventLog {
  const text = filter.toString();
  const path = `${EVENTS}${text === '' ? '' : `?${text}`}`;
  const query = useQuery<EventSearchReply>(path, {
    hints: ['event:'],
    isLive: isFollowed,
    isBusy: () => true,
  });
  const known = useRef<Known>(NOTHING);
  const knownPath = useRef(path);
  const [shown, setShown] = useState<ReadonlySet<string>>(new Set());
  const [older, setOlder] = useState<{ isLoading: boolean; error: RequestError | null }>({
    isLoading: false,
    error: null,
  });
  if (knownPath.current !== path) {
    knownPath.current = path;
    known.current = NOTHING;
  }
  const { data } = query;

  useEffect(() => {
    if (data === undefined) return;
    const isFirst = known.current === NOTHING;
    // More happened than a page holds: what was read before no longer joins it.
    const hasGap =
      !isFirst &&
      data.events.length > 0 &&
      known.current.byId.size > 0 &&
      data.next_page_token !== undefined &&
      !data.events.some(({ id }) => known.current.byId.has(id));
    const before = isFirst || hasGap ? NOTHING : known.current;
    known.current = {
      byId: new Map([...before.byId, ...data.events.map((event) => [event.id, event] as const)]),
      next: before === NOTHING ? (data.next_page_token ?? null) : before.next,
      searchedTo: before === NOTHING ? (data.searched_to ?? null) : before.searchedTo,
    };
    if (isFirst || hasGap || scrollY < READING_PX) setShown(new Set(known.current.byId.keys()));
    else setShown((ids) => new Set(ids));
  }, [data]);

  const loadOlder = async () => {
    const { next } = known.current;
    if (next === null || older.isLoading) return;
    setOlder({ isLoading: true, error: null });
    try {
      const page = await call<EventSearchReply>(`${EVENTS}?${withToken(filter, next)}`);
      if (knownPath.current !== path) return;
      known.current = {
        byId: new Map([...known.current.byId, ...page.events.map((event) => [event.id, event] as const)]),
        next: page.next_page_token ?? null,
        searchedTo: page.searched_to ?? null,
      };
      setShown((ids) => new Set([...ids, ...page.events.map(({ id }) => id)]));
      setOlder({ isLoading: false, error: null });
    } catch (error) {
      setOlder({ isLoading: false, error: error instanceof RequestError ? error : new RequestError(0, {}, error) });
    }
  };
  const all = [...known.current.byId.values()].sort(newestFirst);
  return {
    query,
    events: all.filter(({ id }) => shown.has(id)),
    pending: all.length - all.filter(({ id }) => shown.has(id)).length,
    showPending: () => setShown(new Set(known.current.byId.keys())),
    hasOlder: known.current.next !== null,
    isLoadingOlder: older.isLoading,
    olderError: older.error,
    loadOlder: () => void loadOlder(),
    searchedTo: known.current.searchedTo,
  };
}

function withToken(filter: URLSearchParams, token: string): URLSearchParams {
  const query = new URLSearchParams(filter);
  query.delete('around');
  query.set('page_token', token);
  return query;
}

function newestFirst(a: FoundEvent, b: FoundEvent): number {
  if (a.occurred_at !== b.occurred_at) return a.occurred_at < b.occurred_at ? 1 : -1;
  return numberOf(b) - numberOf(a);
}

function numberOf({ id }: FoundEvent): number {
  return Number(id.slice(id.lastIndexOf('/') + 1));
}

const EXPORTED_MAX = 10_000;

/** Gives the browser a file with a line of JSON for each event of a filter, the newest ten thousand at most. */
export async function exportEvents(filter: URLSearchParams): Promise<void> {
  const lines: string[] = [];
  let query: URLSearchParams | null = filter;
  while (query !== null && lines.length < EXPORTED_MAX) {
    const page: EventSearchReply = await call<EventSearchReply>(`${EVENTS}?${query}`);
    lines.push(...page.events.map((event) => JSON.stringify(event)));
    query = page.next_page_token === undefined ? null : withToken(filter, page.next_page_token);
  }
  const url = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'events.jsonl';
  link.click();
  URL.revokeObjectURL(url);
}
