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
/** A hidden tab goes on for so long, in case that somebody only looks something up. */
const HIDDEN_MS_MAX = 60_000;

const watchers = new Map<Watcher, { askedAt: number }>();
const listeners = new Set<() => void>();
let state: LiveState = { kind: 'polling' };
let hiddenAt: number | null = null;

/** Watches until the returned function is called. */
export function watchLive(watcher: Watcher): () => void {
  watchers.set(watcher, { askedAt: Date.now() });
  return () => void watchers.delete(watcher);
}

export function useLive(): LiveState {
  return useSyncExternalStore(subscribe, liveState);
}

export function liveState(): LiveState {
  return state;
}

export function pauseLive(isPaused: boolean): void {
  setLiveState({ kind: isPaused ? 'paused' : 'polling' });
  if (!isPaused) askAll();
}

export function setLiveState(next: LiveState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Takes a hint, such as `table:app.gold.orders`: whoever watches something that it begins with, asks again. */
export function takeHint(hint: string): void {
  if (state.kind === 'paused' || isAsleep()) return;
  for (const [watcher, times] of watchers) {
    if (!watcher.hints.some((wanted) => hint.startsWith(wanted))) continue;
    times.askedAt = Date.now();
    watcher.ask();
  }
}

export function askAll(): void {
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
