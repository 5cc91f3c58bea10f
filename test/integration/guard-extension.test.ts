import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { assembleExtension, extensionDir } from '../../src/postgres/extension-files.js';
import { migrateDatabase } from '../../src/postgres/migrate.js';
import { createGuardedDatabase } from '../support/guarded-database.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { migrationsBefore } from '../support/older-migrations.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: CREATE EXTENSION and migrations install the same, in either order, and each takes over what the other made.

/** Everything that either way installs in databricks_auth and public, as text; membership of the extension aside. */
async function describeInstall(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ object: string }>(
    `select format('%s %s %s %s %s', p.oid::regprocedure, md5(p.prosrc), p.prosecdef, p.proconfig,
                   array(select format('%s %s', a.grantee, a.privilege_type) from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a order by 1)) as object
       from pg_proc p where pronamespace = to_regnamespace('databricks_auth') or (pronamespace = 'public'::regnamespace and proname like 'databricks%')
     union all
     select format('%s %s %s %s %s', c.oid::regclass, c.relkind, c.relrowsecurity, obj_description(c.oid, 'pg_class'),
                   array(select format('%s %s %s', a.grantee, a.privilege_type, a.is_grantable) from aclexplode(c.relacl) a order by 1))
       from pg_class c where relnamespace = to_regnamespace('databricks_auth') or (relnamespace = 'public'::regnamespace and relname like 'databricks%')
     union all select format('%s %s %s %s', evtname, evtevent, evtenabled, evttags) from pg_event_trigger where evtname like 'databricks%'
     union all select format('%s %s %s', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) from pg_policy where polrelid::regclass::text like 'databricks%'
     union all select format('%s %s %s', nspname, nspowner::regrole,
                   array(select format('%s %s', a.grantee::regrole, a.privilege_type) from aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
                          where a.grantee::regrole::text not like 'databricks_st_%' order by 1)) from pg_namespace where nspname in ('databricks_auth', '__db_system')
     order by 1`,
  );
  return rows.map(({ object }) => object);
}

it('has the files of the extension that the migrations make', async () => {
  for (const { name, text } of await assembleExtension()) {
    expect(await readFile(path.join(extensionDir, name), 'utf8'), 'npm run extension').toBe(text);
  }
});

