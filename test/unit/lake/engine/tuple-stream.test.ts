import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/core/blocks.js';
import type { CopySelects } from '../../../../src/lake/engine/copy-stream.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { NUL_ERROR_MARK } from '../../../../src/lake/engine/nul-error.js';
import type { BinaryForm } from '../../../../src/lake/engine/tuples/binary-form.js';
import { openTupleStream } from '../../../../src/lake/engine/tuples/tuple-stream.js';
import { numericText, tuplesOf } from '../../../support/binary-copy.js';
import { propertySeed } from '../../../support/property-seed.js';
import { withConnection } from '../../../support/with-connection.js';

// Goal: rows arrive as tuples of COPY's binary format, byte by byte what the engine has, and a stream that failed or was
// cut off cannot be taken for a whole one, although the engine's client ends it like any other.

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** The tuples of a statement, and its rows as the engine itself prints them. */
async function tuplesAndTexts(select: string, forms: readonly BinaryForm[], isSmall = false) {
  return withConnection(engine, async (connection) => {
    const stream = openTupleStream(connection, select, { columns: columnsOf(forms), isSmall });
    const tuples = tuplesOf(await buffer(stream.bytes));
    expect(await stream.finished).toBe(BigInt(tuples.length));
    const casts = forms.map((_, n) => `c${n}::varchar`).join(', ');
    const names = forms.map((_, n) => `c${n}`).join(', ');
    const read = await connection.runAndReadAll(`select ${casts} from (${select}) t(${names})`);
    return { tuples, texts: read.getRowsJson() as (string | null)[][] };
  });
}

const columnsOf = (forms: readonly BinaryForm[]) => forms.map((form) => ({ form }));

const asText = (value: Buffer | null | undefined) => value?.toString() ?? null;

const LENGTHS = [0, 1, 3, 4, 11, 12, 13, 14, 63, 64, 191, 192, 193, 5000];
const FEW_LONG = [...LENGTHS, BLOCK_BYTES - 6, BLOCK_BYTES - 5, BLOCK_BYTES, 3 * BLOCK_BYTES + 17];

/** SQL of a text whose length is one of `lengths`, or null, by chance. */
function randomText(lengths: readonly number[], seed: number): string {
  const pick = `hash(n, ${seed})`;
  const length = `[${lengths.join(', ')}][1 + (${pick} % ${lengths.length})::integer]`;
  // Of characters of one and of two bytes, so that no two texts of a length are alike.
  return `case when ${pick} % 11 = 3 then null else
    left(repeat(md5(n::varchar || '${seed}') || 'é', ${length} // 33 + 1), ${length}) end`;
}

it.each([
  ['many short texts', LENGTHS, 5_000, false],
  ['texts around the size of a block', FEW_LONG, 300, false],
  ['texts of a result in memory', FEW_LONG, 300, true],
] as const)('delivers %s as they are, nulls among them', async (what, lengths, rows, isSmall) => {
  const seed = propertySeed(`tuples: ${what}`);
  const columns = [1, 2, 3].map((n) => randomText(lengths, seed + n));
  const select = `select ${columns[0]}, n, ${columns[1]}, encode(${columns[2]}), ${columns[2]} from range(${rows}) r(n)`;
  const { tuples, texts } = await tuplesAndTexts(select, ['text', 'int8', 'text', 'bytea', 'jsonb'], isSmall);
  expect(texts).toHaveLength(rows);
  const readable = tuples.map(([first, n, second, blob, json]) => {
    if (json) expect(json[0]).toBe(1);
    expect(asText(blob)).toBe(asText(json?.subarray(1)));
    return [asText(first), String(n?.readBigInt64BE()), asText(second), asText(json?.subarray(1))];
  });
  const byNumber = (a: readonly unknown[], b: readonly unknown[]) => Number(a[1]) - Number(b[1]);
  const expected = texts.map(([first, n, second, , json]) => [first, n, second, json]);
  expect(readable.sort(byNumber)).toEqual(expected.sort(byNumber));
});

