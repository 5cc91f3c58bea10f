import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeSchema } from '../../scripts/describe-schema.mjs';
import { sqlDir } from '../../src/postgres/install/migration-files.js';
import { readSqlLayer } from '../../src/postgres/install/sql-layer.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: what the SQL side consists of, and who may use it, is as its files say and as the snapshot shows it.

/** Views are printed in a form that differs between major versions. */
const SNAPSHOT_MAJOR = 18;

describe.each(postgresServers())('objects of the schema on $name', (server) => {
  it('are those of test/snapshots/schema.sql: after a change, npx vitest run test/integration/sql-objects.test.ts -u', async ({
    skip,
  }) => {
    await using database = await createMigratedDatabase(server);
    const { rows } = await database.admin.query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    );
    skip(rows[0]?.major !== SNAPSHOT_MAJOR, `the snapshot is of PostgreSQL ${SNAPSHOT_MAJOR}`);
    await expect(await describeSchema(database.admin)).toMatchFileSnapshot('../snapshots/schema.sql');
  });

  it('stand in one file each, and that in its room, and there are no others', async () => {
    await using database = await createMigratedDatabase(server);
    const layer = await readSqlLayer(sqlDir);
    const written = [...layer.numbered, ...layer.routines].map(({ kind, identity }) => `${kind} ${identity}`);
    expect(written.filter((object, place) => written.indexOf(object) !== place)).toEqual([]);
    await database.admin.query('set search_path = pg_catalog');
    const { rows } = await database.admin.query<{ file: string | null; object: string }>(
      `select d.file, o.object from (
         select p.oid::regprocedure::text as object from pg_proc p
          where p.pronamespace::regnamespace::text in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth')
             or p.pronamespace = 'public'::regnamespace and p.proname like 'databricks\\_%'
         union all select format('%s.%s', c.relnamespace::regnamespace, c.relname) from pg_class c
          where c.relkind in ('r', 'v') and c.oid <> 'synced_tables.migrations'::regclass
            and (c.relnamespace::regnamespace::text in ('synced_tables', 'synced_tables_internal', 'databricks_auth')
                 or c.relnamespace = 'public'::regnamespace and c.relname like 'databricks\\_%')
         union all select format('%s on %s.%s', t.tgname, c.relnamespace::regnamespace, c.relname)
           from pg_trigger t join pg_class c on c.oid = t.tgrelid
          where not t.tgisinternal and c.relnamespace = 'synced_tables'::regnamespace) o
         left join synced_tables._definitions d on d.identity = o.object`,
    );
    expect(rows.filter(({ file }) => file === null)).toEqual([]);
    const files = (await readdir(sqlDir, { recursive: true })).filter(
      (file) => file.startsWith('routines') && file.endsWith('.sql'),
    );
    expect(files.filter((file) => !rows.some((row) => row.file === file))).toEqual([]);
    const rooms: Readonly<Record<string, RegExp>> = { guard: /^(databricks_auth|public)\./ };
    const misplaced = rows.filter(({ file, object }) => {
      const room = file?.split('/')[1] ?? '';
      return (
        file?.startsWith('routines/') && !(rooms[room] ?? /(^| on )synced_tables(_internal|_served)?\./).test(object)
      );
    });
    expect(misplaced).toEqual([]);
  });

  it('are for those whom their line names, also after somebody revoked it all and repair() ran', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const rights = `
      select d.identity, d.audience, array(select case a.grantee when 0 then 'public' else a.grantee::regrole::text end
               from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
              where p.oid = to_regprocedure(d.identity) and a.grantee <> p.proowner order by 1) as granted
        from synced_tables._definitions d where d.kind in ('function', 'procedure', 'aggregate')`;
    const wanted: Readonly<Record<string, readonly string[]>> = {
      owner: [],
      sidecar: ['databricks_sync'],
      operators: ['databricks_superuser', 'databricks_sync'],
      managers: ['databricks_superuser', 'databricks_sync'],
      everybody: ['databricks_superuser', 'databricks_sync', 'public'],
    };
    const wrong = async () => {
      const { rows } = await admin.query<{ audience: string; granted: string[] }>(rights);
      expect(rows.length).toBeGreaterThan(200);
      return rows.filter(({ audience, granted }) => granted.join() !== wanted[audience]?.join());
    };
    expect(await wrong()).toEqual([]);
    await admin.query(`revoke all on all routines in schema synced_tables, synced_tables_internal, databricks_auth
      from databricks_sync, databricks_superuser, public`);
    expect(await wrong()).not.toEqual([]);
    await admin.query('select synced_tables.repair()');
    expect(await wrong()).toEqual([]);
  });

  it('are listed by help() as far as the caller may use them, and found by words', async () => {
    await using database = await createMigratedDatabase(server);
    const operator = await database.connectAs(await database.createRole('operator', 'databricks_superuser'));
    const found = async (about: string | null) => {
      const { rows } = await operator.query<{ name: string; call: string; description: string }>(
        'select * from synced_tables.help($1)',
        [about],
      );
      return rows;
    };
    const all = await found(null);
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter(({ name, description }) => /\._|_internal|_served/.test(name) || !description)).toEqual([]);
    const names = all.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['synced_tables.status', 'public.databricks_synced_table_add_manager']),
    );
    // Of superusers alone.
    expect(names).not.toContain('synced_tables.repair');
    expect((await found('SCHEDULE missed cron')).map(({ name }) => name)).toEqual(['synced_tables.set_schedule']);
    const [wait] = await found('returns when a verification');
    expect(wait?.call).toMatch(/^CALL synced_tables\.wait_for_verification\(.*timeout interval DEFAULT NULL/);
  });

  it('fixes the search_path of every function but the waiting procedures and ev_kind, and opens to PUBLIC only what tells a caller about himself', async () => {
    await using database = await createMigratedDatabase(server);
    const { rows } = await database.admin.query<{ open: string[]; loose: string[]; undocumented: string[] }>(
      `with f as (select p.oid, p.oid::regprocedure::text as name, p.proname, p.proconfig, p.proacl, p.proowner, p.prosecdef, p.prokind
                    from pg_proc p where pronamespace in ('synced_tables'::regnamespace, 'synced_tables_internal'::regnamespace, 'databricks_auth'::regnamespace))
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
          '_await_update',
          '_await_verification',
          '_await_version',
          '_call_signature',
          '_commit_refusal',
          '_dependents_of',
          '_dropped_message',
          '_grants_on',
          '_display_name',
          '_has_role',
          '_may_control',
          '_may_control_all',
          '_may_read',
          '_may_see',
          // About a role that is named: what pg_auth_members and the privileges tell everybody.
          '_parts_of',
          '_role_may_control',
          '_role_may_read',
          '_role_may_see',
          '_served_role',
          '_synced_version',
          '_told_message',
          '_update_outcome',
          '_verification_outcome',
          '_wait',
          '_waits_for_resume',
          // The guard runs as whoever runs a command. These refuse, or tell what the catalogs tell.
          'acting_role',
          'after_drop',
          'can_manage',
          'check_altered',
          'check_appointment',
          'check_dropped_schemas',
          'check_references',
          // What a whole guard has, and what of it is missing.
          '_wanted_event_triggers',
          'event_trigger_damage',
          'event_trigger_statements',
          'gate_damage',
          'wanted_event_triggers',
          'wanted_gates',
          'wanted_memberships',
          'hint',
          'hint_after',
          'innermost_command',
          'is_guarded',
          'is_installer',
          'is_superuser',
          'is_sync',
          'is_synced_table',
          'mode',
          'notice_of_doubt',
          'override',
          'place',
          'refuse',
          'refuse_kindly',
          'target_in',
        ].sort(),
        loose: ['_wait', 'ev_kind', 'wait_for_update', 'wait_for_verification', 'wait_for_version'],
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
