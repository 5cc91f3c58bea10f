import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: sync_now queues exactly the update that is needed, and wait_for_update waits for it and reports how it ended.

async function createTable(client: pg.Client, name = 'gold.x'): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `select synced_tables.create_synced_table($1, 'a.b.c', array['id']) as id`,
    [name],
  );
  return rows[0]?.id ?? '';
}

async function syncNow(client: pg.Client, name = 'gold.x', fullRefresh = false): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select synced_tables.sync_now($1, $2) as id', [
    name,
    fullRefresh,
  ]);
  return rows[0]?.id ?? '';
}

async function setState(sidecar: pg.Client, update: string, state: string): Promise<void> {
  await sidecar.query('update synced_tables._updates set state = $2 where update_id = $1', [update, state]);
}

describe.each(postgresServers())('sync_now on $name', (server) => {
  it('shares an update that has not begun, remembers a full refresh, and queues another once it runs', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const first = await createTable(database.admin);
    expect(await syncNow(database.admin)).toBe(first);
    expect(await syncNow(database.admin, 'gold.x', true)).toBe(first);
    expect(await syncNow(database.admin, 'gold.x', false)).toBe(first);
    await setState(sidecar, first, 'RUNNING');
    const second = await syncNow(database.admin);
    expect(second).not.toBe(first);
    const { rows } = await database.admin.query(
      'select update_id, full_refresh, state from synced_tables._updates order by created_at',
    );
    expect(rows).toEqual([
      { update_id: first, full_refresh: true, state: 'RUNNING' },
      { update_id: second, full_refresh: false, state: 'QUEUED' },
    ]);
  });

  it('gives many sessions that ask at once one update', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await setState(sidecar, await createTable(database.admin), 'COMPLETED');
    const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => database.connect()));
    const ids = await Promise.all(clients.map((client, n) => syncNow(client, 'gold.x', n === 3)));
    expect(new Set(ids).size).toBe(1);
    const { rows } = await sidecar.query(`select full_refresh from synced_tables._updates where state = 'QUEUED'`);
    expect(rows).toEqual([{ full_refresh: true }]);
  });

  it('does not lose a full refresh to an update that a sidecar begins at the same moment', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const first = await createTable(database.admin);
    await sidecar.query('begin');
    await setState(sidecar, first, 'RUNNING');
    const asked = syncNow(database.admin, 'gold.x', true);
    await sleep(100);
    await sidecar.query('commit');
    expect(await asked).not.toBe(first);
  });

  it('lets a sidecar begin an update that an open transaction shares', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const first = await createTable(database.admin);
    await database.admin.query('begin');
    expect(await syncNow(database.admin)).toBe(first);
    await sidecar.query(`set lock_timeout = '2s'`);
    await setState(sidecar, first, 'RUNNING');
    await database.admin.query('commit');
  });

  it('makes an update that waits for its next attempt due at once', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const first = await createTable(database.admin);
    await sidecar.query(`update synced_tables._updates set attempt = 2, next_attempt_at = now() + interval '1 hour'`);
    const listener = await database.connect();
    const woken = new Promise<void>((resolve) => listener.once('notification', () => resolve()));
    await listener.query('listen synced_tables_requests');
    expect(await syncNow(database.admin)).toBe(first);
    await woken;
    const { rows } = await sidecar.query('select attempt, next_attempt_at from synced_tables._updates');
    expect(rows).toEqual([{ attempt: 2, next_attempt_at: null }]);
  });

  it("is not held up by the sidecar's lease, nor holds it up", async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await setState(sidecar, await createTable(database.admin), 'RUNNING');
    await database.admin.query('begin');
    await syncNow(database.admin);
    await sidecar.query(`set lock_timeout = '2s'; update synced_tables._pipelines set lease_epoch = lease_epoch + 1`);
    await database.admin.query('commit');
    await sidecar.query('begin; select from synced_tables._pipelines for update');
    await database.admin.query(`set lock_timeout = '2s'`);
    await syncNow(database.admin);
    await sidecar.query('commit');
  });

  it('is for the creator and databricks_superuser, and tells others who to ask', async () => {
    await using database = await createMigratedDatabase(server);
    const alice = await database.createRole('alice');
    const bob = await database.createRole('bob');
    await database.admin.query(`grant usage on schema synced_tables to ${alice}, ${bob};
      grant execute on all functions in schema synced_tables to ${alice};
      grant execute on function synced_tables.sync_now, synced_tables.delete_synced_table to ${bob};
      create schema hers authorization ${alice}`);
    const [asAlice, asBob] = [await database.connectAs(alice), await database.connectAs(bob)];
    const id = await createTable(asAlice, 'hers.x');
    expect(await syncNow(asAlice, 'hers.x')).toBe(id);
    expect(await refusalOf(syncNow(asBob, 'hers.x'))).toMatchObject({
      code: 'PERMISSION_DENIED',
      sqlState: '42501',
      message: `Role ${bob} may not sync synced table hers.x.`,
    });
    expect(await refusalOf(asBob.query(`select synced_tables.delete_synced_table('hers.x')`))).toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    const keeper = await database.connectAs(await database.createRole('keeper', 'databricks_superuser'));
    expect(await syncNow(keeper, 'hers.x')).toBe(id);
  });

  it('names an unknown table', async () => {
    await using database = await createMigratedDatabase(server);
    expect(await refusalOf(syncNow(database.admin, 'gold.nothing'))).toMatchObject({
      code: 'SYNCED_TABLE_NOT_FOUND',
      sqlState: '42P01',
      message: 'Synced table gold.nothing does not exist.',
    });
  });
});

