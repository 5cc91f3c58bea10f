import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the unmodified Python SDK of Databricks works against a sidecar, from a table's creation to its deletion.

const run = promisify(execFile);
const INSTALL_MS_MAX = 300_000;

const python = await run(
  path.join(import.meta.dirname, 'install-python-sdk.sh'),
  [path.join(tmpdir(), 'synced-tables-python-sdk')],
  { timeout: INSTALL_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`python-sdk.test.ts is skipped: databricks-sdk cannot be installed (${error.message})\n`);
    return null;
  },
);

const ORDERS = `CREATE OR REFRESH STREAMING TABLE orders;
CREATE FLOW fill AS AUTO CDC INTO orders FROM stream(lake.gold.t) KEYS (id) SEQUENCE BY id;`;

/** Of a table that has only its first version. */
function switchChangeFeedOn(folder: string): void {
  const file = path.join(folder, '_delta_log', `${'0'.repeat(20)}.json`);
  const log = readFileSync(file, 'utf8');
  writeFileSync(file, log.replace('"configuration":{}', '"configuration":{"delta.enableChangeDataFeed":"true"}'));
}

/** Runs the script; what it said, by step. */
async function runScript(synced: SyncedLake, url: string, tokens: { own: string; stranger: string }) {
  const database = (await synced.value('select current_database()')) ?? '';
  const { stdout } = await run(
    python ?? '',
    [path.join(import.meta.dirname, 'python-sdk.py'), 'local', database],
    // Nothing of the environment that could give the SDK other credentials.
    {
      env: {
        PATH: process.env.PATH,
        HOME: synced.folder,
        DATABRICKS_HOST: url,
        DATABRICKS_TOKEN: tokens.own,
        STRANGER_TOKEN: tokens.stranger,
      },
      timeout: 280_000,
    },
  );
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return Object.fromEntries(said.map(({ step, ...found }) => [step, found]));
}

