import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: what Unity Catalog would tell of the tables that the sidecar knows, to each caller what he may see.

const UNITY = '/api/2.1/unity-catalog';
const SPEC = { source_table_full_name: 'lake.gold.t', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' };

describe.each(eitherPostgresServer(import.meta.url))('the Unity Catalog calls on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let stranger: ApiClient;
  /** May read plain.kinds. */
  let readerApi: ApiClient;
  let keeper: string;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    await synced.lake.createTable(
      'gold.t',
      { id: 'long', note: 'string', price: 'decimal(10,2)', at: 'timestamp' },
      `select i as id, 'n' as note, 1.25::decimal(10,2) as price, timestamptz '2026-01-01 00:00:00Z' as at
         from range(3) t(i)`,
    );
    const { url } = await synced.startSidecar();
    keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    api = new ApiClient(url, await createToken(synced, keeper));
    const reader = await synced.database.createRole('reader');
    readerApi = new ApiClient(url, await createToken(synced, reader));
    stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    database = (await synced.value('select current_database()')) ?? '';
    const place = { database_instance_name: 'local', logical_database_name: database };
    await api.post('/api/2.0/database/catalogs', { ...place, name: 'app', database_name: database });
    for (const name of ['app.gold.a', 'standard.gold.b']) {
      const { status } = await api.post('/api/2.0/database/synced_tables', { name, ...place, spec: SPEC });
      expect(status).toBe(200);
    }
    await synced.admin.query(
      `create schema plain; grant usage on schema plain to ${reader};
       create domain plain.dollars as numeric(8, 3);
       create table plain.kinds (zweite text, erste int, flags boolean[], price plain.dollars, doc jsonb, big numeric,
                                 term interval year to month, d date, gone int, ts timestamp not null,
                                 primary key (erste, zweite));
       alter table plain.kinds drop column gone;
       comment on column plain.kinds.doc is 'what was said';
       create view plain.seen as select erste from plain.kinds;
       create table plain.hidden (id int);
       grant select on plain.kinds to ${reader}`,
    );
    const registered = { name: 'main.plain.kinds', ...place };
    expect((await api.post('/api/2.0/database/tables', registered)).status).toBe(200);
    const isLoaded = async () =>
      (await synced.rows('synced_tables.status', ['state'])).every(
        ([state]) => state === 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      );
    await eventually(isLoaded, 'both tables are loaded', 60_000);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

  it('lists the catalogs of databases, of names and of sources, page by page too', async () => {
    const { body } = await api.get(`${UNITY}/catalogs?max_results=0`);
    const types = Object.fromEntries(
      body.catalogs.map((each: { name: string; catalog_type: string }) => [each.name, each.catalog_type]),
    );
    expect(types).toEqual({
      app: 'MANAGED_ONLINE_CATALOG',
      [database]: 'MANAGED_ONLINE_CATALOG',
      standard: 'MANAGED_CATALOG',
      main: 'MANAGED_CATALOG',
      lake: 'MANAGED_CATALOG',
    });
    const first = await api.get(`${UNITY}/catalogs?max_results=1`);
    expect(names(first.body.catalogs)).toEqual(['app']);
    const next = await api.get(`${UNITY}/catalogs?max_results=1&page_token=${first.body.next_page_token}`);
    expect(names(next.body.catalogs)).toEqual(['lake']);
    expect((await api.get(`${UNITY}/catalogs/app`)).body).toMatchObject({
      name: 'app',
      catalog_type: 'MANAGED_ONLINE_CATALOG',
      owner: keeper,
    });
    expect(await api.get(`${UNITY}/catalogs/nothing`)).toMatchObject({
      status: 404,
      body: { error_code: 'CATALOG_DOES_NOT_EXIST' },
    });
  });

  it('lists the schemas of a catalog', async () => {
    const list = await api.get(`${UNITY}/schemas?catalog_name=app&max_results=0`);
    expect(names(list.body.schemas)).toEqual(['gold', 'plain', 'public']);
    expect(names((await api.get(`${UNITY}/schemas?catalog_name=standard`)).body.schemas)).toEqual(['gold']);
    expect((await api.get(`${UNITY}/schemas/app.gold`)).body).toMatchObject({
      name: 'gold',
      catalog_name: 'app',
      full_name: 'app.gold',
    });
    expect(await api.get(`${UNITY}/schemas/app.nothing`)).toMatchObject({
      status: 404,
      body: { error_code: 'SCHEMA_DOES_NOT_EXIST' },
    });
    expect((await api.get(`${UNITY}/schemas?catalog_name=nothing`)).body.error_code).toBe('CATALOG_DOES_NOT_EXIST');
    expect((await api.get(`${UNITY}/schemas/app`)).body.error_code).toBe('INVALID_PARAMETER_VALUE');
  });

  it('reads a synced table with its columns, key, pipeline and properties, under each of its names', async () => {
    const { status, body } = await api.get(`${UNITY}/tables/standard.gold.b?include_browse=true`);
    const told = (await api.get('/api/2.0/database/synced_tables/standard.gold.b')).body;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'b',
      catalog_name: 'standard',
      schema_name: 'gold',
      full_name: 'standard.gold.b',
      table_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      table_type: 'FOREIGN',
      data_source_format: 'POSTGRESQL_FORMAT',
      pipeline_id: told.data_synchronization_status.pipeline_id,
      owner: keeper,
      created_by: keeper,
      created_at: expect.any(Number),
      properties: { source_table_full_name: 'lake.gold.t', scheduling_policy: 'SNAPSHOT' },
      table_constraints: [{ primary_key_constraint: { child_columns: ['id'] } }],
    });
    const columns = body.columns.map((each: { name: string; type_name: string; type_text: string }) => [
      each.name,
      each.type_name,
      each.type_text,
    ]);
    expect(columns).toEqual([
      ['id', 'LONG', 'bigint'],
      ['note', 'STRING', 'string'],
      ['price', 'DECIMAL', 'decimal(10,2)'],
      ['at', 'TIMESTAMP', 'timestamp'],
    ]);
    expect((await api.get(`${UNITY}/tables/app.gold.b`)).body).toMatchObject({
      full_name: 'app.gold.b',
      table_id: body.table_id,
    });
    expect((await api.get(`${UNITY}/tables/${database}.gold.a`)).status).toBe(200);
  });

  it('tells the types of a Postgres table in the words of Unity Catalog', async () => {
    const { body } = await api.get(`${UNITY}/tables/main.plain.kinds`);
    const columns = body.columns.map((each: Record<string, unknown>) => [
      each.name,
      each.position,
      each.type_text,
      each.nullable,
    ]);
    expect(columns).toEqual([
      ['zweite', 0, 'string', false],
      ['erste', 1, 'int', false],
      ['flags', 2, 'array<boolean>', true],
      ['price', 3, 'decimal(8,3)', true],
      ['doc', 4, 'string', true],
      ['big', 5, 'decimal(38,18)', true],
      ['term', 6, 'interval year to month', true],
      ['d', 7, 'date', true],
      ['ts', 8, 'timestamp_ntz', false],
    ]);
    expect(body.columns[3]).toMatchObject({ type_name: 'DECIMAL', type_precision: 8, type_scale: 3 });
    expect(JSON.parse(body.columns[4].type_json)).toEqual({
      name: 'doc',
      type: 'string',
      nullable: true,
      metadata: { comment: 'what was said' },
    });
    expect(JSON.parse(body.columns[2].type_json).type).toEqual({
      type: 'array',
      elementType: 'boolean',
      containsNull: true,
    });
    const key = { name: 'kinds_pkey', child_columns: ['erste', 'zweite'] };
    expect(body.table_constraints).toEqual([{ primary_key_constraint: key }]);
    expect((await api.get(`${UNITY}/tables/app.plain.seen`)).body.table_type).toBe('VIEW');
  });

  it('lists tables with and without columns, without keys, and their summaries by pattern', async () => {
    const list = await api.get(`${UNITY}/tables?catalog_name=app&schema_name=gold&max_results=0`);
    expect(names(list.body.tables)).toEqual(['a', 'b']);
    expect(list.body.tables[0].columns).toHaveLength(4);
    expect(list.body.tables[0]).not.toHaveProperty('table_constraints');
    const plain = await api.get(
      `${UNITY}/tables?catalog_name=app&schema_name=plain&omit_columns=true&omit_properties=true`,
    );
    expect(names(plain.body.tables)).toEqual(['hidden', 'kinds', 'seen']);
    expect(plain.body.tables[0]).not.toHaveProperty('columns');
    expect(plain.body.tables[0]).not.toHaveProperty('properties');
    const standard = await api.get(`${UNITY}/tables?catalog_name=standard&schema_name=gold`);
    expect(names(standard.body.tables)).toEqual(['b']);
    expect((await api.get(`${UNITY}/tables?catalog_name=app&schema_name=nothing`)).body.error_code).toBe(
      'SCHEMA_DOES_NOT_EXIST',
    );
    const pattern = 'schema_name_pattern=g%25&table_name_pattern=_';
    expect((await api.get(`${UNITY}/table-summaries?catalog_name=app&max_results=0&${pattern}`)).body.tables).toEqual([
      { full_name: 'app.gold.a', table_type: 'FOREIGN' },
      { full_name: 'app.gold.b', table_type: 'FOREIGN' },
    ]);
    const slow = `table_name_pattern=${'%25a'.repeat(300)}b`;
    expect((await api.get(`${UNITY}/table-summaries?catalog_name=app&${slow}`)).body.tables).toEqual([]);
  });

  it('does not find what is not there, each in its own word', async () => {
    const code = async (name: string) => {
      const { status, body } = await api.get(`${UNITY}/tables/${name}`);
      return [status, body.error_code];
    };
    expect(await code('app.gold.nothing')).toEqual([404, 'TABLE_DOES_NOT_EXIST']);
    expect(await code('app.nothing.a')).toEqual([404, 'SCHEMA_DOES_NOT_EXIST']);
    expect(await code('nothing.gold.a')).toEqual([404, 'CATALOG_DOES_NOT_EXIST']);
    expect(await code('standard.gold.a')).toEqual([404, 'TABLE_DOES_NOT_EXIST']);
    expect(await code('gold.a')).toEqual([400, 'INVALID_PARAMETER_VALUE']);
    expect((await api.get(`${UNITY}/tables/app.gold.a/exists`)).body).toEqual({ table_exists: true });
    for (const missing of ['app.gold.x', 'app.x.a', 'x.gold.a']) {
      expect(await api.get(`${UNITY}/tables/${missing}/exists`)).toMatchObject({
        status: 200,
        body: { table_exists: false },
      });
    }
  });

  it('shows a caller nothing that he may not see', async () => {
    expect(names((await stranger.get(`${UNITY}/catalogs`)).body.catalogs).sort()).toEqual(['app', database].sort());
    expect((await stranger.get(`${UNITY}/tables/app.gold.a`)).status).toBe(404);
    expect((await stranger.get(`${UNITY}/tables/main.plain.kinds`)).status).toBe(404);
    expect(
      (await stranger.get(`${UNITY}/table-summaries?catalog_name=app&schema_name_pattern=gold`)).body.tables,
    ).toEqual([]);
    expect((await readerApi.get(`${UNITY}/tables/main.plain.kinds`)).status).toBe(200);
    const shown = await readerApi.get(`${UNITY}/tables?catalog_name=app&schema_name=plain`);
    expect(names(shown.body.tables)).toEqual(['kinds']);
    expect((await readerApi.get(`${UNITY}/tables/app.plain.hidden`)).body.error_code).toBe('TABLE_DOES_NOT_EXIST');
    expect((await stranger.delete(`${UNITY}/tables/app.gold.a`)).status).toBe(404);
  });

  it('names its metastore, and refuses every change but those of schemas and the deletion of a synced table', async () => {
    expect((await api.get(`${UNITY}/metastore_summary`)).body).toMatchObject({
      metastore_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'synced-tables',
    });
    const refused = [
      ...['catalogs', 'tables'].map((what) => ['POST', what] as const),
      ...['catalogs/app', 'tables/app.gold.a'].map((what) => ['PATCH', what] as const),
      ...['catalogs/app', 'tables/app.plain.kinds'].map((what) => ['DELETE', what] as const),
    ];
    for (const [method, path] of refused) {
      const { status, body } = await api.send(method, `${UNITY}/${path}`, method === 'DELETE' ? undefined : {});
      expect([method, path, status, body.error_code]).toEqual([method, path, 501, 'NOT_IMPLEMENTED']);
    }
    expect(await api.delete(`${UNITY}/tables/app.gold.a`)).toMatchObject({ status: 200, body: {} });
    expect((await api.get('/api/2.0/database/synced_tables/app.gold.a')).status).toBe(404);
    // The Postgres table stays, and is a table of its database as others are.
    expect(await synced.rows('gold.a', ['count(*)'])).toEqual([['3']]);
  });
});
