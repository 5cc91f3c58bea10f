import { useCallback, useEffect } from 'preact/hooks';
import { useSyncExternalStore } from '../app/external-store.js';
import { watchLive } from './live.js';
import { emptyState, type QueryState, queryOf } from './query-cache.js';

export interface Query<Body> extends QueryState<Body> {
  readonly refetch: () => void;
  readonly cancel: () => void;
}

export interface QueryOptions<Body> {
  /**
   * Prefixes of hints of the stream after which to ask anew, such as `table:app.gold.orders`; see docs/guides/api.md.
   * `[]`, the default: only polling and requests of people do.
   */
  readonly hints?: readonly string[];
  /** Whether something moves, so that without a stream it is polled for more often. */
  readonly isBusy?: (data: Body) => boolean;
  /** False for what changes only when somebody asks for it. */
  readonly isLive?: boolean;
}

/** An answer that young is shown without asking again. */
const FRESH_MS = 1_000;

/**
 * Reads an address and keeps it fresh: hints and polling ask again, and the old answer stays until the new one is there.
 * @param path such as `/api/2.0/synced-tables/tables`; null to ask for nothing
 */
export function useQuery<Body>(path: string | null, options: QueryOptions<Body> = {}): Query<Body> {
  const { hints = [], isBusy, isLive = true } = options;
  const subscribe = useCallback(
    (listener: () => void) => (path === null ? () => {} : queryOf(path).subscribe(listener)),
    [path],
  );
  const read = useCallback(() => (path === null ? emptyState : queryOf(path).state), [path]);
  const state = useSyncExternalStore(subscribe, read) as QueryState<Body>;
  const hintKeys = hints.join('\n');

  useEffect(() => {
    if (path === null) return;
    const query = queryOf(path);
    if (query.state.at === null || Date.now() - query.state.at > FRESH_MS) void query.load();
    if (!isLive) return;
    return watchLive({
      hints: hintKeys === '' ? [] : hintKeys.split('\n'),
      isBusy: () => query.state.data !== undefined && isBusy?.(query.state.data as Body) === true,
      ask: () => void query.fetch(),
    });
  }, [path, hintKeys, isLive]);

  const refetch = useCallback(() => void (path !== null && queryOf(path).fetch()), [path]);
  const cancel = useCallback(() => void (path !== null && queryOf(path).cancel()), [path]);
  return { ...state, refetch, cancel };
}
