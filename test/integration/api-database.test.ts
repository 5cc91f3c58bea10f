import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import type { TestServer } from '../support/test-server.js';

// Goal: the `database` service answers as the one of Databricks does, states, errors and concurrent calls included.

const BASE = '/api/2.0/database';
const TABLES = `${BASE}/synced_tables`;

const SPEC = { source_table_full_name: 'lake.gold.t', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' };

interface Service {
  readonly synced: SyncedLake;
  readonly api: ApiClient;
  /** The role that `api` acts as. */
  readonly role: string;
  /** The database of the instance `local`. */
  readonly database: string;
}

/** @param isSuperuser whether the sidecar logs in as a superuser, as it must to make databases */
async function startService(synced: SyncedLake, isSuperuser = false): Promise<Service> {
  const { url } = await synced.startSidecar(isSuperuser ? { url: synced.database.url } : {});
  const role = await synced.database.createRole('keeper', 'databricks_superuser');
  const api = new ApiClient(url, await createToken(synced, role));
  return { synced, api, role, database: (await synced.value('select current_database()')) ?? '' };
}

async function dropDatabase(server: TestServer, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url, application_name: 'test-admin' });
  await client.connect();
  try {
    const { rows } = await client.query<{ oid: number }>('select oid from pg_database where datname = $1', [name]);
    await client.query(`drop database if exists ${name} with (force)`);
    const owners = await client.query<{ name: string }>(
      'select rolname as name from pg_roles where starts_with(rolname, $1)',
      [`databricks_st_${rows[0]?.oid}_`],
    );
    for (const owner of owners.rows) await client.query(`drop role ${owner.name}`);
  } finally {
    await client.end();
  }
}

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('registers a catalog for a database, and finds tables under it and under their standard name', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
    const { api, database } = await startService(synced);
    const catalog = { name: 'app', database_instance_name: 'local', database_name: database };
    const created = await api.post(`${BASE}/catalogs`, { ...catalog, create_database_if_not_exists: true });
    expect(created).toMatchObject({ status: 200, body: { ...catalog, uid: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    // What was given is there after `terraform import`, so that its plan is empty; one that finds another flag may say so.
    expect(created.body).toHaveProperty('create_database_if_not_exists', true);
    expect((await api.get(`${BASE}/catalogs/app`)).body).toEqual(created.body);
    expect((await api.post(`${BASE}/catalogs`, catalog)).body).toMatchObject({ error_code: 'ALREADY_EXISTS' });
    expect((await api.post(`${BASE}/catalogs`, { ...catalog, name: 'lake' })).status).toBe(409);
    const patched = await api.send('PATCH', `${BASE}/catalogs/app?update_mask=*`, catalog);
    expect(patched).toEqual({ ...patched, status: 200, body: { ...catalog, uid: created.body.uid } });
    for (const change of [{ database_name: 'other' }, { name: 'apps' }]) {
      expect(await api.send('PATCH', `${BASE}/catalogs/app?update_mask=name`, { ...catalog, ...change })).toMatchObject(
        {
          status: 501,
          body: { error_code: 'NOT_IMPLEMENTED' },
        },
      );
    }
    // In the database catalog: place inferred; given ones have to agree.
    const wrong = { name: 'app.gold.a', spec: SPEC, logical_database_name: 'other' };
    expect(await api.post(TABLES, wrong)).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    });
    expect(await api.post(TABLES, { name: 'app.gold.a', spec: SPEC, database_instance_name: 'other' })).toMatchObject({
      status: 404,
    });
    expect(await api.post(TABLES, { name: 'app.gold.a', spec: SPEC, database_instance_name: 'local' })).toMatchObject({
      status: 200,
      body: { effective_database_instance_name: 'local', effective_logical_database_name: database },
    });
    // In a standard one: place demanded; the table then shows under both catalogs.
    expect(await api.post(TABLES, { name: 'standard.gold.b', spec: SPEC })).toMatchObject({ status: 400 });
    const place = { database_instance_name: 'local', logical_database_name: database };
    expect(await api.post(TABLES, { name: 'standard.gold.b', spec: SPEC, ...place })).toMatchObject({ status: 200 });
    for (const name of ['standard.gold.b', 'app.gold.b', 'app.gold.a']) {
      expect(await api.get(`${TABLES}/${name}`)).toMatchObject({ status: 200, body: { name } });
    }
    expect(await api.get(`${TABLES}/standard.gold.a`)).toMatchObject({ status: 404 });
    const list = await api.get(`${BASE}/instances/local/synced_tables`);
    expect(list.body.synced_tables.map((table: { name: string }) => table.name)).toEqual([
      'app.gold.a',
      'standard.gold.b',
    ]);
    const page = await api.get(`${BASE}/instances/local/synced_tables?page_size=1`);
    expect(page.body.synced_tables).toHaveLength(1);
    const next = await api.get(
      `${BASE}/instances/local/synced_tables?page_size=1&page_token=${page.body.next_page_token}`,
    );
    expect(next.body).toMatchObject({ synced_tables: [{ name: 'standard.gold.b' }] });
    expect(next.body).not.toHaveProperty('next_page_token');
    expect((await api.get(`${BASE}/instances/local/catalogs`)).body).toMatchObject({ database_catalogs: [catalog] });
    expect(await api.delete(`${BASE}/catalogs/app`)).toMatchObject({ status: 200 });
    expect(await api.get(`${BASE}/catalogs/app`)).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
    expect(await api.get(`${TABLES}/${database}.gold.a`)).toMatchObject({ status: 200 });
  });

  it('makes a missing database and schema when it is asked to, for the caller, ten at once too', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
    const name = `test_made_${randomBytes(4).toString('hex')}`;
    try {
      const { api, role } = await startService(synced, true);
      const body = (table: string, isMade: boolean) => ({
        name: `standard.made.${table}`,
        database_instance_name: 'local',
        logical_database_name: name,
        spec: { ...SPEC, create_database_objects_if_missing: isMade },
      });
      expect(await api.post(TABLES, body('t', false))).toMatchObject({
        status: 404,
        body: { error_code: 'NOT_FOUND' },
      });
      const replies = await Promise.all(Array.from({ length: 10 }, (_, n) => api.post(TABLES, body(`t${n}`, true))));
      expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
      expect(await synced.value('select pg_get_userbyid(datdba) from pg_database where datname = $1', [name])).toBe(
        role,
      );
      const states = async () => {
        const { synced_tables: tables } = (await api.get(`${BASE}/instances/local/synced_tables`)).body;
        return new Set(
          tables.map(
            (table: { data_synchronization_status: { detailed_state: string } }) =>
              table.data_synchronization_status.detailed_state,
          ),
        );
      };
      await expect
        .poll(states, { timeout: 60_000, interval: 500 })
        .toEqual(new Set(['SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE']));
      // Another sidecar finds it, though its settings do not name it.
      const { url } = await synced.startSidecar({ url: synced.database.url });
      const other = new ApiClient(url, await createToken(synced, role));
      expect(await other.get(`${TABLES}/standard.made.t3`)).toMatchObject({ status: 200 });
      const stranger = await synced.database.createRole('stranger');
      const strange = new ApiClient(url, await createToken(synced, stranger));
      const refused = await strange.post(TABLES, { ...body('x', true), logical_database_name: `${name}_2` });
      expect(refused).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
    } finally {
      await synced.stopSidecars();
      await dropDatabase(server, name);
    }
  });
});

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('lets one of ten equal creates through, and all of ten different ones, in one pipeline or in ten', async () => {
  await using synced = await SyncedLake.create(server);
  await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
  const { api, database } = await startService(synced);
  const place = { database_instance_name: 'local', logical_database_name: database };
  const create = (name: string, spec: object = {}) => api.post(TABLES, { name, ...place, spec: { ...SPEC, ...spec } });
  const same = await Promise.all(Array.from({ length: 10 }, () => create('standard.gold.same')));
  expect(same.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(409)]);
  expect(same.find(({ status }) => status === 409)?.body).toMatchObject({ error_code: 'ALREADY_EXISTS' });
  const pipeline = same.find(({ status }) => status === 200)?.body.data_synchronization_status.pipeline_id;
  const inOne = await Promise.all(
    Array.from({ length: 9 }, (_, n) => create(`standard.gold.one${n}`, { existing_pipeline_id: pipeline })),
  );
  expect(inOne.map(({ status }) => status)).toEqual(Array(9).fill(200));
  expect(new Set(inOne.map(({ body }) => body.data_synchronization_status.pipeline_id))).toEqual(new Set([pipeline]));
  expect(
    await create('standard.gold.x', { existing_pipeline_id: pipeline, scheduling_policy: 'TRIGGERED' }),
  ).toMatchObject({ status: 400 });
  expect(await create('standard.gold.x', { existing_pipeline_id: 'no id' })).toMatchObject({ status: 404 });
  const apart = await Promise.all(Array.from({ length: 10 }, (_, n) => create(`standard.gold.own${n}`)));
  expect(apart.map(({ status }) => status)).toEqual(Array(10).fill(200));
  // The 21st of one source.
  expect(await create('standard.gold.last')).toMatchObject({ status: 400, body: { error_code: 'INVALID_STATE' } });
});

