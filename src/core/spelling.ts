// Names as people write them: Unity Catalog does not tell them apart by case, and people mistype.

/** The one candidate that is the name but for its case; the name itself is preferred. Undefined if none or several are. */
export function sameButForCase(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.includes(name)) return name;
  const folded = name.toLowerCase();
  const found = candidates.filter((candidate) => candidate.toLowerCase() === folded);
  return found.length === 1 ? found[0] : undefined;
}

/** Names longer than that are not compared: it takes the product of two lengths. */
const LENGTH_MAX = 255;

/** The candidate that was most likely meant by a name that is none of them; undefined if none is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length < 2 || name.length > LENGTH_MAX) return undefined;
  const folded = name.toLowerCase();
  let distance = Math.min(3, Math.max(1, Math.floor(name.length / 3))) + 1;
  let nearest: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= distance) continue;
    const found = editDistance(folded, candidate.toLowerCase());
    if (found < distance) [distance, nearest] = [found, candidate];
  }
  return nearest;
}

/** ` Did you mean "id"?`, or nothing: what an error about a name that does not exist ends with. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const meant = nearestName(name, candidates);
  return meant === undefined ? '' : ` Did you mean "${meant}"?`;
}

/** How many characters have to be inserted, left out, replaced or exchanged with their neighbour to make one text the other. */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const replaced = (previous[column - 1] ?? 0) + (isSame ? 0 : 1);
      const isExchanged =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const exchanged = isExchanged ? (before[column - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min(replaced, exchanged, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    before = previous;
    previous = current;
  }
  return previous[other.length] ?? 0;
}
