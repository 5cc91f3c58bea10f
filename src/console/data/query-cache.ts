import { RequestError, send } from './request.js';

/** What is known about one address that is read. */
export interface QueryState<Body> {
  /** The newest answer; stays while and after a later request fails. */
  readonly data: Body | undefined;
  /** Why the newest request failed; null after one that did not. */
  readonly error: RequestError | null;
  readonly isFetching: boolean;
  /** When `data` was true, in milliseconds of `Date.now()`. */
  readonly at: number | null;
  /** Since when the running request waits. */
  readonly since: number | null;
}

const NOTHING: QueryState<never> = { data: undefined, error: null, isFetching: false, at: null, since: null };
/** Answers that nobody looks at are forgotten; those with rows of tables at once. */
const UNUSED_MS_MAX = 60_000;
/** What was asked for ahead is asked for in vain if nobody shows it by then. */
const PRELOADED_MS_MAX = 10_000;

class Query {
  readonly #path: string;
  readonly #onEmpty: () => void;
  readonly #listeners = new Set<() => void>();
  #state: QueryState<unknown> = NOTHING;
  #etag: string | null = null;
  #running: AbortController | null = null;
  #again = false;
  #forget: ReturnType<typeof setTimeout> | undefined;

  constructor(path: string, onEmpty: () => void) {
    this.#path = path;
    this.#onEmpty = onEmpty;
  }

  get state(): QueryState<unknown> {
    return this.#state;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe(listener: () => void): () => void {
    clearTimeout(this.#forget);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.cancel();
      this.#forget = setTimeout(this.#onEmpty, UNUSED_MS_MAX);
    };
  }

  /** One request at a time: a hint that comes meanwhile is followed by another one. */
  async fetch(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.#set({ isFetching: true, since: Date.now() });
    try {
      const reply = await send(this.#path, { signal: running.signal, etag: this.#etag });
      this.#etag = reply.etag;
      const data = reply.notModified ? this.#state.data : reply.body;
      this.#done(running, { data, error: null, at: Date.now() });
    } catch (error) {
      if (running.signal.aborted) this.#done(running, {});
      else this.#done(running, { error: error instanceof RequestError ? error : new RequestError(0, {}, error) });
    }
  }

  /** The same, unless an answer is on its way, which is as good as that of another request. */
  async load(): Promise<void> {
    if (this.#running === null || this.#running.signal.aborted) await this.fetch();
  }

  cancel(): void {
    this.#again = false;
    this.#running?.abort();
  }

  #done(running: AbortController, change: Partial<QueryState<unknown>>): void {
    if (this.#running === running) this.#running = null;
    this.#set({ ...change, isFetching: false, since: null });
    if (!this.#again) return;
    this.#again = false;
    void this.fetch();
  }

  #set(change: Partial<QueryState<unknown>>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const queries = new Map<string, Query>();

/** The query of an address, shared by all that show it. */
export function queryOf(path: string): Query {
  const known = queries.get(path);
  if (known) return known;
  const query = new Query(path, () => queries.delete(path));
  queries.set(path, query);
  return query;
}

/** Asks for what is about to be shown, by code that has to be loaded first. */
export function preload(path: string): void {
  const query = queryOf(path);
  const stop = query.subscribe(() => {});
  setTimeout(stop, PRELOADED_MS_MAX);
  void query.load();
}

/** Asks anew for what is shown and begins with one of the prefixes; `''` for everything. */
export function refetch(...prefixes: readonly string[]): void {
  for (const [path, query] of queries) {
    if (!prefixes.some((prefix) => path.startsWith(prefix))) continue;
    if (query.isWatched) void query.fetch();
    else queries.delete(path);
  }
}

/** Forgets everything: the caller has changed. */
export function forgetAll(): void {
  queries.clear();
}

export const emptyState: QueryState<never> = NOTHING;
