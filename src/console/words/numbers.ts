// Numbers as people read them. Those of the wire that no number holds exactly are texts, and only grouped.

/** A whole number of the API: a text where it is beyond 2^53 - 1. */
export type WholeNumber = number | string;

// Made once: making one takes a hundred times as long as using it, and a list shows thousands of numbers.
const whole = new Intl.NumberFormat();
const rough = [0, 1].map((digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }));

/** Digits grouped by the reader's locale. */
export function numberText(value: WholeNumber): string {
  return whole.format(typeof value === 'string' ? BigInt(value) : value);
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A size in steps of 1024: `910 MB`, `3.1 GB`. */
export function sizeText(bytes: WholeNumber): string {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && size < 10 ? 1 : 0;
  return `${rough[digits]?.format(size)} ${UNITS[unit]}`;
}

const rules = new Intl.PluralRules('en');

/** `1 table`, `3 tables`. */
export function counted(count: number, one: string, many: string): string {
  return `${numberText(count)} ${rules.select(count) === 'one' ? one : many}`;
}

/** `row` or `rows`, which stands behind a count. */
export function rowWord(count: WholeNumber): string {
  return rules.select(Number(count)) === 'one' ? 'row' : 'rows';
}

/** `3 rows`, for counts of the wire too. */
export function rowsText(count: WholeNumber): string {
  return `${numberText(count)} ${rowWord(count)}`;
}

/** What an update did: `205 rows written`, `12 rows written, 3 deleted`; null if it changed none. */
export function changedRows(written: WholeNumber, deleted: WholeNumber): string | null {
  const hasDeleted = Number(deleted) > 0;
  if (Number(written) > 0) return `${rowsText(written)} written${hasDeleted ? `, ${numberText(deleted)} deleted` : ''}`;
  return hasDeleted ? `${rowsText(deleted)} deleted` : null;
}
