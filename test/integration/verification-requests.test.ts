import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  type ClaimedVerification,
  claimVerification,
  renewVerification,
  requeueVerification,
  writeVerification,
} from '../../src/postgres/registry/verifications.js';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: asking often costs no more than asking once, and who may ask for a comparison may end it, whatever happens at the
// same moment.

async function ask(client: pg.Client, target = 'gold.t'): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select synced_tables.verify($1) as id', [target]);
  return rows[0]?.id ?? '';
}

async function cancel(client: pg.Client, id: string | null): Promise<void> {
  await client.query('select synced_tables.cancel_verification($1)', [id]);
}

async function stateOf(client: pg.Client, id: string): Promise<string | undefined> {
  const { rows } = await client.query<{ state: string }>(
    'select state from synced_tables.verifications where verification_id = $1',
    [id],
  );
  return rows[0]?.state;
}

/** A database with the loaded table gold.t, and the session of a sidecar that does nothing by itself. */
async function createLoaded(database: MigratedDatabase): Promise<pg.Client> {
  const sidecar = await database.connectAsSidecar();
  await database.admin.query(
    `create schema gold; select synced_tables.create_synced_table('gold.t', 'a.b.c', array['id'])`,
  );
  await publishByHand(sidecar, 'gold.t');
  return sidecar;
}

async function mustClaim(client: pg.Client): Promise<ClaimedVerification> {
  const claim = await claimVerification(client, { holder: randomUUID(), claimSeconds: 30 });
  if (!claim) throw new Error('nothing was claimed');
  return claim;
}

/** Waits until a session of the database waits for a lock. */
async function blocked(database: MigratedDatabase): Promise<void> {
  await eventually(async () => {
    const { rowCount } = await database.admin.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rowCount === 1;
  }, 'a session waits for a lock');
}

