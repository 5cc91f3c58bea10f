import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { type DeltaColumns, TestLake } from '../support/delta-writer.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';
import { runCli, spawnCli } from '../support/run-cli.js';

// Goal: `read` writes what COPY takes, all of it or a message, with flat memory and without Postgres.

let lake: TestLake;
let environment: Record<string, string>;

beforeAll(async () => {
  lake = await TestLake.create();
  environment = { SYNCED_TABLES_LAKE: lake.root };
});
afterAll(async () => {
  await lake[Symbol.asyncDispose]();
});

const COLUMNS: DeltaColumns = {
  id: 'long',
  text: 'string',
  amount: 'decimal(38,18)',
  double: 'double',
  flag: 'boolean',
  bytes: 'binary',
  day: 'date',
  instant: 'timestamp',
  'odd "name"': 'string',
  list: { type: 'array', elementType: 'string' },
};

/** Values that COPY could misread, and nulls beside what looks like them. */
const ROWS = `select * from (values
  (1, 'plain', 1.5, 0.1, true, 'ab'::blob, date '2026-01-31', timestamptz '2026-01-31 12:00:00.123456+00', 'x', ['a']),
  (2, '', -0.000000000000000001, 'nan'::double, false, ''::blob, date '0001-01-01', timestamptz '1970-01-01 00:00:00+00', '', []),
  (3, null, null, null, null, null, null, null, null, null),
  (4, '\\N', 12345678901234567890.123456789012345678, '-infinity'::double, true, '\\x00\\xFF\\x5C'::blob, date '9999-12-31',
      timestamptz '2026-06-30 23:59:59.999999+00', 'NULL', ['\\', '"', null]),
  (5, 'tab' || chr(9) || 'line' || chr(10) || 'return' || chr(13) || '\\back "quote", comma', 0, 5e-324, false, '"'::blob,
      date '2024-02-29', timestamptz '2026-03-29 01:30:00+00', '\\.', ['line' || chr(10)]),
  (6, '\\.', 1, 1.7976931348623157e308, true, ','::blob, date '2026-01-01', timestamptz '2026-01-01 00:00:00+00', 'Ünïcödé 🙂', ['🙂'])
) t(id, text, amount, double, flag, bytes, day, instant, "odd ""name""", list)`;

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it.each([
    ['csv', '(format csv, header match)'],
    ['text', ''],
  ])('takes the %s of a table back with COPY, cell by cell', async (format, copyOptions) => {
    const source = `gold.values_${format}_${server.major}`;
    await lake.createTable(source, COLUMNS, ROWS);
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query(`create table t (id bigint, text text, amount numeric(38,18), double float8, flag boolean, bytes bytea,
                                        day date, instant timestamptz, "odd ""name""" text, list jsonb)`);
    const child = await spawnCli(['read', `lake.${source}`, '--format', format], environment);
    const ended = once(child, 'close');
    const finished = ended.then(([code]) => (code === 0 ? 0n : Promise.reject(new Error(`read ended with ${code}`))));
    await copyIn(client, `copy t from stdin ${copyOptions}`, { bytes: child.stdout, finished });
    await client.query(`set timezone = 'UTC'`);
    const { rows } = await client.query(
      `select id::int, text, amount::text, double::text, flag, encode(bytes, 'hex') as bytes, day::text, instant::text,
              "odd ""name""" as odd, list from t order by id`,
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      [
        1,
        'plain',
        '1.500000000000000000',
        '0.1',
        true,
        '6162',
        '2026-01-31',
        '2026-01-31 12:00:00.123456+00',
        'x',
        ['a'],
      ],
      [2, '', '-0.000000000000000001', 'NaN', false, '', '0001-01-01', '1970-01-01 00:00:00+00', '', []],
      [3, null, null, null, null, null, null, null, null, null],
      [
        4,
        '\\N',
        '12345678901234567890.123456789012345678',
        '-Infinity',
        true,
        '00ff5c',
        '9999-12-31',
        '2026-06-30 23:59:59.999999+00',
        'NULL',
        ['\\', '"', null],
      ],
      [
        5,
        'tab\tline\nreturn\r\\back "quote", comma',
        '0.000000000000000000',
        '5e-324',
        false,
        '22',
        '2024-02-29',
        '2026-03-29 01:30:00+00',
        '\\.',
        ['line\n'],
      ],
      [
        6,
        '\\.',
        '1.000000000000000000',
        '1.7976931348623157e+308',
        true,
        '2c',
        '2026-01-01',
        '2026-01-01 00:00:00+00',
        'Ünïcödé 🙂',
        ['🙂'],
      ],
    ]);
  });
});

