import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../../../src/core/errors.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { SpillLimit } from '../../../../src/lake/engine/spill-limit.js';
import { explainEngineError } from '../../../../src/sync/source/load-errors.js';

// Goal: an engine without memory, or without disk to spill to, is told as that, with the setting that helps.

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 64 });
});
afterAll(() => engine[Symbol.asyncDispose]());

async function failureOf(sql: string, setting = ''): Promise<string> {
  const connection = await engine.connect();
  try {
    if (setting !== '') await connection.run(setting);
    const error = await connection.run(sql).then(
      () => null,
      (failure: unknown) => asSyncedTablesError(explainEngineError(failure, 'lake.app.t')),
    );
    return error === null ? 'it did not fail' : `${error.code}: ${error.message} ${error.remedy}`;
  } finally {
    connection.closeSync();
  }
}

it('tells a value that does not fit in memory', async () => {
  const told = await failureOf(`select length(string_agg(repeat('x', 100000) || i, '')) from range(2000) t(i)`);
  expect(told).toMatch(/^ENGINE_OUT_OF_MEMORY: .*lake\.app\.t.*engine\.memory_limit_mb/);
});

it('tells a sort that does not fit on the disk', async () => {
  const told = await failureOf(
    `create table sorted as select md5(i::varchar) as a, md5((i + 1)::varchar) as b from range(3000000) t(i) order by a`,
    `set max_temp_directory_size = '1MB'`,
  );
  expect(told).toMatch(/^ENGINE_DISK_FULL: .*lake\.app\.t.*engine\.temporary_folder/);
});

it('looks at the room on the disk anew for each connection', async () => {
  const GIB = 2 ** 30;
  let free = 0;
  const limit = new SpillLimit(path.join(engine.scratchFolder, 'spill'), () => free);
  const limits: unknown[] = [];
  // Full, free again, a little less, and much less.
  for (const now of [0, 100 * GIB, 99 * GIB, 40 * GIB]) {
    free = now;
    const connection = await engine.connect();
    await limit.follow(connection);
    const read = await connection.runAndReadAll(`select current_setting('max_temp_directory_size') as size`);
    limits.push(read.getRowObjects()[0]?.size);
    connection.closeSync();
  }
  expect(limits).toEqual(['1.0 KiB', '90.0 GiB', '90.0 GiB', '36.0 GiB']);
});

it('lets each engine spill what its disk has room for', async () => {
  const connection = await engine.connect();
  const read = await connection.runAndReadAll(`select current_setting('max_temp_directory_size') as size`);
  connection.closeSync();
  expect(read.getRowObjects()[0]?.size).toMatch(/ [MGT]iB$/);
});
