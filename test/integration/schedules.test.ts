import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planNextRun, runSchedules } from '../../src/queue/schedules.js';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: what is scheduled happens when its time has come, once, whoever looks and whatever was missed. Time passes here
// by moving what is written down, not by waiting.

describe.each(postgresServers())('schedules on $name', (server) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await createMigratedDatabase(server);
  });
  afterAll(() => database?.[Symbol.asyncDispose]());

  async function create(name: string, policy = 'TRIGGERED'): Promise<void> {
    await database.admin.query(
      `select synced_tables.create_synced_table($1, 'a.b.c', array['id'], scheduling_policy => $2)`,
      [name, policy],
    );
    await database.admin.query(`update synced_tables._updates set state = 'COMPLETED'`);
  }

  const setSchedule = (target: string, cron: string | null, zone = 'UTC', client = database.admin) =>
    client.query('select synced_tables.set_schedule($1, $2, $3)', [target, cron, zone]);

  async function scheduleOf(name: string) {
    const { rows } = await database.admin.query<{
      pipeline_id: string;
      cron: string;
      time_zone: string;
      next_run_at: Date | null;
      last_run_at: Date | null;
      message: string | null;
    }>('select * from synced_tables.schedules where $1 = any (synced_tables)', [name]);
    return rows[0] ?? null;
  }

  /** Lets `times` runs of a schedule pass without anybody looking. */
  const pass = (name: string, interval: string) =>
    database.admin.query(
      `update synced_tables._schedules s set next_run_at = next_run_at - $2::interval
         from synced_tables._tables t where t.pipeline_id = s.pipeline_id and t.synced_table = $1`,
      [name, interval],
    );

  const requests = async (name: string) =>
    (
      await database.admin.query<{ cause: string; state: string }>(
        `select u.cause, u.state from synced_tables._updates u join synced_tables._tables t using (pipeline_id)
          where t.synced_table = $1 and u.cause = 'JOB_TASK'`,
        [name],
      )
    ).rows;

  it('run once when they are due, however many sidecars look, and make missed runs up once', async () => {
    await create('s.often');
    // Once a day, at a time that is half a day away: no boundary falls into the test.
    const { rows: clock } = await database.admin.query<{ hour: number }>(
      `select extract(hour from now() at time zone 'UTC' + interval '12 h')::int as hour`,
    );
    const cron = `0 ${clock[0]?.hour} * * *`;
    await setSchedule('s.often', cron);
    expect(await scheduleOf('s.often')).toMatchObject({ next_run_at: null, message: null });
    const sidecars = await Promise.all([1, 2, 3, 4].map(() => database.connectAsSidecar()));
    const waits = await Promise.all(sidecars.map((client) => runSchedules(client)));
    for (const ms of waits) expect(ms).toBeLessThanOrEqual(86_400_000);
    const before = await scheduleOf('s.often');
    const { rows } = await database.admin.query<{ now: Date }>('select now()');
    expect(before?.next_run_at).toEqual(planNextRun(cron, 'UTC', rows[0]?.now ?? new Date()).at);
    expect(await requests('s.often')).toEqual([]);
    await pass('s.often', '3 days');
    await Promise.all(sidecars.map((client) => runSchedules(client)));
    await Promise.all(sidecars.map((client) => runSchedules(client)));
    expect(await requests('s.often')).toEqual([{ cause: 'JOB_TASK', state: 'QUEUED' }]);
    const after = await scheduleOf('s.often');
    expect(after?.next_run_at).toEqual(before?.next_run_at);
    expect(after?.last_run_at).not.toBeNull();
  });

  it('are the same for a pipeline by its id, can be changed, and go with their pipeline', async () => {
    await create('s.changed');
    await setSchedule('s.changed', '0 9 * * *', 'europe/berlin');
    const schedule = await scheduleOf('s.changed');
    expect(schedule).toMatchObject({ cron: '0 9 * * *', time_zone: 'Europe/Berlin' });
    await runSchedules(database.admin);
    await setSchedule(schedule?.pipeline_id ?? '', '0 10 * * *');
    expect(await scheduleOf('s.changed')).toMatchObject({ cron: '0 10 * * *', time_zone: 'UTC', next_run_at: null });
    const { rows } = await database.admin.query(`select synced_tables.remove_schedule('s.changed') as had`);
    expect(rows).toEqual([{ had: true }]);
    expect(await scheduleOf('s.changed')).toBeNull();
    await setSchedule('s.changed', '0 10 * * *');
    await database.admin.query(`select synced_tables.delete_synced_table('s.changed')`);
    const left = await database.admin.query('select from synced_tables._schedules where pipeline_id = $1', [
      schedule?.pipeline_id,
    ]);
    expect(left.rowCount).toBe(0);
  });

  it('tell of a day that never comes instead of waiting for it', async () => {
    await create('s.never');
    await setSchedule('s.never', '0 0 31 2 *');
    await runSchedules(database.admin);
    expect(await scheduleOf('s.never')).toMatchObject({
      next_run_at: null,
      message: '"0 0 31 2 *" never comes: there is no such day.',
    });
  });

  it('warn at once when they are set to days that never come, and only then', async () => {
    await create('s.rare');
    const warned: string[] = [];
    const note = ({ message }: { message?: string | undefined }) => void warned.push(message ?? '');
    database.admin.on('notice', note);
    const never = ['0 0 30 2 *', '0 0 31 2,4,JUN *', '0 0 0 31 4-6/2 ?', '0 0 30-31 2 *'];
    const some = [
      '0 0 29 2 *',
      '0 0 31 2 MON',
      '0 0 31 */2 *',
      '0 0 31 1-12 *',
      '0 0 1,31 2 *',
      '0 0 */31 FEB *',
      '0 9 * * *',
    ];
    for (const cron of [...never, ...some]) {
      await setSchedule('s.rare', cron);
      const isNever = never.includes(cron);
      expect([cron, (await scheduleOf('s.rare'))?.message]).toEqual([
        cron,
        isNever ? `"${cron}" never comes: there is no such day.` : null,
      ]);
      expect([cron, planNextRun(cron, 'UTC', new Date()).at === null]).toEqual([cron, isNever]);
    }
    database.admin.off('notice', note);
    expect(warned).toEqual(never.map((cron) => `"${cron}" never comes: there is no such day.`));
  });

  it('are refused without repeating all of what was sent', async () => {
    await create('s.long');
    const refusal = await refusalOf(setSchedule('s.long', '* '.repeat(50_000)));
    expect(refusal).toMatchObject({
      code: 'CRON_INVALID',
      message: expect.stringContaining('longer than 200 characters'),
    });
    expect(refusal.message.length).toBeLessThan(500);
    const zone = await refusalOf(
      database.admin.query(`select synced_tables.set_schedule('s.long', '0 9 * * *', repeat('z', 100000))`),
    );
    expect([zone.code, zone.message.length < 500]).toEqual(['TIME_ZONE_UNKNOWN', true]);
    const unknown = await refusalOf(database.admin.query(`select synced_tables.sync_now(repeat('t', 100000))`));
    expect(unknown.message.length).toBeLessThan(2_500);
  });

  it.each([
    ['61 * * * *', `'61' cannot be its minute`],
    ['* * * *', 'it has 4 fields'],
    ['', 'it has 1 fields'],
    ['5/15 * * * *', `'5/15' cannot be its minute`],
    ['*/0 * * * *', `'*/0' cannot be its minute`],
    ['* 20-10 * * *', `'20-10' cannot be its hour`],
    ['* * ? ? *', `'?' cannot be its month`],
    ['* * 0 * *', `'0' cannot be its day of the month`],
    ['* * * * MOO', `'MOO' cannot be its day of the week`],
    ['* * * * 1;drop', `'1;DROP' cannot be its day of the week`],
  ])('are refused for the expression "%s"', async (cron, problem) => {
    await create(`s.bad${Math.abs(hash(cron))}`);
    const refusal = await refusalOf(setSchedule(`s.bad${Math.abs(hash(cron))}`, cron));
    expect(refusal.code).toBe('CRON_INVALID');
    expect(refusal.message).toContain(problem);
  });

  it('accept nothing that sidecars cannot work out', async () => {
    const crons = [
      '* * * * *',
      '*/60 * * * *',
      '*/59 0-23/2 1,15 JAN-MAR,12 1-7',
      '59 59 23 31 12 SUN',
      '0 9 ? * FRI-SUN',
    ];
    for (const cron of crons) {
      const { rows } = await database.admin.query<{ problem: string | null }>(
        'select synced_tables_internal._cron_problem($1) as problem',
        [cron],
      );
      if (rows[0]?.problem === null) expect(planNextRun(cron, 'UTC', new Date()).problem, cron).toBeNull();
      else expect(cron).toBe('*/60 * * * *');
    }
  });

  it('are refused for an unknown time zone, a CONTINUOUS pipeline, and roles that may not sync the table', async () => {
    await create('s.zone');
    expect((await refusalOf(setSchedule('s.zone', '* * * * *', 'Mars/Olympus'))).code).toBe('TIME_ZONE_UNKNOWN');
    await create('s.continuous', 'CONTINUOUS');
    expect((await refusalOf(setSchedule('s.continuous', '* * * * *'))).code).toBe('SCHEDULE_ON_CONTINUOUS');
    const manager = await database.connectAs(await database.createRole('stranger', 'databricks_superuser'));
    await setSchedule('s.zone', '* * * * *', 'UTC', manager);
    const stranger = await database.createRole('stranger');
    await database.admin.query(`grant usage on schema synced_tables to ${stranger}`);
    await database.admin.query(`grant execute on function synced_tables.set_schedule to ${stranger}`);
    const client = await database.connectAs(stranger);
    expect((await refusalOf(setSchedule('s.zone', '* * * * *', 'UTC', client))).code).toBe('PERMISSION_DENIED');
    await database.admin.query(`revoke all on schema synced_tables from ${stranger}`);
    await database.admin.query(`revoke all on function synced_tables.set_schedule from ${stranger}`);
  });

  it('bring a table up to date by themselves', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('s.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    await lake.load('s.t');
    await source.append('select 100 as id');
    await lake.admin.query(`select synced_tables.set_schedule('s.t', '* * * * * *')`);
    await eventually(async () => (await lake.value('select count(*) from s.t')) === '11', 'it was updated');
    expect(await lake.value(`select synced_tables.remove_schedule('s.t')`)).toBe('true');
    expect(await lake.value(`select count(*) > 0 from synced_tables.updates where cause = 'JOB_TASK'`)).toBe('true');
  });
});

function hash(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 1_000_003, 7);
}
