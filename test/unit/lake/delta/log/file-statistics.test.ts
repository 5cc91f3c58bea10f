import { describe, expect, it } from 'vitest';
import type { DataType } from '../../../../../src/core/data-type.js';
import { readStatistics } from '../../../../../src/lake/delta/log/file-statistics.js';

// Goal: bounds that are made of what a writer states hold for every value that it may have stated them of.

function boundsOf(type: DataType, least: string, greatest: string) {
  const field = { name: 'c', physicalName: 'p', nullable: true, type };
  const stats = `{"numRecords":3,"minValues":{"p":${least}},"maxValues":{"p":${greatest}},"nullCount":{"p":1}}`;
  const found = readStatistics(stats, [field]);
  return [found?.columns[0]?.least, found?.columns[0]?.greatest];
}

const text = (value: string) => JSON.stringify(value);

describe('bounds of texts', () => {
  const bounds = (least: string, greatest: string) => boundsOf({ kind: 'string' }, text(least), text(greatest));

  it('are what is stated, unless it was cut', () => {
    expect(bounds('a', 'ab?')).toEqual(['a', 'ab?']);
  });

  it.each([
    ['before a character that sorts after its mark', 'ab\uFFFD'],
    ['with the mark that sorts last', 'ab\u{10FFFF}'],
    ['within a character', 'ab\uD83D\uFFFD'],
    ['within a character that became a question mark', 'ab?\uFFFD'],
  ])('are the next text after the greatest that was cut %s', (_, greatest) => {
    expect(bounds('a', greatest)).toEqual(['a', 'ac']);
  });

  it('are not known where no text comes after it', () => {
    expect(bounds('a', '\u{10FFFF}\uFFFD')[1]).toBeNull();
    expect(bounds('a', '\uFFFD')[1]).toBeNull();
  });

  it('pass over what are no characters', () => {
    expect(bounds('a', '\uD7FF\u{10FFFF}')[1]).toBe('\uE000');
    expect(bounds('a\uD83D', 'b')[0]).toBe('a\uFFFD');
  });
});

describe('bounds of numbers', () => {
  it('are wider where JSON has rounded them', () => {
    expect(boundsOf({ kind: 'long' }, '-5', '9007199254740991')).toEqual(['-5', '9007199254740991']);
    const [least, greatest] = boundsOf({ kind: 'long' }, '-9223372036854775807', '9007199254740993');
    expect(BigInt(least ?? 0)).toBeLessThanOrEqual(-9223372036854775807n);
    expect(BigInt(greatest ?? 0)).toBeGreaterThanOrEqual(9007199254740993n);
  });

  it('are wider where writers make doubles of decimals', () => {
    expect(boundsOf({ kind: 'decimal', precision: 10, scale: 2 }, '-1.5', '12345678.91')).toEqual([
      '-1.5',
      '12345678.91',
    ]);
    const [least, greatest] = boundsOf({ kind: 'decimal', precision: 38, scale: 2 }, '-100', '100');
    expect(Number(least)).toBeLessThan(-100);
    expect(Number(greatest)).toBeGreaterThan(100);
  });

  it('are not known where something else stands for them, nor of floats', () => {
    expect(boundsOf({ kind: 'integer' }, '"1"', '1.5')).toEqual(['1', null]);
    expect(boundsOf({ kind: 'double' }, '1', '2')).toEqual([null, null]);
    expect(boundsOf({ kind: 'string' }, '1', '[]')).toEqual([null, null]);
  });
});

describe('bounds of dates and times', () => {
  it('are what is stated', () => {
    expect(boundsOf({ kind: 'date' }, '"1999-01-02"', '"2000-01-02"')).toEqual(['1999-01-02', '2000-01-02']);
    const stated = ['"1999-01-02T03:04:05.678Z"', '"2000-01-02T03:04:05.678-08:00"'] as const;
    expect(boundsOf({ kind: 'timestamp' }, ...stated)).toEqual(stated.map((each) => JSON.parse(each)));
    expect(boundsOf({ kind: 'timestamp_ntz' }, '"1999-01-02"', '"2000-01-02 03:04:05.678"')).toEqual([
      '1999-01-02',
      '2000-01-02 03:04:05.678',
    ]);
  });

  it('are not known where zone or calendar are not', () => {
    expect(boundsOf({ kind: 'timestamp' }, '"1999-01-02T03:04:05"', '"infinity"')).toEqual([null, null]);
    expect(boundsOf({ kind: 'timestamp_ntz' }, '"1999-01-02T03:04:05+01:00"', '"0001-01-01"')).toEqual([null, null]);
    expect(boundsOf({ kind: 'date' }, '"1500-01-01"', '"+12000-01-01"')).toEqual([null, null]);
  });
});

it('takes nothing from statistics that are none', () => {
  const field = { name: 'c', physicalName: 'p', nullable: true, type: { kind: 'long' } as const };
  for (const stats of ['', 'x', 'null', '[]', '5', '"a"']) expect(readStatistics(stats, [field])).toBeNull();
  const nothing = { rows: null, columns: [{ least: null, greatest: null, nulls: null }] };
  expect(readStatistics('{"numRecords":-1,"minValues":5,"nullCount":{"p":1.5}}', [field])).toEqual(nothing);
});
