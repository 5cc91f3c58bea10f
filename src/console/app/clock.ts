import { useEffect, useState } from 'preact/hooks';

const TICK_MS = 5_000;

const shown = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The time in milliseconds; what shows it is drawn again every five seconds, everything at once. */
export function useNow(): number {
  const [, draw] = useState(0);
  useEffect(() => {
    const tick = () => draw((count) => count + 1);
    shown.add(tick);
    timer ??= setInterval(() => {
      for (const each of shown) each();
    }, TICK_MS);
    return () => {
      shown.delete(tick);
      if (shown.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return Date.now();
}
