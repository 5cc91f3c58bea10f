import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: one call creates a synced table with every option that SQL has, a dry run of it leaves nothing behind, and a
// refusal names the field.

const TABLES = '/api/2.0/synced-tables/tables';

describe.each(eitherPostgresServer(import.meta.url))('creating tables on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let reader: ApiClient;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    const columns = { id: 'long', note: 'string', at: 'timestamp' } as const;
    await synced.lake.createTable(
      'gold.orders',
      columns,
      `select i as id, 'a' || chr(0) as note, now() as at from range(9) t(i)`,
    );
    const { url } = await synced.startSidecar();
    database = (await synced.value('select current_database()')) ?? '';
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`grant create on schema public to ${keeper}`);
    api = new ApiClient(url, await createToken(synced, keeper));
    reader = new ApiClient(url, await createToken(synced, await synced.database.createRole('reader')));
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const orders = (name: string, more: object = {}) => ({
    name: `${database}.${name}`,
    source_table_full_name: 'lake.gold.orders',
    primary_key_columns: ['id'],
    scheduling_policy: 'SNAPSHOT',
    ...more,
  });
  const fieldOf = ({ body }: ApiReply) =>
    body.details.find((detail: object) => 'field_violations' in detail)?.field_violations[0].field;

  it('creates a table with options that the Databricks call lacks, and with a schedule', async () => {
    const options = {
      invalid_characters: 'strip',
      on_history_gap: 'refresh',
      allow_file_diff: true,
      publish: 'together',
      scheduling_policy: 'TRIGGERED',
      columns: ['id', 'at'],
      row_filter: 'id > 2 and note <> "b"',
      schedule: { cron: '0 3 * * *', time_zone: 'Europe/Berlin' },
    };
    const { status, body } = await api.post(TABLES, orders('shop.all_options', options));
    expect({ status, body }).toMatchObject({ status: 200, body: { database, instance: 'local', dry_run: false } });
    await synced.wait(body.update_id);
    const stored = `select allow_file_diff, on_history_gap, columns, row_filter, invalid_characters, publish, cron, time_zone
      from synced_tables._tables join synced_tables._pipelines using (pipeline_id)
      join synced_tables._schedules using (pipeline_id) where pipeline_id = $1`;
    expect((await synced.admin.query(stored, [body.pipeline_id])).rows).toEqual([
      {
        allow_file_diff: true,
        on_history_gap: 'refresh',
        columns: ['id', 'at'],
        row_filter: 'id > 2 and note <> "b"',
        invalid_characters: 'strip',
        publish: 'together',
        cron: '0 3 * * *',
        time_zone: 'Europe/Berlin',
      },
    ]);
    const found = await api.get(`/api/2.0/database/synced_tables/${database}.shop.all_options`);
    expect(found.body.spec).toMatchObject({
      source_table_full_name: 'lake.gold.orders',
      scheduling_policy: 'TRIGGERED',
      columns: options.columns,
      row_filter: options.row_filter,
    });
    const own = await api.get(`${TABLES}/${database}.shop.all_options`);
    expect(own.body).toMatchObject({ columns: options.columns, row_filter: options.row_filter, row_count: 6 });
  });

  it('says how a table is created as it is, to those who see it', async () => {
    const wanted = { allow_file_diff: true, invalid_characters: 'strip', publish: 'together' };
    const place = { instance: 'local', database };
    const created = await api.post(TABLES, { ...orders('x.y'), ...wanted, ...place, name: 'standard.shop.named' });
    expect(created.status, JSON.stringify(created.body)).toBe(200);
    await synced.wait(created.body.update_id);
    const { status, body } = await api.get(`${TABLES}/standard.shop.named/statements`);
    expect({ status, body }).toMatchObject({ status: 200 });
    expect(body.sql).toContain(`'shop.named',\n  source_table_full_name => 'lake.gold.orders'`);
    expect(body.sql).toContain(`publish => 'together'`);
    expect(body.cli).toContain('--allow-file-diff');
    const sent = JSON.parse(/-d '(.*)'/.exec(body.curl)?.[1] ?? '');
    expect(sent).toMatchObject({ ...wanted, ...place, name: 'standard.shop.named', primary_key_columns: ['id'] });
    expect(await reader.get(`${TABLES}/standard.shop.named/statements`)).toMatchObject({ status: 404 });
    const shared = await api.post(TABLES, {
      ...orders('shop.sharing', { publish: 'together', existing_pipeline_id: created.body.pipeline_id }),
      ...wanted,
    });
    await synced.wait(shared.body.update_id);
    const other = await api.get(`${TABLES}/${database}.shop.sharing/statements`);
    expect(other.body.sql).toContain(`existing_pipeline_id => '${created.body.pipeline_id}'`);
    expect(other.body.sql).not.toContain('publish');
  });

  it('leaves nothing behind after a dry run, and says what would be created', async () => {
    const counts = `select (select count(*) from synced_tables._tables), (select count(*) from synced_tables._pipelines),
      (select count(*) from synced_tables._updates), (select count(*) from synced_tables._events),
      (select count(*) from synced_tables._schedules), (select count(*) from synced_tables._table_specs)`;
    const count = async () => (await synced.admin.query({ text: counts, rowMode: 'array' })).rows[0];
    const before = await count();
    const body = orders('fresh.orders', { schedule: { cron: '0 3 * * *' } });
    const tried = await api.post(`${TABLES}?dry_run=true`, body);
    expect(tried).toMatchObject({
      status: 200,
      body: { name: `${database}.fresh.orders`, dry_run: true, database, instance: 'local', creates: ['schema'] },
    });
    expect(tried.body).not.toHaveProperty('update_id');
    const inPublic = await api.post(`${TABLES}?dry_run=true`, orders('public.orders'));
    expect(inPublic.body).toMatchObject({ dry_run: true, creates: [] });
    const elsewhere = { ...orders('a.b'), name: 'other.a.b', instance: 'local', database: 'to_be_made' };
    const missing = await api.post(`${TABLES}?dry_run=true`, {
      ...elsewhere,
      create_database_objects_if_missing: true,
    });
    expect(missing.body).toMatchObject({ database: 'to_be_made', creates: ['database', 'schema'] });
    expect(await synced.value(`select count(*) from pg_database where datname = 'to_be_made'`)).toBe('0');
    expect(await count()).toEqual(before);
  });

  it.each([
    ['name', { name: 'two.parts' }, 'API_NAME_INVALID'],
    ['name', { name: 'nowhere.a.b' }, 'CATALOG_PLACE_MISSING'],
    ['instance', { instance: 'nowhere' }, 'API_INSTANCE_NOT_FOUND'],
    ['source_table_full_name', { source_table_full_name: 'lake.gold.nothing' }, 'SOURCE_TABLE_NOT_FOUND'],
    ['source_table_full_name', { source_table_full_name: 'gold' }, 'SOURCE_NAME_INVALID'],
    ['primary_key_columns', { primary_key_columns: [] }, 'PRIMARY_KEY_MISSING'],
    ['primary_key_columns', { primary_key_columns: ['idd'] }, 'PRIMARY_KEY_COLUMN_NOT_FOUND'],
    ['timeseries_key', { timeseries_key: 'id' }, 'TIMESERIES_KEY_INVALID'],
    ['scheduling_policy', { scheduling_policy: 'TRIGGERED' }, 'CHANGE_DATA_FEED_OFF'],
    ['scheduling_policy', { scheduling_policy: 'NEVER' }, 'REQUEST_INVALID'],
    ['existing_pipeline_id', { existing_pipeline_id: '00000000-0000-4000-8000-000000000000' }, 'PIPELINE_NOT_FOUND'],
    ['schedule.cron', { schedule: { cron: 'daily' } }, 'CRON_INVALID'],
    ['schedule.time_zone', { schedule: { cron: '0 3 * * *', time_zone: 'Mars' } }, 'TIME_ZONE_UNKNOWN'],
    ['on_history_gap', { on_history_gap: 'guess' }, 'REQUEST_INVALID'],
    ['columns', { columns: [] }, 'COLUMNS_INVALID'],
    ['columns', { columns: ['note'] }, 'COLUMNS_WITHOUT_KEY'],
    ['columns', { columns: ['id', 'nope'] }, 'CHOSEN_COLUMN_NOT_FOUND'],
    ['row_filter', { row_filter: 'nope = 1' }, 'ROW_FILTER_INVALID'],
    ['row_filter', { columns: ['id'], row_filter: 'id > now()' }, 'ROW_FILTER_INVALID'],
    [
      'type_overrides',
      { type_overrides: [{ column_name: 'id', pg_type: 'PG_SPECIFIC_TYPE_VARCHAR', size: 10 }] },
      'TYPE_OVERRIDE_IMPOSSIBLE',
    ],
    [
      'extra_columns',
      { extra_columns: [{ column_name: 'note', column_type: 'text', compute: `'x'`, maintenance: 'DEFAULT_VALUE' }] },
      'EXTRA_COLUMN_CONFLICT',
    ],
  ])('names field %s in the refusal of %j, of a dry run as of the creation itself', async (field, wrong, code) => {
    for (const query of ['?dry_run=true', '']) {
      const reply = await api.post(`${TABLES}${query}`, orders('shop.refused', wrong));
      expect(reply.status, JSON.stringify(reply.body)).toBeGreaterThanOrEqual(400);
      expect(reply.body.details[0].reason).toBe(code);
      expect(reply.body.details[1]).toHaveProperty('request_id');
      expect(fieldOf(reply)).toBe(field);
    }
  });

  it('refuses a taken name, and callers who may not create', async () => {
    await synced.admin.query('create table public.taken (id int)');
    const taken = await api.post(`${TABLES}?dry_run=true`, orders('public.taken'));
    expect(taken).toMatchObject({ status: 409, body: { details: [{ reason: 'TARGET_TABLE_EXISTS' }, {}, {}] } });
    expect(fieldOf(taken)).toBe('name');
    for (const query of ['?dry_run=true', '']) {
      const reply = await reader.post(`${TABLES}${query}`, orders('public.mine'));
      expect(reply).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
    }
  });
});
