import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the `postgres` service, whose writes return operations.

const SERVICE = '/api/2.0/postgres';
const BRANCH = 'projects/local/branches/production';

describe.each(eitherPostgresServer(import.meta.url))('the postgres service on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let database: string;
  let keeper: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    await synced.lake.createTable('g.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    const { url } = await synced.startSidecar();
    keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${keeper} login`);
    api = new ApiClient(url, await createToken(synced, keeper));
    database = (await synced.value('select current_database()')) ?? '';
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const spec = () => ({
    branch: BRANCH,
    postgres_database: database,
    source_table_full_name: 'lake.g.t',
    primary_key_columns: ['id'],
    scheduling_policy: 'SNAPSHOT',
  });

  it('creates a synced table by an operation that is done and can be read again', async () => {
    const created = await api.post(`${SERVICE}/synced_tables?synced_table_id=main.g.t_synced`, { spec: spec() });
    expect(created).toMatchObject({
      status: 200,
      body: {
        name: expect.stringMatching(/^synced_tables\/main\.g\.t_synced\/operations\/[0-9a-f-]{36}$/),
        done: true,
        response: { name: 'synced_tables/main.g.t_synced', spec: { postgres_database: database, branch: BRANCH } },
      },
    });
    expect(await api.get(`${SERVICE}/${created.body.name}`)).toMatchObject({
      status: 200,
      body: { done: true, response: { synced_table_id: 'main.g.t_synced' } },
    });
    const state = async () => (await api.get(`${SERVICE}/synced_tables/main.g.t_synced`)).body.status.detailed_state;
    await expect.poll(state, { timeout: 60_000 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
    expect((await api.get(`${SERVICE}/synced_tables/main.g.t_synced`)).body.status).toMatchObject({
      last_processed_commit_version: 0,
      last_sync: { sync_end_time: expect.any(String), delta_table_sync_info: { delta_commit_version: 0 } },
      project: 'projects/local',
    });
  });

  it('refuses a second creation, a missing name and an unknown branch, each in the words of the service', async () => {
    const again = await api.post(`${SERVICE}/synced_tables?synced_table_id=main.g.t_synced`, { spec: spec() });
    expect(again).toMatchObject({ status: 409, body: { error_code: 'ALREADY_EXISTS' } });
    expect(await api.post(`${SERVICE}/synced_tables`, { spec: spec() })).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    });
    const elsewhere = { ...spec(), branch: 'projects/elsewhere/branches/production' };
    expect(await api.post(`${SERVICE}/synced_tables?synced_table_id=main.g.x`, { spec: elsewhere })).toMatchObject({
      status: 404,
      body: { error_code: 'NOT_FOUND' },
    });
    expect(await api.get(`${SERVICE}/synced_tables/main.g.nothing`)).toMatchObject({ status: 404 });
  });

  it('deletes by an operation that outlives the table, and shows operations only to who began them', async () => {
    const deleted = await api.delete(`${SERVICE}/synced_tables/main.g.t_synced`);
    const response = { '@type': 'type.googleapis.com/google.protobuf.Empty' };
    expect(deleted).toMatchObject({ status: 200, body: { done: true, response } });
    expect(await api.get(`${SERVICE}/${deleted.body.name}`)).toMatchObject({
      status: 200,
      body: { done: true, response },
    });
    const other = await synced.database.createRole('other', 'databricks_superuser');
    const stranger = new ApiClient(api.url, await createToken(synced, other));
    expect(await stranger.get(`${SERVICE}/${deleted.body.name}`)).toMatchObject({ status: 404 });
    expect(await api.get(`${SERVICE}/synced_tables/main.g.t_synced/operations/nonsense`)).toMatchObject({
      status: 404,
    });
    expect(await synced.rows('g.t_synced', ['count(*)'])).toEqual([['10']]);
  });

  it('shows each instance as a project with a branch, an endpoint, its databases and roles', async () => {
    expect((await api.get(`${SERVICE}/projects`)).body.projects).toMatchObject([
      { name: 'projects/local', status: { default_branch: BRANCH, pg_version: expect.any(Number) } },
    ]);
    expect((await api.get(`${SERVICE}/${BRANCH}`)).body).toMatchObject({
      status: { current_state: 'READY', default: true },
    });
    expect((await api.get(`${SERVICE}/projects/local/branches`)).body.branches).toHaveLength(1);
    expect((await api.get(`${SERVICE}/${BRANCH}/endpoints`)).body.endpoints).toMatchObject([
      { name: `${BRANCH}/endpoints/primary`, status: { hosts: { host: expect.any(String) } } },
    ]);
    const uid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect((await api.get(`${SERVICE}/${BRANCH}/databases/${database}`)).body).toEqual({
      name: `${BRANCH}/databases/${database}`,
      uid,
      database_id: database,
      parent: BRANCH,
      status: {
        database_id: database,
        postgres_database: database,
        role: expect.stringContaining(`${BRANCH}/roles/`),
      },
    });
    expect((await api.get(`${SERVICE}/projects/local`)).body).toMatchObject({
      project_id: 'local',
      uid,
      create_time: expect.any(String),
      status: { project_id: 'local' },
    });
    expect((await api.get(`${SERVICE}/${BRANCH}`)).body).toMatchObject({
      branch_id: 'production',
      parent: 'projects/local',
      uid,
    });
    expect((await api.get(`${SERVICE}/${BRANCH}/endpoints`)).body.endpoints).toMatchObject([
      { endpoint_id: 'primary', parent: BRANCH, uid, status: { disabled: false } },
    ]);
    // Roles are the server's: those of other tests come and go.
    const readRoles = async () => {
      const all: { role_id: string; uid: string; status: object }[] = [];
      for (let token = ''; ; ) {
        const { roles, next_page_token: next } = (
          await api.get(`${SERVICE}/${BRANCH}/roles?page_size=100&page_token=${encodeURIComponent(token)}`)
        ).body;
        all.push(...roles);
        if (!next) return all;
        token = next;
      }
    };
    const roles = await readRoles();
    const own = roles.find(({ role_id }) => role_id === keeper);
    expect(own).toMatchObject({
      uid,
      status: {
        auth_method: 'PG_PASSWORD_SCRAM_SHA_256',
        attributes: { createdb: false },
        membership_roles: ['DATABRICKS_SUPERUSER'],
      },
    });
    // Whoever asks again is told the same uids, and no two are alike.
    expect((await readRoles()).find(({ role_id }) => role_id === keeper)).toEqual(own);
    expect(new Set(roles.map((each) => each.uid)).size).toBe(roles.length);
    expect((await api.get(`${SERVICE}/${BRANCH}/roles?page_size=1`)).body.roles).toHaveLength(1);
    expect(await api.get(`${SERVICE}/${BRANCH}/endpoints/second`)).toMatchObject({ status: 404 });
    expect(await api.get(`${SERVICE}/projects/local/branches/other`)).toMatchObject({ status: 404 });
    for (const list of [
      'projects',
      'projects/local/branches',
      `${BRANCH}/endpoints`,
      `${BRANCH}/databases`,
      `${BRANCH}/roles`,
    ]) {
      for (const [method, path] of [
        ['POST', list],
        ['PATCH', `${list}/x`],
        ['DELETE', `${list}/x`],
      ] as const) {
        const refused = await api.send(method, `${SERVICE}/${path}`, method === 'DELETE' ? undefined : {});
        expect([path, refused.status, refused.body.error_code]).toEqual([path, 501, 'NOT_IMPLEMENTED']);
      }
    }
    // What newer SDKs have besides is refused alike, not as a call that was mistyped.
    for (const [method, path] of [
      ['GET', `${BRANCH}/databases/${database}/cdf-configs`],
      ['GET', `${BRANCH}/databases/${database}/cdf-configs/x/cdf-statuses`],
      ['POST', `${BRANCH}/databases/${database}/data-api`],
      ['GET', 'projects/local/snapshots'],
      ['DELETE', 'projects/local/snapshots/x'],
      ['POST', `${BRANCH}/roles/x/password`],
    ] as const) {
      const refused = await api.send(method, `${SERVICE}/${path}`, method === 'POST' ? {} : undefined);
      expect([path, refused.status, refused.body.error_code]).toEqual([path, 501, 'NOT_IMPLEMENTED']);
    }
    const bare = await api.get(`${SERVICE}/main.g.t_synced`);
    expect(bare).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
    expect(bare.body.message).toContain('synced_tables/<catalog>.<schema>.<table>');
  });

  it('registers, reads and unregisters a catalog by operations', async () => {
    const catalogs = `${SERVICE}/catalogs`;
    const place = { postgres_database: database, branch: BRANCH };
    const spec = { ...place, create_database_if_missing: true };
    const created = await api.post(`${catalogs}?catalog_id=lakebase`, { spec });
    const status = { ...place, project: 'projects/local' };
    const catalog = { name: 'catalogs/lakebase', catalog_id: 'lakebase', spec, status };
    expect(created).toMatchObject({ status: 200, body: { done: true, response: catalog } });
    expect((await api.get(`${SERVICE}/${created.body.name}`)).body.response).toMatchObject(catalog);
    const read = await api.get(`${catalogs}/lakebase`);
    expect(read).toMatchObject({ status: 200, body: { ...catalog, uid: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    expect(Date.parse(read.body.create_time)).toBeLessThanOrEqual(Date.now());
    // The other service knows it too.
    expect((await api.get('/api/2.0/database/catalogs/lakebase')).body.uid).toBe(read.body.uid);
    expect(await api.post(`${catalogs}?catalog_id=lakebase`, { spec })).toMatchObject({ status: 409 });
    expect(await api.post(`${catalogs}?catalog_id=lake`, { spec })).toMatchObject({ status: 409 });
    for (const wrong of ['', '?catalog_id=', '?catalog_id=a.b']) {
      expect(await api.post(`${catalogs}${wrong}`, { spec })).toMatchObject({ status: 400 });
    }
    const elsewhere = { spec: { ...spec, branch: 'projects/nowhere/branches/production' } };
    expect(await api.post(`${catalogs}?catalog_id=x`, elsewhere)).toMatchObject({ status: 404 });
    const stranger = new ApiClient(api.url, await createToken(synced, await synced.database.createRole('stranger')));
    expect(await stranger.post(`${catalogs}?catalog_id=x`, { spec })).toMatchObject({ status: 403 });
    expect(await stranger.delete(`${catalogs}/lakebase`)).toMatchObject({ status: 403 });
    const deleted = await api.delete(`${catalogs}/lakebase`);
    expect(deleted).toMatchObject({
      status: 200,
      body: { done: true, response: { '@type': 'type.googleapis.com/google.protobuf.Empty' } },
    });
    expect((await api.get(`${SERVICE}/${deleted.body.name}`)).body.done).toBe(true);
    expect(await api.get(`${catalogs}/lakebase`)).toMatchObject({ status: 404 });
  });

  it('registers, reads and unregisters a table that is not synced', async () => {
    await synced.admin.query(
      'create schema shop; create table shop.plain (id int); grant usage on schema shop to public',
    );
    const table = { name: 'main.shop.plain', database: `${BRANCH}/databases/${database}` };
    const told = { ...table, branch: BRANCH, project: 'projects/local' };
    expect(await api.post(`${SERVICE}/tables`, table)).toMatchObject({ status: 200, body: told });
    expect((await api.get(`${SERVICE}/tables/main.shop.plain`)).body).toEqual(told);
    expect((await api.get('/api/2.0/database/tables/main.shop.plain')).body.logical_database_name).toBe(database);
    expect(await api.post(`${SERVICE}/tables`, told)).toMatchObject({ status: 409 });
    expect(await api.post(`${SERVICE}/tables`, { ...told, project: 'projects/x' })).toMatchObject({ status: 400 });
    for (const wrong of [
      database,
      `${BRANCH}/databases/nowhere`,
      `projects/x/branches/production/databases/${database}`,
    ]) {
      const reply = await api.post(`${SERVICE}/tables`, { name: 'main.shop.other', database: wrong });
      expect([wrong, reply.status]).toEqual([wrong, 404]);
    }
    const role = await synced.database.createRole('reader');
    const reader = new ApiClient(api.url, await createToken(synced, role));
    expect(await reader.get(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 404 });
    expect(await reader.delete(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 404 });
    await synced.admin.query(`grant select on shop.plain to ${role}`);
    expect(await reader.get(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 200 });
    expect(await reader.delete(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 403 });
    expect(await api.delete(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 200, body: {} });
    expect(await api.get(`${SERVICE}/tables/main.shop.plain`)).toMatchObject({ status: 404 });
  });

  it('gives a credential that Postgres takes, for as long as was asked', async () => {
    const { status, body } = await api.post(`${SERVICE}/credentials`, {
      endpoint: `${BRANCH}/endpoints/primary`,
      ttl: '600s',
    });
    expect(status).toBe(200);
    expect(Date.parse(body.expire_time) - Date.now()).toBeLessThan(601_000);
    const role = JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString()).sub;
    const url = new URL(synced.database.url);
    url.username = role;
    url.password = body.token;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    expect((await client.query('select current_user as who')).rows).toEqual([{ who: role }]);
    await client.end();
    for (const wrong of [{ ttl: '10s' }, { ttl: 'soon' }, { expire_time: '2001-01-01T00:00:00Z' }]) {
      const refused = await api.post(`${SERVICE}/credentials`, { endpoint: `${BRANCH}/endpoints/primary`, ...wrong });
      expect([wrong, refused.status]).toEqual([wrong, 400]);
    }
  });
});
