import { useEffect, useState } from 'preact/hooks';

/** What fills a high window. */
const STEP = 25;

let wasFilled = false;

/**
 * How many rows of a long list to draw by now. At first those that fill the window, so that they can be used, and the
 * others step by step, with time for keys between. From then on all at once: more rows are laid out with all that are
 * there each time, and when somebody comes back the browser looks for the place that was scrolled to.
 */
export function useGradual(count: number): number {
  const [drawn, setDrawn] = useState(STEP);
  useEffect(() => {
    if (wasFilled || count === 0) return;
    if (drawn >= count) {
      wasFilled = true;
      return;
    }
    const timer = setTimeout(() => setDrawn(drawn + STEP));
    return () => clearTimeout(timer);
  }, [drawn, count]);
  return wasFilled ? count : Math.min(drawn, count);
}
