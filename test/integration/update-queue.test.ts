import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/core/slots.js';
import { pruneHistory } from '../../src/postgres/maintain-tables.js';
import { isLeaseHeld, releaseLease, renewLeases, requireLease } from '../../src/postgres/registry/lease.js';
import {
  type ClaimedUpdate,
  claimUpdates,
  finishUpdate,
  readOutlook,
  readPipelineNews,
  requeueUpdate,
} from '../../src/postgres/registry/update-queue.js';
import { startWorker } from '../../src/queue/worker.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: each update runs on one sidecar at a time, and a sidecar that has lost its lease can change nothing.

async function create(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `select synced_tables.create_synced_table($1, 'a.b.c', array['id']) as id`,
    [name],
  );
  return rows[0]?.id ?? '';
}

/** Claims as a sidecar does, whose leases are in force. */
async function claim(client: pg.Client, holder: string, running: string[] = []): Promise<ClaimedUpdate | null> {
  await renewLeases(client, holder, 30);
  const [claimed = null] = await claimUpdates(client, { holder, running, mode: 'DEFAULT', limit: 1 });
  return claimed;
}

async function mustClaim(client: pg.Client, holder: string, leaseSeconds = 30): Promise<ClaimedUpdate> {
  await renewLeases(client, holder, leaseSeconds);
  const [claimed] = await claimUpdates(client, { holder, running: [], mode: 'DEFAULT', limit: 1 });
  if (!claimed) throw new Error('nothing was claimed');
  return claimed;
}

/** From now on the leases of this holder have run out. */
async function letLeasesRunOut(client: pg.Client, holder: string): Promise<void> {
  await renewLeases(client, holder, 0.01);
  await sleep(50);
}

