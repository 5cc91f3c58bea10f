-- The roles, and what each may do in the schemas of the guard.
--
--   databricks_superuser   manages synced tables and their readers; a group that is granted to people
--   databricks_sync        what the sidecar acts as (SET ROLE); owns __db_system, member of every owner role
--   databricks_st_<database>_<table>   owns one synced table and its partition; nobody logs in as it
--   databricks_gateway     lends callers of the HTTP API to the sidecar; see repair/rights.sql
--
-- Where no superuser installs, as on managed servers, two more; src/postgres/install/installer.ts makes them:
--
--   databricks_installer   owns our schemas and functions; member of databricks_sync, CREATEROLE; nobody logs in as it
--   databricks_admin       granted to administrators: has no rights, but may SET ROLE to databricks_installer and databricks_sync

-- for: owner
create or replace function databricks_auth.make_role(role_name name, about text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regrole(quote_ident(role_name)) is not null then
    return false;
  end if;
  -- Roles belong to the whole cluster, and two databases may be migrated at the same time, out of reach of each other's
  -- advisory locks. pg_authid is a shared table, so a superuser's lock on it works. Logins continue; CREATE, ALTER and DROP
  -- ROLE wait. Without a superuser the slower one meets duplicate_object, and migrates again.
  if databricks_auth.is_superuser(current_user) then
    lock table pg_authid in share row exclusive mode;
    if to_regrole(quote_ident(role_name)) is not null then
      return false;
    end if;
  end if;
  execute format('create role %I nologin', role_name);
  execute format('comment on role %I is %L', role_name, about);
  return true;
end $$;
comment on function databricks_auth.make_role(name, text) is 'Creates a group of ours that is missing; false if there is one of that name.';

-- for: owner
create or replace function databricks_auth.try_grant(role_name name, grantee name) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if pg_has_role(grantee, role_name, 'usage') then
    return true;
  end if;
  execute format('grant %I to %I', role_name, grantee);
  return true;
exception when insufficient_privilege then
  -- From version 16 on it takes the ADMIN option on the role; doctor names the statement for an administrator.
  return false;
end $$;
comment on function databricks_auth.try_grant(name, name) is 'Grants a role of Postgres; false if the current role may not.';

-- for: owner
create or replace function databricks_auth.make_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  membership record;
begin
  perform databricks_auth.make_role('databricks_superuser', 'Looks after synced tables: creates, syncs and deletes them, and grants access.');
  perform databricks_auth.make_role('databricks_sync', 'What the synced-tables sidecar acts as. Grant it to the role that the sidecar logs in with.');
  if not databricks_auth.is_superuser(current_user) then
    -- What the functions of a superuser may do anyway: act on what belongs to databricks_sync and to owner roles.
    perform databricks_auth.join_sync();
  end if;
  for membership in select w.role_name, w.grantee from databricks_auth.wanted_memberships() w loop
    perform databricks_auth.try_grant(membership.role_name, membership.grantee);
  end loop;
  perform databricks_auth.grant_rights();
  perform databricks_auth.admit_roles();
end $$;
comment on function databricks_auth.make_roles() is 'Creates the roles and the schema __db_system if missing, and grants the rights and policies of the guard. Safe to repeat.';

-- for: everybody
create or replace function databricks_auth.wanted_memberships() returns table (role_name name, grantee name, what_for text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- As on Lakebase: members of databricks_superuser read and write all data, and see all sessions.
  values ('pg_read_all_data'::name, 'databricks_superuser'::name, 'its members do not read the tables of others'),
         ('pg_write_all_data', 'databricks_superuser', 'its members do not write the tables of others'),
         ('pg_monitor', 'databricks_superuser', 'its members do not see what the sessions of others do')
$$;
comment on function databricks_auth.wanted_memberships() is
  'Roles of Postgres that ours should be members of, and what is lost without: from version 16 on, only roles with the ADMIN option on them can grant them.';

-- for: owner
create or replace function databricks_auth.join_sync() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  has_options constant boolean := current_setting('server_version_num')::int >= 160000;
begin
  if pg_has_role(current_user, 'databricks_sync', 'usage') and pg_has_role(current_user, 'databricks_sync', case when has_options then 'set' else 'member' end) then
    return;
  end if;
  execute format('grant databricks_sync to %I', current_user) || case when has_options then ' with inherit true, set true' else '' end;
exception when insufficient_privilege then
  raise exception using errcode = '42501',
    message = format('databricks_auth: role databricks_sync was made by somebody else, and role %I may not join it', current_user),
    hint = format('Another database of this server has synced tables. Have its administrator run: GRANT databricks_sync, databricks_superuser, databricks_gateway TO %I WITH ADMIN OPTION;', current_user);
end $$;
comment on function databricks_auth.join_sync() is 'Makes the current role, which installs without being a superuser, a member of databricks_sync.';

-- for: owner
create or replace function databricks_auth.grant_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Not IF NOT EXISTS, which an extension cannot use for a schema it does not own.
  if to_regnamespace('__db_system') is null then
    create schema __db_system;
    comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';
  end if;
  -- Only if it differs: the guard lets nobody alter a schema that holds partitions.
  if (select n.nspowner <> 'databricks_sync'::regrole from pg_namespace n where n.nspname = '__db_system') then
    alter schema __db_system owner to databricks_sync;
  end if;
  revoke all on schema __db_system from public;
  grant usage on schema databricks_auth to public, databricks_sync, databricks_superuser;
  grant select on databricks_auth.synced_tables to databricks_sync;
  grant select, delete, insert (synced_table, manager, manager_oid) on databricks_auth.managers to databricks_superuser;
  grant select on databricks_auth.open_windows, public.databricks_synced_table_managers, public.databricks_list_roles
    to public, databricks_sync, databricks_superuser;
  -- Functions for the sidecar, as marked in their files.
  grant execute on function databricks_auth.register(regclass), databricks_auth.prepare_partition(regclass, regclass),
    databricks_auth.missing_indexes(regclass, regclass), databricks_auth.sole_partition(regclass), databricks_auth.gate(regclass),
    databricks_auth.write_guard(), databricks_auth.apply_guard() to databricks_sync;
  -- Called by the write gate for those that it lets write.
  grant execute on function databricks_auth.note_hand_write(oid, text) to databricks_sync, databricks_superuser;
  -- What others have through PUBLIC, a hardened database has taken from it. Changes are staged in temporary tables.
  execute format('grant connect, temporary on database %I to databricks_sync, databricks_superuser', current_database());
  if databricks_auth.is_superuser(current_user) then
    grant usage on language plpgsql to databricks_sync;
  end if;
  -- As on Lakebase: its members may create schemas, hence synced tables in new schemas.
  execute format('grant create on database %I to databricks_superuser', current_database());
end $$;
comment on function databricks_auth.grant_rights() is 'Grants the rights in the schemas of the guard.';

-- for: owner
create or replace function databricks_auth.admit_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- A policy is dropped with its role, so it may have to be created again after a restore.
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.synced_tables'::regclass and p.polname = 'synced_tables_sync'
                    and p.polroles = array['databricks_sync'::regrole::oid]) then
    drop policy if exists synced_tables_sync on databricks_auth.synced_tables;
    create policy synced_tables_sync on databricks_auth.synced_tables for select to databricks_sync using (true);
  end if;
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.managers'::regclass and p.polname = 'managers_appoint'
                    and p.polroles = array['databricks_superuser'::regrole::oid]) then
    drop policy if exists managers_appoint on databricks_auth.managers;
    create policy managers_appoint on databricks_auth.managers to databricks_superuser
      using (true) with check (granted_by = current_user and place = databricks_auth.place());
  end if;
end $$;
comment on function databricks_auth.admit_roles() is 'The policies that let the guard''s roles past row security.';
