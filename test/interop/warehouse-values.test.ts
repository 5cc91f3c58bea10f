import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { warehouseColumn } from '../../src/lake/remote/databricks/warehouse-columns.js';
import { jsonRows } from '../../src/lake/remote/json-rows.js';

// Goal: what a SQL warehouse is asked for keeps every value, in a session of any time zone: tried with Spark, whose SQL it is.
//
// Part of `npm run test:interop`. SPARK_PYTHON names a Python that has pyspark 4, for example of a virtual environment; without it the
// test is skipped. What it does not show: the API of a warehouse, for which there is a server in the unit tests.

const python = process.env.SPARK_PYTHON;
if (!python) console.info('skipped: SPARK_PYTHON names no Python with pyspark');

const ROWS = String.raw`
  select * from values
    (1, true, tinyint(-128), smallint(-32768), 9223372036854775807L, float('1.17549435E-38'), double('NaN'),
     cast('1234567890123456789012345678.0123456789' as decimal(38,10)), 'a"\\ü🦆\n', X'00FF10', date'0001-01-01',
     timestamp'2020-02-29 12:00:00.999999 UTC', timestamp_ntz'2020-02-29 12:00:00.000001', array(1L, null, 9007199254740993L),
     map('k"1', named_struct('a', 1, 'at', timestamp'2020-02-29 12:00:00.123456 UTC', 'b', X'00FF', 'x', cast(0.1 as decimal(10,2)),
                            'f', double('Infinity'))),
     parse_json('{"a":[1,null,1.5]}'), interval '2' day),
    (2, null, null, null, -9223372036854775808L, float('-Infinity'), double('1e-320'), null, '', X'', date'9999-12-31',
     timestamp'0001-01-01 00:00:00 UTC', timestamp_ntz'9999-12-31 23:59:59.999999', array(), map(), parse_json('null'), null)
    as t(id, b, i1, i2, i8, f4, f8, d, s, bin, dt, ts, ntz, arr, m, v, iv)`;

describe.runIf(python)('values of a SQL warehouse', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'warehouse-'));
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ memoryLimitMb: 64 });
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string) => path.join(folder, name);
  const run = () =>
    execFileSync(python ?? '', [path.join(import.meta.dirname, 'spark_select.py'), folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });

  it('arrive as they are', async () => {
    writeFileSync(file('rows.sql'), ROWS);
    run();
    const described = JSON.parse(readFileSync(file('columns.json'), 'utf8')) as [string, string][];
    const columns = described.map(([name, typeText]) => warehouseColumn({ name, typeText }));
    expect(columns.filter(({ field }) => field.type.kind === 'unsupported')).toEqual([]);
    writeFileSync(file('asked.sql'), `select ${columns.map(({ asked }) => asked).join(', ')} from rows order by id`);
    run();
    const rows = jsonRows.read(file('rows.json'), columns.length, statSync(file('rows.json')).size);
    const values = columns.map(({ field, value }, at) => `${value(`raw${at}`)} as "${field.name}"`);
    const connection = await engine.connect();
    try {
      const found = await connection.runAndReadAll(`select ${values.join(', ')} from ${rows}`);
      expect(found.getRowObjectsJson()).toEqual([
        {
          id: 1,
          b: true,
          i1: -128,
          i2: -32768,
          i8: '9223372036854775807',
          f4: Math.fround(1.17549435e-38),
          f8: 'NaN',
          d: '1234567890123456789012345678.0123456789',
          s: 'a"\\ü🦆\n',
          bin: '\\x00\\xFF\\x10',
          dt: '0001-01-01',
          ts: '2020-02-29 12:00:00.999999+00',
          ntz: '2020-02-29 12:00:00.000001',
          arr: ['1', null, '9007199254740993'],
          m: [
            {
              key: 'k"1',
              value: { a: 1, at: '2020-02-29 12:00:00.123456+00', b: '\\x00\\xFF', x: '0.10', f: 'Infinity' },
            },
          ],
          v: '{"a":[1,null,1.5]}',
          iv: `INTERVAL '2' DAY`,
        },
        {
          id: 2,
          b: null,
          i1: null,
          i2: null,
          i8: '-9223372036854775808',
          f4: '-Infinity',
          f8: 1e-320,
          d: null,
          s: '',
          bin: '',
          dt: '9999-12-31',
          ts: '0001-01-01 00:00:00+00',
          ntz: '9999-12-31 23:59:59.999999',
          arr: [],
          m: [],
          v: 'null',
          iv: null,
        },
      ]);
    } finally {
      connection.closeSync();
    }
  }, 600_000);
});
