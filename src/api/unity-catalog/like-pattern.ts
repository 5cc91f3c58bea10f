/**
 * Whether a text matches a LIKE pattern: % for anything, _ for one character, no escapes. Backtracks to the last %
 * only, so that the time is bounded by the product of both lengths.
 */
export function isLike(text: string, pattern: string): boolean {
  let at = 0;
  let wanted = 0;
  let restart: { readonly wanted: number; at: number } | null = null;
  while (at < text.length) {
    const sign = pattern[wanted];
    if (sign === '%') {
      restart = { wanted: ++wanted, at };
    } else if (sign !== undefined && (sign === '_' || sign === text[at])) {
      wanted++;
      at++;
    } else if (restart) {
      at = ++restart.at;
      wanted = restart.wanted;
    } else {
      return false;
    }
  }
  return /^%*$/.test(pattern.slice(wanted));
}