describe.each(eitherPostgresServer(import.meta.url))('requests for verifications on $name', (server) => {
  it('share the one that has not begun, among sessions that ask at once too, and never one that has', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await createLoaded(database);
    const askers = await Promise.all([1, 2, 3, 4].map(() => database.connect()));
    const ids = new Set((await Promise.all([...askers, ...askers].map((client) => ask(client)))).flat());
    expect(ids.size).toBe(1);
    const claim = await mustClaim(sidecar);
    expect(ids).toEqual(new Set([claim.verificationId]));
    const later = await ask(database.admin);
    expect(later).not.toBe(claim.verificationId);
    expect(await ask(database.admin)).toBe(later);
    // Put back for its next attempt, it starts over: what it read so far is not used.
    await cancel(database.admin, later);
    await requeueVerification(sidecar, claim, 1_000, true);
    expect(await ask(database.admin)).toBe(claim.verificationId);
    expect((await mustClaim(sidecar)).verificationId).toBe(claim.verificationId);
  });

  it('do not share one that is rolled back, or that a transaction only sees because it began earlier', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await createLoaded(database);
    const other = await database.connect();
    await other.query('begin');
    const undone = await ask(other);
    const waiting = ask(await database.connect());
    await blocked(database);
    await other.query('rollback');
    const id = await waiting;
    expect(id).not.toBe(undone);
    await other.query('begin isolation level repeatable read');
    expect(await stateOf(other, id)).toBe('QUEUED');
    await mustClaim(sidecar);
    const own = await ask(other);
    expect(own).not.toBe(id);
    await other.query('commit');
    expect(await stateOf(database.admin, own)).toBe('QUEUED');
  });

  it('are canceled at once while they wait', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await createLoaded(database);
    const id = await ask(database.admin);
    await cancel(database.admin, id);
    expect(await stateOf(database.admin, id)).toBe('CANCELED');
    const who = (await database.admin.query<{ name: string }>('select quote_ident(current_user) as name')).rows[0]
      ?.name;
    expect(await refusalOf(database.admin.query(`call synced_tables.wait_for_verification('${id}')`))).toMatchObject({
      sqlState: '57014',
      code: 'VERIFICATION_CANCELED',
      message: `The comparison of synced table gold.t with its source was canceled by ${who}.`,
      hint: 'Ask for another with synced_tables.verify.',
    });
    expect(await claimVerification(sidecar, { holder: randomUUID(), claimSeconds: 30 })).toBeNull();
    expect(await ask(database.admin)).not.toBe(id);
    const { rows } = await database.admin.query(
      `select synced_table from synced_tables.events where event_type = 'table_verification_canceled'`,
    );
    expect(rows).toEqual([{ synced_table: 'gold.t' }]);
  });

  it('stay as they ended when canceled afterwards, and an unknown one is told', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await createLoaded(database);
    const id = await ask(database.admin);
    const compared = { sourceRows: 3n, targetRows: 3n, missingRows: 0n, extraRows: 0n, differentRows: 0n };
    await writeVerification(sidecar, await mustClaim(sidecar), {
      compared: { ...compared, differences: [] },
      version: 1n,
      error: null,
      message: 'equal',
    });
    await cancel(database.admin, id);
    expect(await stateOf(database.admin, id)).toBe('COMPLETED');
    for (const unknown of [randomUUID(), null]) {
      expect(await refusalOf(cancel(database.admin, unknown))).toMatchObject({
        sqlState: '42704',
        code: 'VERIFICATION_NOT_FOUND',
      });
    }
  });

  it('are canceled whether the sidecar or the caller comes first, and then no sidecar can go on', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await createLoaded(database);
    const other = await database.connect();
    const claimedFirst = await ask(other);
    await sidecar.query('begin');
    const claim = await mustClaim(sidecar);
    const canceling = cancel(other, claimedFirst);
    await blocked(database);
    await sidecar.query('commit');
    await canceling;
    expect(await stateOf(other, claimedFirst)).toBe('CANCELED');
    expect(await renewVerification(sidecar, claim, 30)).toBe(false);
    const ended = { compared: null, version: null, error: null, message: 'late' };
    expect(await writeVerification(sidecar, claim, ended)).toBe(false);
    await requeueVerification(sidecar, claim, 0, true);
    const canceledFirst = await ask(other);
    await other.query('begin');
    await cancel(other, canceledFirst);
    expect(await claimVerification(sidecar, { holder: randomUUID(), claimSeconds: 30 })).toBeNull();
    await other.query('commit');
    expect(await claimVerification(sidecar, { holder: randomUUID(), claimSeconds: 30 })).toBeNull();
    expect(await stateOf(other, claimedFirst)).toBe('CANCELED');
  });

  it('are canceled by who may ask for them, and by nobody else', async () => {
    await using database = await createMigratedDatabase(server);
    await createLoaded(database);
    const { admin } = database;
    const [manager, reader] = [await database.createRole('manager'), await database.createRole('reader')];
    await admin.query(`select public.databricks_synced_table_add_manager('gold.t'::regclass, '${manager}')`);
    await admin.query(`grant usage on schema gold, synced_tables to ${reader}; grant select on gold.t to ${reader};
      grant execute on function synced_tables.cancel_verification(uuid) to ${reader}`);
    const id = await ask(admin);
    const asReader = await database.connectAs(reader);
    expect(await refusalOf(cancel(asReader, id))).toMatchObject({ sqlState: '42501', code: 'PERMISSION_DENIED' });
    expect(await stateOf(admin, id)).toBe('QUEUED');
    const asManager = await database.connectAs(manager);
    expect(await ask(asManager)).toBe(id);
    await cancel(asManager, id);
    expect(await stateOf(admin, id)).toBe('CANCELED');
  });

  it('give way within seconds once canceled, though they are in the middle of a statement', async () => {
    await using lake = await SyncedLake.create(server);
    const columns = { id: 'long' } as const;
    await lake.lake.createTable('v.slow', columns, 'select i as id from range(10) t(i)');
    await lake.lake.createTable('v.next', columns, 'select i as id from range(10) t(i)');
    await lake.startSidecar();
    await lake.load('v.slow');
    await lake.load('v.next');
    const blocker = await lake.database.connect();
    await blocker.query('begin; lock table v.slow in access exclusive mode');
    const slow = await ask(lake.admin, 'v.slow');
    await eventually(async () => (await stateOf(lake.admin, slow)) === 'RUNNING', 'it has begun');
    const next = await ask(lake.admin, 'v.next');
    await cancel(lake.admin, slow);
    expect((await refusalOf(lake.admin.query(`call synced_tables.wait_for_verification('${slow}')`))).code).toBe(
      'VERIFICATION_CANCELED',
    );
    await lake.admin.query(`call synced_tables.wait_for_verification('${next}', interval '60 s')`);
    await eventually(
      async () =>
        (await lake.value(`select count(*) from pg_locks where relation = 'v.slow'::regclass and not granted`)) === '0',
      'its session has gone',
    );
    await blocker.query('rollback');
  });
});

describe.each(eitherPostgresServer(import.meta.url))(
  'a sidecar of a database with nothing to do, on $name',
  (server) => {
    it('holds two sessions, before a comparison and after it', async () => {
      await using lake = await SyncedLake.create(server);
      await lake.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
      await lake.startSidecar({ pollSeconds: 60 });
      const sessions = async () =>
        Number(
          await lake.value(
            `select count(*) from pg_stat_activity where datname = current_database() and application_name ~ '^synced-tables sidecar'`,
          ),
        );
      await eventually(async () => (await sessions()) === 2, 'it works on the queue and renews leases');
      await lake.load('gold.t');
      const id = await ask(lake.admin);
      await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '60 s')`);
      expect(await stateOf(lake.admin, id)).toBe('COMPLETED');
      // The session that the update used is kept for another.
      await eventually(async () => (await sessions()) <= 3, 'the session of the comparison is closed');
    });
  },
);
