import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: one table, or all of its pipeline, is updated when somebody asks, over SQL and HTTP, whatever goes on; and each
// table tells what became of it.

const TABLES = '/api/2.0/synced-tables/tables';

describe.each(eitherPostgresServer(import.meta.url))('updates of a table on $name', (server) => {
  let synced: SyncedLake;
  let database: string;
  let url: string;
  let keeper: ApiClient;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
    url = (await synced.startSidecar({ pollSeconds: 1 })).url;
    keeper = await clientOf(await synced.database.createRole('keeper', 'databricks_superuser'));
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const clientOf = async (role: string) => new ApiClient(url, await createToken(synced, role));
  const path = (table: string, rest: string) => `${TABLES}/${database}.${table}/${rest}`;
  const pipelineOf = async (name: string) =>
    (await synced.value('select pipeline_id from synced_tables.status where synced_table = $1', [name])) ?? '';

  async function create(name: string, options = ''): Promise<DeltaWriter> {
    const source = await synced.lake.createTable(name, { id: 'long' }, 'select i as id from range(10) t(i)');
    const update = await synced.value(
      `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'], allow_file_diff => true,
         create_database_objects_if_missing => true ${options})`,
    );
    await synced.wait(update ?? '');
    return source;
  }

  /** What an update did, by table: state and method. */
  const outcomes = (update: string) =>
    synced.rows(`synced_tables.updates where update_id = '${update}'`, ['synced_table', 'method', 'full_refresh']);

  it('are of one table, or of all of its pipeline', async () => {
    const first = await create('u.first', `, scheduling_policy => 'TRIGGERED'`);
    const pipeline = await pipelineOf('u.first');
    const second = await create(
      'u.second',
      `, scheduling_policy => 'TRIGGERED', existing_pipeline_id => '${pipeline}'`,
    );
    const alone = await keeper.post(path('u.first', 'sync'), { scope: 'table', full_refresh: true });
    expect(alone).toMatchObject({ status: 200, body: { pipeline_id: pipeline, scope: 'table' } });
    await synced.wait(alone.body.update_id);
    expect(await outcomes(alone.body.update_id)).toEqual([['u.first', 'SNAPSHOT', 'true']]);
    for (const source of [first, second]) await source.append('select 100 as id');
    const all = await keeper.post(path('u.first', 'sync'));
    expect(all.body).toMatchObject({ scope: 'pipeline' });
    await synced.wait(all.body.update_id);
    expect(await outcomes(all.body.update_id)).toEqual([
      ['u.first', 'CHANGES', 'false'],
      ['u.second', 'CHANGES', 'false'],
    ]);
    const { stderr, end } = await runCli(['sync', 'u.second', '--scope', 'table', '--output', 'json'], {
      DATABASE_URL: synced.database.url,
    });
    expect({ stderr, end }).toEqual({ stderr: '', end: 0 });
    expect(await synced.value(`select count(*) from synced_tables.updates where synced_table = 'u.second'`)).toBe('3');
  });

  it('are asked for while the table is followed, which then goes on', async () => {
    await create('u.followed', `, scheduling_policy => 'CONTINUOUS'`);
    const isFollowed = () =>
      eventually(
        async () => (await synced.status('u.followed')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
        'it is followed',
      );
    await isFollowed();
    const { status, body } = await keeper.post(path('u.followed', 'sync'), { full_refresh: true, scope: 'table' });
    expect(status).toBe(200);
    await synced.wait(body.update_id);
    expect(await outcomes(body.update_id)).toEqual([['u.followed', 'SNAPSHOT', 'true']]);
    await isFollowed();
    const stream = await keeper.get(`${path('u.followed', 'updates')}?state=RUNNING`);
    expect(stream.body.updates).toMatchObject([{ mode: 'CONTINUOUS', state: 'RUNNING' }]);
  });

  it('are refused to strangers, for some of what belongs together, and for scopes that do not exist', async () => {
    await create('u.pair', `, scheduling_policy => 'SNAPSHOT', publish => 'together'`);
    await create('u.pair2', `, publish => 'together', existing_pipeline_id => '${await pipelineOf('u.pair')}'`);
    const together = await keeper.post(path('u.pair', 'sync'), { scope: 'table' });
    expect(together).toMatchObject({ status: 400, body: { message: expect.stringContaining('together') } });
    const tables = ['one', 'other'].map((name) => ({ name: ['public', name] }));
    const declaration = JSON.stringify({ tables, flows: [], views: [] });
    await synced.admin.query(`select synced_tables.declare_pipeline('two', $1, 'public')`, [declaration]);
    expect(
      await refusalOf(synced.admin.query(`select synced_tables.sync_now('public.one', scope => 'table')`)),
    ).toMatchObject({ code: 'UPDATE_SCOPE_UNSUPPORTED' });
    expect(
      await refusalOf(synced.admin.query(`select synced_tables.sync_now('u.pair', scope => 'all')`)),
    ).toMatchObject({
      code: 'UPDATE_SCOPE_INVALID',
    });
    expect(await keeper.post(path('u.pair', 'sync'), { scope: 'all' })).toMatchObject({ status: 400 });
    const reader = await synced.database.createRole('reader');
    await synced.admin.query(`grant usage on schema u to ${reader}; grant select on u.pair to ${reader}`);
    expect(await (await clientOf(reader)).post(path('u.pair', 'sync'))).toMatchObject({ status: 403 });
    const stranger = await clientOf(await synced.database.createRole('stranger'));
    for (const reply of [
      await stranger.post(path('u.pair', 'sync')),
      await stranger.get(path('u.pair', 'updates')),
      await stranger.get(path('u.pair', `updates/${randomUUID()}`)),
    ]) {
      expect(reply.status).toBe(404);
    }
  });

  it('are shared while they wait, unless the waiting one would do less', async () => {
    await using idle = await SyncedLake.create(server);
    await idle.admin.query(`create schema w; select synced_tables.create_synced_table('w.a', 'a.b.c', array['id'])`);
    const pipeline = await idle.value(`select pipeline_id from synced_tables._pipelines`);
    await idle.admin.query(
      `select synced_tables.create_synced_table('w.b', 'a.b.d', array['id'], existing_pipeline_id => '${pipeline}')`,
    );
    const ask = (options: string) => idle.value(`select synced_tables.sync_now('w.a'${options})`);
    const whole = await ask('');
    expect(await ask(`, scope => 'table'`)).toBe(whole);
    const rebuilt = await ask(`, scope => 'table', full_refresh => true`);
    expect(rebuilt).not.toBe(whole);
    expect(await ask(`, scope => 'table', full_refresh => true`)).toBe(rebuilt);
    expect(await ask('')).toBe(whole);
    expect(await ask(', full_refresh => true')).toBe(whole);
    const listed = `synced_tables.updates where update_id = '${rebuilt}'`;
    expect(await idle.rows(listed, ['synced_table', 'full_refresh'])).toEqual([['w.a', 'true']]);
  });

  it('are listed with all that is known of them, page by page, by state and cause', async () => {
    const source = await create('u.told', `, scheduling_policy => 'TRIGGERED'`);
    await source.append('select i as id from range(20, 23) t(i)');
    await synced.sync('u.told');
    await source.append('select 20 as id');
    await refusalOf(synced.sync('u.told'));
    const { body } = await keeper.get(path('u.told', 'updates'));
    expect(body.updates).toMatchObject([
      { state: 'FAILED', error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION', failing_column: 'id', failing_keys: ['20'] },
      {
        state: 'COMPLETED',
        method: 'CHANGES',
        previous_version: 0,
        synced_version: 1,
        rows_written: 3,
        rows_deleted: 0,
      },
      { state: 'COMPLETED', method: 'SNAPSHOT', previous_version: null, synced_version: 0, rows_written: 10 },
    ]);
    expect(body.updates[0].message).not.toMatch(/\b20\b/);
    const columns = await synced.rows(
      `information_schema.columns where table_schema = 'synced_tables' and table_name = 'updates'`,
      ['column_name'],
    );
    const shown = Object.keys(body.updates[0]);
    expect(columns.flat().filter((name) => name !== 'synced_table' && !shown.includes(name ?? ''))).toEqual([]);

    const ids = body.updates.map(({ update_id: id }: { update_id: string }) => id);
    const paged: string[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const page: { body: { updates: { update_id: string }[]; next_page_token?: string } } = await keeper.get(
        `${path('u.told', 'updates')}?page_size=1&page_token=${token}`,
      );
      paged.push(...page.body.updates.map(({ update_id: id }) => id));
      token = page.body.next_page_token;
    }
    expect(paged).toEqual(ids);
    const byState = await keeper.get(`${path('u.told', 'updates')}?state=FAILED,CANCELED&cause=USER_ACTION`);
    expect(byState.body.updates).toMatchObject([{ update_id: ids[0] }]);
    expect((await keeper.get(`${path('u.told', 'updates')}?cause=JOB_TASK`)).body.updates).toEqual([]);
    for (const query of ['state=WRONG', 'page_token=nothing']) {
      expect(await keeper.get(`${path('u.told', 'updates')}?${query}`)).toMatchObject({ status: 400 });
    }
    expect((await keeper.get(path('u.told', `updates/${ids[1]}`))).body).toEqual(body.updates[1]);
    expect(await keeper.get(path('u.told', `updates/${randomUUID()}`))).toMatchObject({ status: 404 });
    expect(await keeper.get(path('u.told', 'updates/nonsense'))).toMatchObject({ status: 404 });

    const manager = await synced.database.createRole('manager');
    await synced.admin.query(`select databricks_synced_table_add_manager('u.told', '${manager}')`);
    const told = await (await clientOf(manager)).get(path('u.told', `updates/${ids[0]}`));
    expect(told.body).toMatchObject({ failing_column: null, failing_keys: null });
    expect(told.body.message).toContain('see failing_keys (1 key)');
  });

  it('are listed from the moment they are asked for, also if nothing came of them', async () => {
    await create('u.waits');
    const pipeline = await pipelineOf('u.waits');
    await synced.admin.query(`select synced_tables.pause_pipeline('u.waits')`);
    const held = await synced.value(
      `select synced_tables_internal._request_update('${pipeline}', false, 'JOB_TASK') as id`,
    );
    const read = async () => (await keeper.get(path('u.waits', `updates/${held}`))).body;
    expect(await read()).toMatchObject({ state: 'QUEUED', cause: 'JOB_TASK', started_at: null });
    await synced.admin.query(`select synced_tables.stop_pipeline('${pipeline}')`);
    expect(await read()).toMatchObject({ state: 'CANCELED', error_code: 'UPDATE_CANCELED' });
    expect((await keeper.get(path('u.waits', 'updates'))).body.updates[0].update_id).toBe(held);
  });
});
