import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/postgres/migrate.js';
import { migrationsDir, readMigrations } from '../../src/postgres/migration-files.js';
import { readAppliedMigrations } from '../../src/postgres/schema-version.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';
import { eventually } from '../support/synced-lake.js';

/** A copy of sql/ that a test may change. */
async function copyMigrations(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'synced-tables-sql-'));
  await cp(migrationsDir, dir, { recursive: true });
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

/** The number of the last migration that the database has; null where the session may not look or there is none. */
async function versionOf(client: pg.Client): Promise<number | null> {
  return (await readAppliedMigrations(client))?.at(-1)?.id ?? null;
}

describe.each(postgresServers())('migration on $name', (server) => {
  it('applies every file once, and nothing the second time', async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    expect(await versionOf(client)).toBeNull();
    const files = (await readMigrations()).slice(1).map(({ fileName }) => fileName);
    expect(await migrateDatabase(client)).toEqual({ applied: files });
    expect(await versionOf(client)).toBe(files.length);
    expect(await migrateDatabase(client)).toEqual({ applied: [] });
  });

  it('is safe when several sessions migrate one database at once', async () => {
    await using database = await createTestDatabase(server);
    const first = await database.connect();
    const clients = [first, await database.connect(), await database.connect()];
    const results = await Promise.all(clients.map((client) => migrateDatabase(client)));
    expect(results.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
    const { rows } = await first.query(
      `select count(*)::int as locks from pg_locks l join pg_database d on d.oid = l.database
        where locktype = 'advisory' and datname = current_database()`,
    );
    expect(rows).toEqual([{ locks: 0 }]);
  });

  it('is safe in several databases of one cluster at once, which share the roles', async () => {
    await using one = await createTestDatabase(server);
    await using two = await createTestDatabase(server);
    await using three = await createTestDatabase(server);
    const first = await one.connect();
    const clients = [first, await two.connect(), await three.connect()];
    const results = await Promise.all(clients.map((client) => migrateDatabase(client)));
    expect(results.every(({ applied }) => applied.length > 0)).toBe(true);
    const { rows } = await first.query(
      `select rolname, rolcanlogin or rolsuper as too_much from pg_roles
        where rolname in ('databricks_superuser', 'databricks_sync') order by 1`,
    );
    expect(rows).toEqual([
      { rolname: 'databricks_superuser', too_much: false },
      { rolname: 'databricks_sync', too_much: false },
    ]);
  });

  it("leaves another tool's public.migrations and the session's settings alone", async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query(`create schema app; create table app.migrations (name text); create table public.migrations
      (id int, name text, hash text); insert into public.migrations values (0, 'theirs', 'x'), (1, 'theirs too', 'y')`);
    await client.query(`set search_path = app, public; set statement_timeout = '7s'`);
    await migrateDatabase(client);
    const { rows } = await client.query(
      `select (select count(*)::int from public.migrations) as theirs, (select count(*)::int from app.migrations) as app,
              current_setting('search_path') as path, current_setting('statement_timeout') as timeout`,
    );
    expect(rows).toEqual([{ theirs: 2, app: 0, path: 'app, public', timeout: '7s' }]);
  });

  it('tells a role that is no superuser so, and lets it pass when nothing is to be done', async () => {
    await using database = await createMigratedDatabase(server);
    await using fresh = await createTestDatabase(server);
    const role = await database.createRole('plain', 'databricks_sync');
    const client = await fresh.connect();
    await client.query(`set session authorization ${role}`);
    await expect(migrateDatabase(client)).rejects.toMatchObject({
      code: 'MIGRATION_NOT_ALLOWED',
      message: expect.stringContaining(role),
    });
    const member = await database.connectAs(role);
    expect(await migrateDatabase(member)).toEqual({ applied: [] });
    const stranger = await database.connectAs(await database.createRole('stranger'));
    expect(await versionOf(stranger)).toBeNull();
    await client.end();
  });

  it('names file and SQLSTATE of a failure, keeps the files before it, and goes on after it was mended', async () => {
    await using database = await createTestDatabase(server);
    await using copy = await copyMigrations();
    const client = await database.connect();
    const known = (await readMigrations()).length - 1;
    const file = `${known + 1}_broken.sql`;
    await writeFile(path.join(copy.dir, file), 'create table synced_tables.half (a int); select 1 / 0;');
    await expect(migrateDatabase(client, { dir: copy.dir })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(new RegExp(`${file}.*22012.*division by zero`)),
    });
    expect(await versionOf(client)).toBe(known);
    const { rows } = await client.query(
      `select to_regclass('synced_tables.half') as half, current_setting('search_path') as path`,
    );
    expect(rows).toEqual([{ half: null, path: '"$user", public' }]);
    await writeFile(path.join(copy.dir, file), 'create table synced_tables.half (a int);');
    expect(await migrateDatabase(client, { dir: copy.dir })).toEqual({ applied: [file] });
  });

  /** Adds a file to a migrated database that needs `sql` to run. */
  async function withFile(sql: string) {
    const database = await createMigratedDatabase(server);
    const copy = await copyMigrations();
    const file = `${(await readMigrations()).length}_more.sql`;
    await writeFile(path.join(copy.dir, file), sql);
    return {
      database,
      dir: copy.dir,
      file,
      async [Symbol.asyncDispose]() {
        await copy[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  }

  it('waits a while for a lock that anybody may hold, then says who holds it, and goes on without', async () => {
    await using more = await withFile('create table synced_tables.more (a int)');
    const { dir, file, database } = more;
    for (const key of ['5073171826352271', '-8525285245963000605']) {
      const holder = await database.connect();
      await holder.query(`set application_name = 'somebody else'; select pg_advisory_lock_shared(${key})`);
      const { rows } = await holder.query<{ pid: number; role: string }>(
        'select pg_backend_pid() as pid, current_user as role',
      );
      await expect(migrateDatabase(database.admin, { dir, patienceMs: 300 })).rejects.toMatchObject({
        code: 'MIGRATION_LOCKED',
        message: expect.stringContaining(`${rows[0]?.pid} (role ${rows[0]?.role}, application "somebody else", since `),
        remedy: expect.stringContaining(`pg_terminate_backend(${rows[0]?.pid})`),
      });
      await holder.end();
    }
    expect(await migrateDatabase(database.admin, { dir })).toEqual({ applied: [file] });
  });

  it('comes again when it is in the way of a request of a user, or that of it', async () => {
    await using more = await withFile(
      `create table synced_tables.more (a int);
       lock table synced_tables._updates in access exclusive mode; lock table synced_tables._tables in access exclusive mode`,
    );
    const { dir, file, database } = more;
    const user = await database.connect();
    // Postgres ends whichever waits the longer for a deadlock to be found.
    await user.query(`set deadlock_timeout = '1 min'; begin; lock table synced_tables._tables in row exclusive mode`);
    const migrating = migrateDatabase(database.admin, { dir, lockTimeoutMs: 3_000 });
    const isLocked = `select from pg_locks where relation = 'synced_tables._updates'::regclass and mode = 'AccessExclusiveLock'`;
    await eventually(async () => (await user.query(isLocked)).rowCount === 1, 'the migration has the other table');
    await user.query('select count(*) from synced_tables._updates');
    await user.query('commit');
    expect(await migrating).toEqual({ applied: [file] });

    await writeFile(
      path.join(dir, `${Number.parseInt(file, 10) + 1}_again.sql`),
      'alter table synced_tables._tables add column more int',
    );
    await user.query('begin; select count(*) from synced_tables._tables');
    const waiting = migrateDatabase(database.admin, { dir, lockTimeoutMs: 50 });
    await sleep(300);
    await user.query('commit');
    expect((await waiting).applied).toHaveLength(1);
  });

  it('gives up after some attempts, naming who is in the way, and has kept nothing of the file', async () => {
    await using more = await withFile(
      'create table synced_tables.more (a int); alter table synced_tables._tables add column more int',
    );
    const { dir, file, database } = more;
    const user = await database.connect();
    await user.query(`set application_name = 'a long report'; begin; select count(*) from synced_tables._tables`);
    await expect(migrateDatabase(database.admin, { dir, lockTimeoutMs: 20, pauseMs: 10 })).rejects.toMatchObject({
      code: 'MIGRATION_BLOCKED',
      message: expect.stringMatching(new RegExp(`${file} .* given up after 6 attempts .*application "a long report"`)),
    });
    await user.query('commit');
    expect(await migrateDatabase(database.admin, { dir })).toEqual({ applied: [file] });
  });

  it('refuses a database of a newer version, and files that were changed after they had been applied', async () => {
    await using database = await createTestDatabase(server);
    await using copy = await copyMigrations();
    const client = await database.connect();
    const known = (await readMigrations()).length - 1;
    await writeFile(path.join(copy.dir, `${known + 1}_newer.sql`), 'select 1;');
    await migrateDatabase(client, { dir: copy.dir });
    await expect(migrateDatabase(client)).rejects.toMatchObject({
      code: 'DATABASE_NEWER',
      message: expect.stringContaining(`migration ${known + 1}, this version knows up to ${known}`),
    });
    await writeFile(path.join(copy.dir, `${known + 1}_newer.sql`), 'select 2;');
    await expect(migrateDatabase(client, { dir: copy.dir })).rejects.toMatchObject({
      code: 'MIGRATION_CHANGED',
      message: expect.stringContaining(`${known + 1}_newer.sql`),
    });
  });

  it.each([
    ['without a table of ours', 'create schema synced_tables'],
    [
      'of a role that is no superuser',
      'create schema synced_tables authorization pg_monitor; create table synced_tables.migrations (id int, hash text)',
    ],
  ])('does not take over a schema synced_tables %s', async (_, sql) => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query(sql);
    await expect(migrateDatabase(client)).rejects.toMatchObject({ code: 'MIGRATION_SCHEMA_TAKEN' });
  });

  it('does not take over a schema databricks_auth', async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query('create schema databricks_auth');
    await expect(migrateDatabase(client)).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/1_roles_and_schemas\.sql.*42P06/),
    });
  });
});