it.each([
  [4, 0],
  [4, 4],
  [9, 3],
  [15, 2],
  [18, 1],
  [18, 18],
  [19, 0],
  [38, 0],
  [38, 7],
  [38, 18],
  [38, 38],
])('delivers decimal(%i,%i), the ends included', async (precision, scale) => {
  const seed = propertySeed(`tuples: decimal(${precision},${scale})`);
  // As texts of digits, so that no arithmetic of the engine has a part in it.
  const digits = `left(replace(hash(n, ${seed})::varchar || hash(n, ${seed + 1})::varchar || hash(n, ${seed + 2})::varchar, '-', ''),
    1 + (hash(n, ${seed + 3}) % ${precision})::integer)`;
  const padded = `lpad(${digits}, ${precision}, '0')`;
  const point = scale === 0 ? padded : `left(${padded}, ${precision - scale}) || '.' || right(${padded}, ${scale})`;
  const nines = '9'.repeat(precision);
  const most = `${nines.slice(0, precision - scale)}${scale === 0 ? '' : `.${nines.slice(precision - scale)}`}`;
  const text = `case n when 0 then '0' when 1 then '${most}' when 2 then '-${most}' when 3 then null
    else case when n % 2 = 0 then '-' else '' end || ${point} end`;
  const select = `select (${text})::decimal(${precision},${scale}) from range(3000) r(n)`;
  const { tuples, texts } = await tuplesAndTexts(select, ['numeric']);
  // The engine leaves out the zero before the point where there are no digits before it.
  const expected = texts.map(([printed]) => printed?.replace(/^(-?)\./, '$10.') ?? null);
  expect(tuples.map(([value]) => (value ? numericText(value) : null))).toEqual(expected);
});

