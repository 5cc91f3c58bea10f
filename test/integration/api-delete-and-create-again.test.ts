import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: what declarative tools do, DELETE and then POST of the same name, works over every door of the HTTP API, with
// the rights of the caller; purge_data drops what a deletion has left.

const DATABASE = '/api/2.0/database/synced_tables';
const POSTGRES = '/api/2.0/postgres/synced_tables';
const UNITY = '/api/2.1/unity-catalog/tables';
const PIPELINES = '/api/2.0/pipelines';
const reasonOf = ({ body }: ApiReply) => body.details?.[0]?.reason;

describe.each(eitherPostgresServer(import.meta.url))('delete and create again over HTTP on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let stranger: ApiClient;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    await synced.lake.createTable('g.t', { id: 'long', at: 'long' }, 'select i as id, i as at from range(10) t(i)');
    await synced.lake.createTable(
      'g.events',
      { id: 'long', seq: 'long' },
      'select i as id, i as seq from range(4) t(i)',
    );
    const { url } = await synced.startSidecar();
    const as = async (role: string) => new ApiClient(url, await createToken(synced, role));
    api = await as(await synced.database.createRole('keeper', 'databricks_superuser'));
    stranger = await as(await synced.database.createRole('stranger'));
    database = (await synced.value('select current_database()')) ?? '';
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const spec = (more: object = {}) => ({
    source_table_full_name: 'lake.g.t',
    primary_key_columns: ['id'],
    scheduling_policy: 'SNAPSHOT',
    ...more,
  });
  const createByDatabase = (name: string, more: object = {}) =>
    api.post(DATABASE, { name, database_instance_name: 'local', logical_database_name: database, spec: spec(more) });
  const createByPostgres = (name: string, more: object = {}) =>
    api.post(`${POSTGRES}?synced_table_id=${name}`, {
      spec: { branch: 'projects/local/branches/production', postgres_database: database, ...spec(more) },
    });
  const loaded = (name: string) =>
    expect
      .poll(async () => (await api.get(`${DATABASE}/${name}`)).body.data_synchronization_status?.detailed_state, {
        timeout: 60_000,
      })
      .toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');

  it.each([
    ['database', DATABASE, createByDatabase],
    ['postgres', POSTGRES, createByPostgres],
    ['tables of Unity Catalog', UNITY, createByDatabase],
  ])('recreates and purges by the service %s', { timeout: 120_000 }, async (door, path, create) => {
    const schema = `door_${door.slice(0, 4)}`;
    const name = `main.${schema}.again`;
    expect(await create(name)).toMatchObject({ status: 200 });
    await loaded(name);
    const oid = await synced.value(`select '${schema}.again'::regclass::oid`);
    expect(await api.delete(`${path}/${name}`)).toMatchObject({ status: 200 });
    expect(await create(name, { timeseries_key: 'at' })).toMatchObject({ status: 200 });
    await loaded(name);
    expect(await synced.value(`select '${schema}.again'::regclass::oid`)).toBe(oid);
    expect((await api.get(`${DATABASE}/${name}`)).body.spec).toMatchObject({ timeseries_key: 'at' });
    // Deleted, it is gone for this API; what is left can be dropped, under its own name only.
    expect(await api.delete(`${path}/${name}`)).toMatchObject({ status: 200 });
    const again = await api.delete(`${path}/${name}`);
    expect([again.status, reasonOf(again)]).toEqual([404, 'FORMER_SYNCED_TABLE']);
    expect(again.body.message).toContain('purge_data=true');
    expect(await synced.rows(`${schema}.again`, ['count(*)'])).toEqual([['10']]);
    expect(await stranger.delete(`${path}/${name}?purge_data=true`)).toMatchObject({ status: 404 });
    expect(await api.delete(`${path}/other.${schema}.again?purge_data=true`)).toMatchObject({ status: 404 });
    expect(await api.delete(`${path}/${name}?purge_data=true`)).toMatchObject({ status: 200 });
    expect(await synced.value(`select to_regclass('${schema}.again')`)).toBeNull();
    expect(await api.delete(`${path}/${name}?purge_data=true`)).toMatchObject({ status: 404 });
  });

  it('finds a former table by its database catalog and by the name of its database', { timeout: 120_000 }, async () => {
    const catalog = { name: 'cat', database_instance_name: 'local', database_name: database };
    expect(await api.post('/api/2.0/database/catalogs', catalog)).toMatchObject({ status: 200 });
    for (const name of ['cat.by.catalog', `${database}.by.database`]) {
      expect(await api.post(DATABASE, { name: name.replace(database, 'cat'), spec: spec() })).toMatchObject({
        status: 200,
      });
      await loaded(name);
      expect(await api.delete(`${DATABASE}/${name}`)).toMatchObject({ status: 200 });
      expect(await api.delete(`${DATABASE}/${name}?purge_data=true`)).toMatchObject({ status: 200 });
    }
    expect(await synced.value(`select count(*) from pg_class where relnamespace = 'by'::regnamespace`)).toBe('0');
  });

  it('refuses a plain table of that name without advice in SQL', async () => {
    await synced.admin.query(
      'create schema plain; create table plain.t (x int); grant usage, create on schema plain to public',
    );
    const refused = await createByDatabase('main.plain.t');
    expect([refused.status, reasonOf(refused)]).toEqual([409, 'TARGET_TABLE_EXISTS']);
    expect(refused.body.message).toBe(
      'plain.t already exists and is not being synced; nothing is ever overwritten. Drop or rename it, or choose another name.',
    );
    expect(await api.delete(`${DATABASE}/main.plain.t?purge_data=true`)).toMatchObject({ status: 404 });
    expect(await synced.value(`select to_regclass('plain.t')`)).toBe('plain.t');
  });

  it('deletes streaming tables with their pipeline by default, and takes over those that stayed', {
    timeout: 120_000,
  }, async () => {
    const statements = (columns = '*') => `CREATE OR REFRESH STREAMING TABLE bundled;
      CREATE FLOW f AS AUTO CDC INTO bundled FROM stream(lake.g.events) KEYS (id) SEQUENCE BY seq COLUMNS ${columns};`;
    const create = async (sql: string) => {
      const made = await api.post(PIPELINES, { name: 'bundled', catalog: database, schema: 'silver', sql });
      expect(made).toMatchObject({ status: 200 });
      const id: string = made.body.pipeline_id;
      const started = await api.post(`${PIPELINES}/${id}/updates`, {});
      const state = async () =>
        (await api.get(`${PIPELINES}/${id}/updates/${started.body.update_id}`)).body.update.state;
      await expect.poll(state, { timeout: 60_000 }).toBe('COMPLETED');
      return id;
    };
    const first = await create(statements());
    await synced.admin.query('create view silver.over as select id from silver.bundled');
    const reader = await synced.database.createRole('reader');
    await synced.admin.query(`grant select on silver.bundled to ${reader}`);
    const dependents = await api.delete(`${PIPELINES}/${first}`);
    expect([dependents.status, reasonOf(dependents)]).toEqual([400, 'SYNCED_TABLE_HAS_DEPENDENTS']);
    expect(await api.delete(`${PIPELINES}/${first}?cascade=false`)).toMatchObject({ status: 200 });
    const second = await create(statements());
    expect(await synced.rows('silver.over', ['count(*)'])).toEqual([['4']]);
    expect(await synced.value(`select has_table_privilege('${reader}', 'silver.bundled', 'select')`)).toBe('true');
    await synced.admin.query('drop view silver.over');
    // Another shape: what was stored before is replaced.
    expect(await api.delete(`${PIPELINES}/${second}?cascade=false`)).toMatchObject({ status: 200 });
    const third = await create(statements('* EXCEPT (seq)'));
    expect(
      await synced.value(
        `select count(*) from pg_attribute where attrelid = 'silver.bundled'::regclass and attnum > 0 and not attisdropped`,
      ),
    ).toBe('1');
    expect(await api.delete(`${PIPELINES}/${third}`)).toMatchObject({ status: 200 });
    expect(await synced.value(`select to_regclass('silver.bundled')`)).toBeNull();
    expect(await synced.value(`select count(*) from synced_tables._cdc_targets`)).toBe('0');
    await create(statements());
    const taken = await createByDatabase('main.silver.bundled');
    expect([taken.status, reasonOf(taken)]).toEqual([409, 'TARGET_TABLE_EXISTS']);
  });
});
