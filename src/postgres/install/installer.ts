import pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteIfNeeded } from '../../core/names.js';
import { isPostgresError } from '../session/session.js';

/**
 * Owns our schemas and functions where no superuser installs, as on managed servers. Nobody logs in as it. Its functions
 * do what a superuser's would do otherwise, so it may create roles, and is a member of databricks_sync.
 */
export const INSTALLER_ROLE = 'databricks_installer';
/**
 * Is granted to administrators: it has no rights of its own and inherits none, but lets them SET ROLE to
 * databricks_installer (to migrate and repair) and databricks_sync (to run a sidecar). So an administrator's everyday
 * session neither owns a synced table nor may write it.
 */
const ADMIN_ROLE = 'databricks_admin';

/** A role that is no superuser and wants to install. */
export interface Administrator {
  readonly database: string;
  readonly role: string;
}

interface Lack {
  readonly lacks: string;
  /** What grants it. */
  readonly statement?: string;
}

/**
 * Makes the roles that install in place of a superuser, with the rights that they need in this database. Safe to repeat.
 * @param client a session of the administrator
 * @throws MIGRATION_NOT_ALLOWED naming what the role lacks, and the statements that grant it
 */
export async function prepareInstaller(client: pg.Client, place: Administrator): Promise<void> {
  const lacks = await readLacks(client, place);
  if (lacks.length > 0) throw notAllowed(place, lacks);
  await client.query('begin');
  try {
    await client.query(MAKE_ROLES);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    if (!isPostgresError(error) || error.code !== '42501') throw error;
    const statement = `GRANT ${INSTALLER_ROLE}, ${ADMIN_ROLE} TO ${quoteIfNeeded(place.role)} WITH ADMIN OPTION`;
    throw notAllowed(place, [{ lacks: `somebody else made role ${INSTALLER_ROLE} (${error.message})`, statement }]);
  }
}

/**
 * Runs `work` as the role that owns the installation, in a session of an administrator or a superuser.
 * @param owner null: the session's own role
 */
export async function asInstaller<T>(client: pg.Client, owner: string | null, work: () => Promise<T>): Promise<T> {
  if (owner === null) return work();
  await client.query(`set role ${quoteIdentifier(owner)}`);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // A session too broken to be reset is of no use to anybody; `error` says why.
    await client.query('rollback; reset role').catch(() => {});
    throw error;
  }
  await client.query('reset role');
  return result;
}

/**
 * What is left to do after installing without a superuser: lets administrators act as the sidecar, grants what this
 * server lets them grant, and makes the event triggers of the guard where it lets them.
 * @param client a session of the administrator, as himself
 */
export async function finishAsAdministrator(client: pg.Client, { role }: Administrator): Promise<void> {
  await asInstaller(client, INSTALLER_ROLE, () => client.query(lendRoles(role)));
  const { rows: memberships } = await client.query<{ statement: string }>(
    `select format('grant %I to %I', w.role_name, w.grantee) as statement from databricks_auth.wanted_memberships() w
      where not pg_catalog.pg_has_role(w.grantee, w.role_name, 'usage')`,
  );
  for (const { statement } of memberships) await tryStatement(client, statement);
  const { rows: triggers } = await client.query<{ statement: string }>(
    `select statement from synced_tables_internal._wanted_event_triggers() w
      cross join lateral unnest(databricks_auth.event_trigger_statements(w.name, w.event, w.tags, w.function)) with ordinality as s (statement, place)
      order by w.name, s.place`,
  );
  for (const { statement } of triggers) {
    if (!(await tryStatement(client, statement))) return;
  }
}

/** False if the server does not let the role do it; doctor tells what is missing. */
async function tryStatement(client: pg.Client, statement: string): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    if (isPostgresError(error) && error.code === '42501') return false;
    throw error;
  }
}