it('begins CSV with the names, also for a table without rows; text has no header', async () => {
  await lake.createTable('gold.empty', { id: 'long', 'a,b': 'string' });
  expect(await runCli(['read', 'lake.gold.empty'], environment)).toEqual({ end: 0, stdout: 'id,"a,b"\n', stderr: '' });
  const text = await runCli(['read', 'lake.gold.empty', '--format', 'text'], environment);
  expect(text).toEqual({ end: 0, stdout: '', stderr: '' });
});

it('reads an older version, and no more rows than asked for', async () => {
  const table = await lake.createTable('gold.versions', { id: 'long' }, 'select i as id from range(50) t(i)');
  await table.append('select 99 as id');
  const lines = async (...args: string[]) => {
    const { end, stdout } = await runCli(['read', 'lake.gold.versions', '--format', 'text', ...args], environment);
    expect(end).toBe(0);
    return stdout.split('\n').length - 1;
  };
  expect(await lines()).toBe(51);
  expect(await lines('--version', '0')).toBe(50);
  expect(await lines('--limit', '7')).toBe(7);
  expect(await lines('--limit', '0')).toBe(0);
  const { end, stderr } = await runCli(['read', 'lake.gold.versions', '--version', '2'], environment);
  expect(end).toBe(1);
  expect(stderr).toMatch(/^DELTA_VERSION_NOT_FOUND: .*the newest is 1\. .*\n$/);
});

it('ends with a message when it meets a NUL far into the table, and strips it when told so', async () => {
  await lake.createTable(
    'gold.late_nul',
    { id: 'long', text: 'string' },
    `select i as id, case when i = 299999 then 'secret' || chr(0) else 'row ' || i end as text from range(300000) t(i)`,
  );
  const { end, stdout, stderr } = await runCli(['read', 'lake.gold.late_nul'], environment);
  expect(end).toBe(1);
  expect(stdout.length).toBeGreaterThan(0);
  expect(stderr).toMatch(
    /^CHARACTER_NOT_IN_REPERTOIRE: Column "text" of source table lake\.gold\.late_nul .*strip.*\n$/,
  );
  expect(stderr).not.toContain('secret');
  const stripped = await runCli(['read', 'lake.gold.late_nul', '--invalid-characters', 'strip'], environment);
  expect(stripped.end).toBe(0);
  expect(stripped.stdout).toContain('299999,secret\n');
});

it('ends with a message when a file is damaged', async () => {
  const table = await lake.createTable('gold.damaged', { id: 'long' }, 'select i as id from range(10) t(i)');
  table.truncateNewestFile();
  const { end, stdout, stderr } = await runCli(['read', 'lake.gold.damaged'], environment);
  expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
  expect(stderr).toMatch(/^SOURCE_FILE_CORRUPT: .*lake\.gold\.damaged.*\n$/);
});

it('refuses a column that cannot be synced', async () => {
  const table = await lake.createTable('gold.odd', { id: 'long' }, 'select 1 as id');
  table.changeColumns({ id: 'long', shape: 'geometry' });
  const { end, stdout, stderr } = await runCli(['read', 'lake.gold.odd'], environment);
  expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
  expect(stderr).toMatch(/^COLUMN_TYPE_UNSUPPORTED: Column "shape" /);
});

it('waits for a slow reader with flat memory, and ends quietly when the reader has seen enough', async () => {
  // A gigabyte of rows out of a small file.
  await lake.createTable(
    'gold.long',
    { id: 'long', text: 'string' },
    `select i as id, repeat('x', 250) as text from range(4000000) t(i)`,
  );
  const child = await spawnCli(['read', 'lake.gold.long'], { ...environment, TMPDIR: lake.root });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await once(child.stdout, 'readable');
  const ended = once(child, 'exit');
  await sleep(1_500);
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  expect(Number(peak) / 1024).toBeLessThan(450);
  child.stdout.destroy();
  expect(await ended).toEqual([0, null]);
  expect(stderr).toBe('');
  expect(readdirSync(lake.root).filter((name) => name.startsWith('synced-tables-'))).toEqual([]);
});
