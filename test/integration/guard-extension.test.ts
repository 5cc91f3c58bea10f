import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { assembleExtension, extensionDir } from '../../src/postgres/install/extension-files.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { copySql } from '../support/copy-sql.js';
import { createGuardedDatabase } from '../support/guarded-database.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
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
    expect((await migrateDatabase(client)).applied.length).toBeGreaterThan(5);
    expect(await describeInstall(client)).toEqual(wanted);
    expect((await client.query(`select extversion from pg_extension where extname = 'databricks_auth'`)).rowCount).toBe(
      1,
    );
    expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: false });
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

  it('has new objects of the guard as members when the database is migrated', async () => {
    await using plain = await createMigratedDatabase(server);
    const { admin } = plain;
    await admin.query('create extension databricks_auth');
    await using copy = await copySql();
    await appendFile(
      path.join(copy.dir, 'routines/guard/who_acts.sql'),
      `
-- for: owner
create or replace function databricks_auth.added() returns int language sql set search_path = pg_catalog, pg_temp as 'select 1';
comment on function databricks_auth.added() is 'Added by a test.';
`,
    );
    const isMember = `select from pg_depend where deptype = 'e' and objid = to_regprocedure('databricks_auth.added()')`;
    await migrateDatabase(admin, { dir: copy.dir });
    expect((await admin.query(isMember)).rowCount).toBe(1);
    // And what leaves the files leaves the extension.
    await migrateDatabase(admin);
    expect((await admin.query(`select to_regprocedure('databricks_auth.added()') as added`)).rows).toEqual([
      { added: null },
    ]);
  });

  it('does not make objects of somebody else its own', async () => {
    await using database = await createMigratedDatabase(server);
    await using fresh = await createTestDatabase(server);
    const role = await database.createRole('squatter');
    const client = await fresh.connect();
    await client.query(`create schema databricks_auth authorization ${role}`);
    await expect(client.query('create extension databricks_auth')).rejects.toThrow(
      /belongs to a role that is not a superuser/,
    );
  });
});
