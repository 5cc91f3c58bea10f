-- The role that the session acts as, and what it is to the guard.

-- for: everybody
create or replace function databricks_auth.acting_role() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
  );
end $$;
comment on function databricks_auth.acting_role() is 'The role that the session acts as, whatever SECURITY DEFINER functions are running. Cannot be forged.';

-- for: everybody
create or replace function databricks_auth.is_superuser(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select coalesce((select r.rolsuper from pg_roles r where r.rolname = who), false)
  );
end $$;
comment on function databricks_auth.is_superuser(name) is 'Whether the role is a superuser of Postgres.';

-- for: everybody
create or replace function databricks_auth.is_installer(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select databricks_auth.is_superuser(who)
      or exists (select from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'databricks_auth' and r.rolname = who)
  );
end $$;
comment on function databricks_auth.is_installer(name) is
  'Whether the role may change the guard itself: a superuser, or the role that installed it.';

-- for: everybody
create or replace function databricks_auth.is_sync(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- pg_has_role is true for superusers, whom the guard protects from accidents.
  return (
  select not databricks_auth.is_superuser(who) and pg_has_role(who, 'databricks_sync', 'usage')
  );
end $$;
comment on function databricks_auth.is_sync(name) is
  'Whether the role is the sidecar''s: a member of databricks_sync and not a superuser.';

-- for: everybody
create or replace function databricks_auth.override() returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- Both the session and the running code must be a superuser's (or the installer's), who must have set it explicitly: a
  -- value from ALTER DATABASE or ALTER ROLE was not meant for this moment. Such values are applied at login, so the role
  -- that logged in decides.
  return (
  select coalesce(current_setting('databricks_auth.allow_ddl', true), '') = 'on'
     and databricks_auth.is_installer(databricks_auth.acting_role()) and databricks_auth.is_installer(current_user)
     and not exists (
       select from pg_db_role_setting s, unnest(s.setconfig) setting
        where setting like 'databricks\_auth.allow\_ddl=%'
          and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
          and (s.setrole in (0, (select r.oid from pg_roles r where r.rolname = session_user))
               or s.setrole = (select a.usesysid from pg_stat_get_activity(pg_backend_pid()) a)))
  );
end $$;
comment on function databricks_auth.override() is 'Whether a superuser, or the installer, bypasses the guard on purpose: SET databricks_auth.allow_ddl = on.';

-- for: owner
create or replace function databricks_auth.allow_ddl(setting text default 'on') returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  before constant text := coalesce(current_setting('databricks_auth.allow_ddl', true), '');
begin
  -- Not a SET clause of the functions that need it: only a superuser may write one for a setting that no module defines.
  perform set_config('databricks_auth.allow_ddl', setting, true);
  return before;
end $$;
comment on function databricks_auth.allow_ddl(text) is
  'Sets databricks_auth.allow_ddl until the transaction ends, for the guard''s own work, and returns what it was.';