describe.each(postgresServers())('wait_for_update on $name', (server) => {
  it('returns when the update is done, also one that was asked for in the same CALL', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const first = await createTable(database.admin);
    await publishByHand(sidecar, 'gold.x');
    await setState(sidecar, first, 'COMPLETED');
    await database.admin.query(`call synced_tables.wait_for_update('${first}')`);
    await database.admin.query('call synced_tables.wait_for_update($1)', [first]);

    let isDone = false;
    const waiter = database.admin
      .query(`call synced_tables.wait_for_update(synced_tables.sync_now('gold.x'))`)
      .then(() => {
        isDone = true;
      });
    let queued: string | undefined;
    while (!queued) {
      const { rows } = await sidecar.query(`select update_id from synced_tables._updates where state = 'QUEUED'`);
      queued = rows[0]?.update_id;
      await sleep(10);
    }
    await setState(sidecar, queued, 'RUNNING');
    await sleep(150);
    expect(isDone).toBe(false);
    await setState(sidecar, queued, 'COMPLETED');
    await waiter;
  });

  it('raises the error of an update that failed, with its SQLSTATE, code and remedy', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const id = await createTable(database.admin);
    await sidecar.query(`update synced_tables._updates set state = 'FAILED', error_code = 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      message = 'Two rows have key 7.', remedy = 'Mend the source.', sql_state = '23505'`);
    expect(await refusalOf(database.admin.query(`call synced_tables.wait_for_update('${id}')`))).toEqual({
      sqlState: '23505',
      code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      message: 'Two rows have key 7.',
      hint: 'Mend the source.',
    });
  });

  it('raises 57014 for an update that was canceled', async () => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    await setState(await database.connectAsSidecar(), id, 'CANCELED');
    expect(await refusalOf(database.admin.query(`call synced_tables.wait_for_update('${id}')`))).toMatchObject({
      sqlState: '57014',
      code: 'UPDATE_CANCELED',
    });
  });

  it('ends the wait of a session whose table another one deletes', async () => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    const waiter = refusalOf((await database.connect()).query(`call synced_tables.wait_for_update('${id}')`));
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x')`);
    expect(await waiter).toMatchObject({ sqlState: '57014', code: 'SYNCED_TABLE_DELETED' });
  });

  it('gives up after the time-out, not before', async () => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    const startedAt = performance.now();
    const refusal = await refusalOf(
      database.admin.query(`call synced_tables.wait_for_update('${id}', interval '0.3 s')`),
    );
    expect(performance.now() - startedAt).toBeGreaterThan(290);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(refusal).toMatchObject({ sqlState: '57014', code: 'UPDATE_WAIT_TIMEOUT' });
    expect(refusal.message).toContain('still QUEUED');
  });

  it.each([
    ['an explicit transaction', 'begin', (id: string) => `call synced_tables.wait_for_update('${id}')`],
    ['a string of several statements', '', (id: string) => `select 1; call synced_tables.wait_for_update('${id}')`],
    [
      'a function',
      'create function f(id uuid) returns void language plpgsql as $$ begin call synced_tables.wait_for_update(id); end $$',
      (id: string) => `select f('${id}')`,
    ],
  ])('says clearly that it cannot work inside %s', async (_, before, call) => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    await database.admin.query(before);
    expect(await refusalOf(database.admin.query(call(id)))).toMatchObject({
      sqlState: '2D000',
      code: 'WAIT_IN_TRANSACTION',
    });
  });

  it('works in a DO block and with parameters, where COMMIT is possible', async () => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    await setState(await database.connectAsSidecar(), id, 'COMPLETED');
    await database.admin.query(`do $$ begin call synced_tables.wait_for_update('${id}'); end $$`);
    await database.admin.query('call synced_tables.wait_for_update($1, $2)', [id, '1 minute']);
  });

  it("tells neither an unknown update nor another role's from each other", async () => {
    await using database = await createMigratedDatabase(server);
    const id = await createTable(database.admin);
    const alice = await database.createRole('alice');
    await database.admin.query(`grant usage on schema synced_tables to ${alice};
      grant execute on procedure synced_tables.wait_for_update to ${alice}`);
    const client = await database.connectAs(alice);
    const unknown = '00000000-0000-4000-8000-000000000000';
    for (const [asker, update] of [
      [client, id],
      [client, unknown],
      [database.admin, unknown],
    ] as const) {
      expect(await refusalOf(asker.query('call synced_tables.wait_for_update($1)', [update]))).toMatchObject({
        sqlState: '42704',
        code: 'UPDATE_NOT_FOUND',
      });
    }
  });

  it('lets a role wait that may read the table', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const id = await createTable(database.admin);
    await publishByHand(sidecar, 'gold.x');
    await setState(sidecar, id, 'COMPLETED');
    const reader = await database.createRole('reader');
    await database.admin.query(`grant usage on schema synced_tables to ${reader}; grant select on gold.x to ${reader};
      grant execute on procedure synced_tables.wait_for_update to ${reader}`);
    const client = await database.connectAs(reader);
    await client.query(`set search_path = ''`);
    await client.query('call synced_tables.wait_for_update($1)', [id]);
  });
});
