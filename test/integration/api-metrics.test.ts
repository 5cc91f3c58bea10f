import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: /metrics tells how tables, queue and leases stand and what was done, to those who may watch, with nothing of rows.

describe.each(eitherPostgresServer(import.meta.url))('metrics on $name', (server) => {
  let synced: SyncedLake;
  let url: string;
  let monitor: ApiClient;
  let place: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    url = (await synced.startSidecar()).url;
    const role = await synced.database.createRole('monitor', 'pg_monitor');
    monitor = new ApiClient(url, await createToken(synced, role));
    place = `instance="local",database="${await synced.value('select current_database()')}"`;
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  /** The samples of a scrape by name and labels. */
  const scrape = async () => {
    const reply = await monitor.get('/metrics');
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const lines = (reply.body as string).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  };

  it('tells of tables, updates, queue and bytes, and counts on', { timeout: 120_000 }, async () => {
    const source = await synced.lake.createTable(
      'm.t',
      { id: 'long', note: 'string' },
      `select i as id, 'secret ' || i as note from range(10) t(i)`,
    );
    await scrape();
    await synced.load('m.t');
    const table = `{${place},synced_table="m.t"}`;
    const first = await scrape();
    expect(first.get(`synced_tables_rows${table}`)).toBe(10);
    expect(first.get(`synced_tables_lag_versions${table}`)).toBe(0);
    expect(first.get(`synced_tables_lag_seconds${table}`)).toBe(0);
    expect(first.get(`synced_tables_rows_written_total${table}`)).toBe(10);
    expect(first.get(`synced_tables_updates_total{${place},result="completed"}`)).toBe(1);
    expect(first.get(`synced_tables_queue_length{${place}}`)).toBe(0);
    expect(first.get(`synced_tables_database_up{${place}}`)).toBe(1);
    expect(
      first.get(`synced_tables_table_state{${place},synced_table="m.t",state="SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE"}`),
    ).toBe(1);
    const lastSync = first.get(`synced_tables_last_sync_timestamp_seconds${table}`) ?? 0;
    expect(Math.abs(lastSync - Date.now() / 1000)).toBeLessThan(600);
    expect(first.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(first.has('nodejs_eventloop_lag_seconds')).toBe(true);
    expect([...first.keys()].filter((name) => /lag_(mean|p99)/.test(name))).toEqual([]);
    const database = place.slice(place.indexOf('database='));
    const bytes = first.get(`synced_tables_copied_bytes_total{${database}}`) ?? 0;
    expect(bytes).toBeGreaterThan(100);

    await source.append(`select 100 as id, 'secret' as note`);
    await synced.sync('m.t');
    const second = await scrape();
    expect(second.get(`synced_tables_rows_written_total${table}`)).toBe(21);
    expect(second.get(`synced_tables_updates_total{${place},result="completed"}`)).toBe(2);
    expect(second.get(`synced_tables_copied_bytes_total{${database}}`)).toBeGreaterThan(bytes);
    // A second look counts nothing twice.
    expect((await scrape()).get(`synced_tables_rows_written_total${table}`)).toBe(21);
    await source.append(`select 100 as id, 'secret' as note`);
    await expect(synced.sync('m.t')).rejects.toThrow();
    const third = await scrape();
    expect(third.get(`synced_tables_updates_total{${place},result="failed"}`)).toBe(1);
    expect(
      third.get(`synced_tables_table_state{${place},synced_table="m.t",state="SYNCED_TABLE_ONLINE_PIPELINE_FAILED"}`),
    ).toBe(1);
    const text = (await monitor.get('/metrics')).body as string;
    expect(text).not.toContain('secret');

    await synced.admin.query(`select synced_tables.delete_synced_table('m.t')`);
    expect([...(await scrape()).keys()].filter((key) => key.includes('m.t'))).toEqual([]);
  });

  it('tells of what waits, and of who holds leases', async () => {
    await synced.lake.createTable('m.held', { id: 'long' }, 'select 1::bigint as id');
    await synced.load('m.held');
    const pipeline = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'm.held'`);
    await synced.admin.query(`with another as (
        insert into synced_tables._sidecars (holder, expires_at) values (gen_random_uuid(), now() + interval '1 hour') returning holder)
      update synced_tables._pipelines set lease_holder = holder from another where pipeline_id = '${pipeline}'`);
    await synced.admin.query(
      `insert into synced_tables._updates (pipeline_id) values ('${pipeline}'), ('${pipeline}')`,
    );
    const found = await scrape();
    expect(found.get(`synced_tables_queue_length{${place}}`)).toBe(2);
    expect(found.get(`synced_tables_leases{${place},holder="another"}`)).toBe(1);
    expect(found.get(`synced_tables_leases{${place},holder="this"}`)).toBe(0);
  });

  it('answers nobody who may not watch', async () => {
    expect(await new ApiClient(url).get('/metrics')).toMatchObject({ status: 401 });
    const stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    expect(await stranger.get('/metrics')).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    expect(await new ApiClient(url, await createToken(synced, keeper)).get('/metrics')).toMatchObject({ status: 200 });
  });

  it('answers many at once, each with the whole', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => monitor.get('/metrics')));
    for (const { status, body } of replies) {
      expect(status).toBe(200);
      expect(body).toContain(`synced_tables_database_up{${place}} 1`);
    }
  });
});