it('gives back what it was given, and takes what pasted examples hold', async () => {
  await using synced = await SyncedLake.create(server);
  await synced.lake.createTable('gold.t', { id: 'long', at: 'long' }, 'select i as id, i as at from range(3) t(i)');
  const { api, database } = await startService(synced);
  const spec = {
    ...SPEC,
    timeseries_key: 'at',
    create_database_objects_if_missing: true,
    new_pipeline_spec: { storage_catalog: 'main', storage_schema: 'storage' },
  };
  const text = `{ "name": "standard.Gold.Table_1", "database_instance_name": "local", "unknown": [1,2,],
    "logical_database_name": "${database}", "spec": ${JSON.stringify({ ...spec, name: 'x', nothing: null })}, }`;
  const created = await api.post(TABLES, text, { 'content-type': 'text/json' });
  expect(created).toMatchObject({ status: 200, body: { name: 'standard.Gold.Table_1' } });
  expect(created.body.spec).toEqual(spec);
  expect((await api.get(`${TABLES}/standard.Gold.Table_1`)).body.spec).toEqual(spec);
  expect(created.body.data_synchronization_status.pipeline_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const misplaced = {
    name: 'standard.gold.u',
    database_instance_name: 'local',
    logical_database_name: database,
    spec: SPEC,
    new_pipeline_spec: spec.new_pipeline_spec,
  };
  expect((await api.post(TABLES, misplaced)).body.spec.new_pipeline_spec).toEqual(spec.new_pipeline_spec);
  for (const [wrong, code] of [
    [{ name: 'two.parts' }, 'INVALID_PARAMETER_VALUE'],
    [{ name: 'a.b.c', spec: { ...SPEC, scheduling_policy: 'HOURLY' } }, 'INVALID_PARAMETER_VALUE'],
    [{ name: 'a.b.c', spec: { ...SPEC, primary_key_columns: [] } }, 'INVALID_PARAMETER_VALUE'],
    [{ name: 'a.b.c', spec: { ...SPEC, source_table_full_name: 'x' } }, 'INVALID_PARAMETER_VALUE'],
    [{ name: 'a.pg_catalog.c', spec: SPEC }, 'INVALID_PARAMETER_VALUE'],
  ] as const) {
    const reply = await api.post(TABLES, {
      database_instance_name: 'local',
      logical_database_name: database,
      ...wrong,
    });
    expect({ wrong, reply }).toMatchObject({ reply: { status: 400, body: { error_code: code } } });
  }
  expect(await api.send('PATCH', `${TABLES}/standard.gold.u?update_mask=spec`, misplaced)).toMatchObject({
    status: 501,
  });
  expect(await api.post(TABLES, '{"name": ')).toMatchObject({ status: 400 });
});

it('tells every state with the details that belong to it', async () => {
  await using synced = await SyncedLake.create(server);
  await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
  const { api, database } = await startService(synced);
  await api.post(TABLES, {
    name: 'standard.gold.t',
    database_instance_name: 'local',
    logical_database_name: database,
    spec: SPEC,
  });
  const status = async () => (await api.get(`${TABLES}/standard.gold.t`)).body.data_synchronization_status;
  await expect
    .poll(async () => (await status()).detailed_state, { timeout: 60_000 })
    .toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
  expect((await status()).last_sync).toMatchObject({
    sync_start_timestamp: expect.stringMatching(/Z$/),
    sync_end_timestamp: expect.stringMatching(/Z$/),
    delta_table_sync_info: { delta_commit_version: 0, delta_commit_timestamp: expect.stringMatching(/Z$/) },
  });
  const setState = (state: string) =>
    synced.admin.query(
      `update synced_tables._tables set state = $1, rows_done = 1, rows_total = 4, processing_version = 9007199254740993,
              provisioning_phase = 'PROVISIONING_PHASE_MAIN', phase_started_at = now() - interval '10 s'`,
      [state],
    );
  const progress = {
    synced_row_count: 1,
    total_row_count: 4,
    sync_progress_completion: 0.25,
    provisioning_phase: 'PROVISIONING_PHASE_MAIN',
    estimated_completion_time_seconds: expect.any(Number),
  };
  const processed = { last_processed_commit_version: 0, timestamp: expect.any(String) };
  const details: Readonly<Record<string, object>> = {
    SYNCED_TABLE_PROVISIONING: {},
    SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES: { provisioning_status: {} },
    SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT: { provisioning_status: { initial_pipeline_sync_progress: progress } },
    SYNCED_TABLE_ONLINE: {},
    SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE: { continuous_update_status: processed },
    SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE: {
      triggered_update_status: { ...processed, triggered_update_progress: progress },
    },
    SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE: { triggered_update_status: processed },
    SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES: { continuous_update_status: processed },
    SYNCED_TABLE_ONLINE_PIPELINE_FAILED: { failed_status: processed },
    SYNCED_TABLE_OFFLINE_FAILED: { failed_status: {} },
    SYNCED_TABLED_OFFLINE: {},
  };
  for (const [state, shown] of Object.entries(details)) {
    await setState(state);
    const found = await status();
    expect(found).toMatchObject({ detailed_state: state, ...shown });
    const objects = Object.keys(found).filter((key) => key.endsWith('_status'));
    expect({ state, objects }).toEqual({ state, objects: Object.keys(shown) });
  }
  await setState('SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE');
  const raw = await fetch(`${api.url}${TABLES}/standard.gold.t`, { headers: api.authorization }).then((reply) =>
    reply.text(),
  );
  expect(raw).toContain('"latest_version_currently_processing":9007199254740993');
  await synced.admin.query(`update synced_tables._updates set state = 'RUNNING', full_refresh = true`);
  expect(await status()).not.toHaveProperty('last_sync');
  await synced.admin.query(`update synced_tables._updates set state = 'COMPLETED'`);
  await synced.admin.query('set databricks_auth.allow_ddl = on; drop table gold.t');
  expect(await api.get(`${TABLES}/standard.gold.t`)).toMatchObject({ status: 404 });
});

it('reads instances and refuses to make or change one', async () => {
  await using synced = await SyncedLake.create(server);
  const { api } = await startService(synced);
  const { body } = await api.get(`${BASE}/instances/local`);
  expect(body).toMatchObject({
    name: 'local',
    state: 'AVAILABLE',
    pg_version: `PG_VERSION_${server.major}`,
    effective_stopped: false,
    effective_enable_readable_secondaries: false,
    uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect((await api.get(`${BASE}/instances`)).body).toEqual({ database_instances: [body] });
  expect((await api.get(`${BASE}/instances:findByUid?uid=${body.uid}`)).body).toEqual(body);
  expect(await api.get(`${BASE}/instances:findByUid?uid=x`)).toMatchObject({ status: 404 });
  expect(await api.get(`${BASE}/instances/no_such`)).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
  for (const [method, path] of [
    ['POST', '/instances'],
    ['PATCH', '/instances/local'],
    ['DELETE', '/instances/local'],
    ['POST', '/instances/local/failover'],
    ['PATCH', '/instances/local/upgrade'],
  ] as const) {
    expect(await api.send(method, `${BASE}${path}`, method === 'DELETE' ? undefined : { name: 'x' })).toMatchObject({
      status: 501,
      body: { error_code: 'NOT_IMPLEMENTED', message: expect.stringContaining('settings') },
    });
  }
});

it('makes, reads and drops roles with the rights of the caller, whatever their names', async () => {
  await using synced = await SyncedLake.create(server);
  const { api, role } = await startService(synced);
  const path = `${BASE}/instances/local/roles`;
  const name = `ada+${randomBytes(3).toString('hex')}@example.com`;
  expect(await api.post(path, { name, identity_type: 'USER' })).toMatchObject({
    status: 403,
    body: { error_code: 'PERMISSION_DENIED' },
  });
  await synced.admin.query(
    `alter role ${role} createrole createdb; grant databricks_superuser to ${role} with admin option`,
  );
  const wanted = {
    name,
    identity_type: 'USER',
    membership_role: 'DATABRICKS_SUPERUSER',
    effective_attributes: { createdb: true, createrole: false, bypassrls: false },
    instance_name: 'local',
  };
  const made = await api.post(path, {
    name,
    identity_type: 'USER',
    membership_role: 'DATABRICKS_SUPERUSER',
    attributes: { createdb: true },
  });
  expect(made).toMatchObject({ status: 200, body: wanted });
  expect(await api.post(path, { name, identity_type: 'USER' })).toMatchObject({
    status: 409,
    body: { error_code: 'ALREADY_EXISTS' },
  });
  for (const written of [name, encodeURIComponent(name)]) {
    expect(await api.get(`${path}/${written}`)).toMatchObject({ status: 200, body: wanted });
  }
  const odd = `odd/100%-${randomBytes(3).toString('hex')}`;
  expect(await api.post(path, { name: odd, identity_type: 'PG_ONLY' })).toMatchObject({
    status: 200,
    body: { name: odd, identity_type: 'PG_ONLY' },
  });
  expect(await api.get(`${path}/${odd}`)).toMatchObject({ status: 200, body: { name: odd } });
  const names = (await api.get(path)).body.database_instance_roles.map((each: { name: string }) => each.name);
  expect(names).toEqual(expect.arrayContaining([name, odd]));
  expect(names.filter((each: string) => /^(pg_|databricks_)/.test(each))).toEqual([]);
  expect(await api.send('PATCH', `${path}/${name}`, { name })).toMatchObject({ status: 501 });
  for (const each of [name, odd]) expect(await api.delete(`${path}/${each}`)).toMatchObject({ status: 200 });
  expect(await api.delete(`${path}/${name}`)).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
  expect(await api.delete(`${path}/${name}?allow_missing=true`)).toMatchObject({ status: 200 });
});

it('registers Postgres tables under three-part names', async () => {
  await using synced = await SyncedLake.create(server);
  const { api, role, database } = await startService(synced);
  await synced.admin.query(
    `create schema shop; grant usage on schema shop to ${role}; create table shop.orders (id int); create table shop.secret (id int)`,
  );
  await synced.admin.query(`revoke pg_read_all_data from ${role}; grant select on shop.orders to ${role}`);
  const table = { name: 'standard.shop.orders', database_instance_name: 'local', logical_database_name: database };
  expect(await api.post(`${BASE}/tables`, { ...table, name: 'standard.shop.missing' })).toMatchObject({ status: 404 });
  expect(await api.post(`${BASE}/tables`, table)).toMatchObject({ status: 200, body: table });
  expect(await api.post(`${BASE}/tables`, table)).toMatchObject({ status: 409 });
  expect((await api.get(`${BASE}/tables/${table.name}`)).body).toEqual(table);
  const stranger = new ApiClient(api.url, await createToken(synced, await synced.database.createRole('stranger')));
  expect(await stranger.post(`${BASE}/tables`, { ...table, name: 'standard.shop.secret' })).toMatchObject({
    status: 404,
  });
  expect(await stranger.get(`${BASE}/tables/${table.name}`)).toMatchObject({ status: 404 });
  expect(await stranger.delete(`${BASE}/tables/${table.name}`)).toMatchObject({ status: 404 });
  expect(await api.delete(`${BASE}/tables/${table.name}`)).toMatchObject({ status: 200 });
  expect(await api.get(`${BASE}/tables/${table.name}`)).toMatchObject({ status: 404 });
});

it('makes what a spec asks for beyond the source, and gives it back', async () => {
  await using synced = await SyncedLake.create(server);
  await synced.lake.createTable(
    'gold.t',
    { id: 'long', name: 'string' },
    "select i as id, 'n' || i as name from range(3) t(i)",
  );
  const { api, database } = await startService(synced);
  const spec = {
    ...SPEC,
    type_overrides: [{ column_name: 'name', pg_type: 'PG_SPECIFIC_TYPE_VARCHAR', size: 20 }],
    extra_columns: [{ column_name: 'kind', column_type: 'text', compute: "'plain'", maintenance: 'DEFAULT_VALUE' }],
    extra_index_definitions: [
      { name: 't_name', definition: '(name)', creation_point: 'CREATION_POINT_AFTER_DATA_LOAD' },
    ],
    accelerated_sync: true,
  };
  const place = { database_instance_name: 'local', logical_database_name: database };
  const created = await api.post(TABLES, { name: 'standard.gold.t', ...place, spec });
  expect(created).toMatchObject({ status: 200, body: { spec } });
  const read = () => api.get(`${TABLES}/standard.gold.t`);
  const state = async () => (await read()).body.data_synchronization_status.detailed_state;
  await expect.poll(state, { timeout: 60_000 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
  expect((await read()).body.spec).toEqual(spec);
  expect(await synced.rows('gold.t', ['id', 'pg_typeof(name)', 'kind'])).toContainEqual([
    '1',
    'character varying',
    'plain',
  ]);
  expect(await synced.value(`select to_regclass('gold.t_name')::text`)).toBe('gold.t_name');
  const vector = { ...SPEC, type_overrides: [{ column_name: 'name', pg_type: 'PG_SPECIFIC_TYPE_VECTOR', size: 3 }] };
  expect(await api.post(TABLES, { name: 'standard.gold.v', ...place, spec: vector })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('vector') },
  });
});
