import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLeaseHeld } from '../../src/postgres/registry/lease.js';
import { claimUpdates, finishUpdate } from '../../src/postgres/registry/update-queue.js';
import { ApiClient, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a paused pipeline does nothing by itself and everything that is asked of it, whatever its policy; resuming makes up
// for what it missed. What ran when it was paused is not lost.

const COLUMNS = { id: 'long', v: 'long' } as const;

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  let lake: SyncedLake;
  let apiUrl: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    apiUrl = (await lake.startSidecar({ pollSeconds: 1 })).url;
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(name: string, policy: string, pipeline = 'null'): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, COLUMNS, 'select i as id, i as v from range(50) t(i)');
    const update = await lake.value(
      `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'], scheduling_policy => '${policy}',
         allow_file_diff => true, create_database_objects_if_missing => true, existing_pipeline_id => ${pipeline})`,
    );
    await lake.wait(update ?? '');
    return source;
  }

  const pause = (target: string, client: pg.Client = lake.admin) =>
    client.query('select synced_tables.pause_pipeline($1) as done', [target]).then(({ rows }) => rows[0].done);
  const resume = (target: string, client: pg.Client = lake.admin) =>
    client.query('select synced_tables.resume_pipeline($1) as done', [target]).then(({ rows }) => rows[0].done);
  const stateIs = (name: string, state: string) =>
    eventually(async () => (await lake.status(name)).state === `SYNCED_TABLE_${state}`, `${name} is ${state}`);
  const aWhile = () => new Promise((resolve) => setTimeout(resolve, 1_500));
  const pipelineOf = async (name: string) =>
    (await lake.value('select pipeline_id from synced_tables.status where synced_table = $1', [name])) ?? '';

  it('keeps a CONTINUOUS table from following, syncs it when asked to, and catches up when resumed', async () => {
    const source = await create('p.followed', 'CONTINUOUS');
    await stateIs('p.followed', 'ONLINE_CONTINUOUS_UPDATE');
    expect(await pause('p.followed')).toBe(true);
    expect(await pause('p.followed')).toBe(false);
    const paused = await lake.status('p.followed');
    expect(paused).toMatchObject({ state: 'SYNCED_TABLE_ONLINE', paused_by: 'postgres' });
    expect(paused.message).toMatch(
      /^Reflects lake\.p\.followed at version 0\. Paused by postgres since \S+ \S+ UTC\. To resume it, call synced_tables\.resume_pipeline\.$/,
    );
    await source.append('select 100 as id, 1 as v');
    await aWhile();
    expect((await lake.status('p.followed')).synced_version).toBe('0');

    await lake.sync('p.followed');
    await stateIs('p.followed', 'ONLINE');
    await lake.sync('p.followed', true);
    await stateIs('p.followed', 'ONLINE');
    await lake.expectEqual('p.followed', source, ['id', 'v']);
    await source.append('select 101 as id, 1 as v');
    await aWhile();
    expect((await lake.status('p.followed')).synced_version).toBe('1');

    expect(await resume('p.followed')).toBe(true);
    expect(await resume('p.followed')).toBe(false);
    await lake.admin.query(`call synced_tables.wait_for_version('p.followed', ${source.version}, interval '20 s')`);
    await stateIs('p.followed', 'ONLINE_CONTINUOUS_UPDATE');
    await lake.expectEqual('p.followed', source, ['id', 'v']);
    expect(await lake.status('p.followed')).toMatchObject({ paused_at: null, paused_by: null });
    const events = await lake.rows(
      `synced_tables.events where event_type ~ '^pipeline_' and pipeline_id = '${await pipelineOf('p.followed')}'`,
      ['event_type'],
    );
    expect(events).toEqual([['pipeline_paused'], ['pipeline_resumed']]);
  });

  it.each(['SNAPSHOT', 'TRIGGERED'])(
    'lets scheduled runs of a %s table wait, and makes up for them once',
    async (policy) => {
      const name = `p.${policy.toLowerCase()}`;
      const source = await create(name, policy);
      await lake.admin.query(`select synced_tables.set_schedule('${name}', '* * * * * *')`);
      await eventually(
        async () =>
          (await lake.value(
            `select last_run_at from synced_tables.schedules where '${name}' = any (synced_tables)`,
          )) !== null,
        'it runs',
      );
      await pause(await pipelineOf(name));
      await eventually(
        async () =>
          (await lake.value(
            `select count(*) from synced_tables.updates where synced_table = '${name}' and state = 'RUNNING'`,
          )) === '0',
        'what was under way is over',
      );
      const runs = () => lake.value(`select count(*) from synced_tables.updates where synced_table = '${name}'`);
      const before = await runs();
      await source.append('select 100 as id, 1 as v');
      await aWhile();
      expect(await runs()).toBe(before);
      await lake.admin.query(`select synced_tables.set_schedule('${name}', '0 0 1 1 *')`);
      await lake.admin.query(
        `update synced_tables._schedules set next_run_at = now() - interval '3 days' where pipeline_id = $1`,
        [await pipelineOf(name)],
      );
      await aWhile();
      expect(await runs()).toBe(before);
      expect((await runCli(['doctor', '--json'], { DATABASE_URL: lake.database.url })).stdout).not.toContain(
        'SCHEDULE_LATE',
      );
      await resume(name);
      await eventually(async () => (await lake.status(name)).synced_version === '1', 'it is up to date');
      await aWhile();
      // One that waited when the pause began serves as the run that was missed.
      expect(Number(await runs())).toBeLessThanOrEqual(Number(before) + 1);
    },
  );

  it('rests flows as well', async () => {
    await lake.admin.query(`create table public.readings as select 1 as id, 1 as n;
      select synced_tables.create_streaming_table('public.measured');
      select synced_tables.apply_changes('public.measured', 'public.readings', array['id'], 'n');
      select synced_tables.set_continuous('public.measured')`);
    await stateIs('public.measured', 'ONLINE_CONTINUOUS_UPDATE');
    expect(await pause('public.measured')).toBe(true);
    expect((await lake.status('public.measured')).state).toBe('SYNCED_TABLE_ONLINE');
    await lake.admin.query('insert into public.readings values (2, 2)');
    await lake.admin.query(
      `select synced_tables.apply_changes('public.measured', 'public.readings', array['id'], 'n + 0', name => 'again')`,
    );
    await aWhile();
    expect(await lake.value('select count(*) from public.measured')).toBe('1');
    await lake.admin.query('insert into public.readings values (3, 3)');
    await resume('public.measured');
    await eventually(
      async () => (await lake.value('select count(*) from public.measured')) === '3',
      'it has caught up',
    );
  });

  it('goes on with a stopped pipeline', async () => {
    const source = await create('p.stopped', 'CONTINUOUS');
    await stateIs('p.stopped', 'ONLINE_CONTINUOUS_UPDATE');
    await lake.admin.query('select synced_tables.stop_pipeline($1)', [await pipelineOf('p.stopped')]);
    await source.append('select 100 as id, 1 as v');
    expect(await resume('p.stopped')).toBe(true);
    await lake.admin.query(`call synced_tables.wait_for_version('p.stopped', 1, interval '20 s')`);
  });

  it('deletes a paused table, and loads one that is created in a paused pipeline', async () => {
    await create('p.first', 'CONTINUOUS');
    await stateIs('p.first', 'ONLINE_CONTINUOUS_UPDATE');
    await pause('p.first');
    await create('p.second', 'CONTINUOUS', `'${await pipelineOf('p.first')}'`);
    await stateIs('p.second', 'ONLINE');
    await lake.admin.query(`select synced_tables.delete_synced_table('p.first', purge => true)`);
    expect(await lake.status('p.second')).toMatchObject({ state: 'SYNCED_TABLE_ONLINE', paused_by: 'postgres' });
    await resume('p.second');
    await stateIs('p.second', 'ONLINE_CONTINUOUS_UPDATE');
  });

  it('is for who controls all tables of the pipeline, over SQL, HTTP and the command line', async () => {
    await create('p.mine', 'SNAPSHOT');
    await create('p.other', 'SNAPSHOT', `'${await pipelineOf('p.mine')}'`);
    const manager = await lake.database.createRole('manager');
    const stranger = await lake.database.createRole('stranger');
    await lake.admin.query(`select public.databricks_synced_table_add_manager('p.mine'::regclass, '${manager}')`);
    const asManager = await lake.database.connectAs(manager);
    expect(await refusalOf(pause('p.mine', asManager))).toMatchObject({ code: 'PERMISSION_DENIED' });
    const pipeline = await pipelineOf('p.mine');
    const path = `/api/2.0/synced-tables/pipelines/${pipeline}`;
    const api = new ApiClient(apiUrl, await createToken(lake, manager));
    expect(await api.post(`${path}/pause`)).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
    await lake.admin.query(`select public.databricks_synced_table_add_manager('p.other'::regclass, '${manager}')`);
    expect(await api.post(`${path}/pause`)).toMatchObject({
      status: 200,
      body: { pipeline_id: pipeline, is_changed: true, paused_by: manager, paused_at: expect.stringMatching(/Z$/) },
    });
    expect(await api.post(`${path}/pause`)).toMatchObject({ body: { is_changed: false, paused_by: manager } });
    expect((await lake.status('p.other')).paused_by).toBe(manager);
    const byStranger = new ApiClient(apiUrl, await createToken(lake, stranger));
    expect(await byStranger.post(`${path}/resume`)).toMatchObject({ status: 404 });
    expect(await api.post(`/api/2.0/synced-tables/pipelines/${randomUUID()}/pause`)).toMatchObject({ status: 404 });
    const sync = await lake.requestSync('p.mine', false, asManager);
    await lake.wait(sync);
    expect(await api.post(`${path}/resume`)).toMatchObject({
      body: { is_changed: true, paused_at: null, paused_by: null },
    });

    const password = randomBytes(8).toString('hex');
    await lake.admin.query(`alter role ${manager} login password '${password}'`);
    const url = new URL(lake.database.url);
    url.username = manager;
    url.password = password;
    const cli = (...args: string[]) => runCli(args, { DATABASE_URL: url.href });
    expect(await cli('pause', 'p.mine')).toMatchObject({ end: 0, stdout: 'The pipeline of p.mine is paused.\n' });
    expect(JSON.parse((await cli('get', 'p.mine', '--output', 'json')).stdout)).toMatchObject({ paused_by: manager });
    const findings = await runCli(['doctor', '--json'], { DATABASE_URL: lake.database.url });
    expect(findings.stdout).toContain('TABLE_PAUSED');
    expect(await cli('resume', pipeline)).toMatchObject({ end: 0, stdout: `The pipeline of ${pipeline} goes on.\n` });
    expect(JSON.parse((await cli('resume', 'p.mine', '--output', 'json')).stdout)).toEqual({
      target: 'p.mine',
      is_paused: false,
      is_changed: false,
    });
  });

  it('refuses what is no pipeline', async () => {
    expect(await refusalOf(pause(randomUUID()))).toMatchObject({ code: 'PIPELINE_NOT_FOUND' });
    expect(await refusalOf(pause('p.nothing'))).toMatchObject({ code: 'SYNCED_TABLE_NOT_FOUND' });
  });
});

