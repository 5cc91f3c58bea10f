-- The objects of the guard are members of the extension databricks_auth, however they were installed.

-- for: owner
create or replace function databricks_auth.adopt_members() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  object record;
begin
  if exists (select from pg_depend d join pg_extension e on e.oid = d.refobjid
              where e.extname = 'databricks_auth' and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
                and d.classid = 'pg_namespace'::regclass and d.objid = '__db_system'::regnamespace) then
    alter extension databricks_auth drop schema __db_system;
  end if;
  for object in
    select format('%s %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass) as name, 'pg_class'::regclass as class, c.oid
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'v') and (n.nspname = 'databricks_auth' or (n.nspname = 'public' and c.relname in ('databricks_synced_table_managers', 'databricks_list_roles')))
    union all
    select 'function ' || p.oid::regprocedure, 'pg_proc'::regclass, p.oid
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'databricks_auth'
        or (n.nspname = 'public' and p.proname in ('databricks_synced_table_add_manager', 'databricks_synced_table_remove_manager', 'databricks_create_role'))
    union all
    select format('event trigger %I', e.evtname), 'pg_event_trigger'::regclass, e.oid
      from pg_event_trigger e join databricks_auth.wanted_event_triggers() w on w.name = e.evtname
  loop
    if not exists (select from pg_depend d where d.classid = object.class and d.objid = object.oid and d.deptype = 'e') then
      execute 'alter extension databricks_auth add ' || object.name;
    end if;
  end loop;
end $$;
comment on function databricks_auth.adopt_members() is 'Makes all objects of the guard members of the extension databricks_auth; data never is.';
