import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pathCatalog } from '../../../../src/lake/catalog/path-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { TestLake } from '../../../support/delta-writer.js';

// Goal: without `allow_outside_paths`, nothing is read that a link leads to outside the catalog's root, whoever made it.

/** Its log is a checkpoint alone, and it has partitions. */
const FIXTURE = path.resolve(import.meta.dirname, '../../../fixtures/delta/deltalake-checkpoint-only/table');

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 64 });
});
afterAll(() => engine[Symbol.asyncDispose]());

let lake: TestLake;
let outside: string;
beforeEach(async () => {
  lake = await TestLake.create();
  outside = mkdtempSync(path.join(tmpdir(), 'test-outside-'));
  const table = await lake.createTable('s.t', { id: 'long' }, 'select i as id from range(3) t(i)');
  await table.append('select 3 as id');
  cpSync(FIXTURE, path.join(lake.root, 's/checkpointed'), { recursive: true });
});
afterEach(async () => {
  await lake[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

function catalogOf(root: string, allowOutsidePaths = false) {
  return pathCatalog({
    root,
    engine,
    allowOutsidePaths,
    partitionTimeZone: 'UTC',
    storage: { patience: { timeoutMs: 5_000, attemptsMax: 1 } },
    spool: { bytesMax: 1_000_000, fetchesMax: 1 },
  });
}

async function rowsOf(table: string, { root = lake.root, allowOutsidePaths = false } = {}): Promise<number> {
  const opened = await catalogOf(root, allowOutsidePaths).open({ catalog: 'lake', schema: 's', table });
  await using relation = await opened.openRelation(await opened.snapshot(), 1);
  const connection = await engine.connect();
  try {
    const reader = await connection.runAndReadAll(`select count(*) from (${relation.parts[0]})`);
    return Number(reader.getRows()[0]?.[0]);
  } finally {
    connection.closeSync();
  }
}

/** Puts a link in the place of what is there, and that elsewhere. */
function move(place: string, folder: string): void {
  const from = path.join(lake.root, place);
  const to = path.join(folder, 'moved');
  renameSync(from, to);
  symlinkSync(to, from);
}

const dataFile = () => readdirSync(path.join(lake.root, 's/t')).find((name) => name.endsWith('.parquet')) ?? '';

const LINKS: readonly (readonly [what: string, table: string, rows: number, place: () => string])[] = [
  ['a data file', 't', 4, () => `s/t/${dataFile()}`],
  ['a commit', 't', 4, () => 's/t/_delta_log/00000000000000000001.json'],
  ['the log', 't', 4, () => 's/t/_delta_log'],
  ['the table', 't', 4, () => 's/t'],
  ['the schema', 't', 4, () => 's'],
  ['a folder of a partition', 'checkpointed', 20, () => `s/checkpointed/${partition()}`],
  ['a checkpoint', 'checkpointed', 20, () => 's/checkpointed/_delta_log/00000000000000000003.checkpoint.parquet'],
];
const partition = () =>
  readdirSync(path.join(lake.root, 's/checkpointed')).find((name) => name.startsWith('p')) ?? 'none';

describe.each(LINKS)('a link in place of %s', (_, table, rows, place) => {
  it('is refused if it leads out of the root, unless outside paths are allowed', async () => {
    move(place(), outside);
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'SOURCE_PATH_OUTSIDE',
      message: expect.stringContaining(`a link to ${outside}/moved`),
    });
    expect(await rowsOf(table, { allowOutsidePaths: true })).toBe(rows);
  });

  it('is followed within the root', async () => {
    move(place(), lake.root);
    expect(await rowsOf(table)).toBe(rows);
  });
});

it('takes a root that is a link itself, also when it comes to lead elsewhere', async () => {
  const root = path.join(outside, 'current');
  symlinkSync(lake.root, root);
  const catalog = catalogOf(root);
  const read = async () => (await (await catalog.open({ catalog: 'l', schema: 's', table: 't' })).snapshot()).version;
  expect(await read()).toBe(1n);
  cpSync(lake.root, path.join(outside, 'next'), { recursive: true });
  rmSync(root);
  symlinkSync(path.join(outside, 'next'), root);
  expect(await read()).toBe(1n);
});

it('leaves out of a listing what a link puts outside, and lists the rest', async () => {
  move('s/t', outside);
  const tables = await catalogOf(lake.root).browser('lake').tables('s', { columns: true, token: null, size: 10 });
  expect(tables.items.map(({ table }) => table)).toEqual(['checkpointed']);
});
