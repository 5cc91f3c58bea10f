import { quoteIdentifier, quoteLiteral } from '../../core/names.js';

const TOKEN = /'(?:\\[\s\S]|''|[^'\\])*'|"(?:\\[\s\S]|""|[^"\\])*"|`(?:``|[^`])*`|--[^\r\n]*|\/\*[\s\S]*?\*\/|<=>/g;

/**
 * Rewrites lakehouse SQL for the engine: `"…"` and `'…'` are strings with backslash escapes, identifiers are in
 * backticks, `<=>` compares nulls too. Comments are removed; everything else is unchanged.
 */
export function engineText(lakehouseText: string): string {
  return lakehouseText.replace(TOKEN, (token) => {
    if (token === '<=>') return ' is not distinct from ';
    if (token.startsWith('`')) return quoteIdentifier(token.slice(1, -1).replaceAll('``', '`'));
    if (token.startsWith("'") || token.startsWith('"')) return quoteLiteral(stringValue(token));
    return ' ';
  });
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
