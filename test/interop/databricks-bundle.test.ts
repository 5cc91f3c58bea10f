import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: `databricks bundle` deploys synced tables of both generations, catalogs, a pipeline of flows with its job and a
// schema for staging, plans nothing afterwards, recreates a table whose key has changed while it stays readable, runs what
// its files say, and destroys it all.

const run = promisify(execFile);
const BUILD_MS_MAX = 1_800_000;
const COMMAND_MS_MAX = 120_000;

const program = await run(
  path.join(import.meta.dirname, 'install-databricks-cli.sh'),
  [path.join(tmpdir(), 'synced-tables-databricks-cli')],
  { timeout: BUILD_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`databricks-bundle.test.ts is skipped: the CLI cannot be built here (${error.message})\n`);
    return null;
  },
);

const flow = (table: string) => `CREATE OR REFRESH STREAMING TABLE ${table};
CREATE FLOW fill_${table} AS AUTO CDC INTO ${table} FROM stream(lake.gold.t) KEYS (id) SEQUENCE BY id;`;

/** A reference, as bundles write it. */
const ref = (name: string) => `\${${name}}`;

/** A bundle, as JSON, which is YAML too. */
function bundleOf({ url, database, keys }: { url: string; database: string; keys: readonly string[] }): string {
  const spec = { source_table_full_name: 'lake.gold.t', scheduling_policy: 'SNAPSHOT' };
  const place = { branch: 'projects/local/branches/production', postgres_database: database };
  const staging = {
    storage_catalog: ref('resources.schemas.staging.catalog_name'),
    storage_schema: ref('resources.schemas.staging.name'),
  };
  const me = [{ level: 'CAN_MANAGE', user_name: ref('workspace.current_user.userName') }];
  return JSON.stringify({
    bundle: { name: 'shop', engine: 'direct' },
    permissions: me,
    resources: {
      schemas: {
        staging: { name: 'staging', catalog_name: 'main', grants: [{ principal: 'all', privileges: ['USE_SCHEMA'] }] },
      },
      database_catalogs: { app: { name: 'app', database_instance_name: 'local', database_name: database } },
      synced_database_tables: {
        one: {
          name: `${ref('resources.database_catalogs.app.name')}.shop.one`,
          spec: { ...spec, primary_key_columns: keys, new_pipeline_spec: staging },
        },
      },
      postgres_catalogs: { lakebase: { catalog_id: 'lakebase', ...place } },
      postgres_synced_tables: {
        two: {
          synced_table_id: `${ref('resources.postgres_catalogs.lakebase.catalog_id')}.shop.two`,
          ...spec,
          ...place,
          primary_key_columns: ['id'],
          new_pipeline_spec: staging,
        },
      },
      pipelines: {
        flows: {
          name: 'flows',
          catalog: ref('resources.database_catalogs.app.name'),
          schema: 'shop',
          libraries: [{ file: { path: './flows.sql' } }],
        },
      },
      jobs: {
        run: {
          name: 'run',
          tasks: [{ task_key: 'run', pipeline_task: { pipeline_id: ref('resources.pipelines.flows.id') } }],
          schedule: { quartz_cron_expression: '0 0 4 * * ?', timezone_id: 'UTC' },
        },
      },
    },
    targets: { default: { workspace: { host: url } } },
  });
}

describe.skipIf(program === null).each(eitherPostgresServer(import.meta.url))('bundles on $name', (server) => {
  it('are deployed, planned, run and destroyed', { timeout: 600_000 }, async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable(
      'gold.t',
      { id: 'long', note: 'string' },
      "select i as id, 'n' || i as note from range(7) t(i)",
    );
    const kept = path.join(synced.folder, 'workspace');
    const { url } = await synced.startSidecar({ workspace: { folder: kept } });
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    const database = (await synced.value('select current_database()')) ?? '';
    const folder = path.join(synced.folder, 'shop');
    mkdirSync(folder);
    const write = (keys: readonly string[], table: string) => {
      writeFileSync(path.join(folder, 'databricks.yml'), bundleOf({ url, database, keys }));
      writeFileSync(path.join(folder, 'flows.sql'), flow(table));
    };
    const token = await createToken(synced, role);
    const bundle = async (...words: string[]) => {
      const { stdout, stderr } = await run(program ?? '', ['bundle', ...words], {
        cwd: folder,
        timeout: COMMAND_MS_MAX,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: synced.folder,
          DATABRICKS_HOST: url,
          DATABRICKS_TOKEN: token,
          DATABRICKS_CACHE_ENABLED: 'false',
          DATABRICKS_CLI_DISABLE_TELEMETRY: '1',
        },
      });
      return `${stdout}${stderr}`;
    };
    const loaded = (table: string) =>
      expect
        .poll(() => synced.value('select state from synced_tables.status where synced_table = $1', [table]), {
          timeout: 60_000,
        })
        .toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
    const nothing = 'Plan: 0 to add, 0 to change, 0 to delete';

    write(['id'], 'flowed');
    expect(await bundle('validate')).toContain('Name: shop');
    expect(await bundle('deploy')).toContain('Created synced_database_tables.one');
    for (const table of ['shop.one', 'shop.two']) await loaded(table);
    expect(await bundle('plan')).toContain(nothing);
    expect(await bundle('summary')).toContain('lakebase.shop.two');
    await bundle('run', 'flows');
    expect(await synced.rows('shop.flowed', ['count(*)'])).toEqual([['7']]);
    await bundle('run', 'flows', '--validate-only');

    write(['id', 'note'], 'flowed_again');
    expect(await bundle('deploy', '--auto-approve')).toContain('Recreated synced_database_tables.one');
    expect(await synced.rows('shop.one', ['count(*)'])).toEqual([['7']]);
    await loaded('shop.one');
    expect(await bundle('plan')).toContain(nothing);
    await bundle('run', 'run');
    expect(await synced.rows('shop.flowed_again', ['count(*)'])).toEqual([['7']]);

    await bundle('destroy', '--auto-approve');
    expect(await synced.value('select count(*) from synced_tables.status')).toBe('0');
    expect(await synced.rows('shop.one', ['count(*)'])).toEqual([['7']]);
    expect(await synced.value(`select to_regclass('shop.flowed_again')`)).toBeNull();
    expect(readdirSync(path.join(kept, '.incoming'))).toEqual([]);
  });
});
