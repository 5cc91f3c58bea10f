import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createGuardedDatabase, type GuardedDatabase } from '../support/guarded-database.js';
import { postgresServers } from '../support/postgres.js';
import { loadPartition } from '../support/synced-table-fixture.js';

// Goal: three sessions that meet on one synced table, a manager, the sync and an administrator, end in an order that one
// of them could have chosen: nothing is lent, left over or lost.

const answerOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: pg.DatabaseError) => error.code ?? error.message,
  );

/** Waits until the session of `client` waits for a lock, so that interleavings are real ones. */
async function untilBlocked({ database }: GuardedDatabase, client: pg.Client): Promise<void> {
  const pid = (client as pg.Client & { processID: number }).processID;
  for (let attempt = 0; attempt < 1000; attempt++) {
    const { rows } = await database.admin.query(`select cardinality(pg_blocking_pids($1)) > 0 as blocked`, [pid]);
    if (rows[0]?.blocked) return;
    await sleep(10);
  }
  throw new Error('the session did not wait');
}

/** The switch of a refresh, as one string: one transaction. */
async function prepareSwitch({ sessions, part }: GuardedDatabase): Promise<string> {
  const next = await loadPartition(sessions.sync, 5);
  await sessions.sync.query(`select databricks_auth.prepare_partition('gold.x', '${next}')`);
  const { rows } = await sessions.sync.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes('gold.x', '${next}') statement`,
  );
  for (const { statement } of rows) await sessions.sync.query(statement);
  return `alter table gold.x detach partition ${part}; alter table gold.x attach partition ${next} default; drop table ${part}`;
}

/** Nothing is lent, and every index of the table is valid and has its part in the partition. */
async function expectWhole(
  { database, owner }: GuardedDatabase,
  state: { managers: number; rows: number | null },
): Promise<void> {
  const { rows } = await database.admin.query(
    `select (select count(*)::int from databricks_auth.open_windows) as windows,
            (select count(*)::int from pg_auth_members where roleid = to_regrole($1) and member <> 'databricks_sync'::regrole and not admin_option) as lent,
            (select count(*)::int from databricks_auth.managers m join databricks_auth.synced_tables s using (synced_table) where s.owner_role = $1) as managers,
            (select count(*)::int from pg_index where indrelid = to_regclass('gold.x') and not indisvalid) as invalid,
            (select count(*)::int from databricks_auth.managers where synced_table not in (select synced_table from databricks_auth.synced_tables)) as orphans`,
    [owner],
  );
  expect(rows).toEqual([{ windows: 0, lent: 0, managers: state.managers, invalid: 0, orphans: 0 }]);
  const { rows: left } = await database.admin.query(
    `select to_regclass('gold.x') is not null as exists, to_regrole($1) is not null as owned`,
    [owner],
  );
  expect(left).toEqual([{ exists: state.rows !== null, owned: state.rows !== null }]);
  if (state.rows !== null) expect((await database.admin.query('select from gold.x')).rowCount).toBe(state.rows);
}

describe.each(postgresServers())('three sessions on $name', (server) => {
  it.each(['commit', 'rollback'] as const)(
    'DROP TABLE by a manager, a switch and an appointment meet; then %s',
    async (end) => {
      await using guarded = await createGuardedDatabase(server);
      const { manager, sync, keeper } = guarded.sessions;
      const change = await prepareSwitch(guarded);
      await manager.query('begin; drop table gold.x');
      const switched = answerOf(sync.query(change));
      await untilBlocked(guarded, sync);
      const appointed = answerOf(
        keeper.query(`select databricks_synced_table_add_manager('gold.x', '${guarded.roles.other}')`),
      );
      await sleep(200);
      await manager.query(end);
      if (end === 'commit') {
        expect(await switched).not.toBe('ok');
        expect(await appointed).not.toBe('ok');
        await expectWhole(guarded, { managers: 0, rows: null });
      } else {
        expect(await switched).toBe('ok');
        expect(await appointed).toBe('ok');
        await expectWhole(guarded, { managers: 2, rows: 5 });
      }
    },
  );

  it.each(['commit', 'rollback'] as const)(
    'CREATE INDEX by a manager, a switch and DROP INDEX by a keeper meet; then %s',
    async (end) => {
      await using guarded = await createGuardedDatabase(server);
      const { manager, sync, keeper } = guarded.sessions;
      const change = await prepareSwitch(guarded);
      await manager.query('begin; create index made on gold.x (id, note)');
      const switched = answerOf(sync.query(change));
      await untilBlocked(guarded, sync);
      const dropped = answerOf(keeper.query('drop index gold.x_note'));
      await sleep(200);
      await manager.query(end);
      // The switch asks for missing indexes again before it attaches; without that, Postgres builds them while attaching.
      expect(await switched).toBe('ok');
      expect(['ok', '40P01']).toContain(await dropped);
      await expectWhole(guarded, { managers: 1, rows: 5 });
    },
  );

  it('a manager who is removed while his transaction is open keeps what he did and gets nothing more', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { manager, keeper } = guarded.sessions;
    await manager.query('begin; create index made on gold.x (id, note)');
    await keeper.query(`select databricks_synced_table_remove_manager('gold.x', '${guarded.roles.manager}')`);
    await manager.query('savepoint a');
    expect(await answerOf(manager.query('drop table gold.x'))).toBe('42501');
    await manager.query('rollback to a; commit');
    expect(await answerOf(manager.query('drop index gold.made'))).toBe('42501');
    await expectWhole(guarded, { managers: 0, rows: 3 });
  });

  it('two managers and a keeper index, rename and drop at once without a deadlock', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { manager, keeper, sync } = guarded.sessions;
    const second = await guarded.database.connectAs(await guarded.database.createRole('second', guarded.roles.manager));
    const answers = await Promise.all(
      [manager, second, keeper].map(async (client, who) => {
        const found: string[] = [];
        for (let round = 0; round < 8; round++) {
          found.push(await answerOf(client.query(`create index race_${who}_${round} on gold.x (note)`)));
          found.push(
            await answerOf(client.query(`alter index gold.race_${who}_${round} rename to raced_${who}_${round}`)),
          );
          found.push(await answerOf(client.query(`drop index gold.raced_${who}_${round}`)));
        }
        return found;
      }),
    );
    expect(new Set(answers.flat())).toEqual(new Set(['ok']));
    expect(await answerOf(sync.query(await prepareSwitch(guarded)))).toBe('ok');
    await expectWhole(guarded, { managers: 1, rows: 5 });
  });
});
