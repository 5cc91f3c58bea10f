import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createGuardedDatabase, outcomeOf } from '../support/guarded-database.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { loadPartition, publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: what managers may do has its effect, what it does not allow is refused in words that help, and the functions
// say what the documentation says.

function noticesOf(client: pg.Client): { message: string; hint: string | undefined }[] {
  const heard: { message: string; hint: string | undefined }[] = [];
  client.on('notice', ({ message, hint }) => heard.push({ message: message ?? '', hint }));
  return heard;
}

async function valueIn(client: pg.Client, sql: string): Promise<unknown> {
  const { rows } = await client.query<Record<string, unknown>>(sql);
  return Object.values(rows[0] ?? {})[0];
}

describe.each(postgresServers())('managers on $name', (server) => {
  it('index the table, the partition too, and refreshes keep what they made', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { manager, sync } = guarded.sessions;
    await manager.query('create index made on gold.x (lower(note))');
    // Text search is of Postgres, and yet not pinned.
    await manager.query(`create index words on gold.x using gin (to_tsvector('english', note))`);
    await manager.query('drop index gold.words');
    await manager.query('alter index gold.made rename to renamed');
    await manager.query('drop index gold.x_note');
    const valid = `select string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' order by indexrelid::regclass::text) from pg_index where indrelid = 'gold.x'::regclass`;
    await sync.query('select 1');
    const part = await loadPartition(sync, 50);
    await sync.query(`select databricks_auth.prepare_partition('gold.x', '${part}')`);
    const { rows } = await sync.query<{ statement: string }>(
      `select statement from databricks_auth.missing_indexes('gold.x', '${part}') statement`,
    );
    expect(rows).toHaveLength(1);
    for (const { statement } of rows) await sync.query(statement);
    await sync.query(`begin; alter table gold.x detach partition ${guarded.part};
      alter table gold.x add column more text; alter table ${part} add column more text;
      alter table gold.x attach partition ${part} default; drop table ${guarded.part}; commit`);
    expect(await valueIn(manager, valid)).toBe('gold.renamed true, gold.x_pkey true');
    expect(
      await valueIn(
        sync,
        `select tgenabled from pg_trigger where tgrelid = '${part}'::regclass and tgname = 'databricks_write_guard'`,
      ),
    ).toBe('A');
    await manager.query('create index after on gold.x (more)');
    await manager.query('drop index gold.renamed');
    await expect(guarded.sessions.keeper.query(`delete from ${part}`)).rejects.toMatchObject({ code: '25006' });
    expect((await guarded.sessions.keeper.query('delete from gold.x where id = 1')).rowCount).toBe(1);
  });

  it('drop the table: registration, queue, managers, owner role and partition go in the same transaction', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { manager } = guarded.sessions;
    const { admin } = guarded.database;
    const left = `select (select count(*)::int from synced_tables._tables) as tables, (select count(*)::int from synced_tables._pipelines) as pipelines,
      (select count(*)::int from databricks_auth.synced_tables) as owned, (select count(*)::int from databricks_auth.managers) as managers,
      (select count(*)::int from pg_roles where rolname = '${guarded.owner}') as roles, to_regclass('${guarded.part}')::text as part,
      (select count(*)::int from synced_tables._updates where state = 'QUEUED') as queued`;
    const before = (await admin.query(left)).rows;
    await manager.query('begin; drop table gold.x; rollback');
    expect((await admin.query(left)).rows).toEqual(before);
    await manager.query('drop table gold.x');
    expect((await admin.query(left)).rows).toEqual([
      { tables: 1, pipelines: 1, owned: 1, managers: 1, roles: 0, part: null, queued: 1 },
    ]);
    expect(
      (
        await admin.query(
          `select synced_table, state, error_code from synced_tables.updates where error_code is not null`,
        )
      ).rows,
    ).toEqual([{ synced_table: 'gold.x', state: 'CANCELED', error_code: 'SYNCED_TABLE_DROPPED' }]);
    expect(
      await valueIn(admin, `select message from synced_tables.events where event_type = 'synced_table_was_dropped'`),
    ).toBe(`${guarded.roles.manager} dropped synced table gold.x, so its sync has ended.`);
    // Nothing of what the role was given as a manager is left.
    await admin.query(`revoke usage on schema gold from ${guarded.roles.manager}; drop role ${guarded.roles.manager}`);
  });

  it('sync, see and delete their table, and no other; what is left belongs to its creator', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { manager, other } = guarded.sessions;
    await manager.query(`select synced_tables.sync_now('gold.x')`);
    expect((await manager.query('select synced_table from synced_tables.status')).rows).toEqual([
      { synced_table: 'gold.x' },
    ]);
    expect(await refusalOf(manager.query(`select synced_tables.sync_now('gold.y')`))).toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    expect(await refusalOf(other.query(`select synced_tables.delete_synced_table('gold.x')`))).toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await manager.query(`select synced_tables.delete_synced_table('gold.x')`);
    expect((await outcomeOf(manager, 'create index still on gold.x (note)')).code).toBe('42501');
    expect((await outcomeOf(manager, 'drop table gold.x')).code).toBe('42501');
    expect(
      await valueIn(
        guarded.database.admin,
        `select relowner::regrole::text = current_user from pg_class where oid = 'gold.x'::regclass`,
      ),
    ).toBe(true);
    await guarded.sessions.keeper.query(`select synced_tables.delete_synced_table('gold.x', purge => true)`);
    expect(await valueIn(guarded.database.admin, `select to_regclass('gold.x')`)).toBeNull();
    await other.query(`select synced_tables.delete_synced_table('gold.y', purge => true)`);
    expect(await valueIn(guarded.database.admin, 'select count(*)::int from databricks_auth.synced_tables')).toBe(0);
  });

  it('may be groups, and have their rights through membership', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    const group = await guarded.database.createRole('team');
    const member = await guarded.database.connectAs(await guarded.database.createRole('member', group));
    await admin.query(
      `grant usage on schema gold to ${group}; select databricks_synced_table_add_manager('gold.x', '${group}')`,
    );
    await member.query('create index by_member on gold.x (note)');
    await member.query(`select synced_tables.sync_now('gold.x')`);
    await admin.query(`select databricks_synced_table_remove_manager('gold.x', '${group}')`);
    expect((await outcomeOf(member, 'drop index gold.by_member')).code).toBe('42501');
    expect((await outcomeOf(member, `select synced_tables.sync_now('gold.x')`)).code).toBe('42501');
  });

  it('are appointed and removed with words that say what happened', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { keeper, manager } = guarded.sessions;
    const heard = noticesOf(keeper);
    const { roles } = guarded;
    await keeper.query(`select databricks_synced_table_add_manager('gold.x', '${roles.manager}')`);
    await keeper.query(`select databricks_synced_table_remove_manager('gold.x', '${roles.other}')`);
    expect(heard.map(({ message }) => message)).toEqual([
      `databricks_auth: role ${roles.manager} is a manager of gold.x already`,
      `databricks_auth: role ${roles.other} is not a manager of gold.x`,
    ]);
    expect(
      (
        await manager.query(
          'select schema_name, table_name, user_name from databricks_synced_table_managers order by 2',
        )
      ).rows,
    ).toEqual([
      { schema_name: 'gold', table_name: 'x', user_name: roles.manager },
      { schema_name: 'gold', table_name: 'y', user_name: roles.other },
    ]);
    const cases: [pg.Client, string, string, RegExp][] = [
      [
        keeper,
        `select databricks_synced_table_add_manager('pg_class', '${roles.other}')`,
        '42809',
        /^databricks_auth: pg_class is not a synced table$/,
      ],
      [
        keeper,
        `select databricks_synced_table_add_manager('gold.x', 'nobody')`,
        '42704',
        /^databricks_auth: role 'nobody' does not exist$/,
      ],
      [
        manager,
        `select databricks_synced_table_add_manager('gold.x', '${roles.other}')`,
        '42501',
        /may not appoint or remove managers/,
      ],
    ];
    for (const [client, sql, code, message] of cases) {
      const outcome = await outcomeOf(client, sql);
      expect(outcome.code).toBe(code);
      expect(outcome.message).toMatch(message);
      expect(outcome.hint).toContain('databricks_synced_table_add_manager');
    }
  });
});

