import type { Conversion } from './fixed-writer.js';

/** Of 32 bits: the greatest signed integer, which is all but the sign, the least, and how many there are. */
const INT_MAX = 0x7fff_ffff;
const INT_MIN = -0x8000_0000;
const WORD = 2 ** 32;

/**
 * The words of a number that are its exponent: with all bits set, and others besides, it is no number. There are many of those;
 * Postgres reads each from a text as the same one, so that rows which are compared by their bytes do not differ.
 */
const FLOAT4 = { exponent: 0x7f80_0000, notANumber: 0x7fc0_0000 };
const FLOAT8 = { exponent: 0x7ff0_0000, notANumber: 0x7ff8_0000 };

export const convertFloat4: Conversion = (data, rows) => {
  for (let at = 0; at < rows * 4; at += 4) {
    if ((data.getInt32(at, true) & INT_MAX) > FLOAT4.exponent) data.setInt32(at, FLOAT4.notANumber, true);
  }
};

export const convertFloat8: Conversion = (data, rows) => {
  for (let at = 0; at < rows * 8; at += 8) {
    const word = data.getInt32(at + 4, true) & INT_MAX;
    if (word < FLOAT8.exponent || (word === FLOAT8.exponent && data.getInt32(at, true) === 0)) continue;
    data.setInt32(at + 4, FLOAT8.notANumber, true);
    data.setInt32(at, 0, true);
  }
};

/** The engine has a UUID as an integer whose sign is turned, so that it sorts like its text. */
export const convertUuid: Conversion = (data, rows) => {
  for (let at = 12; at < rows * 16; at += 16) data.setInt32(at, data.getInt32(at, true) ^ INT_MIN, true);
};

/** Days from 1970-01-01, where the engine counts from, to 2000-01-01, where Postgres does. */
const EPOCH_DAYS = 10_957;
/** Before the first day of Postgres, which refuses it, and far enough from the least integer for any difference. */
const EARLIEST_DAY = -2_000_000_000;

/**
 * Days. To the engine, the greatest integer and its negative are infinities; in files of the lakehouse they are the last day,
 * and the one before the engine's first (see `temporal-text.ts`).
 */
export function convertDate(hasInfinities: boolean): Conversion {
  return (data, rows) => {
    for (let at = 0; at < rows * 4; at += 4) {
      const day = data.getInt32(at, true);
      if (hasInfinities && day === INT_MAX) continue;
      const isLeast = hasInfinities && day === -INT_MAX;
      data.setInt32(at, isLeast ? INT_MIN : Math.max(day, EARLIEST_DAY) - EPOCH_DAYS, true);
    }
  };
}

const EPOCH_MICROSECONDS = EPOCH_DAYS * 86_400_000_000;
const EPOCH_HIGH = Math.floor(EPOCH_MICROSECONDS / WORD);
const EPOCH_LOW = EPOCH_MICROSECONDS % WORD;
/** As `EARLIEST_DAY`: the upper half of microseconds. */
const EARLIEST_HIGH = -1_900_000_000;

/** Microseconds, with the same infinities as days. */
export function convertTimestamp(hasInfinities: boolean): Conversion {
  return (data, rows) => {
    for (let at = 0; at < rows * 8; at += 8) {
      const low = data.getUint32(at, true);
      const high = data.getInt32(at + 4, true);
      if (hasInfinities && high === INT_MAX && low === WORD - 1) continue;
      if (hasInfinities && high === INT_MIN && low === 1) set(data, at, INT_MIN, 0);
      else if (high < EARLIEST_HIGH) set(data, at, EARLIEST_HIGH, 0);
      else set(data, at, high - EPOCH_HIGH - (low < EPOCH_LOW ? 1 : 0), low - EPOCH_LOW);
    }
  };
}

/** @param low modulo 2^32 */
function set(data: DataView, at: number, high: number, low: number): void {
  data.setInt32(at + 4, high, true);
  data.setInt32(at, low, true);
}
