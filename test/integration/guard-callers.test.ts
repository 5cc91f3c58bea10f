import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGuardedDatabase, fingerprint, type GuardedDatabase, outcomeOf } from '../support/guarded-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: what is asked for with the functions of schema synced_tables is decided by the role whose code asks, not by the
// one that logged in: code of others runs in sessions of superusers.

describe.each(postgresServers())('callers of synced_tables functions on $name', (server) => {
  let guarded: GuardedDatabase;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    await guarded.database.admin.query(
      `grant execute on function synced_tables.create_synced_table to ${guarded.roles.other}; grant usage on schema synced_tables to public; grant create on schema app, gold to ${guarded.roles.superuser}`,
    );
    // The other role manages gold.y and tries to get at gold.x.
    await guarded.sessions.other.query(`
      create function own.sync(name text) returns uuid language plpgsql security definer as $$ begin return synced_tables.sync_now(name); end $$;
      create function own.remove(name text) returns void language sql security definer as $$ select synced_tables.delete_synced_table(name, true) $$;
      create function own.make() returns uuid language plpgsql security definer as $$ begin return synced_tables.create_synced_table('gold.mine', 'a.b.c', array['id']); end $$;
      create function own.forge() returns text language sql security definer as $$
        insert into synced_tables._calls (routine, arguments) values ('delete_synced_table', array['gold.x', 'true']) returning answer $$;
      create materialized view own.synced as select synced_tables.sync_now('gold.x') with no data;
      create table own.parent (id int primary key); insert into own.parent values (1);
      create table own.child (id int references own.parent on delete cascade); insert into own.child values (1);
      create function own.tf() returns trigger language plpgsql as $$ begin perform synced_tables.delete_synced_table('gold.x'); return old; end $$;
      create trigger t before delete on own.child for each row execute function own.tf()`);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  it.each([
    ['superuser', `select own.sync('gold.x')`],
    ['keeper', `select own.sync('gold.x')`],
    ['manager', `select own.sync('gold.x')`],
    ['superuser', `select own.remove('gold.x')`],
    ['keeper', `select own.remove('gold.x')`],
    ['superuser', 'select own.make()'],
    ['superuser', 'select own.forge()'],
    [
      'manager',
      `insert into synced_tables._calls (routine, arguments) values ('create_synced_table', array['own.mine', 'a.b.c', '{id}', 'SNAPSHOT', null, 'fail', 'true'])`,
    ],
    ['superuser', 'refresh materialized view own.synced'],
    ['superuser', 'delete from own.parent'],
  ] as const)('lend nothing to code of another role: %s runs %s', async (actor, sql) => {
    const before = await fingerprint(guarded.database.admin);
    expect((await outcomeOf(guarded.sessions[actor], sql)).code).toBe('42501');
    expect(await fingerprint(guarded.database.admin)).toBe(before);
  });

  it.each([
    `insert into synced_tables._calls (routine, arguments, asked_by) values ('delete_synced_table', array['gold.x', 'true'], 'databricks_sync')`,
    `insert into synced_tables._calls (routine, arguments) values ('delete_synced_table', array['gold.x', 'true'])`,
    `insert into synced_tables._calls (routine) values ('_remove_table')`,
    `insert into synced_tables._calls (routine) values (null)`,
    `insert into synced_tables._calls_under_way (asked_by) values ('databricks_sync')`,
    `update synced_tables._served_routines set statement = 'drop table gold.x'`,
    `select synced_tables_served.delete_synced_table('gold.x')`,
    `create function synced_tables_served.mine() returns int language sql as 'select 1'`,
  ])('cannot be forged, not even by holders of pg_write_all_data: %s', async (sql) => {
    const { admin } = guarded.database;
    for (const group of [null, 'pg_write_all_data, pg_read_all_data']) {
      if (group) await admin.query(`grant ${group} to ${guarded.roles.other}`);
      const before = await fingerprint(admin);
      const { other } = guarded.sessions;
      await other.query('begin');
      const answer = await other.query(sql).then(
        ({ rowCount }) => String(rowCount),
        (error) => error.code,
      );
      await other.query('commit');
      expect(['42501', '0']).toContain(answer);
      expect(await fingerprint(admin)).toBe(before);
      if (group) await admin.query(`revoke ${group} from ${guarded.roles.other}`);
    }
  });

  it('act as the owner of a SECURITY DEFINER function and as the caller of any other', async () => {
    const { other, manager } = guarded.sessions;
    expect((await outcomeOf(manager, `select own.sync('gold.y')`)).code).toBe('ok');
    await other.query(
      `create function own.plain(name text) returns uuid language sql as $$ select synced_tables.sync_now(name) $$`,
    );
    expect((await outcomeOf(manager, `select own.plain('gold.x')`)).code).toBe('ok');
    expect((await outcomeOf(other, `select own.plain('gold.x')`)).code).toBe('42501');
    await other.query(
      `create function own.make_app() returns uuid language sql security definer as $$ select synced_tables.create_synced_table('app.mine', 'a.b.c', array['id']) $$`,
    );
    await manager.query('select own.make_app()');
    const { rows } = await guarded.database.admin.query(
      `select created_by from synced_tables._tables where synced_table = 'app.mine'`,
    );
    expect(rows).toEqual([{ created_by: guarded.roles.other }]);
    await other.query(`select synced_tables.delete_synced_table('app.mine')`);
  });

  it('leave no call under way, neither after success nor after an error', async () => {
    const { manager, other } = guarded.sessions;
    await manager.query(`select synced_tables.sync_now('gold.x')`);
    await manager.query(
      `do $$ begin begin perform synced_tables.sync_now('gold.y'); exception when others then null; end; perform synced_tables.sync_now('gold.x'); end $$`,
    );
    expect((await outcomeOf(other, `select synced_tables.sync_now('gold.x')`)).code).toBe('42501');
    expect((await guarded.database.admin.query('select from synced_tables._calls_under_way')).rowCount).toBe(0);
  });

  it.each([
    ['keeper', `select synced_tables.sync_now('gold.nothing')`, 'error code: SYNCED_TABLE_NOT_FOUND'],
    ['superuser', `select synced_tables.create_synced_table('a b.c', 'a.b.c', array['id'])`, /^error code: \w+$/],
    ['superuser', `select synced_tables.set_schedule('gold.x', '99 * * * *')`, /^error code: \w+$/],
    ['other', 'truncate gold.x', undefined],
    ['superuser', 'truncate gold.x', undefined],
    ['superuser', 'alter table gold.x add column more int', undefined],
    ['other', 'drop table gold.x', undefined],
  ] as const)('are refused without a trace of how they are served: %s runs %s', async (actor, sql, detail) => {
    await guarded.database.admin.query(`grant truncate on gold.x to ${guarded.roles.other}`);
    const refusal: pg.DatabaseError = await guarded.sessions[actor].query(sql).then(
      () => expect.unreachable('it was not refused'),
      (error) => error,
    );
    expect(refusal.detail).toEqual(typeof detail === 'object' ? expect.stringMatching(detail) : detail);
    expect(refusal.hint).toMatch(/\.$/);
    expect(refusal.where?.split('\n')).toEqual([expect.stringMatching(/^PL\/pgSQL function .* at RAISE$/)]);
  });

  it('keep the context of an error that is no refusal', async () => {
    const { keeper } = guarded.sessions;
    const { admin } = guarded.database;
    await admin.query('alter table synced_tables._tables add constraint odd check (false) not valid');
    try {
      const error: pg.DatabaseError = await keeper
        .query(`select synced_tables.create_synced_table('app.wrong', 'a.b.c', array['id'])`)
        .then(
          () => expect.unreachable('it succeeded'),
          (thrown) => thrown,
        );
      expect(error).toMatchObject({ code: '23514', constraint: 'odd' });
      expect(error.where).toContain('synced_tables_served.create_synced_table');
    } finally {
      await admin.query('alter table synced_tables._tables drop constraint odd');
    }
  });

  it('are served so for every function that operators and managers may call and that changes something', async () => {
    const { rows } = await guarded.database.admin.query(
      `select d.identity as unserved from synced_tables._definitions d join pg_proc p on p.oid = synced_tables_internal._routine_of(d.kind, d.identity)
        where d.audience in ('operators', 'managers') and p.prosecdef and not p.proretset
          -- Asks for no more than what a session's own role did: it is told of, and a copy of the table follows.
          and p.proname <> 'note_hand_write'`,
    );
    expect(rows, 'write it in schema synced_tables_served').toEqual([]);
  });
});
