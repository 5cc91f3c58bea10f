import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createMigratedDatabase, type MigratedDatabase } from './migrated-database.js';
import { publishByHand } from './synced-table-fixture.js';
import type { TestServer } from './test-server.js';

/** The roles of the statement matrix; see docs/guides/permissions.md. */
export type Actor = 'sync' | 'keeper' | 'manager' | 'other' | 'schemaOwner' | 'superuser';

/** A database with synced table gold.x (id, note), a second one gold.y, and a session of every actor. */
export interface GuardedDatabase extends AsyncDisposable {
  readonly database: MigratedDatabase;
  readonly roles: Readonly<Record<Actor, string>>;
  readonly sessions: Readonly<Record<Actor, pg.Client>>;
  /** The partition of gold.x, quoted for SQL. */
  readonly part: string;
  /** The owner role of gold.x. */
  readonly owner: string;
}

/** Builds it: `other` manages gold.y only, `schemaOwner` owns schema gold, `keeper` is in databricks_superuser. */
export async function createGuardedDatabase(server: TestServer): Promise<GuardedDatabase> {
  const database = await createMigratedDatabase(server);
  const { admin } = database;
  const keeper = await database.createRole('keeper', 'databricks_superuser');
  const manager = await database.createRole('manager');
  const other = await database.createRole('other');
  const schemaOwner = await database.createRole('schemaowner');
  await admin.query(`create schema gold authorization ${schemaOwner}; grant usage on schema gold to ${manager}, ${other};
    create schema own; grant create, usage on schema own to public; create schema app; grant create, usage on schema app to public`);
  const sync = await database.connectAsSidecar();
  for (const name of ['gold.x', 'gold.y']) {
    await admin.query(`select synced_tables.create_synced_table($1, 'a.b.c', array['id'])`, [name]);
    await publishByHand(sync, name);
  }
  await admin.query(`create index x_note on gold.x (note);
    select databricks_synced_table_add_manager('gold.x', '${manager}'), databricks_synced_table_add_manager('gold.y', '${other}')`);
  const { rows } = await admin.query<{ part: string; owner: string; superuser: string }>(
    `select databricks_auth.sole_partition('gold.x')::text as part, current_user as superuser,
            (select relowner::regrole::text from pg_class where oid = 'gold.x'::regclass) as owner`,
  );
  // Logins of their own: a superuser's session that was handed over by SET SESSION AUTHORIZATION could take itself back.
  const logins: pg.Client[] = [];
  const logIn = async (role: string): Promise<pg.Client> => {
    const password = randomBytes(8).toString('hex');
    await admin.query(`alter role ${role} login password '${password}'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = password;
    const client = new pg.Client({ connectionString: url.href, application_name: 'test' });
    await client.connect();
    logins.push(client);
    return client;
  };
  const { part = '', owner = '', superuser = '' } = rows[0] ?? {};
  return {
    database,
    part,
    owner,
    roles: { sync: 'databricks_sync', keeper, manager, other, schemaOwner, superuser },
    sessions: {
      sync,
      keeper: await logIn(keeper),
      manager: await logIn(manager),
      other: await logIn(other),
      schemaOwner: await logIn(schemaOwner),
      superuser: await database.connect(),
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(logins.map((client) => client.end()));
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Everything that an attack on synced tables could change, as one text. */
const FINGERPRINT = `
  with watched as (
    select c.oid, c.relname, n.nspname, c.relkind, c.relowner::regrole, c.relfilenode, c.relrowsecurity, c.relacl, c.reloptions
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('gold', '__db_system', 'databricks_auth', 'synced_tables')
  )
  select jsonb_pretty(jsonb_build_object(
    'relations', (select jsonb_agg(to_jsonb(w) order by w.oid) from watched w),
    'columns', (select jsonb_agg(format('%s.%s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attacl) order by attrelid, attnum)
                  from pg_attribute where attrelid in (select oid from watched) and attnum > 0),
    'triggers', (select jsonb_agg(format('%s %s %s %s', tgrelid::regclass, tgname, tgenabled, tgfoid::regprocedure) order by oid)
                   from pg_trigger where tgrelid in (select oid from watched) and not tgisinternal),
    'rules', (select jsonb_agg(format('%s %s', ev_class::regclass, rulename) order by oid) from pg_rewrite where ev_class in (select oid from watched where relkind <> 'v')),
    'policies', (select jsonb_agg(format('%s %s %s', polrelid::regclass, polname, polroles) order by oid) from pg_policy),
    'inheritance', (select jsonb_agg(format('%s %s', inhrelid, inhparent) order by inhrelid) from pg_inherits where inhparent in (select oid from watched)),
    'indexes', (select jsonb_agg(format('%s %s', indexrelid::regclass, indisvalid) order by indexrelid) from pg_index where indrelid in (select oid from watched)),
    'comments', (select jsonb_agg(description order by objoid, objsubid) from pg_description where objoid in (select oid from watched)),
    'members', (select jsonb_agg(format('%s in %s', member::regrole, roleid::regrole) order by roleid, member) from pg_auth_members
                 where pg_get_userbyid(roleid) in ('databricks_sync', 'databricks_superuser')
                       and pg_get_userbyid(member) in (select usename from pg_stat_activity where datname = current_database())
                    or pg_get_userbyid(roleid) ~ ('^databricks_st_' || (select oid from pg_database where datname = current_database()) || '_')),
    'roles', (select jsonb_agg(to_jsonb(r) - 'rolpassword' order by r.oid) from pg_roles r
               where rolname in ('databricks_sync', 'databricks_superuser')
                  or rolname ~ ('^databricks_st_' || (select oid from pg_database where datname = current_database()) || '_')),
    'schemas', (select jsonb_agg(format('%s %s %s', nspname, nspowner::regrole, nspacl) order by oid) from pg_namespace where nspname in ('gold', '__db_system', 'databricks_auth', 'synced_tables')),
    'eventTriggers', (select jsonb_agg(format('%s %s', evtname, evtenabled) order by evtname) from pg_event_trigger),
    'registry', (select jsonb_agg(to_jsonb(s) order by s.synced_table) from databricks_auth.synced_tables s),
    'managers', (select jsonb_agg(to_jsonb(m) order by m.synced_table, m.manager) from databricks_auth.managers m),
    'windows', (select jsonb_agg(to_jsonb(w)) from databricks_auth.open_windows w),
    'parts', (select jsonb_agg(to_jsonb(p) order by p.part) from databricks_auth.parts p),
    'tables', (select jsonb_agg(to_jsonb(t) order by t.table_id) from synced_tables._tables t),
    'requests', (select count(*) from synced_tables._updates),
    'publications', (select jsonb_agg(format('%s %s', prpubid, prrelid)) from pg_publication_rel where prrelid in (select oid from watched)),
    'statistics', (select count(*) from pg_statistic_ext where stxrelid in (select oid from watched)),
    'settings', (select jsonb_agg(to_jsonb(d)) from pg_db_role_setting d where setdatabase = (select oid from pg_database where datname = current_database()))
  )) as fingerprint`;

/** The state of synced tables: catalog, registry, managers, rows. Two equal ones: an attack has changed nothing. */
export async function fingerprint(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ fingerprint: string }>({ name: 'fingerprint', text: FINGERPRINT });
  const data = await admin.query<{ rows: string }>(
    `select coalesce(jsonb_agg(to_jsonb(x) order by id)::text, '') as rows from gold.x`,
  );
  return `${rows[0]?.fingerprint}\n${data.rows[0]?.rows}`;
}

/** Parts of the catalog that everybody may read, as far as synced tables and their schemas go. */
const CATALOG_PARTS = `
  with watched as (
    select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('gold', '__db_system', 'app')
  ),
  part (name, content) as (
    select 'tables', (select jsonb_agg(format('%s %s %s %s %s %s %s %s', oid, relname, relnamespace, relowner, relkind, relrowsecurity, relforcerowsecurity, relreplident) order by oid)
                        from watched where relkind not in ('i', 'I', 't'))
    union all select 'files', (select jsonb_agg(relfilenode order by oid) from watched where relkind in ('r', 'p') and relnamespace <> to_regnamespace('app'))
    union all select 'columns', (select jsonb_agg(format('%s %s %s %s %s', attrelid, attname, atttypid, attnotnull, attstattarget) order by attrelid, attnum)
                                   from pg_attribute where attnum > 0 and attrelid in (select oid from watched where relkind in ('r', 'p')))
    union all select 'defaults', (select jsonb_agg(oid order by oid) from pg_attrdef where adrelid in (select oid from watched))
    union all select 'indexes', (select jsonb_agg(format('%s %s %s', oid, relname, reltablespace) order by oid) from watched where relkind in ('i', 'I'))
    union all select 'dependencies', (select jsonb_agg(objid order by objid) from pg_depend where deptype = 'x')
    union all select 'constraints', (select jsonb_agg(oid order by oid) from pg_constraint where conrelid in (select oid from watched))
    union all select 'triggers', (select jsonb_agg(format('%s %s %s', oid, tgname, tgenabled) order by oid) from pg_trigger where not tgisinternal and tgrelid in (select oid from watched))
    union all select 'rules', (select jsonb_agg(oid order by oid) from pg_rewrite where ev_class in (select oid from watched where relkind in ('r', 'p')))
    union all select 'policies', (select jsonb_agg(oid order by oid) from pg_policy where polrelid in (select oid from watched))
    union all select 'partitions', (select jsonb_agg(format('%s %s', inhparent, inhrelid) order by inhrelid) from pg_inherits where inhparent in (select oid from watched where relkind = 'p'))
    union all select 'rights', (select jsonb_agg(relacl order by oid) from watched where relkind in ('r', 'p') and relnamespace <> to_regnamespace('app'))
    union all select 'default rights', (select jsonb_agg(oid order by oid) from pg_default_acl)
    union all select 'schemas', (select jsonb_agg(format('%s %s %s', nspname, nspowner, nspacl) order by oid) from pg_namespace where nspname in ('gold', '__db_system', 'app'))
    union all select 'comments', (select jsonb_agg(description order by objoid, objsubid) from pg_description where objoid in (select oid from watched))
    union all select 'statistics', (select count(*)::text::jsonb from pg_statistic_ext where stxrelid in (select oid from watched))
    union all select 'publications', (select count(*)::text::jsonb from pg_publication)
    union all select 'event triggers', (select jsonb_agg(format('%s %s', evtname, evtenabled) order by oid) from pg_event_trigger)
    union all select 'members', (select jsonb_agg(format('%s %s', roleid, member) order by roleid, member) from pg_auth_members)
    union all select 'managers', (select jsonb_agg(format('%s %s', table_name, user_name) order by table_name, user_name) from public.databricks_synced_table_managers)
  )
  select name, md5(coalesce(content::text, '')) as digest from part`;

/** As `outcomeOf`, and which parts of the catalog a statement that succeeded has changed. */
export async function effectOf(client: pg.Client, sql: string): Promise<{ code: string; changed: string }> {
  const catalog = async (): Promise<Map<string, string>> => {
    const query = { name: 'catalog parts', text: CATALOG_PARTS };
    const { rows } = await client.query<{ name: string; digest: string }>(query);
    return new Map(rows.map(({ name, digest }) => [name, digest]));
  };
  // One moment for all looks at catalogs that other databases of the cluster change too. Most statements are refused
  // and need no look: what was there before is seen when the statement is undone.
  await client.query('begin isolation level repeatable read; select; savepoint before');
  try {
    await client.query(sql);
    await client.query('set local role none');
    const after = await catalog();
    await client.query('rollback to before');
    const before = await catalog();
    const changed = [...after.keys()].filter((name) => after.get(name) !== before.get(name));
    return { code: 'ok', changed: changed.join(', ') };
  } catch (error) {
    return { code: (error as pg.DatabaseError).code ?? '', changed: '' };
  } finally {
    await client.query('rollback');
  }
}

/** How a statement ended: `ok`, or its SQLSTATE; what it did is rolled back unless `keep`. */
export async function outcomeOf(
  client: pg.Client,
  sql: string,
): Promise<{ code: string; message: string; hint: string }> {
  await client.query('begin');
  try {
    await client.query(sql);
    return { code: 'ok', message: '', hint: '' };
  } catch (error) {
    const { code = '', message, hint = '' } = error as pg.DatabaseError;
    return { code, message, hint };
  } finally {
    await client.query('rollback');
  }
}
