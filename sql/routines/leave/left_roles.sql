-- Owner roles of databases that were dropped: roles belong to the server, and DROP DATABASE leaves them.

-- for: sidecar
create or replace function synced_tables_internal._left_roles() returns setof name
language sql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
  select r.rolname from pg_roles r
   where r.rolname ~ '^databricks_st_\d+_\d+_*$' and not r.rolcanlogin and not r.rolsuper
     and not exists (select from pg_database d where starts_with(r.rolname, format('databricks_st_%s_', d.oid)))
     -- A database that was made as a copy may still use them.
     and not exists (select from pg_shdepend s where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid)
   order by r.rolname
$$;
comment on function synced_tables_internal._left_roles() is 'Owner roles of synced tables of databases that are gone, which nothing needs any more.';

-- for: operators
create or replace function synced_tables.drop_left_roles() returns table (role_name name, outcome text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  for role_name in select r from synced_tables_internal._left_roles() r loop
    begin
      execute format('drop role %I', role_name);
      outcome := 'dropped';
    exception
      -- Somebody else was faster.
      when undefined_object or internal_error then
        continue;
      when dependent_objects_still_exist or insufficient_privilege then
        outcome := 'stays: ' || sqlerrm;
    end;
    return next;
  end loop;
end $$;
comment on function synced_tables.drop_left_roles() is
  'Drops the owner roles that DROP DATABASE has left behind, as sidecars do now and then. For databricks_superuser.';
