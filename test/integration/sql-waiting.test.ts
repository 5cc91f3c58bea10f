import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: who waits for an update, a version or a verification sleeps, with a timeout or without, and takes next to nothing of
// the server's processors.

const WATCHED_MS = 1_500;
const SAMPLES = 50;

/** Ticks of a hundredth of a second that a process has computed; null if it is not on this machine. */
function processorTicks(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return null;
  }
}

describe.each(postgresServers())('waiting on $name', (server) => {
  let database: MigratedDatabase;
  let update: string;
  let verification: string;
  beforeAll(async () => {
    database = await createMigratedDatabase(server);
    const { rows } = await database.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('gold.t', 'a.b.c', array['id']) as id`,
    );
    update = rows[0]?.id ?? '';
    const added = await database.admin.query<{ id: string }>(
      `insert into synced_tables._verifications (table_id, synced_table, source_table_full_name, requested_by)
       select table_id, synced_table, 'a.b.c', session_user from synced_tables._tables returning verification_id as id`,
    );
    verification = added.rows[0]?.id ?? '';
  });
  afterAll(() => database[Symbol.asyncDispose]());

  it.each([
    ['for an update', () => `wait_for_update('${update}')`],
    ['for an update, an hour at most', () => `wait_for_update('${update}', interval '1 hour')`],
    ['for a version', () => `wait_for_version('gold.t', 7)`],
    ['for a version, an hour at most', () => `wait_for_version('gold.t', 7, interval '1 hour')`],
    ['for a verification', () => `wait_for_verification('${verification}')`],
    ['for a verification, an hour at most', () => `wait_for_verification('${verification}', interval '1 hour')`],
  ])('%s is sleeping', async (_, call) => {
    const waiter = await database.connect();
    const { rows } = await waiter.query<{ pid: number }>('select pg_backend_pid() as pid');
    const pid = rows[0]?.pid ?? 0;
    const waiting = waiter.query(`call synced_tables.${call()}`).catch((error: unknown) => error);
    await sleep(300); // the first pauses are short
    const before = processorTicks(pid);
    const events = await watch(database.admin, pid);
    const ticks = (processorTicks(pid) ?? 0) - (before ?? 0);
    await database.admin.query('select pg_cancel_backend($1)', [pid]);
    expect(await waiting).toMatchObject({ code: '57014' });
    expect(events.filter((event) => event === 'PgSleep').length).toBeGreaterThan(SAMPLES / 2);
    if (before !== null) expect(ticks).toBeLessThan(WATCHED_MS / 10 / 4); // a quarter of a core; a loop takes all of one
  });
});

async function watch(client: pg.Client, pid: number): Promise<(string | null)[]> {
  const events: (string | null)[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const { rows } = await client.query<{ wait_event: string | null }>(
      'select wait_event from pg_stat_activity where pid = $1',
      [pid],
    );
    events.push(rows[0]?.wait_event ?? null);
    await sleep(WATCHED_MS / SAMPLES);
  }
  return events;
}
