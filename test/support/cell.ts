import { assertNever } from '../../src/core/assert-never.js';
import type { DataType } from '../../src/core/data-type.js';

/**
 * One value of a table as tests hold it, without loss: integers, days of dates and microseconds of timestamps as
 * bigint; decimals as their digits; variants as JSON text; arrays, structs (members in order) and maps (pairs of key
 * and value) as lists.
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array | readonly Cell[];

const MICROS_PER_DAY = 86_400_000_000n;
const DAYS_PER_ERA = 146_097n;

/** Text that Postgres reads as the value of a column of `type`. */
export function cellText(type: DataType, cell: Cell): string | null {
  if (cell === null) return null;
  switch (type.kind) {
    case 'float':
    case 'double':
      return Object.is(cell, -0) ? '-0' : String(cell);
    case 'binary':
      return `\\x${Buffer.from(cell as Uint8Array).toString('hex')}`;
    case 'date':
      return postgresDate(cell as bigint, '');
    case 'timestamp':
    case 'timestamp_ntz': {
      const [day, time] = splitMicros(cell as bigint);
      return postgresDate(day, ` ${timeText(time)}${type.kind === 'timestamp' ? '+00' : ''}`);
    }
    case 'array':
    case 'map':
    case 'struct':
    case 'variant':
      return cellJson(type, cell);
    default:
      return String(cell);
  }
}

/** JSON text of a value inside a nested column, as the documentation promises it. */
function cellJson(type: DataType, cell: Cell): string {
  if (cell === null) return 'null';
  switch (type.kind) {
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
    case 'decimal':
    case 'boolean':
    case 'variant':
      return String(cell);
    case 'float':
    case 'double':
      return Number.isFinite(cell) ? scalarText(type, cell) : JSON.stringify(String(cell));
    case 'string':
    case 'binary':
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'time':
    case 'uuid':
      return JSON.stringify(scalarText(type, cell));
    case 'array':
      return `[${list(cell).map((item) => cellJson(type.element, item))}]`;
    case 'map':
      return mapJson(type, list(cell));
    case 'struct': {
      const members = type.fields.map((field, n) => {
        return `${JSON.stringify(field.name)}:${cellJson(field.type, list(cell)[n] ?? null)}`;
      });
      return `{${members}}`;
    }
    case 'void':
    case 'interval':
    case 'unsupported':
      throw new Error(`tests have no JSON form of ${type.kind}`);
    default:
      return assertNever(type);
  }
}

function mapJson(type: Extract<DataType, { kind: 'map' }>, pairs: readonly Cell[]): string {
  const isNested = ['struct', 'array', 'map'].includes(type.key.kind);
  const members = pairs.map((pair) => {
    const [key = null, value = null] = list(pair);
    const json = cellJson(type.value, value);
    if (isNested) return `{"key":${cellJson(type.key, key)},"value":${json}}`;
    return `${JSON.stringify(keyText(type.key, key))}:${json}`;
  });
  return isNested ? `[${members}]` : `{${members}}`;
}

/** Whole numbers among floating-point keys keep a `.0`. */
function keyText(type: DataType, cell: Cell): string {
  return Number.isInteger(cell) ? `${Object.is(cell, -0) ? '-0' : cell}.0` : scalarText(type, cell);
}

function scalarText(type: DataType, cell: Cell): string {
  switch (type.kind) {
    case 'float':
      return shortestFloat(cell as number);
    case 'binary':
      return Buffer.from(cell as Uint8Array).toString('base64');
    case 'date':
      return isoDate(cell as bigint);
    case 'timestamp':
    case 'timestamp_ntz': {
      const [day, time] = splitMicros(cell as bigint);
      const year = civilYear(day);
      const separator = year >= 1n && year <= 9999n ? 'T' : ' ';
      return `${isoDate(day)}${separator}${timeText(time)}${type.kind === 'timestamp' ? 'Z' : ''}`;
    }
    default:
      return String(cell);
  }
}

export function list(cell: Cell): readonly Cell[] {
  if (!Array.isArray(cell)) throw new Error('this cell is no list');
  return cell;
}

function shortestFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((n) => Math.fround(Number(value.toPrecision(n))) === value);
  return String(Number(value.toPrecision(digits ?? 9)));
}

function splitMicros(micros: bigint): [day: bigint, time: bigint] {
  const time = ((micros % MICROS_PER_DAY) + MICROS_PER_DAY) % MICROS_PER_DAY;
  return [(micros - time) / MICROS_PER_DAY, time];
}

function timeText(micros: bigint): string {
  const clock = new Date(Number(micros / 1000n)).toISOString().slice(11, 19);
  const fraction = (micros % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

/** Month and day by the calendar of JavaScript, which is the same in every era of 400 years. */
function civilDate(day: bigint): { year: bigint; monthAndDay: string } {
  const inEra = ((day % DAYS_PER_ERA) + DAYS_PER_ERA) % DAYS_PER_ERA;
  const eras = (day - inEra) / DAYS_PER_ERA;
  const text = new Date(Number(inEra) * 86_400_000).toISOString();
  return { year: BigInt(text.slice(0, 4)) + eras * 400n, monthAndDay: text.slice(4, 10) };
}

function civilYear(day: bigint): bigint {
  return civilDate(day).year;
}

/** Year 0 is 1 BC. */
function postgresDate(day: bigint, time: string): string {
  const { year, monthAndDay } = civilDate(day);
  if (year > 0n) return `${pad(year)}${monthAndDay}${time}`;
  return `${pad(1n - year)}${monthAndDay}${time} BC`;
}

/** Dates before year 1 carry ` (BC)`, as DuckDB prints them. */
function isoDate(day: bigint): string {
  const { year, monthAndDay } = civilDate(day);
  return year > 0n ? `${pad(year)}${monthAndDay}` : `${pad(1n - year)}${monthAndDay} (BC)`;
}

function pad(year: bigint): string {
  return year.toString().padStart(4, '0');
}
