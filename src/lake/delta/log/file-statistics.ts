import type { Field } from '../../../core/data-type.js';
import { dateBound, timeBound } from '../../data-files/bound-texts.js';
import type { ColumnBounds, FileBounds } from '../../data-files/stated-bounds.js';

/** Statistics of an add action, as JSON gives them. */
interface StatedValues {
  readonly numRecords?: unknown;
  readonly minValues?: unknown;
  readonly maxValues?: unknown;
  readonly nullCount?: unknown;
}

/**
 * What the statistics of an action tell of some columns (protocol: "Per-file Statistics"), with bounds that hold whichever
 * writer stated them; null if they tell nothing. Bounds of files with deleted rows may be those of all their rows: they are
 * still bounds.
 * @param stats the text in the log
 * @param fields columns of the table, outside of its partitioning
 */
export function readStatistics(stats: string, fields: readonly Field[]): FileBounds | null {
  let stated: StatedValues | null;
  try {
    stated = JSON.parse(stats);
  } catch {
    // Only ever a hint: a writer that puts something else there must not stop a reader.
    return null;
  }
  if (!isObject(stated)) return null;
  return {
    rows: countOf(stated.numRecords),
    columns: fields.map((field) => {
      const { physicalName } = field;
      return columnBounds(field, {
        least: memberOf(stated.minValues, physicalName),
        greatest: memberOf(stated.maxValues, physicalName),
        nulls: memberOf(stated.nullCount, physicalName),
      });
    }),
  };
}

/** The same of the values of one column, whether numbers or their texts. */
export function columnBounds(
  field: Field,
  stated: { readonly least: unknown; readonly greatest: unknown; readonly nulls: unknown },
): ColumnBounds {
  return {
    least: boundText(field, stated.least, -1),
    greatest: boundText(field, stated.greatest, 1),
    nulls: countOf(stated.nulls),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberOf(values: unknown, name: string): unknown {
  return isObject(values) && Object.hasOwn(values, name) ? values[name] : null;
}

export function countOf(value: unknown): bigint | null {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && Number(count) >= 0 ? BigInt(Number(count)) : null;
}

/** @param side -1 for a value that none is below, 1 for one that none is above */
function boundText({ type }: Field, value: unknown, side: -1 | 1): string | null {
  switch (type.kind) {
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
      return integerBound(value, side);
    case 'decimal':
      return decimalBound(value, side, type.precision);
    case 'string':
      if (typeof value !== 'string') return null;
      return side < 0 ? value.replace(HALVES, '\uFFFD') : greatestText(value);
    case 'date':
      return dateBound(value);
    case 'timestamp':
      return timeBound(value, 'stated');
    case 'timestamp_ntz':
      return timeBound(value, 'none');
    default:
      return null;
  }
}

/** What JSON numbers of 64 bits are off by at most, once they were read. */
const ROUNDED_OFF = 2048n;

function integerBound(value: unknown, side: -1 | 1): string | null {
  if (typeof value === 'string') return /^-?\d{1,19}$/.test(value) ? value : null;
  if (typeof value !== 'number' || !Number.isInteger(value)) return null;
  return String(Number.isSafeInteger(value) ? value : BigInt(value) + BigInt(side) * ROUNDED_OFF);
}

/** Digits that a double keeps, and so writers that make one of each decimal. */
const DIGITS_EXACT = 15;
/** More than what one is off by that was rounded twice. */
const RELATIVE_ERROR = 1e-15;

/** Rounding to the scale of the column, as its cast does, leads past no value that has this scale. */
function decimalBound(value: unknown, side: -1 | 1, precision: number): string | null {
  const isText = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
  const number = isText ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return null;
  if (precision <= DIGITS_EXACT) return String(number);
  return String(number + side * Math.abs(number) * RELATIVE_ERROR);
}

/** Halves of characters, which a cut has left. */
const HALVES = /\p{Surrogate}/gu;
/**
 * What writers put behind a text that they cut, or make of half a character. Some put U+FFFD behind it although characters
 * beyond the first 65,536 sort after that.
 */
const MARK = /[\uFFFD\uFFFE\uFFFF\u{10FFFF}\p{Surrogate}]+$/u;
const LAST_CHARACTER = 0x10ffff;

/** A text that nothing sorts after that begins as a stated one does, if it was cut; null if there is none. */
function greatestText(text: string): string | null {
  if (!MARK.test(text)) return text.replace(HALVES, '\uFFFD');
  // Half of a character that was cut in two may have become a question mark.
  const characters = [...text.replace(MARK, '').replace(/\?+$/, '').replace(HALVES, '\uFFFD')];
  const last = characters.pop()?.codePointAt(0);
  if (last === undefined || last >= LAST_CHARACTER) return null;
  const next = last + 1;
  // Between these there are no characters.
  return characters.join('') + String.fromCodePoint(next >= 0xd800 && next <= 0xdfff ? 0xe000 : next);
}
