import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: what `databricks bundle` and Terraform ask for around synced tables and pipelines is answered so that they find
// again what they sent: files in the home of each caller, pipelines made from them, schemas for staging, permissions.

const WORKSPACE = '/api/2.0/workspace';
const PIPELINES = '/api/2.0/pipelines';
const PERMISSIONS = '/api/2.0/permissions';
const UNITY = '/api/2.1/unity-catalog';
const reasonOf = ({ status, body }: ApiReply) => [status, body.details?.[0]?.reason];

const flow = (table: string, keys = 'id') => `CREATE OR REFRESH STREAMING TABLE ${table};
CREATE FLOW fill_${table} AS AUTO CDC INTO ${table} FROM stream(lake.bronze.events) KEYS (${keys}) SEQUENCE BY seq;`;

describe.each(eitherPostgresServer(import.meta.url))('declarative tools on $name', (server) => {
  let synced: SyncedLake;
  let database: string;
  let kept: string;
  let ada: ApiClient;
  let bob: ApiClient;
  let reader: ApiClient;
  const roles = { ada: '', bob: '', reader: '', helper: '' };
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    kept = path.join(synced.folder, 'workspace');
    await synced.lake.createTable(
      'bronze.events',
      { id: 'long', other: 'long', seq: 'long' },
      'select i as id, i + 100 as other, i as seq from range(5) t(i)',
    );
    const { url } = await synced.startSidecar({ workspace: { folder: kept } });
    for (const name of ['ada', 'bob'] as const)
      roles[name] = await synced.database.createRole(name, 'databricks_superuser');
    for (const name of ['reader', 'helper'] as const) roles[name] = await synced.database.createRole(name);
    const as = async (role: string) => new ApiClient(url, await createToken(synced, role));
    [ada, bob, reader] = [await as(roles.ada), await as(roles.bob), await as(roles.reader)];
    database = (await synced.value('select current_database()')) ?? '';
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const home = (name: keyof typeof roles) => `/Workspace/Users/${roles[name]}`;
  const mkdirs = (api: ApiClient, target: string) => api.post(`${WORKSPACE}/mkdirs`, { path: target });
  const put = (api: ApiClient, target: string, content: string) =>
    api.post(
      `/api/2.0/workspace-files/import-file/${encodeURIComponent(target.slice(1))}?overwrite=true`,
      content === '' ? ' ' : content,
    );
  const read = (api: ApiClient, target: string) =>
    api.get(`${WORKSPACE}/export?path=${encodeURIComponent(target)}&direct_download=true`);
  const run = async (api: ApiClient, id: string, body: object = {}) => {
    const started = await api.post(`${PIPELINES}/${id}/updates`, body);
    expect(started).toMatchObject({ status: 200 });
    const update = async () =>
      (await api.get(`${PIPELINES}/${id}/updates/${started.body.update_id}`)).body.update.state;
    await expect.poll(update, { timeout: 60_000 }).toBe('COMPLETED');
  };

  it('gives each caller a home, and a shared folder to those who may create synced tables', async () => {
    for (const [api, name] of [
      [ada, 'ada'],
      [bob, 'bob'],
      [reader, 'reader'],
    ] as const) {
      expect((await put(api, `${home(name)}/mine.txt`, `of ${name}`)).status).toBe(200);
      expect((await read(api, `${home(name)}/mine.txt`)).body).toBe(`of ${name}`);
    }
    for (const api of [bob, reader]) {
      expect((await read(api, `${home('ada')}/mine.txt`)).status).toBe(404);
      expect((await put(api, `${home('ada')}/mine.txt`, 'x')).status).toBe(403);
      expect((await api.post(`${WORKSPACE}/delete`, { path: home('ada'), recursive: true })).status).toBe(403);
      const { objects } = (await api.get(`${WORKSPACE}/list?path=/Users`)).body;
      expect(JSON.stringify(objects)).not.toContain(roles.ada);
    }
    expect((await put(ada, '/Workspace/Shared/all.txt', 'for all')).status).toBe(200);
    expect((await read(bob, '/Shared/all.txt')).body).toBe('for all');
    expect((await read(reader, '/Shared/all.txt')).status).toBe(404);
    expect((await put(reader, '/Shared/all.txt', 'x')).status).toBe(403);
    expect((await mkdirs(reader, '/Shared/x')).status).toBe(403);
    const tops = async (api: ApiClient) =>
      (await api.get(`${WORKSPACE}/list?path=/`)).body.objects.map((each: { path: string }) => each.path);
    expect([await tops(ada), await tops(reader)]).toEqual([['/Shared', '/Users'], ['/Users']]);
    expect(readFileSync(path.join(kept, 'Users', roles.ada, 'mine.txt'), 'utf8')).toBe('of ada');
    expect(readdirSync(path.join(kept, 'Users')).sort()).toEqual([roles.ada, roles.bob, roles.reader].sort());
  });

  it('makes a pipeline from files of its caller, and takes up what changes in them', { timeout: 180_000 }, async () => {
    const files = `${home('ada')}/.bundle/shop/default/files`;
    await mkdirs(ada, files);
    await put(ada, `${files}/orders.sql`, flow('orders'));
    const spec = {
      name: 'shop',
      catalog: database,
      schema: 'silver',
      libraries: [{ file: { path: `${files}/orders.sql` } }],
      deployment: { kind: 'BUNDLE', metadata_file_path: `${home('ada')}/.bundle/shop/default/state/metadata.json` },
      edition: 'ADVANCED',
      channel: 'CURRENT',
    };
    const theirs = await bob.post(PIPELINES, spec);
    expect(reasonOf(theirs)).toEqual([400, 'PIPELINE_FILE_UNREADABLE']);
    expect((await reader.post(PIPELINES, spec)).status).toBe(403);
    const { pipeline_id: id } = (await ada.post(PIPELINES, spec)).body;
    expect((await ada.get(`${PIPELINES}/${id}`)).body.spec).toMatchObject(spec);
    await run(ada, id);
    const names = async () => (await synced.rows('silver.orders', ['id'])).length;
    expect(await names()).toBe(5);
    // A deployment that changes nothing but the file sends no PUT; the next update reads it.
    await put(ada, `${files}/orders.sql`, `${flow('orders')}\n${flow('more')}`);
    expect(reasonOf(await bob.post(`${PIPELINES}/${id}/updates`, {}))).toEqual([409, 'PIPELINE_FILES_CHANGED']);
    await run(ada, id);
    expect(await synced.rows('silver.more', ['count(*)'])).toEqual([['5']]);
    // Nothing has changed since: who may start it need not be who declared it, and nothing is declared again.
    const declared = () =>
      synced.value(
        `select count(*) from synced_tables.events where event_type = 'pipeline_declared' and pipeline_id = $1`,
        [id],
      );
    const before = await declared();
    await run(bob, id);
    await run(ada, id);
    expect(await declared()).toBe(before);
    // What is wrong in them is said when an update is started or only checked, and the statements stay.
    await put(ada, `${files}/orders.sql`, 'CREATE NONSENSE;');
    for (const body of [{}, { validate_only: true }]) {
      const refused = await ada.post(`${PIPELINES}/${id}/updates`, body);
      expect(refused.status).toBe(400);
      expect(refused.body.message).toContain('orders.sql');
    }
    await ada.post(`${WORKSPACE}/delete`, { path: `${files}/orders.sql` });
    expect(reasonOf(await ada.post(`${PIPELINES}/${id}/updates`, {}))).toEqual([400, 'PIPELINE_FILE_UNREADABLE']);
    await put(ada, `${files}/orders.sql`, flow('orders'));
    await mkdirs(ada, `${files}/all/below`);
    await put(ada, `${files}/all/one.sql`, flow('one'));
    await put(ada, `${files}/all/below/two.sql`, flow('two'));
    const folder = { ...spec, libraries: [{ glob: { include: `${files}/all/**` } }] };
    expect(await ada.send('PUT', `${PIPELINES}/${id}`, { ...folder, id })).toMatchObject({ status: 200 });
    await run(ada, id);
    expect(await synced.rows('silver.two', ['count(*)'])).toEqual([['5']]);
    // A job runs what the files say too.
    await put(ada, `${files}/all/one.sql`, `${flow('one')}\n${flow('three')}`);
    const tasks = [{ task_key: 'run', pipeline_task: { pipeline_id: id } }];
    const { job_id } = (await ada.post('/api/2.2/jobs/create', { name: 'shop', tasks })).body;
    expect(await ada.post('/api/2.2/jobs/run-now', { job_id })).toMatchObject({ status: 200 });
    await expect
      .poll(() => synced.value(`select to_regclass('silver.three')::text`), { timeout: 60_000 })
      .not.toBeNull();
    // So does an update that SQL asks for, whoever asks, and one that its schedule starts.
    await put(ada, `${files}/all/one.sql`, `${flow('one')}\n${flow('four')}`);
    await synced.wait((await synced.value(`select synced_tables.sync_now('silver.two')`)) ?? '');
    expect(await synced.rows('silver.four', ['count(*)'])).toEqual([['5']]);
    // What has changed is declared as she, so not once no token of hers is left.
    await put(ada, `${files}/all/one.sql`, `${flow('one')}\n${flow('five')}`);
    await synced.admin.query(`revoke ${roles.ada} from databricks_gateway`);
    await expect(
      synced.wait((await synced.value(`select synced_tables.sync_now('silver.two')`)) ?? ''),
    ).rejects.toThrow(/have changed, and role ada_\w+, which declared it, has no valid token/);
    await createToken(synced, roles.ada);
    await synced.admin.query('select synced_tables.set_schedule($1, $2)', [id, '* * * * * *']);
    const exists = () => synced.value(`select to_regclass('silver.five')::text`);
    await expect.poll(exists, { timeout: 60_000 }).not.toBeNull();
    const lastError = () =>
      synced.value(
        `select coalesce(error_code, state) from synced_tables._updates
          where pipeline_id = $1 and state in ('COMPLETED', 'FAILED') order by finished_at desc limit 1`,
        [id],
      );
    await put(ada, `${files}/all/one.sql`, 'CREATE NONSENSE;');
    await expect.poll(lastError, { timeout: 60_000 }).toBe('PIPELINE_SQL_SYNTAX');
    expect(await synced.status('silver.two')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      message: expect.stringContaining('one.sql'),
    });
    await put(ada, `${files}/all/one.sql`, flow('one'));
    await expect.poll(lastError, { timeout: 60_000 }).toBe('COMPLETED');
    await ada.post(`${WORKSPACE}/delete`, { path: `${files}/all`, recursive: true });
    await expect.poll(lastError, { timeout: 60_000 }).toBe('PIPELINE_FILE_UNREADABLE');
    await synced.admin.query('select synced_tables.remove_schedule($1)', [id]);
    const gone = await ada.delete(`${PIPELINES}/${id}`);
    expect(gone, JSON.stringify(gone.body)).toMatchObject({ status: 200 });
    expect(await synced.value(`select to_regclass('silver.one')`)).toBeNull();
  });

  it('shares files of pipelines below the shared folder', { timeout: 120_000 }, async () => {
    await mkdirs(bob, '/Workspace/Shared/.bundle/files');
    await put(bob, '/Workspace/Shared/.bundle/files/s.sql', flow('shared'));
    const libraries = [{ file: { path: '/Workspace/Shared/.bundle/files/s.sql' } }];
    const made = await ada.post(PIPELINES, { name: 'of_shared', catalog: database, schema: 'silver', libraries });
    expect(made).toMatchObject({ status: 200 });
    // What others may have written is not run with her rights unless she asks for it.
    const sharedId = made.body.pipeline_id;
    await run(ada, sharedId);
    const request = async () => (await synced.value(`select synced_tables.sync_now('silver.shared')`)) ?? '';
    await synced.wait(await request());
    await put(bob, '/Workspace/Shared/.bundle/files/s.sql', `${flow('shared')}\n${flow('smuggled')}`);
    await expect(synced.wait(await request())).rejects.toThrow(/files of pipeline of_shared have changed/);
    expect(await synced.value(`select to_regclass('silver.smuggled')`)).toBeNull();
    await run(ada, sharedId);
    expect(await synced.rows('silver.smuggled', ['count(*)'])).toEqual([['5']]);
    // Without pipelines.folder, all paths are those of the workspace.
    const plain = [{ file: { path: '/Shared/.bundle/files/s.sql' } }];
    const dry = { name: 'dry', catalog: database, schema: 'dry', libraries: plain, dry_run: true };
    expect(await bob.post(PIPELINES, dry)).toMatchObject({ status: 200 });
    for (const odd of [
      '/Workspace/Shared/../Users/x.sql',
      '/Workspace/Shared/.bundle/files/',
      '/etc/passwd.sql',
      'x.sql',
    ]) {
      const refused = await ada.post(PIPELINES, { ...dry, libraries: [{ file: { path: odd } }] });
      expect([odd, ...reasonOf(refused)]).toEqual([odd, 400, 'PIPELINE_FILE_UNREADABLE']);
      expect(refused.body.message).not.toContain(synced.folder);
    }
    expect((await ada.delete(`${PIPELINES}/${made.body.pipeline_id}`)).status).toBe(200);
  });

  it('keeps schemas for staging as names', async () => {
    const schema = { name: 'Staging', catalog_name: 'main', comment: 'one', properties: { team: 'ü' } };
    expect(reasonOf(await reader.post(`${UNITY}/schemas`, schema))).toEqual([403, 'ACCESS_DENIED']);
    const made = await ada.post(`${UNITY}/schemas`, schema);
    expect(made).toMatchObject({ status: 200, body: { ...schema, full_name: 'main.Staging', owner: roles.ada } });
    expect((await ada.get(`${UNITY}/schemas/main.Staging`)).body).toEqual(made.body);
    expect((await bob.get(`${UNITY}/schemas/MAIN.staging`)).body).toEqual(made.body);
    expect((await reader.get(`${UNITY}/schemas/main.Staging`)).status).toBe(404);
    for (const twin of ['Staging', 'staging']) {
      expect(reasonOf(await bob.post(`${UNITY}/schemas`, { ...schema, name: twin }))).toEqual([409, 'SCHEMA_EXISTS']);
    }
    const listed = (await ada.get(`${UNITY}/schemas?catalog_name=main`)).body.schemas;
    expect(listed).toEqual([made.body]);
    expect((await ada.get(`${UNITY}/tables?catalog_name=main&schema_name=Staging`)).body).toMatchObject({ tables: [] });
    expect((await ada.get(`${UNITY}/catalogs/main`)).status).toBe(200);
    // Beside the schemas of a source, of which none can be made or changed.
    expect(await ada.post(`${UNITY}/schemas`, { name: 'aside', catalog_name: 'lake' })).toMatchObject({ status: 200 });
    const beside = (await ada.get(`${UNITY}/schemas?catalog_name=lake`)).body.schemas;
    expect(beside.map((each: { name: string }) => each.name)).toEqual(expect.arrayContaining(['aside', 'bronze']));
    expect(reasonOf(await ada.post(`${UNITY}/schemas`, { name: 'bronze', catalog_name: 'lake' }))).toEqual([
      409,
      'SCHEMA_EXISTS',
    ]);
    expect(reasonOf(await ada.delete(`${UNITY}/schemas/lake.bronze`))).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(reasonOf(await ada.delete(`${UNITY}/schemas/lake.nothing`))).toEqual([404, 'SCHEMA_DOES_NOT_EXIST']);
    const inDatabase = await ada.post(`${UNITY}/schemas`, { name: 'x', catalog_name: database });
    expect(reasonOf(inDatabase)).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(inDatabase.body.message).toContain('create_database_objects_if_missing');
    for (const odd of ['', 'a.b', 'a b', 'a/b']) {
      expect((await ada.post(`${UNITY}/schemas`, { name: odd, catalog_name: 'main' })).status).toBe(400);
    }
    const url = `${UNITY}/schemas/main.Staging`;
    expect(
      (await ada.send('PATCH', url, { comment: 'two', enable_predictive_optimization: 'INHERIT' })).body,
    ).toMatchObject({
      comment: 'two',
      properties: { team: 'ü' },
    });
    expect(reasonOf(await ada.send('PATCH', url, { new_name: 'other' }))).toEqual([501, 'NOT_IMPLEMENTED']);
    expect((await ada.send('PATCH', url, { owner: roles.ada })).status).toBe(200);
    expect((await ada.delete(`${url}?force=true`)).status).toBe(200);
    expect(reasonOf(await ada.get(url))).toEqual([404, 'CATALOG_DOES_NOT_EXIST']);
    expect((await bob.delete(`${UNITY}/schemas/lake.aside`)).status).toBe(200);
  });

  it('keeps the grants of schemas for staging, and names what decides about anything else', async () => {
    await ada.post(`${UNITY}/schemas`, { name: 'granted', catalog_name: 'main' });
    const url = `${UNITY}/permissions/schema/main.granted`;
    const changes = [
      { principal: 'account users', add: ['USE_SCHEMA', 'CREATE_TABLE'], remove: ['ALL_PRIVILEGES'] },
      { principal: 'b', add: ['ALL_PRIVILEGES'] },
    ];
    const expected = [
      { principal: 'account users', privileges: ['CREATE_TABLE', 'USE_SCHEMA'] },
      { principal: 'b', privileges: ['ALL_PRIVILEGES'] },
    ];
    const changed = await ada.send('PATCH', url, { changes });
    expect(changed.body.privilege_assignments).toEqual(expect.arrayContaining(expected));
    expect((await ada.get(`${url}?principal=b`)).body.privilege_assignments).toEqual([expected[1]]);
    await ada.send('PATCH', url, { changes: [{ principal: 'b', remove: ['ALL_PRIVILEGES'] }] });
    expect((await ada.get(url)).body.privilege_assignments).toEqual([expected[0]]);
    expect((await reader.get(url)).status).toBe(404);
    for (const [method, target] of [
      ['GET', 'table/lake.bronze.events'],
      ['PATCH', 'table/lake.bronze.events'],
      ['GET', `catalog/${database}`],
      ['GET', 'schema/lake.bronze'],
    ] as const) {
      const refused = await ada.send(
        method,
        `${UNITY}/permissions/${target}`,
        method === 'GET' ? undefined : { changes: [] },
      );
      expect([target, ...reasonOf(refused)]).toEqual([target, 501, 'NOT_IMPLEMENTED']);
    }
    const effective = await ada.get(`${UNITY}/effective-permissions/table/app.gold.t`);
    expect(effective.body.message).toContain('GRANT SELECT ON gold.t');
    const { metastore_id } = (await ada.get(`${UNITY}/metastore_summary`)).body;
    expect((await ada.get(`${UNITY}/current-metastore-assignment`)).body).toMatchObject({
      metastore_id,
      workspace_id: 1,
    });
  });

  it('makes managers of those who are to manage a pipeline or its job', { timeout: 120_000 }, async () => {
    await synced.load('p.one', { source: 'bronze.events' });
    await synced.wait(await synced.create('p.two', { source: 'bronze.events', beside: 'p.one' }));
    const id = (await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.one'`)) ?? '';
    const url = `${PERMISSIONS}/pipelines/${id}`;
    const owner = (await ada.get(`${PIPELINES}/${id}`)).body.creator_user_name;
    const own = { user_name: owner, permission_level: 'IS_OWNER' };
    const managing = { user_name: roles.helper, permission_level: 'CAN_MANAGE' };
    interface Entry {
      readonly user_name?: string;
      readonly group_name?: string;
      readonly all_permissions: readonly { readonly permission_level: string; readonly inherited: boolean }[];
    }
    const list = ({ body }: ApiReply) =>
      (body.access_control_list as Entry[]).flatMap(({ user_name, group_name, all_permissions }) =>
        all_permissions
          .filter(({ inherited }) => !inherited)
          .map(({ permission_level }) => [user_name ?? group_name, permission_level]),
      );
    const managers = () => synced.rows('public.databricks_synced_table_managers', ['table_name', 'user_name']);
    expect(await ada.get(url)).toMatchObject({ body: { object_id: `/pipelines/${id}`, object_type: 'pipelines' } });
    expect(list(await ada.get(url))).toEqual([[owner, 'IS_OWNER']]);
    const set = await ada.send('PUT', url, { access_control_list: [managing, own] });
    expect(list(set)).toEqual([
      [owner, 'IS_OWNER'],
      [roles.helper, 'CAN_MANAGE'],
    ]);
    expect(await managers()).toEqual([
      ['one', roles.helper],
      ['two', roles.helper],
    ]);
    expect(list(await ada.get(url))).toEqual(list(set));
    // A group stays a group, as it was sent.
    const group = { group_name: roles.reader, permission_level: 'CAN_MANAGE' };
    const patched = await ada.send('PATCH', url, { access_control_list: [group] });
    expect(patched.body.access_control_list).toEqual(
      expect.arrayContaining([expect.objectContaining({ group_name: roles.reader })]),
    );
    expect(await managers()).toHaveLength(4);
    // By its job, it is the same list.
    const tasks = [{ task_key: 'run', pipeline_task: { pipeline_id: id } }];
    const { job_id } = (await ada.post('/api/2.2/jobs/create', { name: 'p', tasks })).body;
    const job = `${PERMISSIONS}/jobs/${job_id}`;
    const jobOwner = { user_name: roles.ada, permission_level: 'IS_OWNER' };
    const kept = await ada.send('PUT', job, { access_control_list: [jobOwner, managing] });
    expect(kept).toMatchObject({ status: 200, body: { object_id: `/jobs/${job_id}`, object_type: 'job' } });
    expect(list(kept)).toEqual([
      [roles.ada, 'IS_OWNER'],
      [roles.helper, 'CAN_MANAGE'],
    ]);
    expect(await managers()).toEqual([
      ['one', roles.helper],
      ['two', roles.helper],
    ]);
    const refusals = [
      [[managing], 400, 'exactly one owner'],
      [[own, { ...own, user_name: roles.bob }], 400, 'exactly one owner'],
      [[{ ...own, user_name: roles.bob }], 501, 'Another owner'],
      [[own, { ...managing, permission_level: 'CAN_VIEW' }], 501, 'GRANT SELECT'],
      [[own, { ...managing, permission_level: 'CAN_RUN' }], 501, 'CAN_MANAGE, which makes managers'],
      [[own, { ...managing, user_name: 'nobody@example.com' }], 404, 'nobody@example.com'],
    ] as const;
    for (const [access_control_list, status, words] of refusals) {
      const refused = await ada.send('PUT', url, { access_control_list });
      expect([words, refused.status]).toEqual([words, status]);
      expect(refused.body.message).toContain(words);
    }
    expect(await managers()).toHaveLength(2);
    const stranger = await reader.send('PUT', url, { access_control_list: [own] });
    expect(stranger.status).toBe(404);
    await synced.admin.query(`grant usage on schema p to ${roles.reader}; grant select on p.one to ${roles.reader}`);
    expect((await reader.send('PUT', url, { access_control_list: [own] })).status).toBe(403);
    expect(await managers()).toHaveLength(2);
    expect((await ada.get(`${url}/permissionLevels`)).body.permission_levels.length).toBeGreaterThan(1);
    expect((await ada.send('PUT', url, { access_control_list: [own] })).status).toBe(200);
    expect(await managers()).toEqual([]);
    // Flows have no managers: who is named must be one already.
    const made = await ada.post(PIPELINES, { name: 'flows', catalog: database, schema: 'q', sql: flow('f') });
    const flows = `${PERMISSIONS}/pipelines/${made.body.pipeline_id}`;
    const flowOwner = { user_name: roles.ada, permission_level: 'IS_OWNER' };
    const both = [flowOwner, { user_name: roles.bob, permission_level: 'CAN_MANAGE' }];
    expect(list(await ada.send('PUT', flows, { access_control_list: both }))).toEqual([
      [roles.ada, 'IS_OWNER'],
      [roles.bob, 'CAN_MANAGE'],
    ]);
    const refused = await ada.send('PUT', flows, { access_control_list: [flowOwner, managing] });
    expect(reasonOf(refused)).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(refused.body.message).toContain('GRANT databricks_superuser TO');
    for (const object of ['database-instances/local', 'database-projects/local']) {
      const told = await ada.get(`${PERMISSIONS}/${object}`);
      expect(list(told)).toEqual(expect.arrayContaining([[roles.ada, 'CAN_MANAGE']]));
      const changed = await ada.send('PUT', `${PERMISSIONS}/${object}`, { access_control_list: [managing] });
      expect(reasonOf(changed)).toEqual([501, 'NOT_IMPLEMENTED']);
      expect((await ada.get(`${PERMISSIONS}/${object}x`)).status).toBe(404);
    }
    expect((await ada.get(`${PERMISSIONS}/pipelines/00000000-0000-4000-8000-000000000000`)).status).toBe(404);
  });

  it('asks clients to send permissions again while a table is loaded for the first time', async () => {
    const created = await ada.post('/api/2.0/database/synced_tables', {
      name: 'main.later.one',
      database_instance_name: 'local',
      logical_database_name: database,
      spec: {
        source_table_full_name: 'lake.bronze.events',
        primary_key_columns: ['id'],
        scheduling_policy: 'SNAPSHOT',
      },
    });
    expect(created).toMatchObject({ status: 200 });
    const { pipeline_id: id } = created.body.data_synchronization_status;
    const url = `${PERMISSIONS}/pipelines/${id}`;
    const access_control_list = [
      { user_name: roles.ada, permission_level: 'IS_OWNER' },
      { user_name: roles.helper, permission_level: 'CAN_MANAGE' },
    ];
    const answers = new Set<number>();
    const isSet = async () => {
      const { status } = await ada.send('PUT', url, { access_control_list });
      answers.add(status);
      return status;
    };
    await expect.poll(isSet, { timeout: 60_000 }).toBe(200);
    expect([...answers].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  });

  it('says so at once where a table has none, because its first load has failed', async () => {
    await synced.lake.createTable('bronze.twice', { id: 'long' }, 'select i % 3 as id from range(9) t(i)');
    const created = await ada.post('/api/2.0/database/synced_tables', {
      name: 'main.later.twice',
      database_instance_name: 'local',
      logical_database_name: database,
      spec: {
        source_table_full_name: 'lake.bronze.twice',
        primary_key_columns: ['id'],
        scheduling_policy: 'SNAPSHOT',
      },
    });
    const { pipeline_id: id } = created.body.data_synchronization_status;
    const status = () => synced.status('later.twice').then(({ state }) => state);
    await expect.poll(status, { timeout: 60_000 }).toBe('SYNCED_TABLE_OFFLINE_FAILED');
    const access_control_list = [
      { user_name: roles.ada, permission_level: 'IS_OWNER' },
      { user_name: roles.helper, permission_level: 'CAN_MANAGE' },
    ];
    expect(await ada.send('PUT', `${PERMISSIONS}/pipelines/${id}`, { access_control_list })).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/later.twice cannot be appointed: its first load has failed/) },
    });
  });
});
