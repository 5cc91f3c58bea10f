import type pg from 'pg';

/** How the SQL side is installed, and what the login role may do there. */
export interface InstallationFacts {
  readonly encoding: string;
  /** Whether there is a schema synced_tables, readable or not. */
  readonly hasSchema: boolean;
  /** Whether the login role may read its contents. */
  readonly isReadable: boolean;
  /** Null without the extension. */
  readonly extensionInstalled: string | null;
  /** Null if the server lacks its files. */
  readonly extensionAvailable: string | null;
  readonly missingRoles: readonly string[];
  readonly isSyncSuperuser: boolean;
  /** Whether the login role may act as databricks_sync, as a sidecar does. */
  readonly maySync: boolean;
}

export async function readInstallationFacts(client: pg.Client): Promise<InstallationFacts> {
  const { rows } = await client.query<InstallationFacts>(INSTALLATION_FACTS);
  const [facts] = rows;
  if (!facts) throw new Error('the database tells nothing of itself');
  return facts;
}

// From PostgreSQL 16 on, SET ROLE can be denied to a member.
const INSTALLATION_FACTS = `
  select current_setting('server_encoding') as encoding, to_regnamespace('synced_tables') is not null as "hasSchema",
         coalesce(has_schema_privilege(to_regnamespace('synced_tables'), 'usage'), false) as "isReadable",
         (select extversion from pg_extension where extname = 'databricks_auth') as "extensionInstalled",
         (select default_version from pg_available_extensions where name = 'databricks_auth') as "extensionAvailable",
         array(select role from unnest(array['databricks_superuser', 'databricks_sync', 'databricks_gateway']) role
                where to_regrole(role) is null) as "missingRoles",
         coalesce((select rolsuper from pg_roles where rolname = 'databricks_sync'), false) as "isSyncSuperuser",
         coalesce(pg_has_role(session_user, to_regrole('databricks_sync'),
           case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end), false) as "maySync"`;

/** Event triggers of the guard, as listed in sql/routines/guard/event_triggers.sql. */
const EVENT_TRIGGERS = `
  values ('databricks_auth_0_close', 'ddl_command_end', 'ev_close'), ('databricks_auth_1_guard', 'ddl_command_start', 'ev_guard'),
         ('databricks_auth_2_open', 'ddl_command_start', 'ev_open'), ('databricks_auth_3_kind', 'ddl_command_start', 'ev_kind'),
         ('databricks_auth_careful', 'ddl_command_end', 'ev_careful'), ('databricks_auth_drop', 'sql_drop', 'ev_drop')`;

/** What is wrong with the event triggers of the guard; empty if it is intact. */
export async function readGuardDamage(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ damage: string }>(
    `with wanted (name, event, function) as (${EVENT_TRIGGERS})
     select format('event trigger %s %s', w.name, case
              when t.oid is null then 'is missing'
              when t.evtenabled <> 'A' then 'is switched off'
              when t.evtevent <> w.event or p.proname <> w.function or n.nspname <> 'databricks_auth' then 'is not ours'
              else 'runs code of role ' || r.rolname || ', which is no superuser' end) as damage
       from wanted w left join pg_event_trigger t on t.evtname = w.name left join pg_proc p on p.oid = t.evtfoid
       left join pg_namespace n on n.oid = p.pronamespace left join pg_roles r on r.oid = p.proowner
      where (t.evtenabled = 'A' and t.evtevent = w.event and p.proname = w.function and n.nspname = 'databricks_auth' and r.rolsuper)
            is not true
     union all
     select 'setting event_triggers is off' where current_setting('event_triggers', true) = 'off'`,
  );
  return rows.map(({ damage }) => damage);
}

export interface TableProtection {
  readonly table: string;
  /** What is wrong with the table; empty if it is intact. */
  readonly damage: readonly string[];
}

/** Owner, partition and write gates of each synced table. For superusers and databricks_sync. */
export async function readTableProtection(client: pg.Client): Promise<TableProtection[]> {
  const { rows } = await client.query<TableProtection>(
    `select format('%I.%I', n.nspname, c.relname) as table, array_remove(array[
              case when r.oid is null then format('owner role %s is missing', s.owner_role)
                   when c.relowner <> r.oid then format('it belongs to %s', pg_get_userbyid(c.relowner)) end,
              case when part.relation is null then 'it has not its one partition' end,
              case when exists (select from unnest(array[c.oid, part.relation]) g (relation) where g.relation is not null
                                  and not exists (select from pg_trigger t where t.tgrelid = g.relation
                                                     and t.tgname = 'databricks_write_guard' and t.tgenabled = 'A'))
                   then 'a write gate is missing or off' end,
              (select 'its owner role has been granted to ' || string_agg(pg_get_userbyid(m.member), ', ')
                 from pg_auth_members m join pg_roles who on who.oid = m.member
                where m.roleid = r.oid and who.rolname <> 'databricks_sync' and not who.rolsuper)
            ], null) as damage
       from databricks_auth.synced_tables s
       join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
       left join pg_roles r on r.rolname = s.owner_role
       cross join lateral (select databricks_auth.sole_partition(s.synced_table)::oid as relation) part`,
  );
  return rows;
}
