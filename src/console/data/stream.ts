import { serverUrl } from '../app/places.js';
import { type LiveState, setStreamState, takeHint } from './live.js';

// One stream for all tabs: a browser opens few connections to a host. A lock elects the tab that holds it; it tells the others
// through a channel. Without locks (no secure context), every tab polls.

/** What the tab with the stream tells the others. */
type Told =
  | { readonly hints: readonly string[] }
  | { readonly state: LiveState }
  | { readonly asks: 'state' | 'stream' };

const NAME = 'synced-tables.stream';
/** As long as the server tells EventSource to wait. */
const RETRY_MS = 3_000;
/** After the server refused a stream, such as over the limit. */
const REFUSED_MS = 30_000;

/** Opens a stream that was refused; nothing while one is open. */
let openAgain: () => void = () => {};
let askForStream: () => void = () => {};

/** Whoever has just signed in need not wait for the stream. */
export function wakeStream(): void {
  askForStream();
}

export function startStream(): void {
  if (!('locks' in navigator) || typeof BroadcastChannel === 'undefined' || typeof EventSource === 'undefined') return;
  const channel = new BroadcastChannel(NAME);
  let own: LiveState | null = null;
  const tell = (state: LiveState) => {
    own = state;
    setStreamState(state);
    channel.postMessage({ state } satisfies Told);
  };
  channel.onmessage = ({ data }: MessageEvent<Told>) => {
    if ('hints' in data) data.hints.forEach(takeHint);
    else if ('state' in data) setStreamState(data.state);
    else if (data.asks === 'stream') openAgain();
    else if (own !== null) channel.postMessage({ state: own } satisfies Told);
  };
  askForStream = () => {
    openAgain();
    channel.postMessage({ asks: 'stream' } satisfies Told);
  };
  channel.postMessage({ asks: 'state' } satisfies Told);
  // Held until the tab is closed; then another one gets it.
  void navigator.locks.request(NAME, () => holdStream(tell, (hints) => channel.postMessage({ hints } satisfies Told)));
}

function holdStream(tell: (state: LiveState) => void, share: (hints: readonly string[]) => void): Promise<never> {
  const open = () => {
    const source = new EventSource(`${serverUrl}/api/2.0/synced-tables/stream`);
    source.onopen = () => {
      tell({ kind: 'live' });
      // What changed between two streams, of this tab or of the one that had it before, nobody has told.
      takeHint('all');
      share(['all']);
    };
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const { hints } = JSON.parse(data) as { hints: readonly string[] };
      hints.forEach(takeHint);
      share(hints);
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) {
        tell({ kind: 'lost', retryAt: Date.now() + RETRY_MS });
        // Whatever happens meanwhile, including the end of the session, is found out by asking.
        takeHint('all');
        return;
      }
      tell({ kind: 'polling' });
      const timer = setTimeout(() => openAgain(), REFUSED_MS);
      openAgain = () => {
        clearTimeout(timer);
        openAgain = () => {};
        open();
      };
    };
  };
  open();
  return new Promise(() => {});
}
