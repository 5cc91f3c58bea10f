-- Roles for people, service principals and groups, as Lakebase creates them.

-- for: everybody
create or replace function public.databricks_create_role(identity_name text, identity_type text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  kind constant text := lower(identity_type);
begin
  if kind is null or kind not in ('user', 'service_principal', 'group') then
    raise exception using errcode = '22023', message = format('databricks_auth: %L is not a type of identity', identity_type),
      hint = 'Use USER, SERVICE_PRINCIPAL or GROUP.';
  end if;
  if coalesce(identity_name, '') = '' or octet_length(identity_name) > 63 then
    raise exception using errcode = '42602', message = format('databricks_auth: %L cannot be the name of a role', identity_name),
      hint = 'Give the e-mail address, application id or group name, of 1 to 63 bytes.';
  end if;
  if not (select r.rolsuper or r.rolcreaterole from pg_roles r where r.rolname = current_user) then
    raise exception using errcode = '42501', message = format('databricks_auth: role %I may not create roles', current_user),
      hint = format('Give it the right: ALTER ROLE %I CREATEROLE.', current_user);
  end if;
  -- From version 16 on Postgres makes the creator an administrator of the role.
  execute format('create role %I login inherit', identity_name)
    || case when current_setting('server_version_num')::int < 160000 then format(' admin %I', current_user) else '' end;
  execute format('comment on role %I is %L', identity_name, 'databricks identity: ' || kind);
end $$;
comment on function public.databricks_create_role(text, text) is
  'Creates a login role for an identity: USER (e-mail address), SERVICE_PRINCIPAL (application id) or GROUP (name). Needs CREATEROLE; the caller may grant the role.';

-- for: everybody
create or replace view public.databricks_list_roles as
  select r.rolname as role_name, substring(d.description from '^databricks identity: (user|service_principal|group)$') as identity_type
    from pg_catalog.pg_roles r
    join pg_catalog.pg_shdescription d on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   where d.description ~ '^databricks identity: (user|service_principal|group)$';
comment on view public.databricks_list_roles is 'Roles created with databricks_create_role, and the kind of identity of each.';