describe.each(postgresServers())('CREATE EXTENSION databricks_auth on $name', (server) => {
  it('installs the same as the migrations do, alone, before and after them', async () => {
    await using plain = await createMigratedDatabase(server);
    const wanted = await describeInstall(plain.admin);
    await plain.admin.query('create extension if not exists databricks_auth');
    await plain.admin.query('create extension if not exists databricks_auth');
    expect(await describeInstall(plain.admin)).toEqual(wanted);

    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query('CREATE EXTENSION IF NOT EXISTS databricks_auth;');
    expect(await describeInstall(client)).toEqual(wanted);
    await client.query('select * from databricks_synced_table_managers; select * from databricks_list_roles');
    await expect(
      client.query(`select databricks_synced_table_add_manager('pg_class', current_user)`),
    ).rejects.toMatchObject({
      code: '42809',
    });
    expect((await migrateDatabase(client)).applied.length).toBeGreaterThan(10);
    expect(await describeInstall(client)).toEqual(wanted);
    expect((await client.query(`select extversion from pg_extension where extname = 'databricks_auth'`)).rowCount).toBe(
      1,
    );
    expect(await migrateDatabase(client)).toEqual({ applied: [] });
    const { rows } = await client.query(
      `select (select count(*)::int from pg_depend where refobjid = e.oid and deptype = 'e' and classid = 'pg_namespace'::regclass) as schemas,
              extconfig::regclass[]::text as config from pg_extension e where extname = 'databricks_auth'`,
    );
    expect(rows).toEqual([{ schemas: 0, config: '{databricks_auth.synced_tables,databricks_auth.managers}' }]);
  });

  it('keeps synced tables and managers when it takes a migrated database over, and data when it is dropped', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    await admin.query('create extension databricks_auth');
    await guarded.sessions.manager.query('create index more on gold.x (id)');
    await expect(guarded.sessions.manager.query('alter table gold.x add column more int')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(admin.query('drop extension databricks_auth')).rejects.toMatchObject({ code: '2BP01' });
    await admin.query('drop extension databricks_auth cascade');
    expect((await admin.query('select from gold.x')).rowCount).toBe(3);
    await admin.query('create extension databricks_auth');
    const { rows } = await admin.query('select object, outcome from synced_tables.repair() order by 1');
    expect(rows).toEqual(expect.arrayContaining([{ object: 'gold.x', outcome: 'registered again' }]));
    await admin.query(`select databricks_synced_table_add_manager('gold.x', '${guarded.roles.manager}')`);
    await guarded.sessions.manager.query('drop index gold.more');
    await expect(admin.query('truncate gold.x')).rejects.toMatchObject({ code: '25006' });
  });

  it('updates from each version to the next, whichever way the database came there', async () => {
    await using plain = await createMigratedDatabase(server);
    const wanted = await describeInstall(plain.admin);
    const membersOf = async (client: pg.Client): Promise<string[]> => {
      const { rows } = await client.query<{ member: string }>(
        `select pg_describe_object(classid, objid, objsubid) as member from pg_depend
          where refclassid = 'pg_extension'::regclass and deptype = 'e'
            and refobjid = (select oid from pg_extension where extname = 'databricks_auth') order by 1`,
      );
      return rows.map(({ member }) => member);
    };
    await plain.admin.query('create extension databricks_auth');
    const members = await membersOf(plain.admin);
    await using older = await migrationsBefore('apply_guard');
    const paths: Record<string, (client: pg.Client) => Promise<unknown>> = {
      'the extension alone': async (client) => {
        await client.query(`create extension databricks_auth version '1.0.0'; create table __db_system.p (id bigint primary key);
          create table public.x (id bigint primary key) partition by range (id);
          alter table public.x attach partition __db_system.p default; select databricks_auth.register('public.x')`);
        expect(await describeInstall(client)).not.toEqual(wanted);
        await client.query('alter extension databricks_auth update');
        const { rows } = await client.query(
          `select tgenabled from pg_trigger where tgname = 'databricks_apply_guard' and tgrelid = '__db_system.p'::regclass`,
        );
        expect(rows).toEqual([{ tgenabled: 'R' }]);
      },
      'older migrations and the extension, then the new migrations': async (client) => {
        await migrateDatabase(client, { dir: older.dir });
        await client.query(`create extension databricks_auth version '1.0.0'`);
        await migrateDatabase(client);
      },
      'older migrations and the extension, its update, then the new migrations': async (client) => {
        await migrateDatabase(client, { dir: older.dir });
        await client.query(`create extension databricks_auth version '1.0.0'; alter extension databricks_auth update`);
        await migrateDatabase(client);
      },
      'older migrations, the new extension, then the new migrations': async (client) => {
        await migrateDatabase(client, { dir: older.dir });
        await client.query('create extension databricks_auth');
        await migrateDatabase(client);
      },
    };
    for (const [name, install] of Object.entries(paths)) {
      await using database = await createTestDatabase(server);
      const client = await database.connect();
      await install(client);
      expect(await describeInstall(client), name).toEqual(wanted);
      expect(await membersOf(client), name).toEqual(members);
      const { rows } = await client.query(
        `select installed_version = default_version as newest from pg_available_extensions where name = 'databricks_auth'`,
      );
      expect(rows, name).toEqual([{ newest: true }]);
      await client.query('drop table if exists public.x'); // its owner role outlives the database otherwise
    }
  });

  it('does not make objects of somebody else its own', async () => {
    await using database = await createMigratedDatabase(server);
    await using fresh = await createTestDatabase(server);
    const role = await database.createRole('squatter');
    const client = await fresh.connect();
    await client.query(`create schema databricks_auth authorization ${role}`);
    await expect(client.query('create extension databricks_auth')).rejects.toThrow(
      /belongs to a role that is no superuser/,
    );
  });
});
