import { useSyncExternalStore } from '../app/external-store.js';

// What keeps the shown data fresh. Whoever shows something watches; hints of the stream and the clock make it ask again.

/** How data is kept fresh at the moment. */
export type LiveState =
  | { readonly kind: 'live' }
  | { readonly kind: 'polling' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'lost'; readonly retryAt: number };

interface Watcher {
  readonly hints: readonly string[];
  readonly isBusy: () => boolean;
  readonly ask: () => void;
}

const BUSY_MS = 5_000;
const IDLE_MS = 30_000;
const TICK_MS = 1_000;
/** After a hint. */
const HINTED_MS = 1_000;
/** A hidden tab goes on for so long, in case that somebody only looks something up. */
const HIDDEN_MS_MAX = 60_000;

const watchers = new Map<Watcher, { askedAt: number; isHinted: boolean }>();
const listeners = new Set<() => void>();
let state: LiveState = { kind: 'polling' };
let hiddenAt: number | null = null;

/** Watches until the returned function is called. */
export function watchLive(watcher: Watcher): () => void {
  watchers.set(watcher, { askedAt: Date.now(), isHinted: false });
  return () => void watchers.delete(watcher);
}

export function useLive(): LiveState {
  return useSyncExternalStore(subscribe, liveState);
}

export function liveState(): LiveState {
  return state;
}

/** What the stream says of itself, which is shown unless somebody has paused. */
let stream: LiveState = { kind: 'polling' };

export function pauseLive(isPaused: boolean): void {
  show(isPaused ? { kind: 'paused' } : stream);
  if (!isPaused) askAll();
}

export function setStreamState(next: LiveState): void {
  stream = next;
  if (state.kind !== 'paused') show(next);
}

function show(next: LiveState): void {
  state = next;
  for (const listener of listeners) listener();
}

/**
 * Takes a hint, such as `table:ID`, or `all`: whoever watches something that it begins with asks again. Not more than once a
 * second, and the longer an answer takes the less often: what changes all the time is asked for calmly.
 */
export function takeHint(hint: string): void {
  if (state.kind === 'paused' || isAsleep()) return;
  for (const [watcher, times] of watchers) {
    if (hint !== 'all' && !watcher.hints.some((wanted) => hint.startsWith(wanted))) continue;
    if (hint === 'all' && watcher.hints.length === 0) continue;
    times.isHinted = true;
  }
  askHinted();
}

function askHinted(): void {
  const now = Date.now();
  for (const [watcher, times] of watchers) {
    if (!times.isHinted || now - times.askedAt < HINTED_MS) continue;
    times.isHinted = false;
    times.askedAt = now;
    watcher.ask();
  }
}

function askAll(): void {
  for (const [watcher, times] of watchers) {
    times.askedAt = Date.now();
    watcher.ask();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isAsleep(): boolean {
  return hiddenAt !== null && Date.now() - hiddenAt > HIDDEN_MS_MAX;
}

/** With a stream, polling goes on rarely: a hint may get lost. */
function tick(): void {
  if (state.kind === 'paused' || isAsleep()) return;
  askHinted();
  const now = Date.now();
  for (const [watcher, times] of watchers) {
    const pauseMs = watcher.isBusy() && state.kind !== 'live' ? BUSY_MS : IDLE_MS;
    if (now - times.askedAt < pauseMs) continue;
    times.askedAt = now;
    watcher.ask();
  }
}

export function startLive(): void {
  setInterval(tick, TICK_MS);
  document.addEventListener('visibilitychange', () => {
    const wasAsleep = isAsleep();
    hiddenAt = document.hidden ? Date.now() : null;
    if (wasAsleep && !document.hidden && state.kind !== 'paused') askAll();
  });
}
