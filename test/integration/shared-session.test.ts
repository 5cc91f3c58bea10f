import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { openSession, SYNC_ROLE } from '../../src/postgres/session/session.js';
import { SharedSession } from '../../src/postgres/session/shared-session.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer } from '../support/postgres.js';

// Goal: whoever needs it, and however they fail, there is one session at most, and it is usable.

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

describe.each(eitherPostgresServer(import.meta.url))('a shared session on $name', (server) => {
  /** A shared session, and how often one was opened for it. */
  const sharedOn = (url: string) => {
    const opened: pg.Client[] = [];
    const shared = new SharedSession(async () => {
      const client = await openSession({ url, applicationName: 'a shared session', role: SYNC_ROLE });
      opened.push(client);
      return client;
    });
    return { shared, opened };
  };

  it('is used by one after the other', async () => {
    await using database = await createMigratedDatabase(server);
    const { shared, opened } = sharedOn(database.url);
    await using _ = shared;
    let users = 0;
    const use = () =>
      shared.use(async (client) => {
        users += 1;
        const pid = await pidOf(client);
        await sleep(10);
        expect(users).toBe(1);
        users -= 1;
        return pid;
      });
    expect(new Set(await Promise.all([use(), use(), use()])).size).toBe(1);
    expect(opened).toHaveLength(1);
  });

  it('is opened anew after a failure, after it was ended, and after it was dropped', async () => {
    await using database = await createMigratedDatabase(server);
    const { shared, opened } = sharedOn(database.url);
    await using _ = shared;
    await expect(shared.use((client) => client.query('select 1/0'))).rejects.toThrow('division by zero');
    const first = await shared.use(pidOf);
    await database.admin.query('select pg_terminate_backend($1, 5000)', [first]);
    await expect.poll(() => shared.use(pidOf).catch(() => first), { timeout: 10_000 }).not.toBe(first);
    const asleep = shared.use((client) => client.query('select pg_sleep(2)'));
    const refused = expect(asleep).rejects.toThrow();
    await sleep(100);
    await shared.drop();
    await refused;
    expect(await shared.use(pidOf)).not.toBe(first);
    expect(opened.length).toBeGreaterThanOrEqual(4);
  });

  it('is none after its end', async () => {
    await using database = await createMigratedDatabase(server);
    const { shared } = sharedOn(database.url);
    await shared.use(pidOf);
    await shared[Symbol.asyncDispose]();
    await expect(shared.use(pidOf)).rejects.toThrow('no longer shared');
    const { rows } = await database.admin.query(
      `select count(*)::int as sessions from pg_stat_activity where application_name = 'a shared session' and datname = current_database()`,
    );
    expect(rows).toEqual([{ sessions: 0 }]);
  });
});