describe.each(postgresServers())('the update queue on $name', (server) => {
  it('gives each update to one of many sidecars that ask at once', async () => {
    await using database = await createMigratedDatabase(server);
    const ids = new Set<string>();
    for (const n of [1, 2, 3, 4]) ids.add(await create(database.admin, `gold.t${n}`));
    const sidecars = await Promise.all([1, 2, 3, 4, 5, 6].map(() => database.connectAsSidecar()));
    const rounds = await Promise.all(
      sidecars.map(async (client) => {
        const holder = randomUUID();
        const running: string[] = [];
        const taken: string[] = [];
        for (let next = await claim(client, holder); next; next = await claim(client, holder, running)) {
          running.push(next.lease.pipelineId);
          taken.push(next.updateId);
        }
        return taken;
      }),
    );
    // A pipeline that another session is just looking at is skipped, and found by the next look.
    const claimed = rounds.flat();
    const rest = await claim(database.admin, randomUUID());
    expect(new Set([...claimed, ...(rest ? [rest.updateId] : [])])).toEqual(ids);
    expect(claimed.length + (rest ? 1 : 0)).toBe(ids.size);
  });

  it('runs one update of a pipeline at a time', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const first = await create(database.admin, 'gold.t');
    const holder = randomUUID();
    const running = await mustClaim(client, holder);
    const { rows } = await database.admin.query<{ id: string }>(`select synced_tables.sync_now('gold.t') as id`);
    expect(rows[0]?.id).not.toBe(first);
    expect(await claim(client, holder, [running.lease.pipelineId])).toBeNull();
    expect(await claim(client, randomUUID())).toBeNull();
    await finishUpdate(client, running, null);
    await releaseLease(client, running.lease);
    expect((await mustClaim(client, holder)).updateId).toBe(rows[0]?.id);
  });

  it('fences a holder whose lease ran out and was taken over: it can neither commit, finish nor put back', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const update = await create(database.admin, 'gold.t');
    const old = await mustClaim(client, randomUUID());
    await letLeasesRunOut(client, old.lease.holder);
    const young = await mustClaim(client, randomUUID());
    expect(young).toMatchObject({ updateId: update, attempt: 2 });
    expect(young.lease.epoch).toBe(old.lease.epoch + 1n);
    expect(await renewLeases(client, old.lease.holder, 30)).toBe(false);
    expect(await isLeaseHeld(client, old.lease)).toBe(false);
    await expect(requireLease(client, old.lease, 'gold.t')).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await finishUpdate(client, old, null);
    await requeueUpdate(client, old, 0, true);
    await releaseLease(client, old.lease);
    const { rows } = await client.query('select state from synced_tables._updates');
    expect(rows).toEqual([{ state: 'RUNNING' }]);
    expect(await isLeaseHeld(client, young.lease)).toBe(true);
  });

  it('is looked at when it is time to, not without a pause', async () => {
    await using database = await createMigratedDatabase(server);
    let looks = 0;
    const worker = startWorker({
      holder: randomUUID(),
      openSession: () => database.connectAsSidecar(),
      openQueueSession: () => database.connectAsSidecar(),
      runUpdate: async () => ({ kind: 'completed' }),
      maintain: async () => {},
      runSchedules: async () => {
        looks += 1;
        return null;
      },
      slots: new Slots(2),
      leaseSeconds: 10,
      pollSeconds: 60,
      maintenanceSeconds: 60,
      onError: () => {},
    });
    await expect.poll(() => worker.isHealthy(), { timeout: 10_000 }).toBe(true);
    await sleep(500);
    const before = looks;
    await sleep(1_000);
    expect(looks - before).toBeLessThanOrEqual(1);
    await worker.stop();
  });

  it('returns all that it works on with one statement when it stops', async () => {
    await using database = await createMigratedDatabase(server);
    const names = Array.from({ length: 20 }, (_, n) => `gold.t${n}`);
    for (const name of names) await create(database.admin, name);
    const errors: unknown[] = [];
    let started = 0;
    const worker = startWorker({
      holder: randomUUID(),
      openSession: () => database.connectAsSidecar(),
      openQueueSession: () => database.connectAsSidecar(),
      runUpdate: (_, { signal }) => {
        started += 1;
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      },
      maintain: async () => {},
      runSchedules: async () => null,
      slots: new Slots(names.length),
      leaseSeconds: 10,
      pollSeconds: 1,
      maintenanceSeconds: 60,
      onError: (error) => errors.push(error),
    });
    await expect.poll(() => started, { timeout: 10_000 }).toBe(names.length);
    await worker.stop();
    const { rows } = await database.admin.query(
      `select state, attempt, count(*)::int as updates, count(distinct xmin::text)::int as writers
         from synced_tables._updates group by state, attempt`,
    );
    expect(rows).toEqual([{ state: 'QUEUED', attempt: 0, updates: names.length, writers: 1 }]);
    expect((await database.admin.query('select from synced_tables_internal._leases')).rows).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('renews no lease after a stop, however long the work takes to end', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    await create(database.admin, 'gold.t');
    const started: string[] = [];
    const worker = startWorker({
      holder: randomUUID(),
      openSession: () => database.connectAsSidecar(),
      openQueueSession: () => database.connectAsSidecar(),
      // Work that nothing can interrupt, such as a read of a disk that does not answer.
      runUpdate: (claimed) => {
        started.push(claimed.updateId);
        return new Promise(() => {});
      },
      maintain: async () => {},
      runSchedules: async () => null,
      slots: new Slots(1),
      leaseSeconds: 1,
      pollSeconds: 1,
      maintenanceSeconds: 60,
      onError: () => {},
    });
    await expect.poll(() => started.length, { timeout: 10_000 }).toBe(1);
    let isOver = false;
    const end = worker.stop().finally(() => (isOver = true));
    let taken: ClaimedUpdate | null = null;
    while (taken === null) {
      await sleep(50);
      taken = await claim(client, randomUUID());
    }
    expect({ taken: taken.updateId, isOver }).toEqual({ taken: started[0], isOver: false });
    await end;
    expect(await isLeaseHeld(database.admin, taken.lease)).toBe(true);
  });

  it('keeps others from taking a lease over while its holder commits, even if it ran out, and the holder may renew it', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const other = await database.connectAsSidecar();
    await create(database.admin, 'gold.t');
    const { lease } = await mustClaim(client, randomUUID());
    await client.query('begin');
    await requireLease(client, lease, 'gold.t');
    await letLeasesRunOut(other, lease.holder);
    expect(await claim(other, randomUUID())).toBeNull();
    await other.query(`set lock_timeout = '1s'`);
    // In force again, but too late to be sure that nobody took it.
    expect(await renewLeases(other, lease.holder, 30)).toBe(false);
    await client.query('commit');
    await letLeasesRunOut(other, lease.holder);
    expect(await claim(other, randomUUID())).not.toBeNull();
  });

  it('gives a sidecar at once what its own lost connection left running, unless it is still at work on it', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const update = await create(database.admin, 'gold.t');
    const holder = randomUUID();
    const { lease } = await mustClaim(client, holder);
    expect(await claim(client, holder, [lease.pipelineId])).toBeNull();
    expect(await mustClaim(client, holder)).toMatchObject({ updateId: update, attempt: 2 });
  });

  it('tells when to look again: at the next try, and when the lease of another sidecar runs out', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const holder = randomUUID();
    expect((await readOutlook(client, holder)).dueMs).toBeNull();
    await create(database.admin, 'gold.t');
    const claimed = await mustClaim(client, randomUUID(), 20);
    const untilExpiry = (await readOutlook(client, holder)).dueMs;
    expect(untilExpiry).toBeGreaterThan(15_000);
    expect(untilExpiry).toBeLessThanOrEqual(20_000);
    await requeueUpdate(client, claimed, 5, true);
    await releaseLease(client, claimed.lease);
    const untilTry = (await readOutlook(client, holder)).dueMs;
    expect(untilTry).toBeGreaterThan(2_000);
    expect(untilTry).toBeLessThanOrEqual(5_000);
    expect(await claim(client, holder)).toBeNull();
  });

  it('forgets old updates and events, but never what waits, runs, or was the last of its pipeline', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const client = await database.connectAsSidecar();
    for (const name of ['gold.a', 'gold.b']) await create(admin, name);
    const finish = `update synced_tables._updates set state = 'COMPLETED', finished_at = now() - interval '40 days',
                           created_at = created_at - interval '40 days' where state = 'QUEUED'`;
    await admin.query(finish);
    const { rows } = await admin.query<{ id: string }>(`select synced_tables.sync_now('gold.a') as id`);
    await admin.query(
      `update synced_tables._events set occurred_at = now() - interval '40 days' where synced_table = 'gold.a'`,
    );
    await pruneHistory(client, 50);
    const count = async (table: string) => (await admin.query(`select from synced_tables.${table}`)).rowCount;
    expect([await count('_updates'), await count('_events')]).toEqual([3, 2]);
    await pruneHistory(client, 30);
    expect([await count('_updates'), await count('_events')]).toEqual([2, 1]);
    const left = await admin.query<{ update_id: string; state: string }>(
      `select update_id, state from synced_tables._updates order by state`,
    );
    expect(left.rows.map(({ state }) => state)).toEqual(['COMPLETED', 'QUEUED']);
    expect(left.rows[1]?.update_id).toBe(rows[0]?.id);
  });

  it('tells those at work that their pipeline is asked for, stopped or gone', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    await create(database.admin, 'gold.t');
    const { lease } = await mustClaim(client, randomUUID());
    const pipelineId = lease.pipelineId;
    expect(await readPipelineNews(client, [lease])).toEqual([{ pipelineId, isOurs: true, isAskedFor: false }]);
    await database.admin.query(`select synced_tables.sync_now('gold.t')`);
    expect(await readPipelineNews(client, [lease])).toEqual([{ pipelineId, isOurs: true, isAskedFor: true }]);
    await database.admin.query('select synced_tables.stop_pipeline($1)', [pipelineId]);
    expect(await readPipelineNews(client, [lease])).toEqual([{ pipelineId, isOurs: false, isAskedFor: false }]);
    const { rows } = await database.admin.query('select distinct state, error_code from synced_tables._updates');
    expect(rows).toEqual([{ state: 'CANCELED', error_code: 'UPDATE_CANCELED' }]);
    // A table that was never loaded serves nothing.
    const status = await database.admin.query('select state from synced_tables.status');
    expect(status.rows).toEqual([{ state: 'SYNCED_TABLE_OFFLINE_FAILED' }]);
    await expect(database.admin.query(`select synced_tables.stop_pipeline('${randomUUID()}')`)).rejects.toMatchObject({
      detail: 'error code: PIPELINE_NOT_FOUND',
    });
  });
});
