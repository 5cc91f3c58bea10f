/** Strings, and numbers as a whole. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Integers of fewer digits are exact as numbers. */
const DIGITS_EXACT = 15;

/**
 * Parses JSON whose integers may have 64 bits, as ids of snapshots have: those of 16 digits or more become texts.
 * @throws SyntaxError
 */
export function parseLosslessJson(text: string): unknown {
  return JSON.parse(
    text.replace(TOKENS, (token) => (/^-?\d+$/.test(token) && token.length > DIGITS_EXACT ? `"${token}"` : token)),
  );
}
