import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { endSession, KeptSessions } from '../../src/postgres/session/kept-sessions.js';
import { SYNC_ROLE } from '../../src/postgres/session/session.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: sessions are reused by later updates only if they are clean and alive, and none outlives its update or sidecar.

const NAME = 'kept sessions';

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

/** How many sessions of ours there are, once it is `count`; else fails. */
async function untilThereAre(admin: pg.Client, count: number): Promise<void> {
  const ours = `select from pg_stat_activity where application_name = $1 and datname = current_database()`;
  await expect.poll(async () => (await admin.query(ours, [NAME])).rowCount, { timeout: 30_000 }).toBe(count);
}

describe.each(postgresServers())('sessions of updates on $name', (server) => {
  const of = (url: string) => new KeptSessions({ url, applicationName: NAME, role: SYNC_ROLE });

  it('serve the next update, and know nothing of the one before', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const update = sessions.until(new AbortController().signal);
    const first = await update.openSession();
    const pid = await pidOf(first);
    await first.query({ name: 'named', text: 'select 1' });
    await first.query(`create temporary table left_behind (id int); set lock_timeout = 1; set search_path = public;
      select pg_advisory_lock(1); set role none; listen left_behind; declare c cursor with hold for select 1`);
    await update.giveBack(first);
    const second = await sessions.until(new AbortController().signal).openSession();
    expect(await pidOf(second)).toBe(pid);
    await second.query({ name: 'named', text: 'select 1' });
    const { rows } = await second.query(
      `select current_user as role, current_setting('lock_timeout') as lock, current_setting('search_path') as path,
              to_regclass('pg_temp.left_behind') as temporary, (select count(*)::int from pg_cursors) as cursors,
              (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
              (select count(*)::int from pg_listening_channels()) as channels`,
    );
    expect(rows).toEqual([
      {
        role: SYNC_ROLE,
        lock: '30s',
        path: 'pg_catalog, pg_temp',
        temporary: null,
        cursors: 0,
        locks: 0,
        channels: 0,
      },
    ]);
    await second.end();
  });

  it('are closed where their work failed or stopped in a transaction, and when the sidecar ends', async () => {
    await using database = await createMigratedDatabase(server);
    const sessions = of(database.url);
    const update = sessions.until(new AbortController().signal);
    const failed = endSession(await update.openSession(), update.giveBack, async () => {
      throw new Error('it failed');
    });
    await expect(failed).rejects.toThrow('it failed');
    const [open, broken] = await Promise.all([update.openSession(), update.openSession()]);
    await open.query('begin');
    await broken.query('begin; select 1/0').catch(() => {});
    await Promise.all([update.giveBack(open), update.giveBack(broken)]);
    await untilThereAre(database.admin, 0);
    const [one, two] = await Promise.all([update.openSession(), update.openSession()]);
    await Promise.all([update.giveBack(one), update.giveBack(two)]);
    await untilThereAre(database.admin, 2);
    await sessions[Symbol.asyncDispose]();
    await untilThereAre(database.admin, 0);
  });

  it('that the server ended while nobody used them are replaced', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const update = sessions.until(new AbortController().signal);
    const first = await update.openSession();
    const pid = await pidOf(first);
    const hasEnded = new Promise((resolve) => first.once('end', resolve));
    await update.giveBack(first);
    await database.admin.query('select pg_terminate_backend($1)', [pid]);
    await hasEnded;
    const second = await update.openSession();
    expect(await pidOf(second)).not.toBe(pid);
    await update.giveBack(second);
  });

  it('do not outlive an update that was called off, and outlive one that ended before', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const ended = new AbortController();
    const first = sessions.until(ended.signal);
    const kept = await first.openSession();
    await first.giveBack(kept);
    ended.abort();
    const calledOff = new AbortController();
    const second = sessions.until(calledOff.signal);
    const client = await second.openSession();
    const answer = client.query('select pg_sleep(600)').catch((error: Error) => error.message);
    await sleep(100);
    calledOff.abort();
    expect(await answer).toMatch(/^Connection terminated/);
    await second.giveBack(client);
    await database.admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()',
      [NAME],
    );
    await untilThereAre(database.admin, 0);
  });
});