it('delivers values of each fixed width, and nulls', async () => {
  const select = `select n % 2 = 0, (n - 300)::smallint, (n * 7919 - 1000000)::integer, (n * 1000003 - 1)::bigint, (n * 0.37 - 5)::float,
    (n * 1.37 - 5)::double, case when n % 64 <> 63 then uuid() end, to_months(n::integer - 200) + to_days(-n::integer) + to_microseconds(n * 999983)
    from range(5000) r(n)`;
  await withConnection(engine, async (connection) => {
    await connection.run(`create temp table widths as ${select}`);
    const forms: BinaryForm[] = ['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'uuid', 'interval'];
    const stream = openTupleStream(connection, 'from widths', { columns: columnsOf(forms) });
    const tuples = tuplesOf(await buffer(stream.bytes));
    const rows = (await connection.runAndReadAll('from widths')).getRowsJson() as unknown[][];
    expect(tuples).toHaveLength(5000);
    for (const [n, values] of tuples.entries()) {
      const row = rows[n] ?? [];
      const [bool, int2, int4, int8, float4, float8, uuid, interval] = values;
      expect(bool?.readUInt8()).toBe(Number(row[0]));
      expect(int2?.readInt16BE()).toBe(row[1]);
      expect(int4?.readInt32BE()).toBe(row[2]);
      expect(String(int8?.readBigInt64BE())).toBe(row[3]);
      expect(float4?.readFloatBE()).toBe(Math.fround(Number(row[4])));
      expect(float8?.readDoubleBE()).toBe(row[5]);
      expect(uuid?.toString('hex') ?? null).toBe((row[6] as string | null)?.replaceAll('-', '') ?? null);
      expect([interval?.readBigInt64BE(), interval?.readInt32BE(8), interval?.readInt32BE(12)]).toEqual([
        BigInt(n) * 999_983n,
        0 - n,
        n - 200,
      ]);
    }
  });
});

it.each([1, 4, 7, 12, 13, 100, 192, 193, 5000, BLOCK_BYTES, 2 * BLOCK_BYTES])(
  'refuses a NUL character anywhere in a text of %i characters, and only there',
  async (length) => {
    const seed = propertySeed(`NUL in ${length}`);
    await withConnection(engine, async (connection) => {
      for (const position of [1, length, 1 + (seed % length)]) {
        const clean = `repeat('ÿ\u007f', ${Math.ceil(length / 2)})`;
        const text = `left(${clean}, ${position - 1}) || chr(0) || left(${clean}, ${length - position})`;
        const rows = `select case when n = 1 then ${text} else left(${clean}, ${length}) end from range(3) r(n)`;
        const refused = openTupleStream(connection, `select 1::bigint, c from (${rows}) r(c)`, {
          columns: [{ form: 'int8' }, { form: 'text', isNulRefused: true }],
        });
        await buffer(refused.bytes);
        await expect(refused.finished).rejects.toThrow(`${NUL_ERROR_MARK}1;`);
        // What is no text may have any bytes.
        const bytes = openTupleStream(connection, `select encode(c) from (${rows}) r(c)`, {
          columns: [{ form: 'bytea' }],
        });
        expect(tuplesOf(await buffer(bytes.bytes))).toHaveLength(3);
      }
      const clean = openTupleStream(connection, `select left(repeat('ÿ\u0001', ${length}), ${length})`, {
        columns: [{ form: 'text', isNulRefused: true }],
      });
      expect(tuplesOf(await buffer(clean.bytes))[0]?.[0]?.toString()).toHaveLength(length);
    });
  },
);

it('counts days and microseconds as Postgres does, with its infinities where the source has some', async () => {
  const day = 86_400_000_000n;
  const select = `select d, t from (values (date '2000-01-01', timestamp '2000-01-01'), (date '1970-01-01', timestamp '1970-01-01'),
    (date '4713-01-01 (BC)', timestamp '1999-12-31 23:59:59.999999'), ('infinity'::date, 'infinity'::timestamp),
    ('-infinity'::date, '-infinity'::timestamp), (null, null)) v(d, t)`;
  for (const hasInfinities of [true, false]) {
    await withConnection(engine, async (connection) => {
      const columns = [
        { form: 'date' as const, hasInfinities },
        { form: 'timestamp' as const, hasInfinities },
      ];
      const stream = openTupleStream(connection, select, { columns });
      const read = tuplesOf(await buffer(stream.bytes)).map(([d, t]) => [d?.readInt32BE(), t?.readBigInt64BE()]);
      const last = 2n ** 63n - 1n - 10_957n * day;
      expect(read).toEqual([
        [0, 0n],
        [-10_957, -10_957n * day],
        [-2_451_507, -1n],
        hasInfinities ? [2 ** 31 - 1, 2n ** 63n - 1n] : [2 ** 31 - 1 - 10_957, last],
        // Without infinities it is a day before all that Postgres has, which it refuses.
        hasInfinities ? [-(2 ** 31), -(2n ** 63n)] : [-2_000_010_957, -1_900_000_000n * 2n ** 32n],
        [undefined, undefined],
      ]);
    });
  }
});

it('writes every value that is no number as Postgres does, and infinities and zeros as they are', async () => {
  await withConnection(engine, async (connection) => {
    // The engine turns the sign of the second.
    const values = ['', '-', '', '-', '', '-', '', '-'].map((sign, n) => {
      return `${sign}('${['nan', 'inf', '0', '1.5'][Math.floor(n / 2)]}'::double)`;
    });
    const select = `select d, d::float from (select unnest([${values.join(', ')}]) as d)`;
    const stream = openTupleStream(connection, select, { columns: columnsOf(['float8', 'float4']) });
    const hex = tuplesOf(await buffer(stream.bytes)).map((values) => values.map((value) => value?.toString('hex')));
    expect(hex).toEqual([
      ['7ff8000000000000', '7fc00000'],
      ['7ff8000000000000', '7fc00000'],
      ['7ff0000000000000', '7f800000'],
      ['fff0000000000000', 'ff800000'],
      ['0000000000000000', '00000000'],
      ['8000000000000000', '80000000'],
      ['3ff8000000000000', '3fc00000'],
      ['bff8000000000000', 'bfc00000'],
    ]);
  });
});

it('refuses a result whose types are not those of the forms, before it reads any', async () => {
  await withConnection(engine, async (connection) => {
    const stream = openTupleStream(connection, 'select 1::integer', { columns: columnsOf(['int8']) });
    await buffer(stream.bytes);
    await expect(stream.finished).rejects.toThrow('column 1 is INTEGER, which has no form int8');
  });
});

it('delivers no rows as no tuples', async () => {
  const { tuples } = await tuplesAndTexts('select 1::bigint where false', ['int8']);
  expect(tuples).toEqual([]);
});

it('tells each SELECT how many rows the one before it had', async () => {
  await withConnection(engine, async (connection) => {
    const counts: bigint[] = [];
    async function* selects(): CopySelects {
      counts.push(yield 'select n from range(5000) r(n)');
      counts.push(yield 'select n from range(3) r(n)');
    }
    const stream = openTupleStream(connection, selects(), { columns: columnsOf(['int8']) });
    expect(tuplesOf(await buffer(stream.bytes))).toHaveLength(5003);
    expect(await stream.finished).toBe(5003n);
    expect(counts).toEqual([5000n, 3n]);
  });
});

it.each([
  [
    'at its last row',
    `select case when n = 299999 then error('last row') else n end from range(300000) r(n)`,
    'last row',
  ],
  ['at its first', `select case when n = 0 then error('first row') else n end from range(300000) r(n)`, 'first row'],
  [
    'in a conversion',
    `select (n::varchar || case when n = 250000 then 'x' else '' end)::bigint from range(300000) r(n)`,
    'Could not convert',
  ],
  ['when it is planned', 'select no_such_column', 'no_such_column'],
])('rejects a statement that fails %s with its own error, before the bytes end', async (_, select, message) => {
  await withConnection(engine, async (connection) => {
    const stream = openTupleStream(connection, select, { columns: columnsOf(['int8']) });
    let hasEnded = false;
    let hadEnded: boolean | null = null;
    stream.bytes.once('end', () => {
      hasEnded = true;
    });
    stream.finished.catch(() => {
      hadEnded = hasEnded;
    });
    const bytes = await buffer(stream.bytes);
    await expect(stream.finished).rejects.toThrow(message);
    expect(hadEnded).toBe(false);
    expect(() => tuplesOf(bytes)).toThrow();
  });
});

it.each([
  ['before it has started', 0],
  ['between two chunks', 5],
])('ends the statement when the signal comes %s', async (_, blocks) => {
  await withConnection(engine, async (connection) => {
    const stop = new AbortController();
    const endless = 'select n from range(10000000000) r(n)';
    const stream = openTupleStream(connection, endless, { columns: columnsOf(['int8']), signal: stop.signal });
    for (let n = 0; n < blocks; n++) await once(stream.bytes, 'data');
    stop.abort();
    stream.bytes.resume();
    await expect(stream.finished).rejects.toThrow('INTERRUPT');
  });
});

it('stops the statement when nobody reads any more, and leaves the connection usable', async () => {
  await withConnection(engine, async (connection) => {
    const sorted = 'select hash(n)::bigint from range(100000000) r(n) order by 1';
    for (const select of ['select n from range(10000000000) r(n)', sorted.replace('::bigint', ' // 2::ubigint')]) {
      const stream = openTupleStream(connection, select, { columns: columnsOf(['int8']) });
      await once(stream.bytes, 'data');
      stream.bytes.destroy();
      await expect(stream.finished).rejects.toThrow();
      expect((await connection.runAndReadAll('select 42')).getRowsJson()).toEqual([[42]]);
    }
  });
});

it('is over when it is destroyed before anything was read', async () => {
  await withConnection(engine, async (connection) => {
    let isReturned = false;
    async function* selects(): CopySelects {
      try {
        yield 'select 1::bigint';
      } finally {
        isReturned = true;
      }
    }
    for (const aborted of [false, true]) {
      const signal = aborted ? AbortSignal.abort() : new AbortController().signal;
      const stream = openTupleStream(connection, selects(), { columns: columnsOf(['int8']), signal });
      stream.bytes.destroy();
      await expect(stream.finished).rejects.toThrow('nobody reads');
      expect((await connection.runAndReadAll('select 42')).getRowsJson()).toEqual([[42]]);
    }
    // What never began needs no end.
    expect(isReturned).toBe(false);
  });
});

it('reads no further than its reader takes', async () => {
  await withConnection(engine, async (connection) => {
    await connection.run('create or replace sequence taken');
    const stream = openTupleStream(connection, `select nextval('taken') from range(10000000) r(n)`, {
      columns: columnsOf(['int8']),
    });
    await once(stream.bytes, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(stream.bytes.readableLength).toBeLessThan(3 * BLOCK_BYTES);
    stream.bytes.destroy();
    await expect(stream.finished).rejects.toThrow();
    const [[taken] = []] = (await connection.runAndReadAll(`select currval('taken')`)).getRowsJson();
    expect(Number(taken)).toBeLessThan(1_000_000);
  });
});
