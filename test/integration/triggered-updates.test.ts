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
    expect(refusal.message).toContain('for example 48, 49.');
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
});
