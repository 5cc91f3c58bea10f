import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: what runs together, who works on it and how the machinery stands, in one reply each, for whoever may know.

const NATIVE = '/api/2.0/synced-tables';

const refusal = (status: number, reason: string) => ({
  status,
  body: { details: expect.arrayContaining([expect.objectContaining({ reason })]) },
});

describe.each(eitherPostgresServer(import.meta.url))('pipelines, streaming tables and databases on $name', (server) => {
  let synced: SyncedLake;
  let database: string;
  let keeperRole: string;
  let keeper: ApiClient;
  let reader: ApiClient;
  let stranger: ApiClient;
  let watcher: ApiClient;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
    await synced.lake.createTable('p.orders', { id: 'long' }, 'select i as id from range(5) t(i)');
    await synced.lake.createTable('p.twice', { id: 'long' }, 'select 1 as id from range(2)');
    await synced.lake.createTable(
      'p.events',
      { user: 'string', name: 'string', op: 'string', seq: 'long' },
      `select * from (values ('a', 'Ann', 'I', 1), ('b', 'Bob', 'I', 2), ('a', 'Anna', 'U', 3), ('b', 'Bob', 'D', 4)) t("user", name, op, seq)`,
    );
    const { url } = await synced.startSidecar();
    keeperRole = await synced.database.createRole('keeper', 'databricks_superuser');
    const readerRole = await synced.database.createRole('reader');
    const clientOf = async (role: string) => new ApiClient(url, await createToken(synced, role));
    keeper = await clientOf(keeperRole);
    reader = await clientOf(readerRole);
    stranger = await clientOf(await synced.database.createRole('stranger'));
    watcher = await clientOf(await synced.database.createRole('watcher', 'pg_monitor'));
    await synced.load('p.orders');
    const pipeline = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.orders'`);
    await synced.wait(
      (await synced.value(
        `select synced_tables.create_synced_table('p.other', 'lake.p.orders', array['id'], existing_pipeline_id => '${pipeline}')`,
      )) ?? '',
    );
    await synced.wait(await synced.create('p.twice')).catch(() => {});
    await synced.admin.query(`grant usage on schema p to ${readerRole}; grant select on p.orders to ${readerRole};
      grant create, usage on schema p to ${keeperRole}`);
    const session = await synced.database.connectAs(keeperRole);
    await session.query(
      `select synced_tables.create_streaming_table('p.users', comment => 'who they are');
       select synced_tables.apply_changes('p.users', 'lake.p.events', array['user'], sequence_by => 'seq',
         apply_as_deletes => 'op = ''D''', except_column_list => array['op', 'seq'], stored_as_scd_type => 2, name => 'users')`,
    );
    const flows = await session.query<{ id: string }>(
      `select synced_tables.start_update(pipeline_id) as id from synced_tables.status where synced_table = 'p.users'`,
    );
    await synced.wait(flows.rows[0]?.id ?? '');
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const list = async (query = '', client = keeper) => {
    const { status, body } = await client.get(`${NATIVE}/pipelines${query}`);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body.pipelines;
  };
  const named = (pipelines: { name: string }[]) => pipelines.map(({ name }) => name);

  it('lists pipelines with their tables, schedules, updates and who works on them', async () => {
    await synced.admin.query(`select synced_tables.set_schedule('p.orders', '0 9 * * *', 'Europe/Berlin')`);
    const pipelines = await list();
    expect(named(pipelines)).toEqual(expect.arrayContaining(['Synced table: p.orders', 'Synced table: p.twice']));
    const orders = pipelines.find(({ name }: { name: string }) => name === 'Synced table: p.orders');
    expect(orders).toMatchObject({
      instance: 'local',
      database,
      kind: 'SYNCED_TABLES',
      scheduling_policy: 'SNAPSHOT',
      state: 'RESTING',
      publish: 'separately',
      worked_on_by: 'nobody',
      tables: [
        {
          name: `${database}.p.orders`,
          kind: 'SYNCED',
          state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
          may_sync: true,
        },
        { name: `${database}.p.other`, synced_table: 'p.other' },
      ],
      hidden_tables: 0,
      schedule: { cron: '0 9 * * *', time_zone: 'Europe/Berlin' },
      active_update: null,
      last_update: { state: 'COMPLETED', cause: 'USER_ACTION', error_code: null },
      may: { operate: true },
    });
    const twice = pipelines.find(({ name }: { name: string }) => name === 'Synced table: p.twice');
    expect(twice).toMatchObject({
      state: 'FAILED',
      tables: [{ error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' }],
      last_update: { state: 'FAILED' },
    });
  });

  it('filters and pages them', async () => {
    expect(named(await list('?state=FAILED'))).toEqual(['Synced table: p.twice']);
    expect(await list('?kind=FLOWS')).toMatchObject([
      { kind: 'FLOWS', tables: [{ kind: 'STREAMING', name: `${database}.p.users` }] },
    ]);
    expect(named(await list('?q=P.OTHER'))).toEqual(['Synced table: p.orders']);
    expect(await list('?instance=local&database=elsewhere')).toEqual([]);
    expect(await keeper.get(`${NATIVE}/pipelines?instance=elsewhere`)).toMatchObject({ status: 404 });
    expect(await keeper.get(`${NATIVE}/pipelines?state=BUSY`)).toMatchObject({ status: 400 });
    const all = await list();
    const first = (await keeper.get(`${NATIVE}/pipelines?page_size=1`)).body;
    expect(first).toMatchObject({ total: all.length, pipelines: [all[0]] });
    expect((await list(`?page_size=1&page_token=${first.next_page_token}`))[0]).toEqual(all[1]);
  });

  it('shows a role the pipelines of the tables that it may see, and what it may do', async () => {
    expect(await list('', reader)).toMatchObject([
      { tables: [{ name: `${database}.p.orders`, may_sync: false }], hidden_tables: 1, may: { operate: false } },
    ]);
    expect(await list('', stranger)).toEqual([]);
    const [orders] = await list('', reader);
    expect(await reader.get(`${NATIVE}/pipelines/${orders.pipeline_id}`)).toMatchObject({
      status: 200,
      body: { spec: null },
    });
    expect(await stranger.get(`${NATIVE}/pipelines/${orders.pipeline_id}`)).toMatchObject(
      refusal(404, 'PIPELINE_NOT_FOUND'),
    );
    expect(await keeper.get(`${NATIVE}/pipelines/x`)).toMatchObject(refusal(404, 'PIPELINE_NOT_FOUND'));
  });

  it('tells of an update that runs, and of a pause', async () => {
    await synced.lake.createTable('p.followed', { id: 'long' }, 'select i as id from range(5) t(i)');
    const { rows } = await synced.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('p.followed', 'lake.p.followed', array['id'], 'CONTINUOUS', allow_file_diff => true) as id`,
    );
    await synced.wait(rows[0]?.id ?? '');
    const read = async () => (await list('?q=p.followed'))[0];
    await eventually(async () => (await read()).worked_on_by === 'this sidecar', 'it is followed');
    const working = await read();
    expect(working).toMatchObject({ state: 'WORKING', active_update: { state: 'RUNNING', mode: 'CONTINUOUS' } });
    expect(await keeper.post(`${NATIVE}/pipelines/${working.pipeline_id}/pause`)).toMatchObject({ status: 200 });
    expect(await read()).toMatchObject({ state: 'PAUSED', paused_by: keeperRole, paused_at: expect.any(String) });
  });

  it('tells what updates of a pipeline did, table by table, as far as a role may see them', async () => {
    const pipeline = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.orders'`);
    const updatesOf = async (client: ApiClient, query = '', id = pipeline) => {
      const { status, body } = await client.get(`${NATIVE}/pipelines/${id}/updates${query}`);
      expect({ status, body }).toMatchObject({ status: 200 });
      return body;
    };
    await synced.wait(await synced.requestSync('p.orders', true));
    const alone = await synced.value(
      `select synced_tables.sync_now('p.other', full_refresh => true, scope => 'table')`,
    );
    await synced.wait(alone ?? '');
    const { updates } = await updatesOf(keeper);
    expect(updates[0]).toMatchObject({
      update_id: alone,
      state: 'COMPLETED',
      full_refresh: true,
      is_of_some: true,
      attempt: 1,
    });
    expect(updates[0].tables).toEqual([
      expect.objectContaining({ name: `${database}.p.other`, kind: 'SYNCED', state: 'COMPLETED', rows_written: 5 }),
    ]);
    expect(updates[1]).toMatchObject({ full_refresh: true, is_of_some: false, cause: 'USER_ACTION' });
    expect(updates[1].tables.map(({ synced_table: name }: { synced_table: string }) => name)).toEqual([
      'p.orders',
      'p.other',
    ]);
    const seen = await updatesOf(reader);
    expect(seen.updates).toHaveLength(updates.length);
    expect(seen.updates[1].tables.map(({ synced_table: name }: { synced_table: string }) => name)).toEqual([
      'p.orders',
    ]);
    const first = await updatesOf(keeper, '?page_size=1');
    const second = await updatesOf(keeper, `?page_size=1&page_token=${first.next_page_token}`);
    expect([...first.updates, ...second.updates]).toEqual(updates.slice(0, 2));
    expect(await stranger.get(`${NATIVE}/pipelines/${pipeline}/updates`)).toMatchObject(
      refusal(404, 'PIPELINE_NOT_FOUND'),
    );
    expect(await keeper.get(`${NATIVE}/pipelines/${pipeline}/updates?page_token=x`)).toMatchObject(
      refusal(400, 'REQUEST_INVALID'),
    );
    const failed =
      await synced.value(`select pipeline_id from synced_tables._updates where error_code = 'PRIMARY_KEY_CONSTRAINT_VIOLATION'
      union select u.pipeline_id from synced_tables._table_updates r join synced_tables._updates u using (update_id)
             where r.error_code = 'PRIMARY_KEY_CONSTRAINT_VIOLATION' limit 1`);
    const [refused] = (await updatesOf(keeper, '', failed)).updates;
    expect(refused).toMatchObject({
      state: 'FAILED',
      error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      remedy: expect.any(String),
    });
    expect(Object.keys(refused)).not.toContain('failing_keys');
  });

  it('tells of a streaming table what was declared, what was read and what its feed has', async () => {
    const { status, body } = await keeper.get(`${NATIVE}/streaming-tables/${database}.p.users`);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        synced_table: 'p.users',
        scd_type: 2,
        keys: ['user'],
        sequence: 'bigint',
        columns: ['"user" text', '"name" text'],
        tracked_columns: ['name'],
        change_feed: { from: 1, to: 1 },
        tombstone_seconds: 172_800,
        created_by: keeperRole,
        may: { sync: true, read_rows: true },
        flows: [
          {
            name: 'users',
            kind: 'changes',
            source: 'lake.p.events',
            source_kind: 'table',
            options: { keys: ['user'], apply_as_deletes: "op = 'D'", sequence_by: 'seq', stored_as_scd_type: 2 },
            batch_id: expect.any(Number),
            read_up_to: [{ table: 'lake.p.events', version: 0, transaction: null }],
            committed_at: expect.any(String),
          },
        ],
      },
    });
    // The statement declares the same once more.
    await keeper.get(`${NATIVE}/pipelines/${body.pipeline_id}`);
    const session = await synced.database.connectAs(keeperRole);
    await session.query(body.statement.replaceAll('p.users', 'p.users_again'));
    const again = (await keeper.get(`${NATIVE}/streaming-tables/${database}.p.users_again`)).body;
    expect(again.flows[0].options).toEqual(body.flows[0].options);
    expect(again).toMatchObject({ scd_type: null, change_feed: null, state: 'SYNCED_TABLE_PROVISIONING' });
    expect(await keeper.post(`${NATIVE}/tables/${database}.p.users_again/rows`)).toMatchObject(
      refusal(400, 'TABLE_NOT_SERVING'),
    );
  });

  it('shows rows and history of a streaming table by its key', async () => {
    const { body } = await keeper.post(`${NATIVE}/tables/${database}.p.users/rows`, { key: { user: 'a' } });
    expect(body.columns.map(({ name, is_key }: { name: string; is_key: boolean }) => [name, is_key])).toEqual([
      ['user', true],
      ['name', false],
      ['__START_AT', false],
      ['__END_AT', false],
    ]);
    expect(body.rows.sort()).toEqual([
      ['a', 'Ann', '1', '3'],
      ['a', 'Anna', '3', null],
    ]);
  });

  it('hides streaming tables, and knows them from synced ones', async () => {
    expect(await stranger.get(`${NATIVE}/streaming-tables/${database}.p.users`)).toMatchObject(
      refusal(404, 'SYNCED_TABLE_NOT_FOUND'),
    );
    expect(await keeper.get(`${NATIVE}/streaming-tables/${database}.p.orders`)).toMatchObject(
      refusal(404, 'STREAMING_TABLE_NOT_FOUND'),
    );
  });

  it('tells how servers and databases stand to those who may watch them', async () => {
    const { status, body } = await watcher.get(`${NATIVE}/databases`);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        instances: [
          {
            name: 'local',
            state: 'AVAILABLE',
            port: expect.any(Number),
            pg_version: expect.stringMatching(/^\d+\.\d+/),
            problem: null,
            databases: [
              {
                name: database,
                is_home: true,
                problem: null,
                sql_side: { pending: 0, migration: body.known_migration, extension_version: null },
                sidecars: [{ is_this: true, serves_all: true, trouble: null }],
                queue: { waiting: expect.any(Number), running: expect.any(Number) },
                synced_tables: 4,
                streaming_tables: 2,
                size_bytes: expect.any(Number),
              },
            ],
          },
        ],
      },
    });
    expect(JSON.stringify(body)).not.toContain(new URL(synced.sidecarUrl).password);
    for (const client of [reader, stranger]) {
      expect(await client.get(`${NATIVE}/databases`)).toMatchObject(refusal(403, 'ACCESS_DENIED'));
    }
  });
});
