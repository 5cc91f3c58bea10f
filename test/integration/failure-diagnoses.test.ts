import { renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainAnyError } from '../../src/sync/source/load-errors.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a failure is told as what it is: a limit of the server is no outage, a folder that cannot be read no defect of
// ours. What may pass is tried again.

const servers = postgresServers().slice(-1);

describe.each(servers)('diagnoses on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const database = () => lake.value('select quote_ident(current_database())');

  /** Loads a table, lets a setting of the database spoil the next copy, and returns what is told of that at first. */
  async function failUnder(name: string, setting: string, rows: string) {
    const source = await lake.lake.createTable(`x.${name}`, { id: 'long', s: 'string' }, `select 1 as id, 'x' as s`);
    {
      await using _ = await lake.startSidecar({ pollSeconds: 1 });
      await lake.load(`x.${name}`);
    }
    await lake.admin.query(`create index on x.${name} (s)`);
    await source.overwrite(rows);
    await lake.admin.query(`alter database ${await database()} set ${setting}`);
    try {
      await using _ = await lake.startSidecar({ pollSeconds: 1 });
      await lake.requestSync(`x.${name}`);
      await eventually(async () => (await lake.status(`x.${name}`)).last_error_code !== null, 'it fails');
      return await lake.status(`x.${name}`);
    } finally {
      await lake.admin.query(`alter database ${await database()} reset ${setting.split(' ')[0]}`);
    }
  }

  it('tell a limit on temporary files as that', async () => {
    const rows = `select i as id, md5(i::varchar) || md5((i + 1)::varchar) as s from range(300000) t(i)`;
    const status = await failUnder('limited', 'temp_file_limit = 64', `${rows}`);
    expect(status).toMatchObject({
      last_error_code: 'TARGET_RESOURCES_EXHAUSTED',
      message: expect.stringContaining('temporary file size exceeds "temp_file_limit" (64kB)'),
    });
    expect(status.message).toContain('x.limited');
  });

  it.each([
    ['the log', '_delta_log'],
    ['the folder of the table', ''],
  ])('tell that %s cannot be read as a failure of the source, at the first attempt', async (_, part) => {
    const name = `x.folder_${part === '' ? 'table' : 'log'}`;
    const source = await lake.lake.createTable(name, { id: 'long' }, 'select 1 as id');
    await using _sidecar = await lake.startSidecar({ pollSeconds: 1 });
    await lake.load(name);
    await source.append('select 2 as id');
    const folder = path.join(source.folder, part).replace(/\/$/, '');
    // Root may read everything: a link to itself is refused to root as well.
    renameSync(folder, `${folder}.kept`);
    symlinkSync(folder, folder);
    const update = await lake.requestSync(name);
    await eventually(async () => (await lake.status(name)).last_error_code !== null, 'it fails');
    expect(await lake.status(name)).toMatchObject({
      last_error_code: 'SOURCE_READ_ERROR',
      message: expect.stringMatching(/^Attempt 1 of .*could not be read: ELOOP: .*/),
    });
    rmSync(folder);
    renameSync(`${folder}.kept`, folder);
    await lake.wait(update);
    expect(await lake.rows(name, ['id'])).toEqual([['1'], ['2']]);
  });
});

it.each([
  ['53100', 'TARGET_DATABASE_FULL', 'timed'],
  ['53200', 'TARGET_RESOURCES_EXHAUSTED', 'timed'],
  ['53300', 'POSTGRES_UNREACHABLE', 'timed'],
  ['53400', 'TARGET_RESOURCES_EXHAUSTED', 'timed'],
  ['57014', 'TARGET_STATEMENT_CANCELED', 'timed'],
  ['25006', 'TARGET_READ_ONLY', 'timed'],
  ['25P03', 'TARGET_STATEMENT_CANCELED', 'timed'],
  ['25P04', 'TARGET_STATEMENT_CANCELED', 'timed'],
  ['57P01', 'POSTGRES_UNREACHABLE', 'timed'],
  ['57P03', 'POSTGRES_UNREACHABLE', 'timed'],
  ['08006', 'POSTGRES_UNREACHABLE', 'timed'],
  ['40001', 'CONCURRENT_CHANGE', 'timed'],
  ['40P01', 'CONCURRENT_CHANGE', 'timed'],
  ['55P03', 'CONCURRENT_CHANGE', 'timed'],
  ['42501', 'TARGET_REFUSED', 'manual'],
  ['23514', 'TARGET_REFUSED', 'manual'],
  ['58030', 'TARGET_REFUSED', 'manual'],
])('SQLSTATE %s is %s, tried again: %s', (code, expected, retry) => {
  const error = Object.assign(new pg.DatabaseError('what the server says', 0, 'error'), { code });
  expect(explainAnyError(error, { fullName: 's.t', source: 'lake.s.t' })).toMatchObject({ code: expected, retry });
});
