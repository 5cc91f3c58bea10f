import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: what one table is asked over HTTP: its rows, whether they are right, and when it is updated. Who may ask is decided
// by Postgres.

const TABLES = '/api/2.0/synced-tables/tables';

describe.each(eitherPostgresServer(import.meta.url))('calls about one table on $name', (server) => {
  let synced: SyncedLake;
  let database: string;
  let keeper: ApiClient;
  let manager: ApiClient;
  let reader: ApiClient;
  let stranger: ApiClient;
  let readerRole: string;
  let managerRole: string;
  const path = (rest: string, table = 'o.orders') => `${TABLES}/${database}.${table}/${rest}`;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
    await synced.lake.createTable(
      'o.orders',
      { id: 'long', note: 'string', price: 'decimal(10,2)' },
      `select i as id, case when i = 7 then null when i = 8 then repeat('é', 1500) else 'n' || i end as note,
              (i * 1.5)::decimal(10,2) as price from range(120) t(i)`,
    );
    const { url } = await synced.startSidecar();
    await synced.load('o.orders');
    managerRole = await synced.database.createRole('manager');
    readerRole = await synced.database.createRole('reader');
    await synced.admin.query(`select databricks_synced_table_add_manager('o.orders', '${managerRole}')`);
    await synced.admin.query(`grant usage on schema o to ${readerRole}; grant select on o.orders to ${readerRole}`);
    const clientOf = async (role: string) => new ApiClient(url, await createToken(synced, role));
    keeper = await clientOf(await synced.database.createRole('keeper', 'databricks_superuser'));
    manager = await clientOf(managerRole);
    reader = await clientOf(readerRole);
    stranger = await clientOf(await synced.database.createRole('stranger'));
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const refusal = (status: number, reason: string) => ({ status, body: { details: [{ reason }, {}] } });

  describe('rows', () => {
    it('come as texts, sorted by key, fifty unless more are asked for', async () => {
      const { status, body } = await keeper.post(path('rows'));
      expect(status).toBe(200);
      expect(body.columns).toEqual([
        { name: 'id', type: 'bigint', is_key: true },
        { name: 'note', type: 'text', is_key: false },
        { name: 'price', type: 'numeric(10,2)', is_key: false },
      ]);
      expect(body.rows).toHaveLength(50);
      expect(body.rows.slice(6, 8)).toEqual([
        ['6', 'n6', '9.00'],
        ['7', null, '10.50'],
      ]);
      expect((await keeper.post(path('rows'), { limit: 100 })).body.rows).toHaveLength(100);
      expect(await keeper.post(path('rows'), { limit: 101 })).toMatchObject({ status: 400 });
    });

    it('are found by key, and by some of their columns only', async () => {
      const found = await reader.post(path('rows'), { key: { id: '9' }, columns: ['price', 'note'] });
      expect(found.body).toMatchObject({ columns: [{ name: 'note' }, { name: 'price' }], rows: [['n9', '13.50']] });
      expect((await reader.post(path('rows'), { key: { id: '9999' } })).body.rows).toEqual([]);
      expect(await reader.post(path('rows'), { key: { id: 'nine' } })).toMatchObject(refusal(400, 'REQUEST_REFUSED'));
      // A value is not rounded to the scale of its column, where it would be another's.
      expect((await reader.post(path('rows'), { key: { price: '13.50' } })).body.rows).toHaveLength(1);
      expect((await reader.post(path('rows'), { key: { price: '13.501' } })).body.rows).toEqual([]);
      for (const body of [{ key: { 'id" or true --': '1' } }, { columns: ['nothing'] }]) {
        expect(await reader.post(path('rows'), body)).toMatchObject(refusal(400, 'REQUEST_INVALID'));
      }
    });

    it('have long values cut, of which one can be had whole', async () => {
      const { body } = await reader.post(path('rows'), { key: { id: '8' } });
      expect(body.rows).toEqual([['8', 'é'.repeat(1_000), '12.00']]);
      expect(body.cut).toEqual([{ row: 0, column: 1 }]);
      const whole = await reader.post(path('rows'), { key: { id: '8' }, columns: ['note'], whole: true });
      expect(whole.body).toMatchObject({ rows: [['é'.repeat(1_500)]], cut: [] });
      expect(await reader.post(path('rows'), { whole: true })).toMatchObject({ status: 400 });
    });

    it('are for roles with SELECT; others who know the table are told what is missing', async () => {
      expect(await reader.post(path('rows'), { limit: 1 })).toMatchObject({ status: 200 });
      const refused = await manager.post(path('rows'));
      expect(refused).toMatchObject(refusal(403, 'SELECT_MISSING'));
      const grant = /GRANT USAGE .*; GRANT SELECT .*;/.exec(refused.body.message)?.[0] ?? '';
      await synced.admin.query(grant);
      expect(await manager.post(path('rows'), { limit: 1 })).toMatchObject({ status: 200 });
      expect(await stranger.post(path('rows'))).toMatchObject(refusal(404, 'SYNCED_TABLE_NOT_FOUND'));
    });

    it('obey row security of the caller', async () => {
      await synced.admin.query(
        `set databricks_auth.allow_ddl = on; alter table o.orders enable row level security;
         create policy few on o.orders for select to ${readerRole} using (id < 3)`,
      );
      expect((await reader.post(path('rows'))).body.rows.map(([id]: string[]) => id)).toEqual(['0', '1', '2']);
      await synced.admin.query(
        'drop policy few on o.orders; alter table o.orders disable row level security; reset databricks_auth.allow_ddl',
      );
    });
  });

  describe('verifications', () => {
    const ended = async (id: string, client = keeper) => {
      const read = async () => (await client.get(path(`verifications/${id}`))).body;
      await expect.poll(async () => (await read()).state, { timeout: 60_000 }).toBe('COMPLETED');
      return read();
    };

    it('prove a table equal, and show the values that differ to those who may read them', async () => {
      const { status, body } = await manager.post(path('verifications'));
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { state: expect.stringMatching(/QUEUED|RUNNING|COMPLETED/), table: `${database}.o.orders` },
      });
      expect(await ended(body.verification_id)).toMatchObject({
        is_equal: true,
        source_rows: 120,
        target_rows: 120,
        differences: [],
        may_read_rows: true,
      });
      const part = await synced.value(`select databricks_auth.sole_partition('o.orders'::regclass)::regclass::text`);
      await synced.admin.query(
        `begin; set local role databricks_sync; update ${part} set note = 'wrong' where id = 3; commit`,
      );
      const second = (await keeper.post(path('verifications'))).body.verification_id;
      const found = await ended(second);
      expect(found).toMatchObject({ is_equal: false, missing_rows: 0, extra_rows: 0, different_rows: 1 });
      expect(found.differences).toEqual([
        {
          difference: 'different',
          key: { id: '3' },
          source: expect.objectContaining({ note: 'n3' }),
          target: expect.objectContaining({ note: 'wrong' }),
        },
      ]);
      await synced.admin.query(`revoke select on o.orders from ${managerRole}`);
      expect(await ended(second, manager)).toMatchObject({
        different_rows: 1,
        differences: null,
        may_read_rows: false,
      });
    });

    it('are listed newest first, in pages', async () => {
      const { body } = await reader.get(path('verifications'));
      expect(body.verifications.map(({ is_equal }: { is_equal: boolean }) => is_equal)).toEqual([false, true]);
      const first = await reader.get(path('verifications?page_size=1'));
      const second = await reader.get(path(`verifications?page_size=1&page_token=${first.body.next_page_token}`));
      expect([...first.body.verifications, ...second.body.verifications]).toEqual(body.verifications);
      expect(second.body).not.toHaveProperty('next_page_token');
      expect(await reader.get(path('verifications?page_token=x'))).toMatchObject({ status: 400 });
    });

    it('are asked for and canceled by those who may sync the table', async () => {
      expect(await reader.post(path('verifications'))).toMatchObject({ status: 403 });
      expect(await stranger.post(path('verifications'))).toMatchObject(refusal(404, 'SYNCED_TABLE_NOT_FOUND'));
      const id = (await keeper.get(path('verifications'))).body.verifications[0].verification_id;
      expect(await reader.delete(path(`verifications/${id}`))).toMatchObject({ status: 403 });
      expect(await keeper.delete(path(`verifications/${id}`))).toMatchObject({ status: 200, body: {} });
      for (const unknown of ['x', database, '00000000-0000-4000-8000-000000000000']) {
        expect(await keeper.get(path(`verifications/${unknown}`))).toMatchObject(
          refusal(404, 'VERIFICATION_NOT_FOUND'),
        );
      }
    });
  });

  describe('schedules', () => {
    it('are set, shown with their next runs, and taken away', async () => {
      expect((await reader.get(path('schedule'))).body).toMatchObject({
        schedule: null,
        trigger_interval_ms: null,
        default_trigger_interval_ms: 500,
      });
      const set = await manager.send('PUT', path('schedule'), { cron: '0 9 * * MON-FRI', time_zone: 'europe/berlin' });
      expect(set).toMatchObject({
        status: 200,
        body: {
          scheduling_policy: 'SNAPSHOT',
          schedule: { cron: '0 9 * * MON-FRI', time_zone: 'Europe/Berlin', message: null, created_by: managerRole },
        },
      });
      const { next_runs: runs } = set.body.schedule;
      expect(runs).toHaveLength(5);
      for (const { local } of runs) expect(local).toMatch(/T09:00:00\+0[12]:00$/);
      await expect
        .poll(async () => (await reader.get(path('schedule'))).body.schedule.next_run_at, { timeout: 30_000 })
        .toBe(runs[0].at);
      expect(await manager.delete(path('schedule'))).toMatchObject({ status: 200, body: {} });
      expect(await manager.delete(path('schedule'))).toMatchObject({ status: 200, body: {} });
      expect((await reader.get(path('schedule'))).body.schedule).toBeNull();
    });

    it('are refused in words, and to those who may not sync the table', async () => {
      const put = (client: ApiClient, body: object) => client.send('PUT', path('schedule'), body);
      expect(await put(keeper, { cron: 'often' })).toMatchObject(refusal(400, 'CRON_INVALID'));
      expect(await put(keeper, { cron: '0 9 * * *', time_zone: 'Mars' })).toMatchObject(
        refusal(400, 'TIME_ZONE_UNKNOWN'),
      );
      expect(await put(keeper, {})).toMatchObject({ status: 400 });
      expect(await put(reader, { cron: '0 9 * * *' })).toMatchObject({ status: 403 });
      expect(await reader.delete(path('schedule'))).toMatchObject({ status: 403 });
      expect(await put(stranger, { cron: '0 9 * * *' })).toMatchObject(refusal(404, 'SYNCED_TABLE_NOT_FOUND'));
    });

    it('have a trigger interval beside them', async () => {
      const put = (client: ApiClient, ms: unknown) =>
        client.send('PUT', path('trigger-interval'), { trigger_interval_ms: ms });
      expect(await put(manager, 2_000)).toMatchObject({ status: 200, body: { trigger_interval_ms: 2_000 } });
      expect(await put(manager, 5)).toMatchObject(refusal(400, 'TRIGGER_INTERVAL_INVALID'));
      expect(await put(manager, 1.5)).toMatchObject({ status: 400 });
      expect(await put(reader, 3_000)).toMatchObject({ status: 403 });
      expect(await put(manager, null)).toMatchObject({ status: 200, body: { trigger_interval_ms: null } });
    });

    it('are tried out before they are set', async () => {
      const preview = async (body: object) =>
        (await stranger.post('/api/2.0/synced-tables/schedule-preview', body)).body;
      const berlin = { time_zone: 'Europe/Berlin' };
      // Clocks go from 2:00 to 3:00 on 29 March, and back from 3:00 to 2:00 on 25 October.
      const spring = await preview({ cron: '30 2 * * *', ...berlin, after: '2026-03-28T00:00:00Z' });
      expect(spring).toMatchObject({ problem: null, time_zone: 'Europe/Berlin' });
      expect(spring.next_runs.slice(0, 3)).toEqual([
        { at: '2026-03-28T01:30:00.000Z', local: '2026-03-28T02:30:00+01:00', is_clock_change: false },
        { at: '2026-03-29T01:00:00.000Z', local: '2026-03-29T03:00:00+02:00', is_clock_change: true },
        { at: '2026-03-30T00:30:00.000Z', local: '2026-03-30T02:30:00+02:00', is_clock_change: false },
      ]);
      const autumn = await preview({ cron: '30 2 * * *', ...berlin, after: '2026-10-24T12:00:00Z' });
      expect(autumn.next_runs.slice(0, 2)).toEqual([
        { at: '2026-10-25T00:30:00.000Z', local: '2026-10-25T02:30:00+02:00', is_clock_change: true },
        { at: '2026-10-26T01:30:00.000Z', local: '2026-10-26T02:30:00+01:00', is_clock_change: false },
      ]);
      expect(await preview({ cron: '0 0 30 2 *' })).toMatchObject({
        problem: { error_code: 'SCHEDULE_NEVER_RUNS' },
        next_runs: [],
      });
      expect(await preview({ cron: '61 * * * *' })).toMatchObject({
        problem: { error_code: 'CRON_INVALID', message: expect.stringContaining("'61' cannot be its minute") },
        time_zone: 'UTC',
        next_runs: [],
      });
      expect(await preview({ cron: '* * * * *', time_zone: 'Nowhere' })).toMatchObject({
        problem: { error_code: 'TIME_ZONE_UNKNOWN' },
        time_zone: null,
      });
      expect(
        (await preview({ cron: '0 0 29 2 *', after: '2027-01-01T00:00:00Z' })).next_runs.map(({ at }: { at: string }) =>
          at.slice(0, 4),
        ),
      ).toEqual(['2028', '2032', '2036', '2040', '2044']);
    });
  });

  it('find the table by the instance that the call names', async () => {
    expect(await keeper.get(path('schedule?instance=local'))).toMatchObject({ status: 200 });
    expect(await keeper.get(path('schedule?instance=elsewhere'))).toMatchObject(refusal(404, 'SYNCED_TABLE_NOT_FOUND'));
    expect(await keeper.get(`${TABLES}/o.orders/schedule`)).toMatchObject(refusal(400, 'API_NAME_INVALID'));
  });
});
