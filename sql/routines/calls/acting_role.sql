-- Who is calling. The effective role decides. Inside one of our SECURITY DEFINER functions current_user is the function's
-- owner, and the call records whom it is served for; elsewhere (views, functions that run as their caller) current_user is
-- right.

-- for: everybody
create or replace function synced_tables_internal._served_role() returns name
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    (select c.asked_by from synced_tables._calls_under_way c where c.transaction = pg_current_xact_id_if_assigned()),
    case current_setting('role') when 'none' then session_user else current_setting('role')::name end)
$$;
comment on function synced_tables_internal._served_role() is
  'The role on whose behalf a SECURITY DEFINER function of this schema runs: the signer of the call being served, otherwise the session''s role.';

-- for: everybody
create or replace function synced_tables_internal._acting_role() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if current_user = (select pg_get_userbyid(p.proowner) from pg_proc p where p.oid = 'synced_tables_internal._served_role()'::regprocedure) then
    return synced_tables_internal._served_role();
  end if;
  return current_user;
end $$;
comment on function synced_tables_internal._acting_role() is
  'The role on whose behalf a function was called: the effective role, including that of a served call. Other people''s code gains nothing by running in a more privileged session.';

-- for: everybody
create or replace function synced_tables_internal._has_role(who name, role name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(pg_has_role(to_regrole(quote_ident(who)), to_regrole(quote_ident(role)), 'usage'), false)
$$;
comment on function synced_tables_internal._has_role(name, name) is 'Whether who has the rights of role (superusers have all); false if either does not exist.';
