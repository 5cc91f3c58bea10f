import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: names are found over HTTP in whatever case they are written, as in Unity Catalog; what is wrong with a request is
// said of its field, with what was most likely meant.

const TABLES = '/api/2.0/database/synced_tables';
const CATALOGS = '/api/2.0/database/catalogs';
const reasonOf = ({ status, body }: ApiReply) => [status, body.details?.[0]?.reason];

describe.each(eitherPostgresServer(import.meta.url))('names over HTTP on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let reader: ApiClient;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    await synced.lake.createTable(
      'gold.orders',
      { id: 'long', Region: 'string', at: 'long' },
      `select i as id, 'EU' as "Region", i as at from range(5) t(i)`,
    );
    await synced.lake.createTable('gold.Twin', { id: 'long' }, 'select 1 as id');
    await synced.lake.createTable('gold.tWin', { id: 'long' }, 'select 2 as id');
    const { url } = await synced.startSidecar();
    const as = async (role: string) => new ApiClient(url, await createToken(synced, role));
    api = await as(await synced.database.createRole('keeper', 'databricks_superuser'));
    reader = await as(await synced.database.createRole('reader'));
    database = (await synced.value('select current_database()')) ?? '';
    const made = await api.post(CATALOGS, { name: 'app', database_instance_name: 'local', database_name: database });
    expect(made.status).toBe(200);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const spec = (more: object = {}) => ({
    source_table_full_name: 'lake.gold.orders',
    primary_key_columns: ['id'],
    scheduling_policy: 'SNAPSHOT',
    ...more,
  });
  const create = (name: string, more: object = {}, body: object = {}) =>
    api.post(TABLES, { name, spec: spec(more), ...body });
  const gone = async (name: string) => {
    expect(await api.delete(`${TABLES}/${name}?purge_data=true`)).toMatchObject({ status: 200 });
  };

  it('finds source, columns, catalog and table in another case, and gives back what was given', async () => {
    const given = {
      source_table_full_name: 'LAKE.Gold.ORDERS',
      primary_key_columns: ['ID', 'region'],
      timeseries_key: 'AT',
    };
    const created = await create('APP.s.orders', given);
    expect(created).toMatchObject({ status: 200, body: { spec: given } });
    const state = async () =>
      (await api.get(`${TABLES}/App.S.Orders`)).body.data_synchronization_status?.detailed_state;
    await expect.poll(state, { timeout: 60_000 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
    expect((await api.get(`${TABLES}/app.s.orders`)).body.spec).toMatchObject(given);
    expect(
      await synced.value(`select source_table_full_name from synced_tables.status where synced_table = 's.orders'`),
    ).toBe('lake.gold.orders');
    expect(await api.get(`/api/2.1/unity-catalog/tables/APP.S.ORDERS`)).toMatchObject({
      status: 200,
      body: { name: 'orders' },
    });
    expect(await api.get(`/api/2.1/unity-catalog/tables/LAKE.GOLD.ORDERS`)).toMatchObject({
      status: 200,
      body: { full_name: 'lake.gold.orders' },
    });
    expect(await api.get(`${CATALOGS}/APP`)).toMatchObject({ status: 200, body: { name: 'app' } });
    await gone('APP.S.ORDERS');
  });

  it('refuses what differs in case only, over HTTP and in SQL', async () => {
    expect(await create('app.s.one')).toMatchObject({ status: 200 });
    expect(reasonOf(await create('app.s.ONE'))).toEqual([409, 'SYNCED_TABLE_EXISTS']);
    expect(reasonOf(await create('app.S.one'))).toEqual([409, 'SYNCED_TABLE_EXISTS']);
    const bySql = synced.create('"S"."One"', { source: 'gold.orders' });
    await expect(bySql).rejects.toMatchObject({
      message: 'Synced table s.one already exists.',
      hint: expect.stringContaining('differ in case only'),
    });
    const place = { database_instance_name: 'local', logical_database_name: database };
    expect(await create('standard.s.two', {}, place)).toMatchObject({ status: 200 });
    expect(reasonOf(await create('Standard.s.TWO', {}, place))).toEqual([409, 'SYNCED_TABLE_EXISTS']);
    const twin = { name: 'APP', database_instance_name: 'local', database_name: database };
    expect(reasonOf(await api.post(CATALOGS, twin))).toEqual([409, 'DATABASE_CATALOG_EXISTS']);
    expect(reasonOf(await api.post(CATALOGS, { ...twin, name: 'Lake' }))).toEqual([409, 'DATABASE_CATALOG_EXISTS']);
  });

  it('lets one of two sessions take a name, whatever its case', { timeout: 60_000 }, async () => {
    const [first, second] = [await synced.database.connect(), await synced.database.connect()];
    const wanted = { source: 'gold.orders' };
    const waiting = () =>
      synced.value(`select count(*) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock' and query like '%create_synced_table%'`);
    await first.query('begin');
    await synced.create('s.raced', wanted, first);
    const late = synced.create('"S"."Raced"', wanted, second).catch((error: unknown) => error);
    await eventually(async () => (await waiting()) === '1', 'the second session waits for the first');
    await first.query('commit');
    expect(await late).toMatchObject({ message: 'Synced table s.raced already exists.' });
    // Given up by the first, the name is there for the second.
    await first.query('begin');
    await synced.create('s.raced_again', wanted, first);
    const next = synced.create('"S"."Raced_Again"', wanted, second);
    await eventually(async () => (await waiting()) === '1', 'the second session waits for the first');
    await first.query('rollback');
    await next;
    expect(await synced.rows('synced_tables.status', ['synced_table'])).toContainEqual(['"S"."Raced_Again"']);
    await synced.admin.query(`select synced_tables.delete_synced_table('"S"."Raced_Again"')`);
    expect(await synced.value(`select count(*) from synced_tables._locks where name = 'table s.raced_again'`)).toBe(
      '0',
    );
    await Promise.all([first.end(), second.end()]);
  });

  it('does not choose between two sources that differ in case only', async () => {
    expect(reasonOf(await create('app.s.twins', { source_table_full_name: 'lake.gold.TWIN' }))).toEqual([
      404,
      'SOURCE_TABLE_NOT_FOUND',
    ]);
    expect(await create('app.s.twins', { source_table_full_name: 'lake.gold.Twin' })).toMatchObject({ status: 200 });
  });

  it.each([
    [{ source_table_full_name: 'lake.gold.ordres' }, 404, 'Did you mean lake.gold.orders?'],
    [{ source_table_full_name: 'laek.gold.orders' }, 404, 'Did you mean lake.gold.orders?'],
    [{ primary_key_columns: ['idd'] }, 400, 'Did you mean "id"?'],
    [{ timeseries_key: 'regoin' }, 400, 'Did you mean "Region"?'],
  ])('says of %j what was meant', async (more, status, words) => {
    const refused = await create('app.s.meant', more);
    expect(refused.status).toBe(status);
    expect(refused.body.message).toContain(words);
    // Where the catalog lies is nothing for whoever sends requests.
    expect(refused.body.message).not.toContain(synced.lake.root);
  });

  it('says what was meant by the name of a table, to those who may see it', async () => {
    expect(await create('app.s.profiles')).toMatchObject({ status: 200 });
    expect((await api.get(`${TABLES}/app.s.profile`)).body.message).toContain('Did you mean "app.s.profiles"?');
    expect((await reader.get(`${TABLES}/app.s.profile`)).body.message).not.toContain('profiles');
    expect((await api.get('/api/2.1/unity-catalog/tables/app.s.profile')).body.message).toContain(
      'Did you mean "app.s.profiles"?',
    );
    expect((await reader.get('/api/2.1/unity-catalog/tables/app.s.profile')).body.message).not.toContain('profiles');
    expect((await api.get('/api/2.1/unity-catalog/catalogs/ap')).body.message).toContain('Did you mean');
  });

  it.each([
    [
      'spec.scheduling_policy',
      { spec: spec({ scheduling_policy: undefined }) },
      /spec\.scheduling_policy is missing.*TRIGGERED/,
    ],
    ['spec', {}, /spec is missing/],
    [
      'spec.source_table_full_name',
      { spec: spec({ source_table_full_name: undefined, source: 'x' }) },
      /not known: source\./,
    ],
    [
      'spec.primary_key_columns',
      { spec: spec({ primary_key_columns: undefined, primary_keys: ['id'] }) },
      /primary_key_columns.*not known: primary_keys\./,
    ],
    ['name', { name: undefined, nmae: 'app.s.x', spec: spec() }, /name is missing.*not known: nmae\./],
    ['name', { name: undefined, spec: { ...spec(), name: 'app.s.x' } }, /name is missing.*not known: spec\.name\./],
    ['name', { name: '', spec: spec() }, /name is missing/],
  ])('names the field %s that a request lacks', async (field, body, words) => {
    const refused = await api.post(TABLES, { name: 'app.s.lacking', ...body });
    expect(refused).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
    expect(refused.body.message).toMatch(words);
    expect(refused.body.details.at(-1).field_violations[0].field).toBe(field);
  });

  it('says which part of a name is wrong, and nothing in SQL', async () => {
    expect((await create('app.s.e-18')).body.message).toContain('its table "e-18" has the character "-"');
    const missing = await create('app.nowhere.t', { create_database_objects_if_missing: false });
    expect(missing).toMatchObject({ status: 404 });
    expect(missing.body.message).toContain('set create_database_objects_if_missing to true');
    const refused = await reader.post(TABLES, { name: 'app.s.mine', spec: spec() });
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.body.message).toContain('may not create or change synced tables');
  });

  it('has the schema of a table that was created as soon as that is answered, and takes it back with a rejected one', async () => {
    expect(await create('app.promised.a')).toMatchObject({ status: 200 });
    expect(await synced.value(`select count(*) from pg_namespace where nspname = 'promised'`)).toBe('1');
    expect(await create('app.promised.b', { create_database_objects_if_missing: false })).toMatchObject({
      status: 200,
    });
    await expect(synced.load('rejected.t', { source: 'gold.nothing' })).rejects.toThrow(/does not exist/);
    expect(await synced.value(`select count(*) from pg_namespace where nspname = 'rejected'`)).toBe('0');
  });
});
