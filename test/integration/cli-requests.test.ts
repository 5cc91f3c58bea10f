import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { type CliResult, runCli, runCliJson } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: everything one asks for with SQL can be asked for on the command line, with the same rights and errors.

type Json = Record<string, unknown>;

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('installs the SQL side of a database, once', async () => {
    await using database = await createTestDatabase(server);
    const environment = { DATABASE_URL: database.url };
    const name = `local/${new URL(database.url).pathname.slice(1)}`;
    const before = await runCli(['list'], environment);
    expect(before).toMatchObject({ end: 1, stdout: '' });
    expect(before.stderr).toMatch(/^DATABASE_NOT_MIGRATED: .+ Run "synced-tables migrate" once as a superuser\.\n$/);

    const first = await runCli(['migrate'], environment);
    expect(first).toMatchObject({ end: 0, stderr: '' });
    expect(first.stdout).toMatch(
      new RegExp(`^${name}: applied \\d+ migrations, brought functions and views up to date\n  0001_schemas\\.sql\n`),
    );
    expect(await runCliJson(['migrate'], environment)).toEqual([
      { database: name, applied: [], replaced_routines: false, guard: 'whole' },
    ]);
    expect((await runCli(['migrate'], environment)).stdout).toBe(`${name}: up to date\n`);
    expect(await runCliJson(['list'], environment)).toEqual([]);
  });

  it('makes a role for sidecars and the first token on request, and does so safely again', async () => {
    await using database = await createTestDatabase(server);
    const admin = await database.connect();
    const role = `side-car ${randomBytes(4).toString('hex')}`;
    const folder = mkdtempSync(path.join(tmpdir(), 'test-migrate-'));
    const password = path.join(folder, 'password');
    const config = path.join(folder, 'synced-tables.yaml');
    const token = randomBytes(32).toString('hex');
    writeFileSync(password, 'o:p@q/r#s\n');
    writeFileSync(config, `instances: { main: { url: "\${URL}" } }\napi: { first_token: { token: "\${TOKEN}" } }\n`);
    const environment = { URL: database.url, TOKEN: token, SYNCED_TABLES_CONFIG: config };
    const migrate = () => runCli(['migrate', '--sidecar-role', role, '--sidecar-password-file', password], environment);
    const logIn = async () => {
      const url = new URL(database.url);
      url.username = encodeURIComponent(role);
      url.password = encodeURIComponent(readFileSync(password, 'utf8').trim());
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      try {
        await client.query('set role databricks_sync; select * from synced_tables.status');
      } finally {
        await client.end();
      }
    };
    try {
      const first = await migrate();
      expect(first).toMatchObject({ end: 0, stderr: '' });
      expect(first.stdout).toContain(`main: created role ${role}, which may run a sidecar\n`);
      expect(first.stdout).toContain('main: made the first token, which acts as databricks_superuser\n');
      await logIn();
      writeFileSync(password, 'another one');
      const name = new URL(database.url).pathname.slice(1);
      expect((await migrate()).stdout).toBe(`main/${name}: up to date\nmain: role ${role} may run a sidecar\n`);
      await logIn();
      const { rows } = await admin.query(
        `select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls as may_more,
                (select array_agg(roleid::regrole::text) from pg_auth_members where member = r.oid) as groups
           from pg_roles r where rolname = $1`,
        [role],
      );
      expect(rows).toEqual([{ may_more: false, groups: ['databricks_sync'] }]);
      writeFileSync(password, '');
      const refused = await migrate();
      expect(refused).toMatchObject({ end: 2, stdout: '' });
      expect(refused.stderr).toContain('The file must hold one line');
      // Roles are the server's: other tests must not find that the API may act as this one.
      await admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
    } finally {
      await admin.query(`drop role if exists "${role}"`);
      rmSync(folder, { recursive: true });
    }
  });

  it('says when the role may not install it', async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    const role = `nobody_${randomBytes(4).toString('hex')}`;
    await client.query(`create role ${role} login password 'x'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'x';
    const { end, stderr } = await runCli(['migrate'], { DATABASE_URL: url.href });
    await client.query(`drop role ${role}`);
    expect(end).toBe(1);
    expect(stderr).toMatch(/^MIGRATION_NOT_ALLOWED: Role nobody_/);
  });
});

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

describe('with a sidecar', () => {
  let synced: SyncedLake;
  let environment: Record<string, string>;

  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    environment = { DATABASE_URL: synced.database.url, SYNCED_TABLES_LAKE: synced.lake.root };
    await synced.startSidecar({ pollSeconds: 1 });
  });
  afterAll(async () => {
    await synced[Symbol.asyncDispose]();
  });

  const cli = (...args: string[]): Promise<CliResult> => runCli(args, environment);

  it('creates, shows, syncs and deletes a table', async () => {
    const source = await synced.lake.createTable(
      'gold.users',
      { id: 'long', name: 'string' },
      `select 1 as id, 'a' as name`,
    );
    const created = await cli('create', 'gold.users_synced', '--source', 'lake.gold.users', '--primary-key', 'id');
    expect(created.end).toBe(0);
    expect(created.stdout).toMatch(/^ synced_table +\| gold\.users_synced\n/);
    expect(created.stdout).toMatch(/\n state +\| SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE\n/);
    expect(created.stdout).toMatch(/\n update_id +\| [0-9a-f-]{36}\n$/);

    await source.append(`select 2 as id, 'b' as name`);
    const status = (await runCliJson(['sync', 'gold.Users_Synced'], environment)) as Json;
    expect(status).toMatchObject({
      synced_table: 'gold.users_synced',
      table_name: 'gold.users_synced',
      source_table_full_name: 'lake.gold.users',
      scheduling_policy: 'SNAPSHOT',
      synced_version: 1,
      row_count: 2,
      instance: 'local',
      database: new URL(synced.database.url).pathname.slice(1),
    });
    expect(await synced.update(String(status.update_id))).toMatchObject({ state: 'COMPLETED' });
    const { update_id: _, ...shown } = status;
    expect(await runCliJson(['get', 'gold.users_synced'], environment)).toEqual(shown);
    expect(await runCliJson(['list'], environment)).toContainEqual(shown);
    expect((await cli('list')).stdout).toMatch(
      / gold\.users_synced +\| lake\.gold\.users +\| SNAPSHOT +\| SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE +\| 1 +\| 2 +\|/,
    );

    const refreshed = (await runCliJson(
      ['sync', 'gold.users_synced', '--full-refresh', '--no-wait'],
      environment,
    )) as Json;
    await synced.wait(String(refreshed.update_id));
    expect(await synced.update(String(refreshed.update_id))).toMatchObject({ full_refresh: true, state: 'COMPLETED' });

    expect(await runCliJson(['delete', 'gold.users_synced'], environment)).toEqual({
      synced_table: 'gold.users_synced',
      is_purged: false,
    });
    expect(await synced.value('select count(*) from gold.users_synced')).toBe('2');
    const gone = await cli('get', 'gold.users_synced');
    expect(gone).toMatchObject({ end: 1, stdout: '' });
    expect(gone.stderr).toMatch(/^SYNCED_TABLE_NOT_FOUND: Synced table gold\.users_synced does not exist\. .+\n$/);
    const purged = await cli('delete', 'gold.users_synced', '--purge');
    expect(purged).toMatchObject({ end: 0, stdout: expect.stringContaining('dropped with its rows') });
    expect(await synced.value(`select to_regclass('gold.users_synced')`)).toBeNull();
  });

  it('sets and removes schedules', async () => {
    await synced.lake.createTable('gold.timed', { id: 'long' }, 'select 1 as id');
    await cli('create', 'gold.timed', '--source', 'lake.gold.timed', '--primary-key', 'id');
    const schedule = ['schedule', 'gold.timed', '--cron', '0 9 * * MON-FRI', '--time-zone', 'Europe/Berlin'];
    expect(await runCliJson(schedule, environment)).toMatchObject({
      synced_tables: ['gold.timed'],
      cron: '0 9 * * MON-FRI',
      time_zone: 'Europe/Berlin',
      next_run_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      message: null,
    });
    const wrong = await cli('schedule', 'gold.timed', '--cron', '0 25 * * *');
    expect(wrong).toMatchObject({ end: 1, stdout: '', stderr: expect.stringMatching(/^CRON_INVALID: /) });
    expect((await cli('schedule', 'gold.timed')).end).toBe(2);
    const removed = await cli('schedule', 'gold.timed', '--remove');
    expect(removed).toMatchObject({ end: 0, stdout: 'gold.timed is no longer scheduled.\n' });
    expect(await cli('schedule', 'gold.timed', '--remove')).toMatchObject({ stdout: 'gold.timed had no schedule.\n' });
  });

  it('hands over every option of a new table', async () => {
    await synced.lake.createTable(
      'gold.events',
      { a: 'long', B: 'string', at: 'long', note: 'string' },
      `select 1 as a, 'x' as "B", i as at, 'n' || chr(0) as note from range(3) t(i)`,
    );
    const pipeline = await runCliJson(
      [
        'create',
        'App.Events',
        '--source',
        'lake.gold.events',
        '--primary-key',
        'a,B',
        '--timeseries-key',
        'at',
        '--invalid-characters',
        'strip',
        '--columns',
        'note,a,B',
        '--row-filter',
        '`at` < 2 and B = "x"',
      ],
      environment,
    );
    expect(pipeline).toMatchObject({ synced_table: 'app.events', row_count: 1 });
    expect(await synced.value('select row_to_json(t)::text from app.events t')).toBe('{"a":1,"B":"x","note":"n"}');
    expect(await runCliJson(['get', 'app.events'], environment)).toMatchObject({
      columns: ['note', 'a', 'B'],
      row_filter: '`at` < 2 and B = "x"',
    });
    const { pipeline_id: id } = pipeline as { pipeline_id: string };
    await synced.lake.createTable('gold.more', { id: 'long' }, 'select 1 as id');
    const more = ['create', 'app.more', '--source', 'lake.gold.more', '--primary-key', 'id'];
    expect(await runCliJson([...more, '--pipeline', id], environment)).toMatchObject({ pipeline_id: id });
    const missing = [
      'create',
      'nowhere.more',
      '--source',
      'lake.gold.more',
      '--primary-key',
      'id',
      '--no-create-schema',
    ];
    expect((await cli(...missing)).stderr).toMatch(/^SCHEMA_MISSING: /);
  });

  it('refuses bad input with the codes of the SQL functions, before anything is written', async () => {
    await synced.lake.createTable('gold.plain', { id: 'long' }, 'select 1 as id');
    const create = async (name: string, source: string, key: string, ...more: string[]) => {
      const { end, stdout, stderr } = await cli('create', name, '--source', source, '--primary-key', key, ...more);
      expect(stdout).toBe('');
      return [end, /^(\w+): .+\n$/.exec(stderr)?.[1]];
    };
    const updates = await synced.value('select count(*) from synced_tables.updates');
    expect(await create('gold.t', 'lake.gold.nope', 'id')).toEqual([1, 'SOURCE_TABLE_NOT_FOUND']);
    expect(await create('gold.t', 'lake.gold.plain', 'ID')).toEqual([1, 'PRIMARY_KEY_COLUMN_NOT_FOUND']);
    expect(await create('gold.t', 'lake.gold.plain', 'id,id')).toEqual([1, 'PRIMARY_KEY_DUPLICATE']);
    expect(await create('gold.t', 'lake.gold', 'id')).toEqual([1, 'SOURCE_NAME_INVALID']);
    expect(await create('t', 'lake.gold.plain', 'id')).toEqual([1, 'SYNCED_TABLE_NAME_INVALID']);
    expect(await create('pg_catalog.t', 'lake.gold.plain', 'id')).toEqual([1, 'SCHEMA_RESERVED']);
    expect(await create('gold.t', 'lake.gold.plain', 'id', '--timeseries-key', 'x')).toEqual([
      1,
      'TIMESERIES_COLUMN_NOT_FOUND',
    ]);
    expect(await create('gold.t', 'lake.gold.plain', 'id', '--row-filter', 'id > x')).toEqual([
      1,
      'ROW_FILTER_INVALID',
    ]);
    expect(await create('gold.t', 'lake.gold.plain', 'id', '--columns', 'id,x')).toEqual([
      1,
      'CHOSEN_COLUMN_NOT_FOUND',
    ]);
    expect(await create('gold.t', 'lake.gold.plain', 'id', '--pipeline', 'x')).toEqual([2, 'USAGE_INVALID']);
    expect(await create('gold.t', 'lake.gold.plain', 'id', '--policy', 'OFTEN')).toEqual([2, 'USAGE_INVALID']);
    expect(await synced.value('select count(*) from synced_tables.updates')).toBe(updates);
  });

  it('tells as JSON what SQL refuses', async () => {
    const { end, stdout, stderr } = await cli('sync', 'gold.nope', '--output', 'json');
    expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error_code: 'SYNCED_TABLE_NOT_FOUND',
      message: 'Synced table gold.nope does not exist.',
      remedy: 'See synced_tables.status for those that do; quote parts with capitals.',
    });
  });

  it('tells why an update failed', async () => {
    await synced.lake.createTable('gold.doubled', { id: 'long' }, 'select 7 as id from range(2)');
    const failed = await cli('create', 'gold.doubled', '--source', 'lake.gold.doubled', '--primary-key', 'id');
    expect(failed).toMatchObject({ end: 1, stdout: '' });
    const [said, keys] = failed.stderr.trimEnd().split('\n').slice(-2);
    expect(said).toMatch(/^PRIMARY_KEY_CONSTRAINT_VIOLATION: .* set timeseries_key /);
    expect(keys).toBe('failing_keys: 7');
    // A catalog that only another sidecar could know is left to that one, and the status says so.
    const unknown = await cli('create', 'gold.other', '--source', 'other.gold.t', '--primary-key', 'id', '--no-wait');
    expect(unknown.end).toBe(0);
    const message = () => synced.status('gold.other').then((found) => found.message);
    await expect.poll(message, { timeout: 60_000 }).toMatch(/catalog/i);
    await synced.admin.query(`select synced_tables.delete_synced_table('gold.other')`);
  });

  it('shows how far an update is, one line for each piece of news', async () => {
    await synced.lake.createTable('gold.long', { id: 'long' }, 'select i as id from range(1500000) t(i)');
    const { end, stderr } = await cli('create', 'gold.long', '--source', 'lake.gold.long', '--primary-key', 'id');
    expect(end).toBe(0);
    expect(stderr).toContain('Copying lake.gold.long.\n');
    const silent = await cli('sync', 'gold.long', '--full-refresh', '--output', 'json');
    expect(silent).toMatchObject({ end: 0, stderr: '' });
  });

  it('asks with the rights of the login role', async () => {
    const login = async (...memberOf: string[]) => {
      const role = await synced.database.createRole('person', ...memberOf);
      await synced.admin.query(`alter role ${role} login password 'x'`);
      const url = new URL(synced.database.url);
      url.username = role;
      url.password = 'x';
      return { role, environment: { ...environment, DATABASE_URL: url.href } };
    };
    await synced.lake.createTable('gold.mine', { id: 'long' }, 'select 1 as id');
    const create = ['create', 'people.mine', '--source', 'lake.gold.mine', '--primary-key', 'id'];
    const member = await login('databricks_superuser');
    const created = await runCli(create, member.environment);
    expect(created).toMatchObject({ end: 0, stdout: expect.stringContaining('SYNCED_TABLE_ONLINE') });
    expect(await synced.value(`select created_by from synced_tables._tables where synced_table = 'people.mine'`)).toBe(
      member.role,
    );
    const stranger = await login();
    const denied = await runCli(['list'], stranger.environment);
    expect(denied).toMatchObject({ end: 1, stdout: '' });
    expect(denied.stderr).toMatch(/^PERMISSION_DENIED: .*GRANT databricks_superuser TO <role>\.\n$/);
  });
});

it('works with all databases of the settings, or with the one that is named', async () => {
  await using first = await createTestDatabase(server);
  await using second = await createTestDatabase(server);
  const [a = '', b = ''] = [first, second].map(({ url }) => new URL(url).pathname.slice(1));
  const folder = mkdtempSync(path.join(tmpdir(), 'cli-requests-'));
  const file = path.join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ instances: { prod: { url: server.url, databases: [a, b] } } }));
  const options = ['--config', file];
  expect(await runCliJson(['migrate', ...options, '--database', b])).toMatchObject([{ database: `prod/${b}` }]);
  const rest = (await runCliJson(['migrate', ...options])) as { database: string; applied: string[] }[];
  expect(rest.map(({ database, applied }) => [database, applied.length > 0])).toEqual([
    [`prod/${a}`, true],
    [`prod/${b}`, false],
  ]);
  const list = await runCli(['list', ...options]);
  expect(list).toMatchObject({ end: 0, stdout: expect.stringMatching(/^ instance \| database \| synced_table /) });
  rmSync(folder, { recursive: true });
});

describe('without a sidecar', () => {
  it('says that the request waits, and gives up waiting when told to', async () => {
    await using synced = await SyncedLake.create(server);
    const environment = { DATABASE_URL: synced.database.url, SYNCED_TABLES_LAKE: synced.lake.root };
    await synced.lake.createTable('gold.users', { id: 'long' }, 'select 1 as id');
    const create = ['create', 'gold.users', '--source', 'lake.gold.users', '--primary-key', 'id'];
    const queued = await runCli([...create, '--no-wait'], environment);
    expect(queued).toMatchObject({ end: 0, stdout: expect.stringMatching(/ state +\| SYNCED_TABLE_PROVISIONING\n/) });
    expect(queued.stderr).toMatch(
      /^No sidecar is connected to local\/\w+; the request waits in the queue\. Start one with synced-tables serve\.\n$/,
    );
    const waited = await runCli(['sync', 'gold.users', '--timeout', '0', '--output', 'json'], environment);
    expect(waited).toMatchObject({ end: 1, stdout: '' });
    const [notice, failure] = waited.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    expect(notice).toEqual({ notice: expect.stringContaining('No sidecar is connected') });
    expect(failure).toMatchObject({ error_code: 'UPDATE_WAIT_TIMEOUT' });
    const deleted = await runCli(['delete', 'gold.users'], environment);
    expect(deleted.end).toBe(0);
  });
});