describe.each(postgresServers())('objects of the schema on $name', (server) => {
  it('fixes the search_path of every function but the waiting procedures and ev_kind, and opens to PUBLIC only what tells a caller about himself', async () => {
    await using database = await createMigratedDatabase(server);
    const { rows } = await database.admin.query<{ open: string[]; loose: string[]; undocumented: string[] }>(
      `with f as (select p.oid, p.oid::regprocedure::text as name, p.proname, p.proconfig, p.proacl, p.proowner, p.prosecdef, p.prokind
                    from pg_proc p where pronamespace in ('synced_tables'::regnamespace, 'databricks_auth'::regnamespace))
       select array(select proname::text from f where exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner)))
                                                     where grantee = 0 and privilege_type = 'EXECUTE') order by 1) as open,
              array(select proname::text from f where prokind <> 'a' and not coalesce(proconfig @> array['search_path=pg_catalog, pg_temp'], false) order by 1) as loose,
              array(select name from f where obj_description(oid, 'pg_proc') is null
                    union all select oid::regclass::text from pg_class
                     where relnamespace in ('synced_tables'::regnamespace, 'databricks_auth'::regnamespace)
                       and relkind in ('r', 'v') and obj_description(oid, 'pg_class') is null) as undocumented`,
    );
    expect(rows).toEqual([
      {
        open: [
          '_acting_role',
          '_call_signature',
          '_commit_refusal',
          '_dropped_message',
          '_display_name',
          '_has_role',
          '_may_control',
          '_may_see',
          // About a role that is named: what pg_auth_members and the privileges tell everybody.
          '_role_may_control',
          '_role_may_see',
          '_served_role',
          '_synced_version',
          '_update_outcome',
          '_verification_outcome',
          // The guard runs as whoever runs a command. These refuse, or tell what the catalogs tell.
          'acting_role',
          'after_drop',
          'can_manage',
          'check_altered',
          'check_appointment',
          'check_references',
          'hint',
          'hint_after',
          'innermost_command',
          'is_guarded',
          'is_superuser',
          'is_sync',
          'is_synced_table',
          'notice_of_doubt',
          'override',
          'place',
          'refuse',
          'refuse_kindly',
          'target_in',
        ].sort(),
        loose: ['ev_kind', 'wait_for_update', 'wait_for_verification', 'wait_for_version'],
        undocumented: [],
      },
    ]);
  });

  it('lets members of databricks_superuser see what other sessions do', async () => {
    await using database = await createMigratedDatabase(server);
    const other = await database.connectAs(await database.createRole('other'));
    const keeper = await database.connectAs(await database.createRole('keeper', 'databricks_superuser'));
    await other.query('select 4711');
    const { rowCount } = await keeper.query(
      `select from pg_stat_activity where datname = current_database() and query = 'select 4711'`,
    );
    expect(rowCount).toBe(1);
  });

  it('lets holders of pg_read_all_data and pg_write_all_data neither read nor forge the internal tables', async () => {
    await using database = await createMigratedDatabase(server);
    await database.admin.query(`select synced_tables.create_synced_table('gold.a', 'lake.gold.a', array['id'])`);
    const keeper = await database.connectAs(await database.createRole('keeper', 'databricks_superuser'));
    expect((await keeper.query('select from synced_tables._tables')).rowCount).toBe(0);
    expect((await keeper.query(`update synced_tables._tables set state = 'SYNCED_TABLE_ONLINE'`)).rowCount).toBe(0);
    expect((await keeper.query('select from synced_tables.status')).rowCount).toBe(1);
    await expect(
      keeper.query(`insert into databricks_auth.synced_tables values ('pg_class', 'postgres')`),
    ).rejects.toMatchObject({ code: '42501' });
  });
});
