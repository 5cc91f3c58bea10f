import { useNow } from '../app/clock.js';
import { agoText, exactTime } from '../words/times.js';

/** How long ago something was; the exact local time and zone on hover and focus. `time`: ISO text or milliseconds. */
export function Ago({ time }: { readonly time: string | number }) {
  const moment = new Date(time);
  const now = useNow();
  return (
    <time dateTime={moment.toISOString()} title={exactTime(moment)}>
      {agoText(moment, now)}
    </time>
  );
}

/** The exact local time. */
export function Exact({ time }: { readonly time: string }) {
  return <time dateTime={time}>{exactTime(new Date(time))}</time>;
}
