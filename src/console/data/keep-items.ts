/**
 * The items of a newer answer. One that says the same as before is the object that it was before, so that it need not be
 * drawn again.
 */
export function keepItems<Item>(
  before: readonly Item[],
  now: readonly Item[],
  idOf: (item: Item) => string,
): readonly Item[] {
  const known = new Map(before.map((item) => [idOf(item), item]));
  return now.map((item) => {
    const old = known.get(idOf(item));
    return old !== undefined && JSON.stringify(old) === JSON.stringify(item) ? old : item;
  });
}
