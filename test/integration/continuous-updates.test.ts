import { copyFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a CONTINUOUS table follows every kind of commit by itself, through everything that is asked of it meanwhile.

const columns = { id: 'long', v: 'long' } as const;
const rows = 'select i as id, i as v from range(100) t(i)';

describe.each(postgresServers())('CONTINUOUS tables on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(name: string, choices: Record<string, string> = {}): Promise<void> {
    const all = { scheduling_policy: `'CONTINUOUS'`, allow_file_diff: 'true', ...choices };
    const named = Object.entries(all).map(([choice, value]) => `, ${choice} => ${value}`);
    const { rows: created } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id']${named.join('')}) as id`,
    );
    await lake.wait(created[0]?.id ?? '');
  }

  async function follow(name: string, choices: Record<string, string> = {}): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, columns, rows);
    await create(name, choices);
    await isFollowing(name);
    return source;
  }

  async function isFollowing(name: string): Promise<void> {
    await eventually(
      async () => (await lake.status(name)).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      `${name} is followed`,
    );
  }

  async function reaches(name: string, source: DeltaWriter): Promise<void> {
    await lake.admin.query(`call synced_tables.wait_for_version('${name}', ${source.version}, interval '20 s')`);
  }

  async function pipelineOf(name: string): Promise<string> {
    return (await lake.value('select pipeline_id from synced_tables.status where synced_table = $1', [name])) ?? '';
  }

  const followers = (name: string) =>
    lake.rows(`synced_tables.updates where synced_table = '${name}' and mode = 'CONTINUOUS'`, [
      'state',
      'batches',
      'rows_written',
      'rows_deleted',
      'synced_version',
    ]);

  it('follow inserts, updates, deletes, added columns and empty commits in one update whose counts grow', async () => {
    const source = await follow('c.all');
    await source.append('select i as id, 0 as v from range(100, 110) t(i)');
    await reaches('c.all', source);
    await source.deleteWhere('id < 5');
    await reaches('c.all', source);
    source.commitNothing();
    await reaches('c.all', source);
    source.changeColumns({ ...columns, more: 'string' });
    await source.append(`select 200 as id, 0 as v, 'x' as more`);
    await reaches('c.all', source);
    await lake.expectEqual('c.all', source, ['id', 'v', 'more']);
    const [follower, ...others] = await followers('c.all');
    expect(others).toEqual([]);
    expect(follower?.slice(2)).toEqual(['11', '5', String(source.version)]);
    expect(follower?.[0]).toBe('RUNNING');
    expect(Number(follower?.[1])).toBeGreaterThanOrEqual(3);
    expect(await lake.status('c.all')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      row_count: '106',
      last_error_code: null,
    });
  });

  it('are copied whole where changes cannot be applied, more than once, and followed on', async () => {
    const source = await lake.lake.createTable('c.copied', { id: 'long', v: 'integer' }, rows);
    await create('c.copied');
    for (const base of [10_000, 50_000]) {
      await source.append(`select i as id, 1 as v from range(${base}, ${base + 20_000}) t(i)`);
      await reaches('c.copied', source);
    }
    await source.append('select -1 as id, 1 as v');
    await reaches('c.copied', source);
    await lake.expectEqual('c.copied', source, ['id', 'v']);
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('are updated when asked for, also wholly, and followed again afterwards', async () => {
    const source = await follow('c.asked');
    for (const isFull of [false, true]) {
      const update = await lake.sync('c.asked', isFull);
      expect(update).toMatchObject({ state: 'COMPLETED', method: isFull ? 'SNAPSHOT' : 'UNCHANGED' });
      await isFollowing('c.asked');
      await source.append(`select ${1000 + source.version} as id, 1 as v`);
      await reaches('c.asked', source);
    }
    await lake.expectEqual('c.asked', source, ['id', 'v']);
    expect((await followers('c.asked')).map(([state]) => state).sort()).toEqual(['COMPLETED', 'COMPLETED', 'RUNNING']);
  });

  it('are looked at no more often than their trigger interval says, though the queue is', async () => {
    const source = await follow('c.seldom');
    const pipeline = await pipelineOf('c.seldom');
    await lake.admin.query('select synced_tables.pause_pipeline($1)', [pipeline]);
    await lake.admin.query(`select synced_tables.set_trigger_interval('c.seldom', 4000)`);
    await lake.admin.query('select synced_tables.resume_pipeline($1)', [pipeline]);
    await isFollowing('c.seldom');
    // Who begins to follow looks once more when the registry has been read.
    await sleep(2_500);
    await source.append('select 1000 as id, 1 as v');
    await reaches('c.seldom', source);
    const seenAt = performance.now();
    await source.append('select 1001 as id, 1 as v');
    await reaches('c.seldom', source);
    expect(performance.now() - seenAt).toBeGreaterThan(3_000);
  });

  it('rest while their pipeline is stopped, serving what they have, and go on with sync_now', async () => {
    const source = await follow('c.stopped');
    await lake.admin.query('select synced_tables.stop_pipeline($1)', [await pipelineOf('c.stopped')]);
    expect((await lake.status('c.stopped')).state).toBe('SYNCED_TABLE_ONLINE');
    await source.append('select 1000 as id, 1 as v');
    expect((await followers('c.stopped')).map(([state]) => state)).toEqual(['CANCELED']);
    // Longer than any pause of a follower that had not heard of it.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await lake.value('select count(*) from c.stopped')).toBe('100');
    expect(await lake.status('c.stopped')).toMatchObject({ state: 'SYNCED_TABLE_ONLINE', synced_version: '0' });
    await lake.admin.query('select synced_tables.stop_pipeline($1)', [await pipelineOf('c.stopped')]);
    await lake.sync('c.stopped');
    await lake.expectEqual('c.stopped', source, ['id', 'v']);
    await isFollowing('c.stopped');
    await source.append('select 1001 as id, 1 as v');
    await reaches('c.stopped', source);
  });

  it('stop at changes that need a person, keep their rows, and go on after a full refresh', async () => {
    const source = await follow('c.retyped');
    await source.overwrite(`select i as id, 'text' as v from range(50) t(i)`, { columns: { id: 'long', v: 'string' } });
    await eventually(
      async () => (await lake.status('c.retyped')).state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'the pipeline fails',
    );
    expect(await lake.status('c.retyped')).toMatchObject({ last_error_code: 'COLUMN_TYPE_CHANGE_NOT_SUPPORTED' });
    expect(await lake.value('select count(*) from c.retyped')).toBe('100');
    await eventually(async () => (await followers('c.retyped'))[0]?.[0] === 'FAILED', 'the follower has failed');
    // Nothing but a request brings it back.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await followers('c.retyped')).toHaveLength(1);
    await lake.sync('c.retyped', true);
    await isFollowing('c.retyped');
    await lake.expectEqual('c.retyped', source, ['id', 'v']);
  });

  it('notice at once that their newest commit was written anew, and stop until a full refresh', async () => {
    const source = await follow('c.rewritten');
    await source.append('select 1000 as id, 1 as v');
    await reaches('c.rewritten', source);
    // Another time alone is no other content.
    const [before] = await followers('c.rewritten');
    utimesSync(source.newestCommit, 1, 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await followers('c.rewritten')).toEqual([before]);
    expect((await lake.status('c.rewritten')).state).toBe('SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE');
    await source.rewriteNewestAppend('select 2000 as id, 2 as v');
    await eventually(
      async () => (await lake.status('c.rewritten')).state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'it is noticed',
    );
    expect(await lake.status('c.rewritten')).toMatchObject({
      last_error_code: 'SOURCE_HISTORY_REWRITTEN',
      synced_version: String(source.version),
    });
    expect(await lake.value('select max(id) from c.rewritten')).toBe('1000');
    await lake.sync('c.rewritten', true);
    await isFollowing('c.rewritten');
    await lake.expectEqual('c.rewritten', source, ['id', 'v']);
  });

  it('are copied by themselves when history was rewritten, if they were created so', async () => {
    const source = await follow('c.renewed', { on_history_gap: `'refresh'` });
    for (const way of ['same version', 'same version of another table', 'lower version'] as const) {
      if (way === 'same version') {
        await source.append('select 1000 as id, 1 as v');
        await reaches('c.renewed', source);
        await source.rewriteNewestAppend('select 2000 as id, 2 as v');
      } else {
        await source.recreate(rows.replace('i as v', `i + ${way.length} as v`));
        if (way === 'same version of another table') await source.append('select -1 as id, 0 as v');
      }
      const sum = String((await source.query('sum(v)'))[0]?.[0]);
      await eventually(async () => (await lake.value('select sum(v) from c.renewed')) === sum, `${way}: it is copied`);
      await reaches('c.renewed', source);
      await lake.expectEqual('c.renewed', source, ['id', 'v']);
    }
    await source.append('select 3000 as id, 3 as v');
    await reaches('c.renewed', source);
    await isFollowing('c.renewed');
  });

  it('tell how far their source is ahead while they fail, also when nobody follows them any more', async () => {
    const lag = async (name: string) => {
      const { rows: found } = await lake.admin.query<{ lag_versions: string; lag_seconds: number }>(
        'select lag_versions, lag_seconds from synced_tables.status where synced_table = $1',
        [name],
      );
      return found[0];
    };
    const lags = async (name: string, versions: number) => {
      await eventually(async () => (await lag(name))?.lag_versions === String(versions), `${versions} behind`, 40_000);
      return (await lag(name))?.lag_seconds ?? 0;
    };
    const locked = await follow('c.lagging');
    const blocker = await lake.database.connect();
    await blocker.query('set databricks_auth.allow_ddl = on; begin; lock table c.lagging in share mode');
    await locked.append('select 1000 as id, 1 as v');
    const first = await lags('c.lagging', 1);
    await locked.append('select 1001 as id, 1 as v');
    await locked.append('select 1002 as id, 1 as v');
    expect(await lags('c.lagging', 3)).toBeGreaterThan(first);
    await blocker.query('rollback');
    await reaches('c.lagging', locked);
    expect(await lag('c.lagging')).toEqual({ lag_versions: '0', lag_seconds: 0 });

    const failed = await follow('c.behind');
    await failed.overwrite(`select i as id, 'text' as v from range(50) t(i)`, { columns: { id: 'long', v: 'string' } });
    const seen = await lags('c.behind', 1);
    // The lag is written first, the state a moment later.
    await expect
      .poll(async () => (await lake.status('c.behind')).state, { timeout: 40_000 })
      .toBe('SYNCED_TABLE_ONLINE_PIPELINE_FAILED');
    failed.commitNothing();
    failed.commitNothing();
    // Every sidecar looks when it starts, and each half a minute.
    await using _ = await lake.startSidecar({ pollSeconds: 1 });
    expect(await lags('c.behind', 3)).toBeGreaterThan(seen);
    expect(await lake.status('c.behind')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      last_error_code: 'COLUMN_TYPE_CHANGE_NOT_SUPPORTED',
    });
  });

  it('say that a file is not there, try again, and go on by themselves when it has come', async () => {
    const source = await follow('c.healed');
    // The data file is late: its commit is there already.
    const other = await lake.lake.createTable('c.late', columns, 'select 1000 as id, 1 as v');
    const file = path.join(other.folder, readdirSync(other.folder).find((name) => name.endsWith('.parquet')) ?? '');
    const add = { path: 'late.parquet', partitionValues: {}, size: statSync(file).size, dataChange: true };
    const commit = path.join(source.folder, '_delta_log', '00000000000000000001.json');
    writeFileSync(commit, JSON.stringify({ add: { ...add, modificationTime: 0 } }));
    await eventually(
      async () =>
        (await lake.value(
          `select next_attempt_at from synced_tables.updates where synced_table = 'c.healed' and mode = 'CONTINUOUS'`,
        )) !== null,
      'the file is missed',
    );
    expect(await lake.status('c.healed')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
      last_error_code: 'DELTA_CHANGE_FILE_MISSING',
      synced_version: '0',
      row_count: '100',
    });
    expect(
      await lake.rows(`synced_tables.updates where synced_table = 'c.healed' and mode = 'CONTINUOUS'`, [
        'state',
        '(failed_attempts > 0)',
        'error_code',
      ]),
    ).toEqual([['RUNNING', 'true', 'DELTA_CHANGE_FILE_MISSING']]);
    copyFileSync(file, path.join(source.folder, 'late.parquet'));
    await eventually(async () => (await lake.status('c.healed')).synced_version === '1', 'it goes on', 30_000);
    expect(await lake.value('select count(*) from c.healed')).toBe('101');
    expect(await lake.status('c.healed')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      last_error_code: null,
    });
  });

  it('that somebody locks are tried again, the session in the way is named, and others go on meanwhile', async () => {
    const locked = await follow('c.locked');
    const free = await lake.lake.createTable('c.free', columns, rows);
    await create('c.free', { existing_pipeline_id: `'${await pipelineOf('c.locked')}'` });
    await isFollowing('c.locked');
    const blocker = await lake.database.connect();
    await blocker.query(`set application_name = 'a long report'; set databricks_auth.allow_ddl = on; begin`);
    await blocker.query('lock table c.locked in share mode');
    await locked.append('select 1000 as id, 1 as v');
    await free.append('select 1000 as id, 1 as v');
    await reaches('c.free', free);
    await eventually(async () => (await lake.status('c.locked')).last_error_code === 'LOCK_TIMEOUT', 'it is told');
    expect((await lake.status('c.locked')).message).toContain('a long report');
    await blocker.query('rollback');
    await eventually(async () => (await lake.status('c.locked')).synced_version === '1', 'it goes on', 30_000);
    await lake.expectEqual('c.locked', locked, ['id', 'v']);
  });

  it('of one pipeline do not stop each other, and one that is added is loaded and followed', async () => {
    const good = await follow('c.good');
    const pipeline = await pipelineOf('c.good');
    const bad = await lake.lake.createTable('c.bad', columns, rows);
    await create('c.bad', { existing_pipeline_id: `'${pipeline}'` });
    await isFollowing('c.bad');
    await bad.overwrite(`select i as id, 'text' as v from range(50) t(i)`, { columns: { id: 'long', v: 'string' } });
    await eventually(
      async () => (await lake.status('c.bad')).state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'one table fails',
    );
    await good.append('select 1000 as id, 1 as v');
    await reaches('c.good', good);
    // A table that is refused at once must not leave the others alone.
    await lake.lake.createTable('c.refused', { other: 'long' }, 'select 1 as other');
    const refusal = await refusalOf(create('c.refused', { existing_pipeline_id: `'${pipeline}'` }));
    expect(refusal.code).toBe('PRIMARY_KEY_COLUMN_NOT_FOUND');
    await good.append('select 1001 as id, 1 as v');
    await reaches('c.good', good);
    await lake.admin.query(`select synced_tables.delete_synced_table('c.bad', purge => true)`);
    await good.append('select 1002 as id, 1 as v');
    await reaches('c.good', good);
    await lake.expectEqual('c.good', good, ['id', 'v']);
  });

  it('end with delete_synced_table', async () => {
    await follow('c.deleted');
    const pipeline = await pipelineOf('c.deleted');
    await lake.admin.query(`select synced_tables.delete_synced_table('c.deleted', purge => true)`);
    await eventually(
      async () =>
        (await lake.value(
          `select count(*) from synced_tables._updates where pipeline_id = $1 and state in ('QUEUED', 'RUNNING')`,
          [pipeline],
        )) === '0',
      'nothing runs',
    );
    expect(
      await lake.value(`select count(*) from synced_tables._events where pipeline_id = $1 and level = 'ERROR'`, [
        pipeline,
      ]),
    ).toBe('0');
  });
});