describe.skipIf(python === null).each(postgresServers())('the Python SDK on $name', (server) => {
  it('creates, reads, syncs and deletes tables, logs in, and raises the exceptions that its users catch', {
    timeout: 300_000,
  }, async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable(
      'gold.t',
      { id: 'long', note: 'string' },
      "select i as id, 'n' as note from range(7) t(i)",
    );
    const feed = await synced.lake.createTable('gold.feed', { id: 'long' }, 'select i as id from range(3) t(i)');
    switchChangeFeedOn(feed.folder);
    mkdirSync(path.join(synced.folder, 'Users/ada'), { recursive: true });
    writeFileSync(path.join(synced.folder, 'Users/ada/orders.sql'), ORDERS);
    const { url } = await synced.startSidecar({
      pipelineFolder: synced.folder,
      workspace: { folder: path.join(synced.folder, 'workspace') },
    });
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${role} login`);
    const stranger = await synced.database.createRole('stranger');
    const tokens = { own: await createToken(synced, role), stranger: await createToken(synced, stranger) };
    const said = await runScript(synced, url, tokens);

    expect(said['database catalog']).toEqual({ version: 0 });
    expect(said['standard catalog']).toEqual({ names: ['app.gold.a', 'standard.made.b'] });
    expect(said['at once']).toEqual({ one: 1, ten: 10, same: 1, gone: ['NotFound'] });
    expect(Object.values(said.rules.echoed)).not.toContain(false);
    expect(said.rules).toEqual({
      echoed: expect.objectContaining({ timeseries_key: true, type_overrides: true }),
      other_instance: 'NotFound',
      other_database: 'InvalidParameterValue',
      no_instance: 'InvalidParameterValue',
      no_database: 'InvalidParameterValue',
      no_such_instance: 'NotFound',
      no_such_database: 'NotFound',
      no_schema: 'NotFound',
      no_source_catalog: 'NotFound',
      no_pipeline: 'NotFound',
    });
    expect(said.sources).toEqual({
      type: 'EXTERNAL',
      format: 'DELTA',
      columns: [
        ['id', 'LONG'],
        ['note', 'STRING'],
      ],
      is_file: true,
      schemas: ['lake.gold'],
      listed: ['lake.gold.feed', 'lake.gold.t'],
      summaries: ['lake.gold.feed', 'lake.gold.t'],
      exists: true,
      missing: 'NotFound',
      invisible: 'NotFound',
    });
    expect(said.pipeline).toMatchObject({ state: 'COMPLETED', full_refresh: true, updates: 2 });
    expect(said.pipeline.events).toBeGreaterThan(2);
    const conflict = ['AlreadyExists', 'ResourceConflict', 'DatabricksError'];
    const missing = ['NotFound', 'DatabricksError'];
    const invalid = ['InvalidParameterValue', 'BadRequest', 'DatabricksError'];
    expect(said['change feed']).toEqual({
      selected: 'COMPLETED',
      selection: ['app.gold.second'],
      running: 'RUNNING',
      conflict: ['ResourceConflict', 'DatabricksError'],
      stopped: 'IDLE',
    });
    expect(said.flows).toEqual({
      name: 'renamed',
      path: '/Users/ada/orders.sql',
      schema: 'silver',
      again: ['ResourceAlreadyExists', 'ResourceConflict', 'DatabricksError'],
      missing: invalid,
      dry: [null, 'dry'],
      checked: ['COMPLETED', true],
    });
    expect(said.recreated).toEqual({ other: 'app.again.t', twice: missing, gone: missing });
    expect(said.jobs).toEqual({
      name: 'refresh',
      cron: '0 0 6 ? * 2-6',
      listed: ['refresh'],
      result: 'SUCCESS',
      runs: [true],
      again: conflict,
      unscheduled: true,
      notebook: ['NotImplemented', 'DatabricksError'],
    });
    expect(said.files).toEqual({
      content: 'select 1',
      again: ['ResourceAlreadyExists', 'ResourceConflict', 'DatabricksError'],
      names: ['/sdk/a.sql', '/sdk/deep/b.txt'],
      kind: 'DIRECTORY',
      full: ['BadRequest', 'DatabricksError'],
      is_owner: true,
      pipeline: ['IS_OWNER', 'CAN_MANAGE'],
      comment: 'two',
      grants: ['all'],
      twin: conflict,
    });
    expect(said.exceptions).toEqual({
      missing,
      again: conflict,
      no_key: invalid,
      bad_name: invalid,
      update: ['NotImplemented', 'DatabricksError'],
      invisible: missing,
      not_allowed: ['PermissionDenied', 'DatabricksError'],
      no_table: missing,
      no_catalog: missing,
      no_pipeline: missing,
      no_token: ['Unauthenticated', 'DatabricksError'],
    });
    expect(said['unity catalog']).toMatchObject({
      catalogs: expect.arrayContaining(['app', 'lake', 'standard']),
      online: 'MANAGED_ONLINE_CATALOG',
      schemas: ['standard.made'],
      tables: ['app.gold.a'],
      summaries: ['standard.made.b'],
      key: [['id']],
      columns: [
        ['id', 'bigint'],
        ['note', 'string'],
      ],
      metastore: 'synced-tables',
    });
    expect(said['postgres service']).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      again: conflict,
      gone: missing,
      projects: ['projects/local'],
      catalog: 'catalogs/lakebase',
      project: 'projects/local',
      registered: 'projects/local/branches/production',
      no_catalog: missing,
      no_registered: missing,
    });
    expect(said.deletion).toEqual({ left: [] });
    expect(said.credential.user).toBe(role);

    // The newest credential is the password; the tables stay until they are dropped.
    const login = new URL(synced.database.url);
    login.username = role;
    login.password = said['postgres service'].token;
    const client = new pg.Client({ connectionString: login.href });
    await client.connect();
    try {
      expect((await client.query('select current_user as who')).rows).toEqual([{ who: role }]);
      for (const table of ['gold.a', 'made.b', 'made.c']) {
        expect((await client.query(`select count(*)::int as rows from ${table}`)).rows).toEqual([{ rows: 7 }]);
        await client.query(`drop table ${table}`);
      }
    } finally {
      await client.end();
    }
  });
});
