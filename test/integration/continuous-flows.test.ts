import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: flows of a continuous pipeline run by themselves when their sources have something new, in one update whose
// counts grow, until the pipeline is stopped; failures are told, those that pass are tried again.

describe.each(eitherPostgresServer(import.meta.url))('continuous flows on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const call = (sql: string) => lake.value(`select synced_tables.${sql}`);
  const rowsOf = async (table: string) => (await lake.rows(table, ['id', 'v'])).map((row) => row.join(' '));
  const stateOf = async (table: string) => (await lake.status(table)).state;
  const shows = (table: string, expected: string[]) =>
    eventually(async () => (await rowsOf(table)).join() === expected.join(), `${table} shows ${expected.join()}`);
  const isFollowing = (table: string) =>
    eventually(async () => (await stateOf(table)) === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', `${table} is followed`);
  const followers = (table: string) =>
    lake.rows(`synced_tables.updates where synced_table = '${table}' and mode = 'CONTINUOUS'`, [
      'state',
      'batches',
      'num_upserted_rows',
      'num_deleted_rows',
    ]);

  async function declare(name: string, options = ''): Promise<string> {
    await lake.admin.query(`create table public.${name}_events (id int, v text, op text, seq bigint)`);
    const id = await call(`create_streaming_table('public.${name}', continuous => true)`);
    await call(`apply_changes('public.${name}', 'public.${name}_events', array['id'], 'seq',
      apply_as_deletes => 'op = "D"', column_list => array['id', 'v'] ${options})`);
    return id ?? '';
  }

  it('leave a table out whose declaration cannot be read, and say so', async () => {
    const pipeline = await declare('torn');
    await isFollowing('public.torn');
    await lake.admin.query(
      `update synced_tables._flows set source = '{"kind": "topic"}' where flow_name = 'public.torn';
       select synced_tables_internal._note_declaration('${pipeline}')`,
    );
    await eventually(
      async () => (await stateOf('public.torn')) === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'the table has failed',
    );
    const { message } = await lake.status('public.torn');
    expect(message).toContain(
      `What pipeline ${pipeline} declares of flow public.torn into streaming table public.torn`,
    );
    await call(`delete_streaming_table('public.torn', purge => true)`);
  });

  it('read events of a table as they come, and rest when they are stopped', async () => {
    const pipeline = await declare('tabled');
    await isFollowing('public.tabled');
    const events = (values: string) => lake.admin.query(`insert into public.tabled_events values ${values}`);
    await events(`(1, 'a', 'U', 1), (2, 'b', 'U', 2)`);
    await shows('public.tabled', ['1 a', '2 b']);
    await events(`(1, null, 'D', 3)`);
    await events(`(2, 'late', 'U', 1)`);
    await events(`(3, 'c', 'U', 4)`);
    await shows('public.tabled', ['2 b', '3 c']);
    const [follower, ...others] = await followers('public.tabled');
    expect(others).toEqual([]);
    expect(follower?.slice(2)).toEqual(['3', '1']);
    expect(Number(follower?.[1])).toBeGreaterThanOrEqual(2);
    await call(`stop_pipeline('${pipeline}')`);
    expect(await stateOf('public.tabled')).toBe('SYNCED_TABLE_ONLINE');
    await events(`(4, 'd', 'U', 5)`);
    await expect(
      eventually(async () => (await rowsOf('public.tabled')).length === 3, 'applied', 2_500),
    ).rejects.toThrow('not within');
    await lake.sync('public.tabled');
    expect(await rowsOf('public.tabled')).toEqual(['2 b', '3 c', '4 d']);
    await isFollowing('public.tabled');
    await events(`(4, 'e', 'U', 6)`);
    await shows('public.tabled', ['2 b', '3 c', '4 e']);
    await call(`set_continuous('public.tabled', false)`);
    await eventually(
      async () => (await stateOf('public.tabled')) === 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      'is followed no more',
    );
    const open = `select count(*) from synced_tables._updates where state in ('QUEUED', 'RUNNING')`;
    await eventually(async () => (await lake.value(open)) === '0', 'nothing is under way');
  }, 90_000);

  it('read partitions, and what a long transaction commits after others', async () => {
    await lake.admin.query(`create table public.parted_events (id int, v text, op text, seq bigint) partition by range (id);
      create table public.parted_events_1 partition of public.parted_events for values from (0) to (100);
      create table public.parted_events_2 partition of public.parted_events for values from (100) to (200)`);
    await call(`create_streaming_table('public.parted', continuous => true)`);
    await call(
      `apply_changes('public.parted', 'public.parted_events', array['id'], 'seq', column_list => array['id', 'v'])`,
    );
    await isFollowing('public.parted');
    const slow = await lake.database.connect();
    await slow.query(`begin; insert into public.parted_events values (1, 'slow', 'U', 1)`);
    await lake.admin.query(`insert into public.parted_events values (101, 'fast', 'U', 1)`);
    await shows('public.parted', ['101 fast']);
    await slow.query('commit');
    await shows('public.parted', ['101 fast', '1 slow']);
  }, 60_000);

  it('follow commits of the lakehouse, through views too', async () => {
    const columns = { id: 'long', v: 'string', seq: 'long' } as const;
    const source = await lake.lake.createTable('bronze.followed', columns, `select 1 as id, 'a' as v, 1 as seq`);
    const declaration = {
      tables: [{ name: ['viewed'], columns: null, comment: null, tombstoneSeconds: null }],
      views: [{ name: 'upper', query: 'select id, upper(v) as v, seq from STREAM(lake.bronze.followed)' }],
      flows: [
        {
          name: 'viewed',
          kind: 'changes',
          target: ['viewed'],
          source: { kind: 'name', parts: ['upper'], isChangeFeed: false },
          options: { keys: ['id'], sequence_by: 'seq', except_column_list: ['seq'] },
        },
      ],
    };
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.declare_pipeline('followed', $1, 'public', continuous => true) as id`,
      [JSON.stringify(declaration)],
    );
    await eventually(async () => (await stateOf('public.viewed')).includes('ONLINE'), 'is there');
    await shows('public.viewed', ['1 A']);
    await source.append(`select 2 as id, 'b' as v, 2 as seq`);
    await shows('public.viewed', ['1 A', '2 B']);
    source.commitNothing();
    await source.append(`select 2 as id, 'c' as v, 3 as seq`);
    await shows('public.viewed', ['1 A', '2 C']);
    // Declared anew while it is followed: what comes from then on is read as declared now.
    const again = {
      ...declaration,
      views: [{ name: 'upper', query: 'select id, lower(v) as v, seq from STREAM(lake.bronze.followed)' }],
    };
    const before = await followers('public.viewed');
    const renewed = await lake.admin.query<{ id: string }>(
      `select synced_tables.declare_pipeline('followed', $1, 'public', continuous => true) as id`,
      [JSON.stringify(again)],
    );
    expect(renewed.rows).toEqual(rows);
    await eventually(async () => (await followers('public.viewed')).length > before.length, 'is followed anew');
    await isFollowing('public.viewed');
    await source.append(`select 3 as id, 'D' as v, 4 as seq`);
    await shows('public.viewed', ['1 A', '2 C', '3 d']);
  }, 60_000);

  it.each(['declared anew', 'deleted'])(
    'apply nothing any more that was read before the table was %s',
    async (change) => {
      const name = change.replace(' ', '_');
      const table = `public.${name}`;
      await declare(name);
      await isFollowing(table);
      await lake.admin.query(`insert into ${table}_events values (1, 'a', 'U', 1)`);
      await shows(table, ['1 a']);
      // A second table keeps the pipeline when the first one is deleted.
      const pipeline = await lake.value(`select pipeline_id from synced_tables.status where synced_table = '${table}'`);
      await lake.admin.query(
        `insert into synced_tables._streaming_tables (schema_name, table_name, pipeline_id, created_by)
      values ('public', '${name}_other', $1, current_user)`,
        [pipeline],
      );
      const holder = await lake.database.connect();
      await holder.query(`begin; select from synced_tables._cdc_targets where table_name = '${name}' for update`);
      await lake.admin.query(`insert into ${table}_events values (1, 'b', 'gone', 2)`);
      const waits = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await eventually(async () => (await lake.value(waits)) !== '0', 'the batch waits, read');
      if (change === 'deleted') await call(`delete_streaming_table('${table}')`);
      else
        await call(`apply_changes('${table}', '${table}_events', array['id'], 'seq',
        apply_as_deletes => 'op = "gone"', column_list => array['id', 'v'])`);
      await holder.query('commit');
      await lake.admin.query(`insert into ${table}_events values (2, 'c', 'U', 3)`);
      if (change === 'deleted') {
        await eventually(async () => (await lake.value(waits)) === '0', 'nothing waits');
        await setTimeout(1_500);
        expect(await rowsOf(table)).toEqual(['1 a']);
      } else {
        await shows(table, ['2 c']);
      }
      await lake.admin.query(`select synced_tables.stop_pipeline('${pipeline}')`);
    },
    60_000,
  );

  it('keep history from snapshots of a table', async () => {
    await lake.admin.query('create table public.plain (id int, v text)');
    await call(`create_streaming_table('public.snapped', continuous => true)`);
    await call(`apply_changes_from_snapshot('public.snapped', 'public.plain', array['id'], stored_as_scd_type => 2)`);
    await isFollowing('public.snapped');
    await lake.admin.query(`insert into public.plain values (1, 'a'), (2, 'b')`);
    await shows('public.snapped', ['1 a', '2 b']);
    await lake.admin.query(`update public.plain set v = 'c' where id = 1`);
    await shows('public.snapped', ['1 a', '1 c', '2 b']);
    await lake.admin.query('delete from public.plain where id = 2');
    await eventually(
      async () => (await lake.value(`select count(*) from public.snapped where "__END_AT" is not null`)) === '2',
      'the delete is seen',
      30_000,
    );
  }, 90_000);

  it('leave out a table that an event spoils until somebody mends it', async () => {
    await declare('spoiled');
    await isFollowing('public.spoiled');
    await lake.admin.query(`insert into public.spoiled_events values (null, 'x', 'U', 1), (1, 'a', 'U', 1)`);
    const code = 'AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY';
    await eventually(async () => (await lake.status('public.spoiled')).last_error_code === code, 'fails');
    expect(await stateOf('public.spoiled')).toBe('SYNCED_TABLE_ONLINE_PIPELINE_FAILED');
    expect(await rowsOf('public.spoiled')).toEqual([]);
    await lake.admin.query('delete from public.spoiled_events where id is null');
    await lake.sync('public.spoiled');
    expect(await rowsOf('public.spoiled')).toEqual(['1 a']);
    await isFollowing('public.spoiled');
    await lake.admin.query(`insert into public.spoiled_events values (1, 'b', 'U', 2)`);
    await shows('public.spoiled', ['1 b']);
  }, 60_000);

  it('try again what may pass by itself, and say so meanwhile', async () => {
    await declare('locked');
    await isFollowing('public.locked');
    const holder = await lake.database.connect();
    await holder.query(`begin; select from synced_tables._cdc_targets where table_name = 'locked' for update`);
    await lake.admin.query(`insert into public.locked_events values (1, 'a', 'U', 1)`);
    await eventually(
      async () => (await lake.status('public.locked')).message?.startsWith('Attempt 1 in a row') === true,
      'is retried',
    );
    expect(await stateOf('public.locked')).toBe('SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES');
    // Since its sources have had something that it does not show.
    const lag = async () => {
      const { rows } = await lake.admin.query(
        `select lag_seconds from synced_tables.status where synced_table = 'public.locked'`,
      );
      return rows[0].lag_seconds;
    };
    expect(await lag()).toBeGreaterThan(0);
    await holder.query('commit');
    await shows('public.locked', ['1 a']);
    await isFollowing('public.locked');
    await eventually(async () => (await lag()) === 0, 'it is behind no longer');
  }, 60_000);

  it('are refused to strangers, and to functions of a program', async () => {
    const pipeline = await declare('owned');
    const stranger = await lake.database.connectAs(await lake.database.createRole('stranger'));
    await lake.admin.query(
      `grant usage on schema synced_tables to public; grant execute on function synced_tables.stop_pipeline, synced_tables.set_continuous to public`,
    );
    const refused = { detail: 'error code: PERMISSION_DENIED' };
    await expect(stranger.query(`select synced_tables.stop_pipeline('${pipeline}')`)).rejects.toMatchObject(refused);
    await expect(stranger.query(`select synced_tables.set_continuous('public.owned', false)`)).rejects.toMatchObject(
      refused,
    );
    await lake.admin.query(
      `revoke usage on schema synced_tables from public; revoke execute on function synced_tables.stop_pipeline, synced_tables.set_continuous from public`,
    );
    const nothing = JSON.stringify({ tables: [], views: [], flows: [] });
    await expect(
      lake.admin.query(`select synced_tables.declare_pipeline('p', $1, 'public', true, true)`, [nothing]),
    ).rejects.toMatchObject({ detail: 'error code: PIPELINE_CONTINUOUS_IN_PROGRAM' });
  }, 30_000);
});
