import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: one list tells of every table of every database how it is and what needs somebody first, to each caller what that
// caller may see.

const TABLES = '/api/2.0/synced-tables/tables';

interface Row {
  readonly name: string;
  readonly condition: string;
}

const namesOf = (body: { readonly tables: readonly Row[] }) => body.tables.map(({ name }) => name.split('.').at(-1));

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('lists tables with what needs somebody first, filtered, ordered, counted and paged', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const { lake } = synced;
    await lake.createTable('gold.well', { id: 'long' }, 'select i as id from range(5) t(i)');
    const source = await lake.createTable('gold.broken', { id: 'long' }, 'select 1 as id');
    await synced.load('gold.well', {});
    await synced.load('gold.broken', {});
    await source.append('select 1 as id');
    await expect(synced.wait(await synced.requestSync('gold.broken'))).rejects.toThrow(/several rows/);
    await synced.admin.query(`select synced_tables.create_synced_table('gold.waits', 'lake.gold.well', array['id'])`);
    const api = new ApiClient(url);
    const { status, body } = await api.get(TABLES);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.tables[0]).toMatchObject({
      condition: 'FAILED_READABLE',
      group: 'fail',
      kind: 'synced',
      source: 'lake.gold.broken',
      policy: 'SNAPSHOT',
      row_count: 1,
      is_readable: true,
      key_columns: ['id'],
      error: { code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION', retry: 'manual', failing_keys: ['1'] },
      may: { sync: true, delete: true, read_rows: true },
      pipeline: { tables: 1 },
    });
    expect(body.tables[0].error.message).not.toBe('');
    expect(body.tables[0].error.remedy).not.toBe('');
    expect(body).toMatchObject({ total: 3, total_unfiltered: 3, unreachable: [] });
    expect(body.counts.fail).toBe(1);
    await expect.poll(async () => (await api.get(`${TABLES}?group=ok`)).body.total, { timeout: 60_000 }).toBe(2);
    // The lag of the broken one grows with every look.
    const settled = await api.get(`${TABLES}?group=ok`);
    const known = { 'if-none-match': settled.headers.get('etag') ?? '' };
    expect((await api.get(`${TABLES}?group=ok`, known)).status).toBe(304);
    expect(namesOf((await api.get(`${TABLES}?sort=name`)).body)).toEqual(['broken', 'waits', 'well']);
    expect(namesOf((await api.get(`${TABLES}?sort=rows&descending=true`)).body)).toEqual(['waits', 'well', 'broken']);
    expect(namesOf((await api.get(`${TABLES}?q=GOLD+key_con`)).body)).toEqual(['broken']);
    expect(namesOf((await api.get(`${TABLES}?source=lake.gold.well&sort=name`)).body)).toEqual(['waits', 'well']);
    const filtered = (await api.get(`${TABLES}?group=fail&policy=SNAPSHOT`)).body;
    expect(filtered).toMatchObject({ total: 1, total_unfiltered: 3, counts: { fail: 1, ok: 2 } });
    expect((await api.get(`${TABLES}?database=none`)).body).toMatchObject({ total: 0, total_unfiltered: 0 });

    await synced.admin.query(
      `delete from synced_tables._samples;
       insert into synced_tables._samples (table_id, sampled_at, lag_seconds, is_failed)
         select table_id, now() - make_interval(mins => minute), lag, false
           from synced_tables._tables, (values (3, 7), (4, 9), (33, 2), (90, 1000)) sample(minute, lag)
          where table_name = 'broken'`,
    );
    const [lagging] = (await api.get(`${TABLES}?q=broken&lag_points=true`)).body.tables;
    expect(lagging.lag_points).toHaveLength(30);
    const steps = lagging.lag_points.flatMap((lag: number | null, step: number) => (lag === null ? [] : [[step, lag]]));
    // A minute lies in one step or the next, as the clock is.
    expect(steps.at(0)?.[1]).toBe(2);
    expect([13, 14]).toContain(steps.at(0)?.[0]);
    expect(Math.max(...steps.map(([, lag]: [number, number]) => lag))).toBe(9);
    expect((await api.get(`${TABLES}?q=broken`)).body.tables[0]).not.toHaveProperty('lag_points');

    const first = (await api.get(`${TABLES}?sort=size&page_size=2`)).body;
    const rest = (await api.get(`${TABLES}?sort=size&page_size=2&page_token=${first.next_page_token}`)).body;
    expect([...namesOf(first), ...namesOf(rest)].sort()).toEqual(['broken', 'waits', 'well']);
    expect(rest.next_page_token).toBeUndefined();
    expect(await api.get(`${TABLES}?page_token=x`)).toMatchObject({ status: 400 });
    expect(await api.get(`${TABLES}?sort=colour`)).toMatchObject({ status: 400 });
  });

  it('shows to each caller what they may see, and what they may do with it', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
    await synced.load('gold.t', {});
    const database = await synced.value('select current_database()');
    const name = `${database}.gold.t`;
    const callAs = async (prefix: string, grant: (role: string) => string | null) => {
      const role = await synced.database.createRole(prefix);
      const statement = grant(role);
      if (statement) await synced.admin.query(statement);
      return new ApiClient(url, await createToken(synced, role));
    };
    const stranger = await callAs('stranger', () => null);
    expect((await stranger.get(TABLES)).body).toMatchObject({ tables: [], total_unfiltered: 0 });
    expect(await stranger.get(`${TABLES}/${name}`)).toMatchObject({ status: 404 });
    const reader = await callAs(
      'reader',
      (role) => `grant usage on schema gold to ${role}; grant select on gold.t to ${role}`,
    );
    expect((await reader.get(`${TABLES}/${name}`)).body.may).toEqual({
      sync: false,
      delete: false,
      pause: false,
      schedule: false,
      manage: false,
      change_rows: false,
      read_rows: true,
    });
    const manager = await callAs(
      'manager',
      (role) => `select databricks_synced_table_add_manager('gold.t', '${role}')`,
    );
    const managed = (await manager.get(TABLES)).body.tables;
    expect(managed).toHaveLength(1);
    expect(managed[0].may).toMatchObject({
      sync: true,
      delete: true,
      manage: true,
      schedule: false,
      change_rows: false,
      read_rows: false,
    });
    const operator = await callAs('operator', (role) => `grant databricks_superuser to ${role}`);
    const shown = (await operator.get(`${TABLES}/${name}`)).body;
    expect(shown).toMatchObject({
      name,
      condition: 'UP_TO_DATE',
      row_count: 3,
      may: { sync: true, schedule: true, change_rows: true },
    });
    expect(shown.last_update).toMatchObject({ state: 'COMPLETED', method: 'SNAPSHOT', rows_written: 3 });
    expect(shown.size_bytes).toBeGreaterThan(0);
    expect(await operator.get(`${TABLES}/${name}?instance=other`)).toMatchObject({ status: 404 });
  });

  it('names the sessions that a switch waits for, without what they run', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    await synced.load('gold.t', {});
    const api = new ApiClient(url);
    const holder = await synced.database.connect();
    await holder.query(`set application_name = 'a report'; begin; lock gold.t in share mode`);
    await source.append('select 2 as id');
    const update = await synced.requestSync('gold.t');
    const waiting = async () => (await api.get(`${TABLES}?condition=WAITS_FOR_LOCK`)).body.tables[0];
    await expect.poll(waiting, { timeout: 60_000 }).toBeDefined();
    expect((await waiting()).waiting_for).toMatchObject({
      sessions: [{ application: 'a report', role: expect.any(String) }],
    });
    await holder.query('rollback');
    await synced.wait(update);
    expect((await api.get(TABLES)).body.tables[0]).toMatchObject({ row_count: 2 });
  });
});
