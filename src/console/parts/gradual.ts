import { useEffect, useState } from 'preact/hooks';

/** What fills a high window. */
const STEP = 25;

let wasFilled = false;

/**
 * How many rows of a long list to draw by now: those that fill the window at once, so that they can be used, and the
 * others step by step, with time for keys between. Once a list was filled all rows come at once, since the browser looks
 * for the place that was scrolled to when somebody comes back.
 */
export function useGradual(count: number): number {
  const [drawn, setDrawn] = useState(wasFilled ? count : STEP);
  useEffect(() => {
    if (drawn >= count) {
      wasFilled ||= count > 0;
      return;
    }
    const timer = setTimeout(() => setDrawn(drawn + STEP));
    return () => clearTimeout(timer);
  }, [drawn, count]);
  return Math.min(drawn, count);
}