describe.each(postgresServers())('refusals on $name', (server) => {
  it.each([
    ['manager', 'alter table gold.x add column more int', 'ALTER TABLE is not allowed on synced table gold.x'],
    [
      'manager',
      '-- a comment\n  alter table if exists only "gold"."x" add column more int',
      'ALTER TABLE is not allowed on synced table gold.x',
    ],
    [
      'manager',
      'do $$ begin alter table gold.x add column more int; end $$',
      'ALTER TABLE is not allowed on synced table gold.x',
    ],
    ['other', 'create index on gold.x (id)', 'is not a manager of synced table gold.x'],
    [
      'other',
      'create unique index if not exists i on only gold.x using btree (id)',
      'is not a manager of synced table gold.x',
    ],
    ['other', 'drop index gold.x_note', 'is not a manager of synced table gold.x'],
    ['other', 'drop table gold.x', 'is not a manager of synced table gold.x'],
    ['schemaOwner', 'do $$ begin perform 1; drop schema gold cascade; end $$', 'DROP SCHEMA would drop'],
    ['manager', 'create index concurrently on gold.x (id)', 'CONCURRENTLY is not supported on a synced table'],
    ['manager', 'create unique index on gold.x (id, note)', 'a unique index on a synced table is not supported'],
    ['manager', 'create policy p on gold.x using (true)', 'CREATE POLICY is not allowed on synced table gold.x'],
    ['superuser', 'alter table gold.x enable row level security', 'ALTER TABLE would break synced table gold.x'],
    ['superuser', 'truncate gold.x', 'TRUNCATE is refused, synced table gold.x is read-only'],
  ] as const)('tell %s what is permitted: %s', async (actor, sql, message) => {
    await using guarded = await createGuardedDatabase(server);
    const outcome = await outcomeOf(guarded.sessions[actor], sql);
    expect(outcome.message).toMatch(/^databricks_auth: /);
    expect(outcome.message).toContain(message);
    // A superuser is told how to go on.
    const hints =
      actor === 'superuser' ? ['allow_ddl'] : ['CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE', 'add_manager'];
    for (const hint of hints) expect(outcome.hint).toContain(hint);
  });

  it('come as a notice before Postgres’s own error where the target is not certain, and not for other tables', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { other } = guarded.sessions;
    const heard = noticesOf(other);
    await expect(other.query('select 1; alter table gold.x add column more int')).rejects.toMatchObject({
      code: '42501',
    });
    expect(heard).toEqual([
      {
        message: 'databricks_auth: if ALTER TABLE is about synced table gold.x, it will be refused',
        hint: expect.stringContaining('add_manager'),
      },
    ]);
    await other.query(
      'create table own.x (id int); select 1; alter table own.x add column more int; create index on own.x (id); drop table own.x',
    );
    await other.query('create table own.unrelated (id int)');
    await other.query('select 1; alter table own.unrelated add column more int');
    expect(heard).toHaveLength(1);
  });

  it('let a superuser through who says so in his session, and DDL of everybody on other tables', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { superuser, manager } = guarded.sessions;
    await superuser.query(
      'set databricks_auth.allow_ddl = on; alter table gold.x add column more int; truncate gold.x; reset databricks_auth.allow_ddl',
    );
    expect((await outcomeOf(superuser, 'truncate gold.x')).code).toBe('25006');
    await manager.query(`create table own.t (id int primary key); alter table own.t add column more int; create index on own.t (more);
      create view own.v as select * from own.t; comment on table own.t is 'mine'; drop table own.t cascade`);
  });

  it('let that superuser through whatever is set for other databases and roles, and not where it is set for his own', async () => {
    await using elsewhere = await createMigratedDatabase(server);
    await using guarded = await createGuardedDatabase(server);
    const { superuser } = guarded.sessions;
    const nameOf = ({ url }: { url: string }): string => new URL(url).pathname.slice(1);
    await superuser.query(`alter database ${nameOf(elsewhere)} set databricks_auth.allow_ddl = on;
      alter role ${guarded.roles.other} set databricks_auth.allow_ddl = on`);
    await superuser.query('set databricks_auth.allow_ddl = on; truncate gold.x');
    await superuser.query(`alter database ${nameOf(guarded.database)} set databricks_auth.allow_ddl = on`);
    expect((await outcomeOf(superuser, 'truncate gold.x')).code).toBe('25006');
    const elect = `role_in_database_of_${nameOf(guarded.database)}`;
    await superuser.query(`alter database ${nameOf(guarded.database)} reset all; create role ${elect} superuser login;
      alter role ${elect} in database ${nameOf(guarded.database)} set databricks_auth.allow_ddl = on`);
    await superuser.query('truncate gold.x');
    await superuser.query(`set session authorization ${elect}`);
    expect((await outcomeOf(superuser, 'truncate gold.x')).code).toBe('25006');
    await superuser.query(`reset session authorization; drop role ${elect}`);
  });
});

