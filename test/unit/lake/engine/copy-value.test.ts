import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataType } from '../../../../src/core/data-type.js';
import { type CopyValueOptions, copyValue, hasNul, preparedValue } from '../../../../src/lake/engine/copy-value.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { NUL_ERROR_MARK } from '../../../../src/lake/engine/nul-error.js';

// Goal: the value that is handed to the engine's writer is, character for character, what COPY reads as the value.

let engine: Engine;
let connection: DuckDBConnection;
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
});

async function copied(type: DataType, value: string, options: Partial<CopyValueOptions> = {}): Promise<unknown> {
  const all: CopyValueOptions = { format: 'text', invalidCharacters: 'fail', ...options };
  const inner = `select ${preparedValue(type, 'x', all)} as c from (select ${value} as x)`;
  const rows = await connection.runAndReadAll(
    `select cast(${copyValue(type, 'c', 7, all)} as varchar) from (${inner})`,
  );
  return rows.getRowsJson()[0]?.[0];
}

const string: DataType = { kind: 'string' };
const strings: DataType = { kind: 'array', element: string };
const variant: DataType = { kind: 'variant' };
const text = (content: string) => `decode(unhex('${Buffer.from(content).toString('hex')}'))`;

describe('copyValue', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['\\', '\\\\'],
    ['\\N', '\\\\N'],
    ['\\.', '\\\\.'],
    ['a\tb\nc\rd', 'a\\tb\\nc\\rd'],
    ['\\n', '\\\\n'],
    ['quote " comma ,', 'quote " comma ,'],
    ['\b\f\v\u0001', '\b\f\v\u0001'],
  ])('escapes %j for text, and leaves it to the writer in CSV', async (content, escaped) => {
    expect(await copied(string, text(content))).toBe(escaped);
    expect(await copied(string, text(content), { format: 'csv' })).toBe(content);
  });

  it('keeps null', async () => {
    for (const type of [
      string,
      strings,
      variant,
      { kind: 'binary' },
      { kind: 'timestamp' },
      { kind: 'date' },
    ] as DataType[]) {
      const nulls = { array: 'varchar[]', binary: 'blob', timestamp: 'timestamptz', date: 'date' } as Record<
        string,
        string
      >;
      expect(await copied(type, `null::${nulls[type.kind] ?? 'varchar'}`)).toBeNull();
    }
  });

  it('writes binary as hexadecimal', async () => {
    expect(await copied({ kind: 'binary' }, `'\\x00\\xFF'::blob`)).toBe('\\\\x00ff');
    expect(await copied({ kind: 'binary' }, `''::blob`)).toBe('\\\\x');
    expect(await copied({ kind: 'binary' }, `'\\x00'::blob`, { format: 'csv' })).toBe('\\x00');
  });

  it('writes instants in UTC, to the last microsecond', async () => {
    const kind: DataType = { kind: 'timestamp' };
    expect(await copied(kind, `'2024-02-29 12:00:00.000001+02'::timestamptz`)).toBe('2024-02-29 10:00:00.000001+00');
    expect(await copied(kind, 'make_timestamptz(9223372036854775806)')).toBe('294247-01-10 04:00:54.775806+00');
    expect(await copied(kind, `'infinity'::timestamptz`)).toBe('294247-01-10 04:00:54.775807+00');
    expect(await copied({ kind: 'timestamp_ntz' }, `'infinity'::timestamp`)).toBe('294247-01-10 04:00:54.775807');
  });

  it('writes no infinity: to a file it is the last day, or a microsecond that has no text', async () => {
    expect(await copied({ kind: 'date' }, `'infinity'::date`)).toBe('5881580-07-11');
    expect(await copied({ kind: 'date' }, `'-infinity'::date`)).toBe('5877642-06-24 (BC)');
    const refused = 'Timestamp out of range';
    await expect(copied({ kind: 'timestamp' }, `'-infinity'::timestamptz`)).rejects.toThrow(refused);
    await expect(copied({ kind: 'timestamp_ntz' }, `'-infinity'::timestamp`)).rejects.toThrow(refused);
  });

  it('doubles the backslashes of JSON for text', async () => {
    expect(await copied(strings, `[${text('a"\\\n')}]`)).toBe('["a\\\\"\\\\\\\\\\\\n"]');
    expect(await copied(strings, `[${text('a"\\\n')}]`, { format: 'csv' })).toBe('["a\\"\\\\\\n"]');
  });

  it.each<[DataType, string]>([
    [string, text('a\0')],
    [strings, `[${text('a\0')}]`],
    [strings, `[${text('\\\\\0')}]`],
    [{ kind: 'map', key: string, value: string }, `map {${text('\0')}: 'v'}`],
    [variant, text('{"a":"\\u0000"}')],
  ])('refuses a NUL in %j, naming the column', async (type, value) => {
    await expect(copied(type, value)).rejects.toThrow(`${NUL_ERROR_MARK}7;`);
    await expect(copied(type, value, { format: 'csv' })).rejects.toThrow(`${NUL_ERROR_MARK}7;`);
  });

  it('does not take the text \\u0000 for a NUL', async () => {
    expect(await copied(string, text('\\u0000'))).toBe('\\\\u0000');
    expect(await copied(strings, `[${text('\\u0000')}]`)).toBe('["\\\\\\\\u0000"]');
    expect(await copied(variant, text('"\\\\u0000"'))).toBe('"\\\\\\\\u0000"');
  });

  it('strips NULs on request and still escapes', async () => {
    const strip = { invalidCharacters: 'strip' } as const;
    expect(await copied(string, text('\0a\0\t\\\0'), strip)).toBe('a\\t\\\\');
    expect(await copied(strings, `[${text('\0\\u0000\0')}]`, strip)).toBe('["\\\\\\\\u0000"]');
    expect(await copied(variant, text('"\\u0000\\\\u0000"'), strip)).toBe('"\\\\\\\\u0000"');
  });
});

describe('hasNul', () => {
  it('looks into text and nested values, and nowhere else', async () => {
    const found = async (type: DataType, value: string) => {
      const rows = await connection.runAndReadAll(`select ${hasNul(type, 'x')} from (select ${value} as x)`);
      return rows.getRowsJson()[0]?.[0];
    };
    expect(await found(string, text('a\0'))).toBe(true);
    expect(await found(string, text('\\u0000'))).toBe(false);
    expect(await found(strings, `[${text('a')}, ${text('\0')}]`)).toBe(true);
    expect(await found(strings, `[${text('\\u0000')}]`)).toBe(false);
    expect(hasNul({ kind: 'long' }, 'x')).toBeNull();
    expect(hasNul({ kind: 'binary' }, 'x')).toBeNull();
  });
});