async function readLacks(client: pg.Client, { database, role }: Administrator): Promise<Lack[]> {
  const { rows } = await client.query<{ mayCreateRoles: boolean; mayLendDatabase: boolean; mayLendPublic: boolean }>(
    `select r.rolcreaterole as "mayCreateRoles",
            pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create with grant option') as "mayLendDatabase",
            coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('public')::oid, 'create with grant option'), false) as "mayLendPublic"
       from pg_catalog.pg_roles r where r.rolname = current_user`,
  );
  const { mayCreateRoles = false, mayLendDatabase = false, mayLendPublic = false } = rows[0] ?? {};
  const grantee = quoteIfNeeded(role);
  const name = quoteIfNeeded(database);
  return [
    ...(mayCreateRoles ? [] : [{ lacks: 'it may not create roles', statement: `ALTER ROLE ${grantee} CREATEROLE` }]),
    ...(mayLendDatabase
      ? []
      : [
          {
            lacks: `it may not grant rights on database ${database}`,
            statement: `GRANT ALL ON DATABASE ${name} TO ${grantee} WITH GRANT OPTION`,
          },
        ]),
    ...(mayLendPublic
      ? []
      : [
          {
            lacks: 'it may not grant rights on schema public',
            statement: `GRANT ALL ON SCHEMA public TO ${grantee} WITH GRANT OPTION`,
          },
        ]),
  ];
}

/** MIGRATION_NOT_ALLOWED where another role has installed what is there. */
export function notOwner(place: Administrator, owner: string): Error {
  return notAllowed(place, [
    { lacks: `role ${owner}, which is a superuser, installed them, so only a superuser may change them` },
  ]);
}

function notAllowed({ database, role }: Administrator, found: readonly Lack[]): Error {
  const lacks = found.map(({ lacks, statement }) => (statement === undefined ? lacks : `${lacks} (${statement})`));
  return syncedTablesError('MIGRATION_NOT_ALLOWED', { database, role, lacks: lacks.join(', and ') });
}

/** From version 16 on, who creates a role administers it; before, CREATEROLE alone lets one grant any role. */
const MAKE_ROLES = `
  do $$
  declare
    has_options constant boolean := current_setting('server_version_num')::int >= 160000;
    administrator constant name := current_user;
  begin
    if to_regrole('${INSTALLER_ROLE}') is null then
      create role ${INSTALLER_ROLE} nologin createrole;
      comment on role ${INSTALLER_ROLE} is 'Owns the schemas and functions of synced tables. Nobody logs in as it.';
    end if;
    if to_regrole('${ADMIN_ROLE}') is null then
      create role ${ADMIN_ROLE} nologin noinherit;
      comment on role ${ADMIN_ROLE} is 'Grant it to administrators of synced tables: they may SET ROLE to ${INSTALLER_ROLE} and databricks_sync.';
    end if;
    if not pg_has_role('${ADMIN_ROLE}', '${INSTALLER_ROLE}', 'member') then
      execute 'grant ${INSTALLER_ROLE} to ${ADMIN_ROLE}' || case when has_options then ' with inherit false, set true' else '' end;
    end if;
    if not pg_has_role(administrator, '${INSTALLER_ROLE}', case when has_options then 'set' else 'member' end) then
      execute format('grant ${ADMIN_ROLE} to %I', administrator) || case when has_options then ' with inherit false, set true' else '' end;
    end if;
    execute format('grant connect, temporary, create on database %I to ${INSTALLER_ROLE} with grant option', current_database());
    grant usage, create on schema public to ${INSTALLER_ROLE} with grant option;
  end $$`;

/** For databricks_installer, which made these roles: the administrator looks after synced tables from now on. */
function lendRoles(administrator: string): string {
  const name = pg.escapeLiteral(administrator);
  return `
  do $$
  declare
    has_options constant boolean := current_setting('server_version_num')::int >= 160000;
  begin
    if not exists (select from pg_auth_members m where m.roleid = 'databricks_sync'::regrole and m.member = '${ADMIN_ROLE}'::regrole) then
      execute 'grant databricks_sync to ${ADMIN_ROLE}' || case when has_options then ' with inherit false, set true' else '' end;
    end if;
    -- Administrators pass these on: to people who look after synced tables, and to the login role of a sidecar. Until
    -- version 15 they may do so anyway.
    if not has_options and not pg_has_role(${name}, 'databricks_superuser', 'usage') then
      execute format('grant databricks_superuser to %I', ${name});
    end if;
    if has_options and not exists (select from pg_auth_members m where m.roleid = 'databricks_superuser'::regrole and m.member = to_regrole(quote_ident(${name})) and m.admin_option) then
      execute format('grant databricks_superuser to %I with admin true, inherit true, set true', ${name});
    end if;
    if has_options and not exists (select from pg_auth_members m where m.roleid = 'databricks_sync'::regrole and m.member = to_regrole(quote_ident(${name})) and m.admin_option) then
      execute format('grant databricks_sync to %I with admin true, inherit false, set true', ${name});
    end if;
  end $$`;
}
