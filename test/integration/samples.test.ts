import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pruneHistory, takeSamples } from '../../src/postgres/maintain-tables.js';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: lag and rows of a table are known for as long as its history is, at a cost that a quiet table does not have.

describe.each(eitherPostgresServer(import.meta.url))('samples on $name', (server) => {
  let lake: SyncedLake;
  let url: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    url = (await lake.startSidecar({ pollSeconds: 1 })).url;
    await lake.lake.createTable('s.t', { id: 'long' }, 'select i as id from range(7) t(i)');
    await lake.load('s.t');
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const samples = (of = 's.t') =>
    lake.rows(`synced_tables.samples where synced_table = '${of}'`, ['lag_seconds', 'row_count', 'is_failed']);

  it('are taken by the sidecar, with the rows that a table has', async () => {
    // The first one has taken its samples of this minute.
    await lake.startSidecar({ pollSeconds: 1 });
    await eventually(async () => (await samples()).length > 0, 'there is a sample', 90_000);
    expect((await samples())[0]).toEqual(['0', '7', 'false']);
  });

  it('are taken when something has changed, else every 15 minutes', async () => {
    await using idle = await SyncedLake.create(server);
    await idle.admin.query(`create schema s;
      select synced_tables.create_synced_table('s.q', 'a.b.c', array['id']);
      select synced_tables.create_synced_table('s.f', 'a.b.d', array['id'], scheduling_policy => 'CONTINUOUS');
      create table s.q (id int); create table s.f (id int);
      update synced_tables._tables set relation = ('s.' || table_name)::regclass, synced_version = 1, source_version = 1, row_count = 5`);
    const client = await idle.database.connectAsSidecar();
    const count = async (of: string) =>
      Number(await idle.value(`select count(*) from synced_tables.samples where synced_table = '${of}'`));
    const takenAfter = async (time: string, change = 'select 1') => {
      const before = { q: await count('s.q'), f: await count('s.f') };
      await idle.admin.query(`update synced_tables._samples set sampled_at = sampled_at - interval '${time}'`);
      await idle.admin.query(change);
      await takeSamples(client);
      await takeSamples(client);
      return { q: (await count('s.q')) - before.q, f: (await count('s.f')) - before.f };
    };
    const changed = (what: string) => `update synced_tables._tables set ${what}`;
    expect(await takenAfter('0')).toEqual({ q: 1, f: 1 });
    expect(await takenAfter('2 min')).toEqual({ q: 0, f: 0 });
    expect(await takenAfter('14 min')).toEqual({ q: 1, f: 1 });
    expect(await takenAfter('1 min', changed(`row_count = 6 where table_name = 'q'`))).toEqual({ q: 1, f: 0 });
    const behind = `source_version = 3, behind_since = now() - interval '90 s'`;
    expect(await takenAfter('1 min', changed(behind))).toEqual({ q: 1, f: 1 });
    // Of one that is updated on request, the lag grows as the clock does.
    expect(await takenAfter('1 min')).toEqual({ q: 0, f: 1 });
    expect(await takenAfter('1 min', changed('is_failed = true'))).toEqual({ q: 1, f: 1 });
    expect(await takenAfter('1 min', changed('synced_version = 3, behind_since = null, is_failed = false'))).toEqual({
      q: 1,
      f: 1,
    });
    expect(await takenAfter('1 min')).toEqual({ q: 0, f: 0 });
    expect(await idle.value(`select max(lag_versions) from synced_tables.samples`)).toBe('2');
    await idle.admin.query(`select synced_tables.delete_synced_table('s.q')`);
    expect(await idle.value(`select count(distinct table_id) from synced_tables._samples`)).toBe('1');
  });

  it('are taken of streaming tables too: since when they are behind, and about how many rows they have', async () => {
    await lake.lake.createTable('s.e', { id: 'long', seq: 'long' }, 'select i as id, i as seq from range(40) t(i)');
    await lake.admin.query(
      `select synced_tables.create_streaming_table('s.users');
       select synced_tables.apply_changes('s.users', 'lake.s.e', array['id'], sequence_by => 'seq', name => 'f')`,
    );
    const client = await lake.database.connectAsSidecar();
    // Before its first update there is nothing to tell.
    await takeSamples(client);
    expect(await samples('s.users')).toEqual([]);
    await lake.sync('s.users');
    const lag = () => lake.value(`select floor(lag_seconds) from synced_tables.status where synced_table = 's.users'`);
    expect(await lag()).toBe('0');
    await lake.admin.query(`select synced_tables.pause_pipeline('s.users')`);
    const storage = await lake.value(
      `select shape -> 'relations' ->> 'storage' from synced_tables._cdc_targets where table_name = 'users'`,
    );
    await lake.admin.query(`analyze ${storage}`);
    await takeSamples(client);
    expect(await samples('s.users')).toEqual([['0', '40', 'false']]);
    await lake.admin.query(
      `update synced_tables._samples set sampled_at = sampled_at - interval '20 min';
       update synced_tables._streaming_tables set behind_since = now() - interval '90 s'`,
    );
    expect(await lag()).toBe('90');
    await takeSamples(client);
    expect((await samples('s.users')).map(([seconds]) => Math.round(Number(seconds) / 10))).toEqual([0, 9]);
    const keeper = await lake.database.createRole('keeper', 'databricks_superuser');
    const session = await lake.database.connectAs(keeper);
    for (const view of ['status', 'samples']) {
      const { rows } = await session.query(
        `select lag_seconds from synced_tables.${view} where synced_table = 's.users'`,
      );
      expect(rows.length).toBeGreaterThan(0);
    }
    const api = new ApiClient(url, await createToken(lake, keeper));
    const database = await lake.value('select current_database()');
    const { body } = await api.get(`/api/2.0/synced-tables/tables/${database}.s.users/samples`);
    expect(body.samples.at(-1)).toMatchObject({ row_count: 40, lag_versions: null, is_failed: false });
    expect(body.samples.at(-1).lag_seconds).toBeGreaterThan(80);
    // An update that has applied everything ends it; and samples go with their table.
    await lake.admin.query(`select synced_tables.resume_pipeline('s.users')`);
    await lake.sync('s.users');
    expect(await lag()).toBe('0');
    const left = () =>
      lake.value(`select count(*) from synced_tables._samples s
                   where not exists (select from synced_tables._tables t where t.table_id = s.table_id)`);
    expect(Number(await left())).toBeGreaterThan(0);
    await lake.admin.query(`select synced_tables.delete_streaming_table('s.users')`);
    expect(await left()).toBe('0');
  });

  it('are thinned out after two days, keeping the worst of each hour, and pruned with the history', async () => {
    const id = await lake.value(`select table_id from synced_tables._tables where synced_table = 's.t'`);
    await lake.admin.query('delete from synced_tables._samples');
    await lake.admin.query(
      `insert into synced_tables._samples (table_id, sampled_at, lag_seconds, row_count, is_failed)
       select $1::uuid, date_trunc('hour', now()) - interval '60 h' + make_interval(mins => i), i % 60, 1, i between 70 and 72
         from generate_series(0, 179) i
       union all select $1::uuid, now() - interval '40 days', 9, 1, false
       union all select $1::uuid, now() - interval '1 min', 1, 1, false`,
      [id],
    );
    const client = await lake.database.connectAsSidecar();
    for (let nth = 0; nth < 2; nth += 1) {
      await pruneHistory(client, 30);
      const left = await lake.rows(`synced_tables.samples where sampled_at < now() - interval '5 min'`, [
        'lag_seconds',
        'is_failed',
      ]);
      expect(left).toEqual([
        ['12', 'true'],
        ['59', 'false'],
        ['59', 'false'],
      ]);
    }
    expect(
      await lake.value(`select count(*) from synced_tables.samples where sampled_at < now() - interval '35 days'`),
    ).toBe('0');
  });

  it('are read over HTTP in as many steps as are asked for, up to now', async () => {
    const database = await lake.value('select current_database()');
    const reader = await lake.database.createRole('reader');
    await lake.admin.query(`grant usage on schema s to ${reader}; grant select on s.t to ${reader}`);
    const api = new ApiClient(url, await createToken(lake, reader));
    const path = `/api/2.0/synced-tables/tables/${database}.s.t/samples`;
    const id = await lake.value(`select table_id from synced_tables._tables where synced_table = 's.t'`);
    await lake.admin.query('delete from synced_tables._samples');
    await lake.admin.query(
      `insert into synced_tables._samples (table_id, sampled_at, lag_seconds, lag_versions, row_count, is_failed)
       select $1::uuid, timestamptz '2026-03-01 00:00:00Z' + make_interval(mins => i), i, i, 1000 + i, i = 33 from generate_series(0, 59) i`,
      [id],
    );
    const { status, body } = await api.get(`${path}?from=2026-03-01T00:00:00Z&to=2026-03-01T01:00:00Z&points=6`);
    expect(status).toBe(200);
    expect(body.samples).toHaveLength(6);
    expect(body.samples[0]).toEqual({
      sampled_at: '2026-03-01T00:09:00.000Z',
      lag_seconds: 9,
      lag_versions: 9,
      row_count: 1009,
      synced_version: null,
      is_failed: false,
    });
    expect(body.samples.map((sample: { is_failed: boolean }) => sample.is_failed)).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(body).toMatchObject({
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-03-01T01:00:00.000Z',
      quiet_seconds: 960,
    });
    const now = await api.get(path);
    expect(Date.parse(now.body.to) - Date.parse(now.body.from)).toBe(3_600_000);
    const day = await api.get(`${path}?hours=24`);
    expect(Date.parse(day.body.to) - Date.parse(day.body.from)).toBe(86_400_000);
    expect(now.body.samples.at(-1)).toMatchObject({ lag_seconds: 0, row_count: 7 });
    for (const query of [
      'points=0',
      'points=5000',
      'from=yesterday',
      'from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z',
    ]) {
      expect(await api.get(`${path}?${query}`)).toMatchObject({ status: 400 });
    }
    const stranger = new ApiClient(url, await createToken(lake, await lake.database.createRole('stranger')));
    expect(await stranger.get(path)).toMatchObject({ status: 404 });
  });
});
