import type pg from 'pg';
import { isPostgresError } from '../../postgres/session/session.js';

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

/** How the guard works here. */
export interface GuardMode {
  readonly mode: 'whole' | 'by ownership';
  /** The role that owns the installation. */
  readonly installer: string;
  /** Roles of Postgres that ours should be members of and are not, and what is lost without. */
  readonly missingMemberships: readonly { readonly role: string; readonly grantee: string; readonly effect: string }[];
}

/** Null where the functions of the guard are missing, or older than this. */
export async function readGuardMode(client: pg.Client): Promise<GuardMode | null> {
  const { rows: found } = await client.query<{ there: boolean }>(
    `select to_regprocedure('databricks_auth.mode()') is not null
        and to_regprocedure('databricks_auth.wanted_memberships()') is not null as there`,
  );
  if (found[0]?.there !== true) return null;
  const { rows } = await client.query<GuardMode>(
    `select databricks_auth.mode() as mode,
            (select n.nspowner::regrole::text from pg_namespace n where n.nspname = 'databricks_auth') as installer,
            array(select jsonb_build_object('role', w.role_name, 'grantee', w.grantee, 'effect', w.what_for)
                    from databricks_auth.wanted_memberships() w
                   where to_regrole(w.grantee::text) is not null and not pg_has_role(w.grantee, w.role_name, 'usage')) as "missingMemberships"`,
  );
  return rows[0] ?? null;
}

/** What is wrong with the event triggers of the guard, by the list that also installs them; empty if it is intact. */
export async function readGuardDamage(client: pg.Client): Promise<string[]> {
  const { rows: lists } = await client.query<{ missing: boolean }>(
    `select to_regprocedure('databricks_auth.wanted_event_triggers()') is null
         or to_regprocedure('synced_tables_internal._wanted_event_triggers()') is null as missing`,
  );
  if (lists[0]?.missing !== false) return ['its functions are missing'];
  const { rows } = await client.query<{ damage: string }>(
    `select format('event trigger %s %s', w.name, d.damage) as damage
       from synced_tables_internal._wanted_event_triggers() w
      cross join lateral databricks_auth.event_trigger_damage(w.name, w.event, w.tags, w.function) as d (damage)
      where d.damage is not null
     union all
     select 'setting event_triggers is off' where current_setting('event_triggers', true) = 'off'`,
  );
  return rows.map(({ damage }) => damage);
}

/** Rights that the sidecar, or the guard within commands of all roles, needs and lacks. For superusers and databricks_sync. */
export async function readMissingRights(client: pg.Client): Promise<string[]> {
  try {
    const { rows } = await client.query<{ missing: string }>(
      'select missing from synced_tables_internal._missing_rights()',
    );
    return rows.map(({ missing }) => missing);
  } catch (error) {
    // Without the right to look, all that is known is which right that is.
    if (isPostgresError(error) && error.code === '42501') return [error.message];
    throw error;
  }
}

/** A publication of this database that concerns tables of ours. */
export interface PublicationFacts {
  readonly publication: string;
  /** Tables of ours in it whose rows nobody may update or delete for lack of a replica identity. */
  readonly stopped: readonly string[];
  /** Whether tables that refreshes load are in it. */
  readonly hasRefreshes: boolean;
}

/** Publications that stop calls, or that carry the loads of refreshes. For superusers and databricks_sync. */
export async function readPublications(client: pg.Client): Promise<PublicationFacts[]> {
  const { rows } = await client.query<PublicationFacts>(
    `select p.pubname as publication,
            array(select i.relation::text from synced_tables_internal._tables_without_identity() as i (relation)
                   where (p.pubupdate or p.pubdelete)
                     and (p.puballtables
                          or exists (select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = i.relation)
                          or exists (select from pg_publication_namespace n join pg_class c on c.relnamespace = n.pnnspid
                                      where n.pnpubid = p.oid and c.oid = i.relation)) order by 1) as stopped,
            p.pubinsert and (p.puballtables
              or exists (select from pg_publication_namespace n where n.pnpubid = p.oid and n.pnnspid = to_regnamespace('__db_system')))
              as "hasRefreshes"
       from pg_publication p order by 1`,
  );
  return rows.filter(({ stopped, hasRefreshes }) => stopped.length > 0 || hasRefreshes);
}

export interface TableProtection {
  readonly table: string;
  /** What is wrong with the table; empty if it is intact. */
  readonly damage: readonly string[];
}

/**
 * Owner, partition and write gates of each synced table, gates by the list that also puts them up. For superusers and
 * databricks_sync, where the functions of the guard are there.
 */
export async function readTableProtection(client: pg.Client): Promise<TableProtection[]> {
  const { rows } = await client.query<TableProtection>(
    `select format('%I.%I', n.nspname, c.relname) as table, array_remove(array[
              case when r.oid is null then format('owner role %s is missing', s.owner_role)
                   when c.relowner <> r.oid then format('it belongs to %s', pg_get_userbyid(c.relowner)) end,
              case when part.relation is null then 'it has not its one partition' end,
              (select string_agg(format('%s %s', d.name, d.damage), ', ' order by d.name)
                 from unnest(array[c.oid, part.relation]) g (relation) cross join lateral databricks_auth.gate_damage(g.relation) d),
              (select 'its owner role has been granted to ' || string_agg(pg_get_userbyid(m.member), ', ')
                 from pg_auth_members m join pg_roles who on who.oid = m.member
                where m.roleid = r.oid and who.rolname <> 'databricks_sync' and not who.rolsuper
                  -- From version 16 on, the role that made it administers it, without its rights.
                  and not (m.admin_option and who.rolname = 'databricks_installer'))
            ], null) as damage
       from databricks_auth.synced_tables s
       join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
       left join pg_roles r on r.rolname = s.owner_role
       cross join lateral (select databricks_auth.sole_partition(s.synced_table)::oid as relation) part`,
  );
  return rows;
}