describe.each(postgresServers())('the documented SQL on $name', (server) => {
  it('runs literally', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    await admin.query(`select synced_tables.create_synced_table('my_schema.my_table', 'a.b.c', array['id'])`);
    await publishByHand(await database.connectAsSidecar(), 'my_schema.my_table');
    const keeper = await database.connectAs(await database.createRole('keeper', 'databricks_superuser'));
    await admin.query('CREATE EXTENSION IF NOT EXISTS databricks_auth;');
    const user = await database.createRole('reader');
    for (const sql of [
      `GRANT USAGE ON SCHEMA my_schema TO ${user};`,
      `GRANT SELECT ON my_schema.my_table TO ${user};`,
      `REVOKE SELECT ON my_schema.my_table FROM ${user};`,
      `REVOKE {INSERT | UPDATE | DELETE} ON my_schema.my_table FROM ${user};`.replace(
        '{INSERT | UPDATE | DELETE}',
        'INSERT, UPDATE, DELETE',
      ),
      `SELECT databricks_synced_table_add_manager('"my_schema"."my_table"'::regclass, '${user}');`,
      'SELECT * FROM databricks_synced_table_managers;',
    ]) {
      await keeper.query(sql);
    }
    const manager = await database.connectAs(user);
    for (const sql of [
      'CREATE INDEX index_name ON my_schema.my_table (note);',
      'ALTER INDEX my_schema.index_name RENAME TO index_name_2;',
      'DROP INDEX my_schema.index_name_2;',
    ]) {
      await manager.query(sql);
    }
    await keeper.query(`SELECT databricks_synced_table_remove_manager('"my_schema"."my_table"'::regclass, '${user}');`);
    expect((await outcomeOf(manager, 'DROP TABLE my_schema.my_table;')).code).toBe('42501');
    await keeper.query('DROP TABLE my_schema.my_table;');
  });

  it('runs the SQL of the design as it is written', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const alice = await database.createRole('alice');
    const run = async (sql: string) => (await admin.query<Record<string, string>>(sql)).rows[0] ?? {};
    await run('CREATE EXTENSION IF NOT EXISTS databricks_auth;');
    await run(`SELECT synced_tables.create_synced_table('gold.user_profiles_synced',
         source_table_full_name => 'analytics.gold.user_profiles',
         primary_key_columns => ARRAY['user_id'], scheduling_policy => 'TRIGGERED');`);
    await publishByHand(await database.connectAsSidecar(), 'gold.user_profiles_synced');
    await run(`SELECT databricks_synced_table_add_manager('"gold"."user_profiles_synced"'::regclass, '${alice}');`);
    expect(await run('SELECT * FROM databricks_synced_table_managers;')).toMatchObject({
      schema_name: 'gold',
      table_name: 'user_profiles_synced',
      user_name: alice,
    });
    await run(`SELECT databricks_synced_table_remove_manager('gold.user_profiles_synced', '${alice}');`);
    await run(`LISTEN synced_table_updates;`);
    const { sync_now: update } = await run(`SELECT synced_tables.sync_now('gold.user_profiles_synced');`);
    expect(await run(`SELECT synced_tables.sync_now('gold.user_profiles_synced', full_refresh => true);`)).toEqual({
      sync_now: update,
    });
    await admin.query(`update synced_tables._updates set state = 'COMPLETED', finished_at = now()`);
    await run(`CALL   synced_tables.wait_for_update('${update}');`);
    await admin.query('update synced_tables._tables set synced_version = 42, source_version = 42');
    await run(`CALL   synced_tables.wait_for_version('gold.user_profiles_synced', 42);`);
    expect(await run('SELECT * FROM synced_tables.status;')).toMatchObject({
      table_name: 'gold.user_profiles_synced',
      source_table_full_name: 'analytics.gold.user_profiles',
      scheduling_policy: 'TRIGGERED',
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      synced_version: '42',
      lag_versions: '0',
      lag_seconds: 0,
      row_count: '3',
      last_error_code: null,
    });
    expect(await run('SELECT * FROM synced_tables.updates;')).toMatchObject({ state: 'COMPLETED' });
    expect(await run('SELECT * FROM synced_tables.events;')).toMatchObject({ event_type: 'synced_table_created' });
    await run(`SELECT synced_tables.delete_synced_table('gold.user_profiles_synced');`);
    expect((await admin.query('SELECT FROM gold.user_profiles_synced')).rowCount).toBe(3);
    await run('DROP TABLE gold.user_profiles_synced;');
  });

  it('makes roles for identities and lists them', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const creator = await database.createRole('creator');
    await admin.query(`alter role ${creator} createrole`);
    const client = await database.connectAs(creator);
    const [person, app] = [`${creator}@example.com`, `00000000-${creator}`];
    try {
      await client.query(`SELECT databricks_create_role('${person}', 'USER')`);
      await client.query(`SELECT databricks_create_role('${app}', 'service_principal')`);
      expect(
        (
          await client.query(
            `SELECT role_name, identity_type FROM databricks_list_roles WHERE role_name like '%${creator}%' order by 1 desc`,
          )
        ).rows,
      ).toEqual([
        { role_name: person, identity_type: 'user' },
        { role_name: app, identity_type: 'service_principal' },
      ]);
      expect(
        (
          await admin.query(
            `select rolcanlogin, rolinherit, rolsuper, rolcreaterole from pg_roles where rolname = '${person}'`,
          )
        ).rows,
      ).toEqual([{ rolcanlogin: true, rolinherit: true, rolsuper: false, rolcreaterole: false }]);
      await client.query(`grant "${person}" to "${app}"`);
      await expect(client.query(`SELECT databricks_create_role('${person}', 'GROUP')`)).rejects.toMatchObject({
        code: '42710',
      });
      await expect(client.query(`SELECT databricks_create_role('x', 'ROBOT')`)).rejects.toMatchObject({
        code: '22023',
      });
      const plain = await database.connectAs(await database.createRole('plain'));
      await expect(plain.query(`SELECT databricks_create_role('y', 'USER')`)).rejects.toMatchObject({ code: '42501' });
    } finally {
      await admin.query(`drop role if exists "${person}"; drop role if exists "${app}"`);
    }
  });
});
