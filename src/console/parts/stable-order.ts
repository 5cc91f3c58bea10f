import { useRef, useState } from 'preact/hooks';

export interface StableOrder<Item> {
  /** In the order in which they were first shown; new ones come last. */
  readonly items: readonly Item[];
  /** How many would stand elsewhere. */
  readonly moved: number;
  readonly sortAgain: () => void;
}

/**
 * Keeps rows where they are while their data changes: nothing moves under the hand.
 * @param key of what was asked for, such as filter and order: another one takes the new order over
 */
export function useStableOrder<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  key: string,
): StableOrder<Item> {
  const kept = useRef<{ key: string; ids: readonly string[] }>({ key: '', ids: [] });
  const [, draw] = useState(0);
  const fresh = items.map(idOf);
  if (kept.current.key !== key) kept.current = { key, ids: fresh };
  const known = new Set(kept.current.ids);
  const present = new Set(fresh);
  const ids = [...kept.current.ids.filter((id) => present.has(id)), ...fresh.filter((id) => !known.has(id))];
  kept.current = { key, ids };
  const byId = new Map(items.map((item) => [idOf(item), item]));
  return {
    items: ids.flatMap((id) => byId.get(id) ?? []),
    moved: ids.filter((id, nth) => fresh[nth] !== id).length,
    sortAgain: () => {
      kept.current = { key, ids: fresh };
      draw((count) => count + 1);
    },
  };
}
