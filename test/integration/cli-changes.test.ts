import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { runCli, runCliJson, spawnCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: tables are changed, renamed, canceled and handed to managers on the command line; whoever stops waiting is told that
// the work goes on; and the log of the sidecar names what it works on.

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');
let synced: SyncedLake;
let environment: Record<string, string>;
const log: string[] = [];

beforeAll(async () => {
  synced = await SyncedLake.create(server);
  environment = { DATABASE_URL: synced.database.url, SYNCED_TABLES_LAKE: synced.lake.root };
  await synced.lake.createTable(
    'gold.users',
    { id: 'long', region: 'string' },
    `select i as id, 'EU' as region from range(9) t(i)`,
  );
});
afterAll(() => synced[Symbol.asyncDispose]());

const cli = (...args: string[]) => runCli(args, environment);

it('says that the work goes on when the waiting is interrupted, and cancels it', async () => {
  const child = await spawnCli(['create', 'gold.t', '--source', 'lake.gold.users', '--primary-key', 'id'], environment);
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  await eventually(async () => errors.includes('No sidecar is connected'), 'it waits');
  const ended = once(child, 'close');
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(errors).toMatch(
    /UPDATE_WAIT_INTERRUPTED: Only the waiting has ended: update [0-9a-f-]{36} goes on in the sidecar\. To cancel it: synced-tables cancel gold\.t\. To see how far it is: synced-tables get gold\.t\.\n$/,
  );

  expect(await cli('cancel', 'gold.t')).toMatchObject({ end: 0, stdout: '1 update of gold.t canceled.\n' });
  expect(await cli('cancel', 'gold.t')).toMatchObject({ end: 0, stdout: 'No update of gold.t runs or waits.\n' });
  expect(await runCliJson(['cancel', 'gold.t'], environment)).toEqual({ target: 'gold.t', canceled: 0 });
  expect((await cli('get', 'gold.t')).stdout).toMatch(
    /Its load was canceled: synced_tables\.sync_now starts it again\./,
  );
  expect((await cli('cancel', 'gold.nowhere')).stderr).toMatch(/^SYNCED_TABLE_NOT_FOUND: /);

  await synced.startSidecar({ pollSeconds: 1, onLog: (line) => log.push(line) });
  expect((await cli('sync', 'gold.t')).end).toBe(0);
});

it('names tables, catalogs and database in the log of each update', async () => {
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const msg of ['update started', 'update ended']) {
    expect(lines.find((line) => line.msg === msg)).toMatchObject({
      tables: ['gold.t'],
      catalogs: ['lake'],
      database: expect.stringContaining(new URL(synced.database.url).pathname.slice(1)),
    });
  }
});

it('changes a table, or says why not', async () => {
  expect(
    await runCliJson(['alter', 'gold.t', '--row-filter', 'id < 5', '--on-history-gap', 'refresh'], environment),
  ).toMatchObject({
    synced_table: 'gold.t',
    row_count: 5,
    row_filter: 'id < 5',
    update_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect((await cli('alter', 'gold.t', '--reset', 'row-filter', '--columns', 'id')).stdout).toMatch(
    /\n row_count +\| 9\n/,
  );
  const off = await cli('alter', 'gold.t', '--policy', 'TRIGGERED');
  expect(off).toMatchObject({
    end: 1,
    stderr: expect.stringMatching(
      /CHANGE_DATA_FEED_OFF: .* \(allow_file_diff, --allow-file-diff on the command line\), or run in the lakehouse: ALTER TABLE /,
    ),
  });
  expect(
    (await cli('alter', 'gold.t', '--policy', 'CONTINUOUS', '--allow-file-diff', '--trigger-interval', '50')).end,
  ).toBe(0);
  expect((await cli('alter', 'gold.t')).stderr).toBe(
    'USAGE_INVALID: Wrong usage: name what is to be changed, such as --policy TRIGGERED. See "synced-tables alter --help".\n',
  );
});

it('lists, appoints and removes managers', async () => {
  const role = await synced.database.createRole('ann');
  expect(await cli('managers', 'add', 'gold.t', role)).toMatchObject({
    end: 0,
    stdout: `${role} is a manager of gold.t now.\n`,
  });
  expect(await cli('managers', 'add', 'gold.t', role)).toMatchObject({
    stdout: `${role} is a manager of gold.t, as before.\n`,
  });
  expect(await runCliJson(['managers', 'list', 'gold.t'], environment)).toMatchObject([
    { synced_table: 'gold.t', manager: role },
  ]);
  expect((await cli('managers', 'list')).stdout).toMatch(
    new RegExp(`^ synced_table \\| manager .*\\n.*\\n gold\\.t +\\| ${role} `),
  );
  expect(await runCliJson(['managers', 'remove', 'gold.t', role], environment)).toEqual({
    synced_table: 'gold.t',
    manager: role,
    is_manager: false,
    is_changed: true,
  });
  expect((await cli('managers', 'add', 'gold.t', 'nobody_of_this_name')).stderr).toMatch(
    /role 'nobody_of_this_name' does not exist/,
  );
  expect((await cli('managers', 'add', 'gold.nowhere', role)).stderr).toMatch(/^SYNCED_TABLE_NOT_FOUND: /);
});

it('renames a table', async () => {
  expect(await cli('rename', 'gold.t', 'gold."Users"')).toMatchObject({
    end: 0,
    stdout: 'gold.t is gold."Users" now.\n',
  });
  expect((await cli('get', 'gold."Users"')).stdout).toMatch(/ synced_table +\| gold\."Users"\n/);
  expect((await cli('rename', 'gold."Users"', 'nowhere.t')).stderr).toMatch(/^SCHEMA_MISSING: /);
});
