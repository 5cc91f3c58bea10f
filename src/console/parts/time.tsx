import { useEffect, useState } from 'preact/hooks';
import { agoText, exactTime } from '../words/times.js';

const TICK_MS = 5_000;

/** How long ago something was; the exact local time and zone on hover and focus. `time`: ISO text or milliseconds. */
export function Ago({ time }: { readonly time: string | number }) {
  const moment = new Date(time);
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={moment.toISOString()} title={exactTime(moment)}>
      {agoText(moment, Date.now())}
    </time>
  );
}

/** The exact local time. */
export function Exact({ time }: { readonly time: string }) {
  return <time dateTime={time}>{exactTime(new Date(time))}</time>;
}
