/**
 * Fits a path to a pattern: `:name` stands for one part, `:name?` for one that may be missing, `*` at the end for any rest.
 * @returns the parts by name, decoded; null if it does not fit
 */
export function fitPath(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/').slice(1);
  const given = path.split('/').slice(1);
  const params: Record<string, string> = {};
  for (const [nth, part] of wanted.entries()) {
    if (part === '*') return { ...params, rest: given.slice(nth).map(decode).join('/') };
    const value = given[nth];
    if (part.startsWith(':')) {
      const name = part.slice(1).replace(/\?$/, '');
      if (value === undefined || value === '') {
        if (part.endsWith('?')) continue;
        return null;
      }
      params[name] = decode(value);
    } else if (value !== part) return null;
  }
  return given.length > wanted.length ? null : params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
