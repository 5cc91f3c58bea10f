import { quoteIdentifier, quoteLiteral } from '../../core/names.js';

const TOKEN = /'(?:\\[\s\S]|''|[^'\\])*'|"(?:\\[\s\S]|""|[^"\\])*"|`(?:``|[^`])*`|--[^\r\n]*|\/\*[\s\S]*?\*\/|<=>/g;

/**
 * Rewrites lakehouse SQL for the engine: `"…"` and `'…'` are strings with backslash escapes, identifiers are in
 * backticks, `<=>` compares nulls too. Comments are removed; everything else is unchanged.
 */
export function engineText(lakehouseText: string): string {
  return lakehouseText.replace(TOKEN, engineToken);
}

function engineToken(token: string): string {
  if (token === '<=>') return ' is not distinct from ';
  if (token.startsWith('`')) return quoteIdentifier(token.slice(1, -1).replaceAll('``', '`'));
  if (token.startsWith("'") || token.startsWith('"')) return quoteLiteral(stringValue(token));
  return ' ';
}

/**
 * Where in a lakehouse text something is that the engine found in `engineText` of it, counted from 0: inside of a token
 * that was rewritten, where that begins.
 * @param engineOffset in bytes, as the engine counts
 */
export function lakehouseOffset(lakehouseText: string, engineOffset: number): number {
  let left = engineOffset;
  let before = 0;
  for (const match of lakehouseText.matchAll(TOKEN)) {
    const between = Buffer.from(lakehouseText.slice(before, match.index));
    if (left < between.length) return before + charactersIn(between, left);
    left -= between.length;
    const [token] = match;
    const length = Buffer.byteLength(engineToken(token));
    if (left < length) return match.index;
    left -= length;
    before = match.index + token.length;
  }
  return before + charactersIn(Buffer.from(lakehouseText.slice(before)), left);
}

function charactersIn(bytes: Buffer, length: number): number {
  return bytes.subarray(0, length).toString().length;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', '0': '\0', Z: '\u001a' };

function stringValue(token: string): string {
  const quote = token.slice(0, 1);
  return token.slice(1, -1).replace(/\\([\s\S])|''|""/g, (match, escaped: string | undefined) => {
    if (escaped === undefined) return match === quote + quote ? quote : match;
    // LIKE patterns keep the backslash of an escaped wildcard.
    return ESCAPES[escaped] ?? (escaped === '%' || escaped === '_' ? `\\${escaped}` : escaped);
  });
}
