/**
 * Whether a text fits a pattern of LIKE: % for anything, _ for one character, no escapes. Goes back to the last % only,
 * so that no pattern takes longer than the lengths of both multiplied.
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
