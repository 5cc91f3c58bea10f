/** A human-readable place in a text. Lines and columns count from 1, columns in characters. */
export interface SourcePlace {
  readonly line: number;
  readonly column: number;
  /** The line, with a caret below the place. */
  readonly excerpt: string;
}

const EXCERPT_LENGTH_MAX = 120;
const BEFORE_CARET_MAX = 80;

/** Finds line and column of an offset, and draws a caret under it. */
export function describePlace(text: string, offset: number): SourcePlace {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  const lead = before.at(-1) ?? '';
  const [rest = ''] = text.slice(offset).split(/\r\n|\r|\n/);
  const cut = Math.max(0, [...lead].length - BEFORE_CARET_MAX);
  const shownLead = [...lead].slice(cut);
  const shown = [...shownLead, ...rest].slice(0, EXCERPT_LENGTH_MAX).join('');
  // Tabs stay tabs, so that the caret is below the place at any tab width.
  const indent = shownLead.map((character) => (character === '\t' ? '\t' : ' ')).join('');
  return { line: before.length, column: [...lead].length + 1, excerpt: `${shown}\n${indent}^` };
}
