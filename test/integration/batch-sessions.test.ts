import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { BatchSessions } from '../../src/postgres/session/batch-sessions.js';
import { openSession, SYNC_ROLE } from '../../src/postgres/session/session.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: the few sessions of followed pipelines go from one to the next, first come first served, and only while they live.

describe.each(postgresServers())('sessions of batches on $name', (server) => {
  const never = new AbortController().signal;
  const of = (url: string, sessionsMax = 1) =>
    new BatchSessions({ open: () => openSession({ url, applicationName: 'batches', role: SYNC_ROLE }), sessionsMax });

  async function pidOf(client: pg.Client): Promise<number> {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return rows[0]?.pid ?? 0;
  }

  it('are used by one after another, in the order in which they asked', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const first = await sessions.until(never, 'first').lend();
    const pid = await pidOf(first);
    const order: string[] = [];
    const waiting = ['second', 'third', 'fourth'].map(async (borrower) => {
      const own = sessions.until(never, borrower);
      const client = await own.lend();
      order.push(borrower);
      expect(await pidOf(client)).toBe(pid);
      own.giveBack(client);
    });
    sessions.until(never, 'first').giveBack(first);
    await Promise.all(waiting);
    expect(order).toEqual(['second', 'third', 'fourth']);
  });

  it('that ended while they were lent are not handed on', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const own = sessions.until(never, 'own');
    const client = await own.lend();
    const pid = await pidOf(client);
    client.on('error', () => {});
    const isOver = new Promise((resolve) => client.once('end', resolve));
    await database.admin.query('select pg_terminate_backend($1)', [pid]);
    await isOver;
    own.giveBack(client);
    const next = await own.lend();
    expect(await pidOf(next)).not.toBe(pid);
    own.giveBack(next);
  });

  it('pass over those who no longer wait', async () => {
    await using database = await createMigratedDatabase(server);
    await using sessions = of(database.url);
    const own = sessions.until(never, 'own');
    const client = await own.lend();
    const leaving = new AbortController();
    const gone = sessions.until(leaving.signal, 'gone').lend();
    const other = sessions.until(never, 'other');
    const next = other.lend();
    leaving.abort(new Error('it is over'));
    await expect(gone).rejects.toThrow('it is over');
    own.giveBack(client);
    other.giveBack(await next);
    own.giveBack(await own.lend());
  });
});
