-- Keeps parts of streaming tables from being dropped or altered.

-- for: owner
create or replace function synced_tables_internal._streaming_parts() returns table (target_id uuid, full_name text, part oid, part_schema text, part_name text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- By OID where possible: names may just have changed.
  select t.target_id, synced_tables_internal._display_name(t.schema_name, t.table_name),
         case r.key
           when 'view' then t.target::oid
           when 'feed' then t.feed::oid
           when 'storage' then (select d.refobjid from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                                 where w.ev_class = t.target and d.refclassid = 'pg_class'::regclass and d.refobjid <> t.target limit 1)
           else to_regclass(r.value)::oid end,
         (parse_ident(r.value))[1], (parse_ident(r.value))[2]
    from synced_tables._cdc_targets t cross join jsonb_each_text(t.shape -> 'relations') r
$$;
comment on function synced_tables_internal._streaming_parts() is
  'The view of each streaming table and the private tables behind it, including those already dropped.';

-- for: owner
create or replace function synced_tables_internal._refuse_streaming_change(command text, object text, full_name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._raise('STREAMING_TABLE_PROTECTED', '0A000',
    format('%s on %s is refused: it would break streaming table %s.', command, object, full_name),
    format('To drop it: SELECT synced_tables.delete_streaming_table(%L, purge => true); a superuser can go on after SET databricks_auth.allow_ddl = on.', full_name));
end $$;
comment on function synced_tables_internal._refuse_streaming_change(text, text, text) is 'Raises STREAMING_TABLE_PROTECTED.';

-- Roles have no rights in this schema, so the functions of the event triggers run as their owner and look up the role that
-- the session acts as.
-- for: owner
create or replace function synced_tables_internal._ev_streaming_drop() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting name;
  dropped record;
  target synced_tables._cdc_targets;
  wanted synced_tables._streaming_tables;
  part text;
begin
  -- Not in the DECLARE section: an error there, after the extension was dropped, would not be caught below.
  acting := databricks_auth.acting_role();
  if databricks_auth.is_sync(acting) or not exists (select from synced_tables._cdc_targets) then
    return;
  end if;
  for dropped in
    select distinct p.target_id, p.full_name, o.object_identity
      from pg_event_trigger_dropped_objects() o
      join synced_tables_internal._streaming_parts() p
        on o.classid = 'pg_class'::regclass and (o.schema_name, o.object_name) = (p.part_schema, p.part_name)
        or o.classid = 'pg_proc'::regclass and o.schema_name = '__db_system' and o.object_name = 'cdc_dml_' || p.target_id
        or o.classid = 'pg_trigger'::regclass and (o.address_names[1], o.address_names[2]) = (p.part_schema, p.part_name)
  loop
    if not databricks_auth.override() then
      perform synced_tables_internal._refuse_streaming_change(tg_tag, dropped.object_identity, dropped.full_name);
    end if;
    -- A superuser did it on purpose: nothing may be left that would create it again.
    delete from synced_tables._cdc_targets t where t.target_id = dropped.target_id returning * into target;
    continue when target.target_id is null;
    wanted := synced_tables_internal._find_streaming_table(array[target.schema_name, target.table_name]);
    if wanted.table_id is not null then
      perform synced_tables_internal._remove_streaming_table(wanted);
    end if;
    foreach part in array array['view', 'storage', 'feed', 'base'] loop
      if to_regclass(target.shape -> 'relations' ->> part) is not null then
        execute format('drop %s %s cascade', case part when 'view' then 'view' else 'table' end, target.shape -> 'relations' ->> part);
      end if;
    end loop;
    execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
    perform synced_tables_internal._record_event('WARN', 'streaming_table_dropped', dropped.full_name, wanted.pipeline_id, null,
      format('%I dropped %s: streaming table %s is gone, and so are its flows.', acting, dropped.object_identity, dropped.full_name));
  end loop;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'synced_tables: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function synced_tables_internal._ev_streaming_drop() is
  'Event trigger: keeps parts of streaming tables from being dropped by hand; if a superuser insists, removes the whole table.';

-- for: owner
create or replace function synced_tables_internal._ev_streaming_ddl() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  acting name;
  altered record;
begin
  -- Not in the DECLARE section: an error there, after the extension was dropped, would not be caught below.
  acting := databricks_auth.acting_role();
  if databricks_auth.is_sync(acting) or not exists (select from synced_tables._cdc_targets)
     or databricks_auth.override() then
    return;
  end if;
  select p.full_name, d.object_identity into altered
    from pg_event_trigger_ddl_commands() d
    join synced_tables_internal._streaming_parts() p on p.part = case d.classid
           when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
           when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
           when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = d.objid)
           when 'pg_class'::regclass then coalesce((select indrelid from pg_index where indexrelid = d.objid), d.objid) end
      or d.classid = 'pg_namespace'::regclass and (select relnamespace from pg_class where oid = p.part) = d.objid
      or d.classid = 'pg_proc'::regclass and d.object_identity like '%cdc\_dml\_' || p.target_id || '%'
   limit 1;
  if found then
    perform synced_tables_internal._refuse_streaming_change(tg_tag, altered.object_identity, altered.full_name);
  end if;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'synced_tables: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function synced_tables_internal._ev_streaming_ddl() is 'Event trigger: keeps parts of streaming tables from being altered by anybody but the sidecar.';

-- for: everybody
create or replace function synced_tables_internal._wanted_event_triggers() returns table (name name, event text, tags text[], function text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select w.name, w.event, w.tags, w.function from databricks_auth.wanted_event_triggers() w
  union all values
    ('synced_tables_streaming_drop'::name, 'sql_drop', null, 'synced_tables_internal._ev_streaming_drop'),
    ('synced_tables_streaming_ddl', 'ddl_command_end',
     array['ALTER TABLE', 'ALTER VIEW', 'CREATE VIEW', 'CREATE INDEX', 'ALTER INDEX', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE',
           'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY', 'ALTER SCHEMA', 'CREATE FUNCTION', 'ALTER FUNCTION'],
     'synced_tables_internal._ev_streaming_ddl')
$$;
comment on function synced_tables_internal._wanted_event_triggers() is
  'All event triggers of an installation: those of the guard, and those that protect streaming tables.';

-- for: owner
create or replace function synced_tables_internal._guard_streaming_tables() returns table (object text, outcome text)
language sql set search_path = pg_catalog, pg_temp as $$
  select 'event trigger ' || done.name, done.outcome
    from (select w.name, databricks_auth.install_event_trigger(w.name, w.event, w.tags, w.function) as outcome
            from synced_tables_internal._wanted_event_triggers() w where w.name not in (select g.name from databricks_auth.wanted_event_triggers() g)
           order by w.name desc) as done
   where done.outcome is not null
$$;
comment on function synced_tables_internal._guard_streaming_tables() is
  'Creates and enables the event triggers that keep parts of streaming tables from being dropped or altered; returns what it did.';
