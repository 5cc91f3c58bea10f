import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { runCliJson } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a view over tables of the lake is previewed, synced, found unchanged, refreshed and verified like a table.

// Views are what is tested: one server is enough.
describe.each(postgresServers().slice(-1))('a view on $name', (server) => {
  let lake: SyncedLake;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
  });
  afterEach(() => lake?.[Symbol.asyncDispose]());

  async function create(source: string, policy = 'SNAPSHOT'): Promise<string> {
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('marts.by_region', $1, array['region'], $2,
                                                create_database_objects_if_missing => true) as id`,
      [source, policy],
    );
    return rows[0]?.id ?? '';
  }

  it('is synced, and copied again only if a table below has changed', async () => {
    const orders = await lake.lake.createTable(
      'gold.orders',
      { id: 'long', region: 'string', amount: 'decimal(10,2)' },
      `select i as id, 'r' || i % 3 as region, i as amount from range(300) t(i)`,
    );
    const catalogs = {
      lake: { kind: 'path', root: lake.lake.root },
      marts: {
        kind: 'views',
        views: {
          'sales.by_region': {
            sql: 'SELECT region, sum(amount) AS amount, count(*) AS orders FROM lake.gold.orders GROUP BY region',
            primary_key: ['region'],
          },
        },
      },
    };
    await lake.startSidecar({ catalogs });
    const file = path.join(lake.folder, 'settings.json');
    writeFileSync(file, JSON.stringify({ instances: { local: { url: lake.database.url } }, catalogs }));
    const config = ['--config', file];
    expect(await runCliJson(['preview', 'marts.sales.by_region', ...config])).toMatchObject({ row_count: 3 });

    await lake.wait(await create('marts.sales.by_region'));
    const sums = `select string_agg(region || ' ' || amount || ' ' || orders, ', ' order by region) from marts.by_region`;
    expect(await lake.value(sums)).toBe('r0 14850.00 100, r1 14950.00 100, r2 15050.00 100');
    expect(await lake.value(`select pg_typeof(amount)::text from marts.by_region limit 1`)).toBe('numeric');
    expect(await lake.sync('marts.by_region')).toMatchObject({ method: 'UNCHANGED' });
    await orders.append(`select 1000 as id, 'r3' as region, 7 as amount`);
    const verification = 'call synced_tables.wait_for_verification(synced_tables.verify($1))';
    const gone = await refusalOf(lake.admin.query(verification, ['marts.by_region']));
    expect(gone.message).toMatch(/a table below it has changed since version 0/);
    expect(await lake.sync('marts.by_region')).toMatchObject({ method: 'SNAPSHOT', rows_written: '4' });
    await lake.admin.query(verification, ['marts.by_region']);
    expect(await lake.value(sums)).toContain('r3 7.00 1');
    const part = await lake.value(
      `select synced_tables.create_synced_table('marts.part', 'marts.sales.by_region', array['region'],
                                                columns => array['region', 'orders'], row_filter => 'amount > 14900')`,
    );
    await lake.wait(part ?? '');
    expect(await lake.value(`select string_agg(p::text, ' ' order by region) from marts.part p`)).toBe(
      '(r1,100) (r2,100)',
    );
    await lake.admin.query(verification, ['marts.part']);
    expect(await lake.sync('marts.part')).toMatchObject({ method: 'UNCHANGED' });
  });

  it('is read over files, which are copied again only if they have changed', async () => {
    const file = path.join(lake.lake.root, 'in', 'a.csv');
    mkdirSync(path.dirname(file));
    writeFileSync(file, 'region,amount\nnorth,1.5\nsouth,2\n');
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const landing = { kind: 'files', root: lake.lake.root, tables: { 'raw.sums': 'in/*.csv' } };
    const marts = { kind: 'views', views: { 'v.big': 'SELECT * FROM landing.raw.sums WHERE amount > 1.9' } };
    await lake.startSidecar({ catalogs: { landing, marts } });
    await lake.wait(await create('landing.raw.sums'));
    const rows = `select string_agg(region || ' ' || amount, ', ' order by region) from marts.by_region`;
    expect(await lake.value(rows)).toBe('north 1.5, south 2');
    expect(await lake.sync('marts.by_region')).toMatchObject({ method: 'UNCHANGED' });
    // Of the same size, and no later: only the name tells that they are not the same files.
    renameSync(file, file.replace('a.csv', 'b.csv'));
    const verification = 'call synced_tables.wait_for_verification(synced_tables.verify($1))';
    const gone = await refusalOf(lake.admin.query(verification, ['marts.by_region']));
    expect(gone.message).toMatch(/it is no longer what it was when it was copied/);
    expect(await lake.sync('marts.by_region')).toMatchObject({ method: 'SNAPSHOT', rows_written: '2' });
    await lake.admin.query(verification, ['marts.by_region']);
    await lake.admin.query(`select synced_tables.delete_synced_table('marts.by_region', purge => true)`);
    await lake.wait(await create('marts.v.big'));
    expect(await lake.value(rows)).toBe('south 2');
  });

  it('cannot be followed, and says so', async () => {
    await lake.lake.createTable('gold.orders', { region: 'string' }, `select 'r' as region`);
    const views = { 'sales.v': 'SELECT DISTINCT region FROM lake.gold.orders' };
    await lake.startSidecar({
      catalogs: { lake: { kind: 'path', root: lake.lake.root }, marts: { kind: 'views', views } },
    });
    const refusal = await refusalOf(lake.wait(await create('marts.sales.v', 'TRIGGERED')));
    expect(refusal.message).toMatch(/marts\.sales\.v is of a kind whose changes cannot be followed/);
    expect(await lake.value(`select to_regclass('marts.by_region')`)).toBeNull();
  });
});
