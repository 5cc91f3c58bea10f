import { useEffect, useState } from 'preact/hooks';

/**
 * The value of something outside of the components, read anew whenever it says that it has changed.
 * @param read gives the same object until then
 */
export function useSyncExternalStore<Value>(subscribe: (listener: () => void) => () => void, read: () => Value): Value {
  const value = read();
  const [, draw] = useState({});
  useEffect(() => {
    const stop = subscribe(() => draw({}));
    // It may have changed between drawing and subscribing.
    if (read() !== value) draw({});
    return stop;
  }, [subscribe, read]);
  return value;
}
