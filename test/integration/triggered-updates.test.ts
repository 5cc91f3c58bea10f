import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: what TRIGGERED tables refuse, and what they do with keys of several rows. Histories at random are followed in
// test/property/synced-histories.test.ts.

describe.each(postgresServers())('TRIGGERED tables on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(target: string, source: string, choices: Record<string, string> = {}): Promise<string> {
    const named = Object.entries(choices).map(([name, value]) => `, ${name} => ${value}`);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${target}', 'lake.${source}', array['id']${named.join('')}) as id`,
    );
    return rows[0]?.id ?? '';
  }

  it('refuses a source without a change feed with the statement that turns it on', async () => {
    await lake.lake.createTable('t.plain', { id: 'long' }, 'select i as id from range(10) t(i)');
    const refusal = await refusalOf(
      lake.wait(await create('t.plain', 't.plain', { scheduling_policy: `'TRIGGERED'` })),
    );
    expect(refusal.code).toBe('CHANGE_DATA_FEED_OFF');
    expect(refusal.hint).toContain('ALTER TABLE lake.t.plain SET TBLPROPERTIES (delta.enableChangeDataFeed = true)');
  });

  it('fails when a key gets a second row in the source, naming it, and keeps its rows', async () => {
    const source = await lake.lake.createTable(
      't.twice',
      { id: 'long', v: 'long' },
      'select i as id, i as v from range(50) t(i)',
    );
    await lake.wait(await create('t.twice', 't.twice', { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true' }));
    await source.append('select i as id, 0 as v from range(48, 52) t(i)');
    const refusal = await refusalOf(lake.wait(await lake.requestSync('t.twice')));
    expect(refusal.code).toBe('PRIMARY_KEY_CONSTRAINT_VIOLATION');
    expect(refusal.message).toMatch(/; see failing_keys \(2 keys\)\.$/);
    expect(await lake.failingKeys('t.twice')).toBe('48, 49');
    expect(await lake.value('select count(*) from t.twice')).toBe('50');
    expect((await lake.status('t.twice')).synced_version).toBe('0');
  });

  it('follows keys that had two rows for a while, although their last change is a delete', async () => {
    const rows = 'select i as id, 1 as v from range(9) t(i)';
    const source = await lake.lake.createTable('t.while', { id: 'long', v: 'long' }, rows);
    await lake.wait(await create('t.while', 't.while', { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true' }));
    await source.append('select i as id, 2 as v from range(7, 12) t(i)');
    source.dropNewestFile();
    await source.append('select 20 as id, 2 as v');
    expect(await lake.sync('t.while')).toMatchObject({ method: 'CHANGES' });
    await lake.expectEqual('t.while', source, ['id', 'v']);
    expect((await lake.status('t.while')).row_count).toBe('10');
  });

  it('keeps the latest row of a key when an earlier winner goes', async () => {
    const source = await lake.lake.createTable(
      't.latest',
      { id: 'long', seen: 'long' },
      'select 1 as id, i as seen from range(3) t(i)',
    );
    await lake.wait(
      await create('t.latest', 't.latest', {
        scheduling_policy: `'TRIGGERED'`,
        allow_file_diff: 'true',
        timeseries_key: `'seen'`,
      }),
    );
    expect(await lake.value('select seen from t.latest')).toBe('2');
    await source.append('select 1 as id, 9 as seen');
    expect(await lake.sync('t.latest')).toMatchObject({ method: 'CHANGES', rows_written: '1' });
    expect(await lake.value('select seen from t.latest')).toBe('9');
    await source.deleteWhere('seen = 9');
    await lake.sync('t.latest');
    expect(await lake.value('select seen from t.latest')).toBe('2');
  });

  it.each([
    ['long', 'i', '9', '1', '5'],
    ['timestamp', `timestamptz '2026-01-01 00:00:00+00' + to_hours(i)`, '9', '1', '5'],
    ['decimal(10,2)', 'i / 100', '9', '1', '5'],
    ['double', 'i / 3', '9', '1', '5'],
    // By bytes: capitals come first, whatever the database's collation says.
    ['string', 'chr(i)', '97', '66', '90'],
  ])(
    'follows a log that only grows without a look at its older files, by a %s',
    async (type, seen, newer, older, start) => {
      const name = `t.log_${type.slice(0, 5)}`;
      const rows = (at: string, ids = '1') =>
        `select i.id as id, ${seen} as seen, ${at} as v from (select unnest([${ids}]) as id, ${at} as i) i`;
      const source = await lake.lake.createTable(name, { id: 'long', seen: type, v: 'long' }, rows(start, '1, 2, 3'));
      const choices = { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true', timeseries_key: `'seen'` };
      await lake.wait(await create(name, name, choices));
      source.removeNewestFile();
      await source.append(rows(newer, '1, 4'));
      await source.append(rows(older, '1, 2'));
      expect(await lake.sync(name)).toMatchObject({ method: 'CHANGES', rows_written: '2' });
      expect((await lake.admin.query(`select id, v from ${name} order by id`)).rows).toEqual([
        { id: '1', v: newer },
        { id: '2', v: start },
        { id: '3', v: start },
        { id: '4', v: newer },
      ]);
    },
  );

  it('takes a value for newer than none, and looks up what is as new as the row that is here', async () => {
    const source = await lake.lake.createTable(
      't.nulls',
      { id: 'long', seen: 'long' },
      'select i as id, null::bigint as seen from range(3) t(i) union all select 3, 7',
    );
    const choices = { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true', timeseries_key: `'seen'` };
    await lake.wait(await create('t.nulls', 't.nulls', choices));
    await source.append('select 0::bigint as id, 5::bigint as seen union all select 3, null');
    expect(await lake.sync('t.nulls')).toMatchObject({ method: 'CHANGES', rows_written: '1' });
    const { rows } = await lake.admin.query('select id, seen from t.nulls order by id');
    expect(rows.map((row) => row.seen)).toEqual(['5', null, null, '7']);
    await source.append('select 1::bigint as id, null::bigint as seen union all select 3, 8');
    const refusal = await refusalOf(lake.wait(await lake.requestSync('t.nulls')));
    expect(refusal.code).toBe('TIMESERIES_KEY_TIE');
    expect(await lake.failingKeys('t.nulls')).toBe('1');
    expect(await lake.value('select seen from t.nulls where id = 3')).toBe('7');
    await source.append('select 1::bigint as id, 1::bigint as seen');
    expect(await lake.sync('t.nulls')).toMatchObject({ method: 'CHANGES', rows_written: '2' });
    expect(await lake.value('select seen from t.nulls where id = 3')).toBe('8');
  });

  it('applies changes of up to a quarter of the table, and copies it for more', async () => {
    const rows = (from: number, to: number) => `select i as id from range(${from}, ${to}) t(i)`;
    const source = await lake.lake.createTable('t.grows', { id: 'long' }, rows(0, 48_000));
    const choices = { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true' };
    await lake.wait(await create('t.grows', 't.grows', choices));
    await source.append(rows(48_000, 60_000));
    expect(await lake.sync('t.grows')).toMatchObject({ method: 'CHANGES', rows_written: '12000' });
    await source.append(rows(60_000, 75_001));
    expect(await lake.sync('t.grows')).toMatchObject({ method: 'SNAPSHOT', rows_written: '75001' });
    expect(await lake.value('select count(*) from t.grows')).toBe('75001');
  });
});