describe.each(postgresServers().slice(-1))('the queue of a paused pipeline on $name', (server) => {
  it('runs what was begun and what is asked for by hand, and holds back the rest', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const holder = randomUUID();
    await client.query(
      `insert into synced_tables._sidecars (holder, expires_at) values ($1, clock_timestamp() + interval '1 hour')`,
      [holder],
    );
    const claim = () => claimUpdates(client, { holder, running: [], mode: 'DEFAULT', limit: 9 });
    const request = (cause: string) =>
      database.admin.query<{ id: string }>(
        `select synced_tables_internal._request_update(pipeline_id, false, $1) as id from synced_tables._pipelines`,
        [cause],
      );
    await database.admin.query(
      `create schema q; select synced_tables.create_synced_table('q.t', 'a.b.c', array['id'])`,
    );
    const [first] = await claim();
    if (!first) throw new Error('nothing was claimed');
    await database.admin.query(`select synced_tables.pause_pipeline('q.t')`);
    expect(await isLeaseHeld(client, first.lease)).toBe(true);
    await finishUpdate(client, first, null);
    const { rows: held } = await request('JOB_TASK');
    expect(await claim()).toEqual([]);
    const { rows: byHand } = await database.admin.query<{ id: string }>(`select synced_tables.sync_now('q.t') as id`);
    expect(byHand).toEqual(held);
    const [second] = await claim();
    expect(second?.updateId).toBe(byHand[0]?.id);
    if (second) await finishUpdate(client, second, null);
    for (const cause of ['JOB_TASK', 'RETRY_ON_FAILURE']) {
      await request(cause);
      expect(await claim()).toEqual([]);
      await database.admin.query(`select synced_tables.resume_pipeline('q.t')`);
      const [next] = await claim();
      if (!next) throw new Error('nothing was claimed');
      await finishUpdate(client, next, null);
      await database.admin.query(`select synced_tables.pause_pipeline('q.t')`);
    }
  });
});
