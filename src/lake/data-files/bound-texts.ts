// Texts of dates and times that hold whoever wrote them.

const DATE = /^\d{4}-\d\d-\d\d$/;
/** Before it, writers disagree on the calendar. */
const GREGORIAN = '1582-10-16';

/** A date as a bound; null if it does not say which day it is. */
export function dateBound(text: unknown): string | null {
  return typeof text === 'string' && DATE.test(text) && text >= GREGORIAN ? text : null;
}

const TIME = /^(\d{4})-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(Z|[+-]\d\d(?::?\d\d)?)?$/;
/** Before it, the offsets of zones have seconds. */
const YEAR_MIN = 1901;

/**
 * A time as a bound; null if it does not say which moment it is.
 * @param zone `stated`: a text that names none is the local time of an unknown place
 */
export function timeBound(text: unknown, zone: 'stated' | 'none'): string | null {
  const [, year, offset] = (typeof text === 'string' && TIME.exec(text)) || [];
  if (typeof text !== 'string' || year === undefined || Number(year) < YEAR_MIN) return null;
  if (zone === 'stated') return offset === undefined ? null : text;
  return offset === undefined || offset === 'Z' ? text.replace(/Z$/, '') : null;
}
