import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { ChangeTable, feedMetaData } from '../support/change-table.js';
import { protocol, remove } from '../support/delta-log-folder.js';
import { runCli } from '../support/run-cli.js';

// Goal: `read --changes` writes changes as COPY rows, collapsed or not, and says what is wrong with what was asked.

let engine: Engine;
const lake = mkdtempSync(path.join(tmpdir(), 'test-lake-'));
const environment = { SYNCED_TABLES_LAKE: lake };

beforeAll(async () => {
  engine = await openEngine();
  const connection = await engine.connect();
  using table = new ChangeTable(engine, connection);
  table.commit(0, protocol, feedMetaData(), await table.added('a', 'select unnest([1, 2])::bigint as id'));
  table.commit(1, await table.added('b', 'select unnest([3, 4, null])::bigint as id'));
  table.commit(2, remove('a'));
  table.commit(3, await table.added('c', 'select 2::bigint as id'));
  for (const version of [0, 1, 2, 3]) {
    table.setModified(`${String(version).padStart(20, '0')}.json`, Date.UTC(2026, 0, 1 + version));
  }
  mkdirSync(path.join(lake, 'gold', 't'), { recursive: true });
  rmSync(path.join(lake, 'gold', 't'), { recursive: true });
  renameSync(table.root, path.join(lake, 'gold', 't'));
  connection.closeSync();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(lake, { recursive: true, force: true });
});

const read = (...args: string[]) => runCli(['read', 'lake.gold.t', ...args], environment);
const linesOf = (text: string) => text.trim().split('\n').sort();

it('writes every change with its type, version and time', async () => {
  const { stdout, end } = await read('--changes', '1..3', '--format', 'text');
  expect(end).toBe(0);
  expect(linesOf(stdout)).toEqual([
    '1\tdelete\t2\t2026-01-03 00:00:00+00',
    '2\tdelete\t2\t2026-01-03 00:00:00+00',
    '2\tinsert\t3\t2026-01-04 00:00:00+00',
  ]);
});

it('writes one row a key as CSV, and says how many rows have no key', async () => {
  const { stdout, stderr } = await read('--changes', '0..', '--collapsed', '--primary-key', 'id');
  const [header, ...rows] = stdout.trim().split('\n');
  expect(header).toBe('id,_change_type,_commit_version,_commit_timestamp');
  expect(rows.map((row) => row.split(',').slice(0, 3).join()).sort()).toEqual([
    '1,delete,2',
    '2,upsert,3',
    '3,upsert,1',
    '4,upsert,1',
  ]);
  expect(stderr).toContain('1 rows are left out');
});

it('begins with the first version when none is given', async () => {
  const { stdout } = await read('--changes', '..0', '--format', 'text');
  expect(linesOf(stdout).map((line) => line.split('\t').slice(0, 3))).toEqual([
    ['1', 'insert', '0'],
    ['2', 'insert', '0'],
  ]);
});

it.each([
  ['no range', ['--changes', '3'], 'USAGE_INVALID'],
  ['a range beside a version', ['--changes', '1..2', '--version', '2'], 'USAGE_INVALID'],
  ['collapsing without a key', ['--changes', '1..2', '--collapsed'], 'USAGE_INVALID'],
  ['collapsing without changes', ['--collapsed', '--primary-key', 'id'], 'USAGE_INVALID'],
  ['a range upside down', ['--changes', '3..1'], 'CHANGE_RANGE_INVALID'],
  ['a version that is not there yet', ['--changes', '1..9'], 'DELTA_VERSION_NOT_FOUND'],
  [
    'a key that is no column',
    ['--changes', '1..2', '--collapsed', '--primary-key', 'x'],
    'PRIMARY_KEY_COLUMN_NOT_FOUND',
  ],
])('refuses %s', async (_, args, code) => {
  const { stderr, end, stdout } = await read(...args);
  expect(stderr).toContain(code);
  expect(stdout).toBe('');
  expect(end).not.toBe(0);
});
