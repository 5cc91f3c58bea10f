import { useEffect, useState } from 'preact/hooks';

// Says to screen readers what has changed by itself: one sentence in five seconds at most, the newest.

const PAUSE_MS = 5_000;

let say: (sentence: string) => void = () => {};

/** Tells of a change that nobody asked for, such as "orders failed". */
export function announce(sentence: string): void {
  say(sentence);
}

export function Announcer() {
  const [said, setSaid] = useState('');
  useEffect(() => {
    let next: string | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      timer = undefined;
      if (next === null) return;
      setSaid(next);
      next = null;
      timer = setTimeout(tell, PAUSE_MS);
    };
    say = (sentence) => {
      next = sentence;
      if (timer === undefined) tell();
    };
    return () => {
      clearTimeout(timer);
      say = () => {};
    };
  }, []);
  return (
    <p class="hidden" role="status">
      {said}
    </p>
  );
}
