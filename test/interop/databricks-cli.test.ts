import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the commands of the `databricks` CLI that a Lakebase user runs work against a sidecar, with only host and token
// changed. Where its module cannot be had, the same commands run over the Go SDK that it is built on.

const run = promisify(execFile);
const BUILD_MS_MAX = 1_800_000;
const COMMAND_MS_MAX = 60_000;

/** The program that a script of this folder makes; null with a note where it cannot. */
async function build(script: string, folder: string): Promise<string | null> {
  return run(path.join(import.meta.dirname, script), [path.join(tmpdir(), folder)], { timeout: BUILD_MS_MAX }).then(
    ({ stdout }) => stdout.trim(),
    (error: Error) => {
      process.stderr.write(`databricks-cli.test.ts: ${script} cannot build its program here (${error.message})\n`);
      return null;
    },
  );
}

const clients = [
  { client: 'the databricks CLI', program: await build('install-databricks-cli.sh', 'synced-tables-databricks-cli') },
  { client: 'its commands over the Go SDK', program: await build('install-go-sdk.sh', 'synced-tables-go-sdk') },
].flatMap(({ client, program }) => postgresServers().map((server) => ({ client, program, server, on: server.name })));

describe.each(clients)('$client on $on', ({ program, server, client }) => {
  describe.skipIf(program === null)('with host and token', () => {
    let synced: SyncedLake;
    let role: string;
    let database: string;
    let environment: Record<string, string>;
    beforeAll(async () => {
      synced = await SyncedLake.create(server);
      await synced.lake.createTable(
        'gold.t',
        { id: 'long', note: 'string' },
        "select i as id, 'n' as note from range(7) t(i)",
      );
      const feed = await synced.lake.createTable('gold.feed', { id: 'long' }, 'select i as id from range(3) t(i)');
      feed.switchChangeFeedOn();
      const { url } = await synced.startSidecar();
      role = await synced.database.createRole('keeper', 'databricks_superuser');
      await synced.admin.query(`alter role ${role} login createrole`);
      database = (await synced.value('select current_database()')) ?? '';
      environment = {
        PATH: process.env.PATH ?? '',
        HOME: synced.folder,
        DATABRICKS_HOST: url,
        DATABRICKS_TOKEN: await createToken(synced, role),
        DATABRICKS_CACHE_ENABLED: 'false',
        DATABRICKS_CLI_DISABLE_TELEMETRY: '1',
      };
    });
    afterAll(() => synced?.[Symbol.asyncDispose]());

    /** What a command prints, read as JSON; null for nothing. */
    // biome-ignore lint/suspicious/noExplicitAny: whatever the program printed, which is what is looked at
    async function databricks(...words: string[]): Promise<any> {
      const { stdout } = await run(program ?? '', [...words, '--output', 'json'], {
        env: environment,
        timeout: COMMAND_MS_MAX,
      });
      return stdout.trim() === '' ? null : JSON.parse(stdout);
    }

    const refusal = (...words: string[]): Promise<string> =>
      databricks(...words).then(
        () => 'it was not refused',
        (error: { stderr?: string; message: string }) => error.stderr ?? error.message,
      );

    const spec = (policy: string, more: object = {}) => ({
      source_table_full_name: policy === 'SNAPSHOT' ? 'lake.gold.t' : 'lake.gold.feed',
      primary_key_columns: ['id'],
      scheduling_policy: policy,
      ...more,
    });

    async function online(name: string, state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE') {
      const found = async () =>
        (await databricks('database', 'get-synced-database-table', name)).data_synchronization_status.detailed_state;
      await expect.poll(found, { timeout: 60_000, interval: 300 }).toBe(state);
      return databricks('database', 'get-synced-database-table', name);
    }

    it('says who is calling', async () => {
      expect(await databricks('current-user', 'me')).toMatchObject({ userName: role, active: true });
      if (client !== 'the databricks CLI') return;
      const { stdout } = await run(program ?? '', ['auth', 'describe'], { env: environment, timeout: COMMAND_MS_MAX });
      expect(stdout).toContain(role);
      expect(stdout).toContain('pat');
    });

    it('creates and reads synced tables in a database catalog and in a standard one', async () => {
      await databricks('database', 'create-database-catalog', 'app', 'local', database);
      expect(await databricks('database', 'get-database-catalog', 'app')).toMatchObject({
        name: 'app',
        database_instance_name: 'local',
        database_name: database,
      });
      const created = await databricks(
        'database',
        'create-synced-database-table',
        '--json',
        JSON.stringify({
          name: 'app.gold.t',
          spec: spec('SNAPSHOT', { new_pipeline_spec: { storage_catalog: 'lake', storage_schema: 'gold' } }),
        }),
      );
      expect(created).toMatchObject({ name: 'app.gold.t', effective_logical_database_name: database });
      expect(created.data_synchronization_status.pipeline_id).toMatch(/^[0-9a-f-]{36}$/);
      expect(await online('app.gold.t')).toMatchObject({
        spec: spec('SNAPSHOT'),
        data_synchronization_status: { last_sync: { delta_table_sync_info: { delta_commit_version: 0 } } },
      });
      // The flags of the examples, and a field that is in the wrong place in some of them.
      await databricks(
        'database',
        'create-synced-database-table',
        '--database-instance-name',
        'local',
        '--logical-database-name',
        database,
        '--json',
        JSON.stringify({
          name: 'standard.made.t',
          spec: spec('TRIGGERED', { create_database_objects_if_missing: true }),
          new_pipeline_spec: { storage_catalog: 'lake', storage_schema: 'gold' },
        }),
      );
      await online('standard.made.t');
      const listed = await databricks('database', 'list-synced-database-tables', 'local');
      expect(listed.map(({ name }: { name: string }) => name).sort()).toEqual(['app.gold.t', 'standard.made.t']);
      const again = JSON.stringify({ name: 'app.gold.t', spec: spec('SNAPSHOT') });
      expect(await refusal('database', 'create-synced-database-table', '--json', again)).toContain('already exists');
      expect(await refusal('database', 'get-synced-database-table', 'app.gold.nothing')).toContain('does not exist');
    });

    it('starts, reads, lists and stops updates', async () => {
      const table = await online('app.gold.t');
      const id: string = table.data_synchronization_status.pipeline_id;
      const { update_id: update } = await databricks('pipelines', 'start-update', id, '--full-refresh');
      const state = async () => (await databricks('pipelines', 'get-update', id, update)).update.state;
      await expect.poll(state, { timeout: 60_000, interval: 300 }).toBe('COMPLETED');
      expect(await databricks('pipelines', 'get', id)).toMatchObject({ pipeline_id: id, state: 'IDLE' });
      const { updates } = await databricks('pipelines', 'list-updates', id);
      expect(updates.map((each: { update_id: string }) => each.update_id)).toContain(update);
      const pipelines = await databricks('pipelines', 'list-pipelines');
      expect(pipelines.map((each: { pipeline_id: string }) => each.pipeline_id)).toContain(id);
      const events = await databricks('pipelines', 'list-pipeline-events', id, '--max-results', '2');
      expect(events.length).toBeGreaterThanOrEqual(2);
      await databricks('pipelines', 'stop', id);

      const continuous = JSON.stringify({ name: 'app.gold.followed', spec: spec('CONTINUOUS') });
      await databricks('database', 'create-synced-database-table', '--json', continuous);
      const followed = await online('app.gold.followed', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE');
      const following: string = followed.data_synchronization_status.pipeline_id;
      expect(await refusal('pipelines', 'start-update', following)).toContain('stop the pipeline');
      await databricks('pipelines', 'stop', following);
      expect((await databricks('pipelines', 'get', following)).state).toBe('IDLE');
      await databricks('pipelines', 'start-update', following);
      await online('app.gold.followed', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE');
      await databricks('pipelines', 'delete', following);
      expect(await refusal('pipelines', 'get', following)).toContain('does not exist');
      expect(await synced.value('select count(*) from gold.followed')).toBe('3');
    });

    it('knows the instances and their roles, and gives credentials that Postgres takes', async () => {
      const instances = await databricks('database', 'list-database-instances');
      expect(instances.map(({ name }: { name: string }) => name)).toEqual(['local']);
      const instance = await databricks('database', 'get-database-instance', 'local');
      expect(instance).toMatchObject({ name: 'local', state: 'AVAILABLE' });
      const found = await databricks('database', 'find-database-instance-by-uid', '--uid', instance.uid);
      expect(found.name).toBe('local');

      const name = `${role}@example.com`;
      await databricks('database', 'create-database-instance-role', 'local', name, '--identity-type', 'USER');
      expect(await databricks('database', 'get-database-instance-role', 'local', name)).toMatchObject({ name });
      const roles = await databricks('database', 'list-database-instance-roles', 'local');
      expect(roles.map((each: { name: string }) => each.name)).toEqual(expect.arrayContaining([name, role]));
      await databricks('database', 'delete-database-instance-role', 'local', name);
      expect(await refusal('database', 'get-database-instance-role', 'local', name)).toContain('does not exist');

      const wanted = JSON.stringify({ request_id: '1', instance_names: ['local'] });
      const { token } = await databricks('database', 'generate-database-credential', '--json', wanted);
      expect(await asOwner(token, 'select current_user as who')).toEqual([{ who: role }]);
    });

    /** Logs in to Postgres with a credential, and runs one statement. */
    async function asOwner(password: string, sql: string): Promise<unknown[]> {
      const login = new URL(synced.database.url);
      login.username = role;
      login.password = password;
      const session = new pg.Client({ connectionString: login.href });
      await session.connect();
      try {
        return (await session.query(sql)).rows;
      } finally {
        await session.end();
      }
    }

    it('creates and deletes synced tables by operations of the postgres service', async () => {
      const project = 'projects/local';
      const branch = `${project}/branches/production`;
      const [found] = await databricks('postgres', 'list-projects');
      expect(found.name).toBe(project);
      const [production] = await databricks('postgres', 'list-branches', project);
      expect(production.name).toBe(branch);
      const [endpoint] = await databricks('postgres', 'list-endpoints', branch);
      expect(endpoint.name).toBe(`${branch}/endpoints/primary`);
      const databases = await databricks('postgres', 'list-databases', branch);
      expect(JSON.stringify(databases)).toContain(database);

      const asked = (policy: string) =>
        JSON.stringify({ spec: { ...spec(policy), branch, postgres_database: database } });
      const made = await databricks('postgres', 'create-synced-table', 'standard.made.u', '--json', asked('SNAPSHOT'));
      expect(made.name).toBe('synced_tables/standard.made.u');
      const state = async () => (await databricks('postgres', 'get-synced-table', made.name)).status.detailed_state;
      await expect.poll(state, { timeout: 60_000, interval: 300 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
      const operation = await databricks(
        'postgres',
        'create-synced-table',
        'standard.made.v',
        '--no-wait',
        '--json',
        asked('TRIGGERED'),
      );
      expect(await databricks('postgres', 'get-operation', operation.name)).toMatchObject({ done: true });
      expect(
        await refusal('postgres', 'create-synced-table', 'standard.made.u', '--json', asked('SNAPSHOT')),
      ).toContain('already exists');
      for (const name of [made.name, 'synced_tables/standard.made.v']) {
        await databricks('postgres', 'delete-synced-table', name);
        expect(await refusal('postgres', 'get-synced-table', name)).toContain('does not exist');
      }
      const { token } = await databricks('postgres', 'generate-database-credential', endpoint.name);
      expect(await asOwner(token, 'select count(*)::int as rows from made.u')).toEqual([{ rows: 7 }]);
    });

    it('shows them in Unity Catalog', async () => {
      const table = await databricks('tables', 'get', 'app.gold.t');
      expect(table.columns.map((each: { name: string; type_text: string }) => [each.name, each.type_text])).toEqual([
        ['id', 'bigint'],
        ['note', 'string'],
      ]);
      const schemas = await databricks('schemas', 'list', 'app');
      expect(schemas.map((each: { full_name: string }) => each.full_name)).toEqual(
        expect.arrayContaining(['app.gold', 'app.made']),
      );
      const catalogs = await databricks('catalogs', 'list');
      expect(catalogs.map(({ name }: { name: string }) => name)).toEqual(
        expect.arrayContaining(['app', 'lake', 'standard']),
      );
    });

    it('deletes them, with their data only when that is asked for', async () => {
      await databricks('database', 'delete-synced-database-table', 'app.gold.t', '--purge-data');
      expect(await synced.value(`select to_regclass('gold.t')`)).toBeNull();
      await databricks('database', 'delete-synced-database-table', 'standard.made.t');
      expect(await refusal('database', 'get-synced-database-table', 'standard.made.t')).toContain('does not exist');
      const wanted = JSON.stringify({ request_id: '2', instance_names: ['local'] });
      const { token } = await databricks('database', 'generate-database-credential', '--json', wanted);
      await asOwner(token, 'drop table made.t');
      expect(await synced.value(`select to_regclass('made.t')`)).toBeNull();
      await databricks('database', 'delete-database-catalog', 'app');
      expect(await refusal('database', 'get-database-catalog', 'app')).toContain('does not exist');
    });
  });
});
