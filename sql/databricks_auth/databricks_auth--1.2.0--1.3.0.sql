-- Generated from sql/*.sql by npm run extension. Do not edit.
\echo Use "ALTER EXTENSION databricks_auth UPDATE" to load this file. \quit

do $databricks_auth$
declare
  object record;
begin
  if exists (select from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
              where e.extname = 'databricks_auth' and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
                and d.classid = 'pg_catalog.pg_namespace'::regclass and d.objid = '__db_system'::regnamespace) then
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
    select format('event trigger %I', evtname), 'pg_event_trigger'::regclass, oid from pg_event_trigger where evtname like 'databricks\_auth\_%'
  loop
    if not exists (select from pg_depend d where d.classid = object.class and d.objid = object.oid and d.deptype = 'e') then
      execute 'alter extension databricks_auth add ' || object.name;
    end if;
  end loop;
  -- What a dump has to carry. The rest is derived, or lives for one command.
  perform pg_catalog.pg_extension_config_dump('databricks_auth.synced_tables', '');
  perform pg_catalog.pg_extension_config_dump('databricks_auth.managers', '');
end $databricks_auth$;

do $databricks_auth$
begin
  if pg_catalog.to_regprocedure('databricks_auth.hint_after(text)') is null then
    execute $databricks_auth_body$
-- Refusals of the guard: none with an empty DETAIL, and writes are refused without frames of our own code below them.
--
-- As all changes of databricks_auth, this may run on a database that the extension has brought here already.

create or replace function databricks_auth.hint_after(advice text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(' ', advice, databricks_auth.hint())
$$;
comment on function databricks_auth.hint_after(text) is 'The hint of a refusal: what to do about this one, and what every refusal tells.';

create or replace function databricks_auth.refuse(sql_state text, message text, advice text default null, detail text default '') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  said constant text := 'databricks_auth: ' || refuse.message;
begin
  if coalesce(refuse.detail, '') = '' then
    raise exception using errcode = sql_state, message = said, hint = databricks_auth.hint_after(advice);
  end if;
  raise exception using errcode = sql_state, message = said, detail = refuse.detail, hint = databricks_auth.hint_after(advice);
end $$;

create or replace function databricks_auth.write_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_partition constant boolean := tg_table_schema = '__db_system';
begin
  if databricks_auth.is_sync(current_user) then
    return null;
  end if;
  -- In an emergency members of databricks_superuser may correct rows, through the table itself.
  if tg_op <> 'TRUNCATE' and not is_partition and pg_has_role(current_user, 'databricks_superuser', 'usage') then
    return null;
  end if;
  if databricks_auth.override() then
    return null;
  end if;
  raise exception using errcode = '25006',
    message = format('databricks_auth: %s is refused, synced table %I.%I is read-only', tg_op, tg_table_schema, tg_table_name),
    hint = databricks_auth.hint_after('Change the source table instead; the next sync brings the change here.');
end $$;

$databricks_auth_body$;
  end if;
end $databricks_auth$;
