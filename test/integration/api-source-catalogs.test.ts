import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the Unity Catalog calls tell of the tables of source catalogs, folders and Unity Catalog servers alike, to those
// who could have them copied, and to nobody else.

const UNITY = '/api/2.1/unity-catalog';

describe.each(postgresServers().slice(-1))('source catalogs on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  /** Of a sidecar whose catalog `far` is catalog `lake` of the first, which it takes for a Unity Catalog server. */
  let farApi: ApiClient;
  let stranger: ApiClient;
  let farStranger: ApiClient;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    const { root } = synced.lake;
    const orders = await synced.lake.createTable(
      'gold.orders',
      { id: 'long', price: 'decimal(10,2)', tags: { type: 'array', elementType: 'string' } },
      "select i as id, 1.25::decimal(10,2) as price, ['a'] as tags from range(3) t(i)",
    );
    orders.switchChangeFeedOn();
    for (const name of ['silver.b', 'silver.a', 'gold.users']) await synced.lake.createTable(name, { id: 'long' });
    symlinkSync(path.join(root, 'gold', 'users'), path.join(root, 'silver', 'linked'));
    for (const folder of ['gold/no_table', 'gold/odd name/_delta_log', 'empty']) {
      mkdirSync(path.join(root, folder), { recursive: true });
    }
    writeFileSync(path.join(root, 'gold', 'a_file'), '');
    await synced.lake.createTable('gold.broken', { id: 'long' });
    appendFileSync(path.join(root, 'gold/broken/_delta_log/00000000000000000000.json'), '{"protocol": 7}\n');
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const token = await createToken(synced, keeper);
    api = new ApiClient(url, token);
    const catalogs = { far: { kind: 'unity', uri: url, token, catalog: 'lake' }, lake: { kind: 'path', root } };
    const far = await synced.startSidecar({ catalogs });
    farApi = new ApiClient(far.url, token);
    const other = await createToken(synced, await synced.database.createRole('stranger'));
    stranger = new ApiClient(url, other);
    farStranger = new ApiClient(far.url, other);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const names = (list: readonly { readonly name: string }[] | undefined) => (list ?? []).map(({ name }) => name).sort();

  /** All pages of a list, and how many there were. */
  async function readAll(client: ApiClient, list: string, query: string): Promise<{ items: unknown[]; pages: number }> {
    const items: unknown[] = [];
    let token = '';
    for (let pages = 1; ; pages++) {
      const { status, body } = await client.get(`${UNITY}/${list}?${query}${token && `&page_token=${token}`}`);
      expect(status).toBe(200);
      items.push(...body[list === 'table-summaries' ? 'tables' : list]);
      if (!body.next_page_token) return { items, pages };
      token = encodeURIComponent(body.next_page_token);
    }
  }

  it.each(['lake', 'far'])('lists schemas and tables of %s, whole and page by page', async (catalog) => {
    const client = catalog === 'lake' ? api : farApi;
    const schemas = await client.get(`${UNITY}/schemas?catalog_name=${catalog}&max_results=0`);
    expect(names(schemas.body.schemas)).toEqual(['empty', 'gold', 'silver']);
    const list = await client.get(`${UNITY}/tables?catalog_name=${catalog}&schema_name=gold&max_results=0`);
    expect(names(list.body.tables)).toEqual(['broken', 'orders', 'users']);
    const one = `catalog_name=${catalog}&schema_name=silver&max_results=1&omit_columns=true`;
    const { items, pages } = await readAll(client, 'tables', one);
    expect(names(items as { name: string }[])).toEqual(['a', 'b', 'linked']);
    expect(pages).toBeGreaterThan(2);
    expect(items[0]).not.toHaveProperty('columns');
    expect((await readAll(client, 'schemas', `catalog_name=${catalog}&max_results=1`)).items).toHaveLength(3);
    const empty = await client.get(`${UNITY}/tables?catalog_name=${catalog}&schema_name=empty`);
    expect(empty).toMatchObject({ status: 200, body: { tables: [] } });
  });

  it.each(['lake', 'far'])('reads a table of %s with columns, place and properties', async (catalog) => {
    const client = catalog === 'lake' ? api : farApi;
    const { status, body } = await client.get(`${UNITY}/tables/${catalog}.gold.orders`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'orders',
      full_name: `${catalog}.gold.orders`,
      table_type: 'EXTERNAL',
      data_source_format: 'DELTA',
      storage_location: pathToFileURL(path.join(synced.lake.root, 'gold', 'orders')).href,
      table_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      properties: { 'delta.enableChangeDataFeed': 'true' },
    });
    const columns = body.columns.map((each: Record<string, unknown>) => [
      each.name,
      each.position,
      each.type_name,
      each.type_text,
    ]);
    expect(columns).toEqual([
      ['id', 0, 'LONG', 'bigint'],
      ['price', 1, 'DECIMAL', 'decimal(10,2)'],
      ['tags', 2, 'ARRAY', 'array<string>'],
    ]);
    expect(body.columns[1]).toMatchObject({ type_precision: 10, type_scale: 2 });
    expect(JSON.parse(body.columns[2].type_json)).toMatchObject({ name: 'tags', type: { elementType: 'string' } });
  });

  it('lists a table whose log cannot be read without its columns, and says what is wrong when it is asked for', async () => {
    const { body } = await api.get(`${UNITY}/tables?catalog_name=lake&schema_name=gold`);
    const broken = body.tables.find((table: { name: string }) => table.name === 'broken');
    expect(broken).toMatchObject({ data_source_format: 'DELTA' });
    expect(broken).not.toHaveProperty('columns');
    const asked = await api.get(`${UNITY}/tables/lake.gold.broken`);
    expect(asked.body.details[0].reason).toBe('DELTA_LOG_CORRUPT');
  });

  it('summarises tables by pattern, over schemas and pages', async () => {
    const all = await readAll(api, 'table-summaries', 'catalog_name=lake&max_results=2');
    const full = (items: unknown[]) => (items as { full_name: string }[]).map(({ full_name }) => full_name).sort();
    const expected = ['gold.broken', 'gold.orders', 'gold.users', 'silver.a', 'silver.b', 'silver.linked'];
    expect(full(all.items)).toEqual(expected.map((name) => `lake.${name}`));
    const some = 'catalog_name=far&schema_name_pattern=s%25&table_name_pattern=_';
    expect(full((await readAll(farApi, 'table-summaries', some)).items)).toEqual(['far.silver.a', 'far.silver.b']);
  });

  it('says what is not there, looks nowhere else, and changes no source', async () => {
    const codeOf = async (call: string) => (await api.get(`${UNITY}/${call}`)).body.error_code;
    expect(await codeOf('tables/lake.gold.nothing')).toBe('TABLE_DOES_NOT_EXIST');
    expect(await codeOf('tables/lake.gold.no_table')).toBe('TABLE_DOES_NOT_EXIST');
    expect(await codeOf('tables/lake.nothing.orders')).toBe('SCHEMA_DOES_NOT_EXIST');
    expect(await codeOf('tables?catalog_name=lake&schema_name=nothing')).toBe('SCHEMA_DOES_NOT_EXIST');
    for (const outside of ['..', '../gold', 'gold/orders', '%00']) {
      expect(await codeOf(`tables?catalog_name=lake&schema_name=${outside}`)).toBe('SCHEMA_DOES_NOT_EXIST');
    }
    expect(await codeOf('tables?catalog_name=lake&schema_name=gold&page_token=bm9uZQ')).toBe('INVALID_PARAMETER_VALUE');
    expect(await codeOf(`tables/lake.gold.${encodeURIComponent('../../gold/orders')}`)).toBe('INVALID_PARAMETER_VALUE');
    for (const [name, isThere] of [
      ['gold.orders', true],
      ['gold.broken', true],
      ['gold.none', false],
    ] as const) {
      expect((await api.get(`${UNITY}/tables/lake.${name}/exists`)).body).toEqual({ table_exists: isThere });
    }
    for (const name of ['orders', 'none']) {
      const exists = await farApi.get(`${UNITY}/tables/far.gold.${name}/exists`);
      expect(exists.body).toEqual({ table_exists: name === 'orders' });
    }
    expect(await api.delete(`${UNITY}/tables/lake.gold.orders`)).toMatchObject({ status: 501 });
  });

  it('shows sources to nobody who may not create synced tables', async () => {
    for (const [client, catalog] of [
      [stranger, 'lake'],
      [farStranger, 'far'],
    ] as const) {
      expect(names((await client.get(`${UNITY}/catalogs`)).body.catalogs)).not.toContain(catalog);
      for (const call of [
        `catalogs/${catalog}`,
        `schemas?catalog_name=${catalog}`,
        `schemas/${catalog}.gold`,
        `tables?catalog_name=${catalog}&schema_name=gold`,
        `table-summaries?catalog_name=${catalog}`,
        `tables/${catalog}.gold.orders`,
      ]) {
        expect([call, (await client.get(`${UNITY}/${call}`)).body.error_code]).toEqual([
          call,
          'CATALOG_DOES_NOT_EXIST',
        ]);
      }
      const exists = await client.get(`${UNITY}/tables/${catalog}.gold.orders/exists`);
      expect(exists.body).toEqual({ table_exists: false });
    }
  });

  it('looks at a bounded part of a huge folder for each page, and finds every table in it', async () => {
    const huge = path.join(synced.lake.root, 'huge');
    for (let i = 0; i < 900; i++) mkdirSync(path.join(huge, `x${i}`), { recursive: true });
    for (const i of [3, 450, 899]) mkdirSync(path.join(huge, `x${i}`, '_delta_log'));
    const { items, pages } = await readAll(api, 'tables', 'catalog_name=lake&schema_name=huge&omit_columns=true');
    expect(names(items as { name: string }[])).toEqual(['x3', 'x450', 'x899']);
    expect(pages).toBe(3);
    rmSync(huge, { recursive: true });
  });

  it('refuses at once a synced table that its source rules out, and leaves no trace of it', async () => {
    const database = (await synced.value('select current_database()')) ?? '';
    const create = async (spec: object, client = api) => {
      const place = { database_instance_name: 'local', logical_database_name: database };
      const all = { source_table_full_name: 'lake.gold.orders', primary_key_columns: ['id'], ...spec };
      const body = { name: 'std.made.x', ...place, spec: { scheduling_policy: 'SNAPSHOT', ...all } };
      const { status, body: said } = await client.post('/api/2.0/database/synced_tables', body);
      return [status, said.details?.[0].reason];
    };
    expect(await create({ source_table_full_name: 'none.gold.orders' })).toEqual([404, 'CATALOG_NOT_FOUND']);
    expect(await create({ source_table_full_name: 'lake.gold.none' })).toEqual([404, 'SOURCE_TABLE_NOT_FOUND']);
    expect(await create({ primary_key_columns: ['idd'] })).toEqual([400, 'PRIMARY_KEY_COLUMN_NOT_FOUND']);
    expect(await create({ primary_key_columns: ['tags'] })).toEqual([400, 'PRIMARY_KEY_TYPE_UNSUPPORTED']);
    expect(await create({ timeseries_key: 'at' })).toEqual([400, 'TIMESERIES_COLUMN_NOT_FOUND']);
    const triggered = { source_table_full_name: 'lake.gold.users', scheduling_policy: 'TRIGGERED' };
    expect(await create(triggered)).toEqual([400, 'CHANGE_DATA_FEED_OFF']);
    expect(await create({ source_table_full_name: 'far.gold.none' }, farApi)).toEqual([404, 'SOURCE_TABLE_NOT_FOUND']);
    // Whoever may not create hears the same of a source that is there and of one that is not.
    const refused = await create({}, stranger);
    expect(refused[0]).toBe(403);
    expect(await create({ source_table_full_name: 'lake.gold.none' }, stranger)).toEqual(refused);
    expect(await synced.rows('synced_tables._tables', ['source_table_full_name'])).toEqual([]);
    expect(await synced.value(`select to_regnamespace('made')`)).toBeNull();
  });
});
