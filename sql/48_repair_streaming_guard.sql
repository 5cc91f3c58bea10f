-- repair() makes the event triggers of streaming tables again: a dump that somebody else than a superuser restores lacks
-- them, and a superuser may drop them.

create function synced_tables._guard_streaming_tables() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted record;
  state "char";
begin
  for wanted in
    select * from (values
      ('synced_tables_streaming_drop', 'sql_drop execute function synced_tables._ev_streaming_drop()'),
      ('synced_tables_streaming_ddl',
       'ddl_command_end when tag in (''ALTER TABLE'', ''ALTER VIEW'', ''CREATE VIEW'', ''CREATE INDEX'', ''ALTER INDEX'', ''CREATE TRIGGER'', '
       || '''ALTER TRIGGER'', ''CREATE RULE'', ''ALTER RULE'', ''CREATE POLICY'', ''ALTER POLICY'', ''ALTER SCHEMA'', ''CREATE FUNCTION'', '
       || '''ALTER FUNCTION'') execute function synced_tables._ev_streaming_ddl()')) as t (name, definition)
  loop
    state := (select e.evtenabled from pg_event_trigger e where e.evtname = wanted.name);
    continue when state = 'A';
    if state is null then
      execute format('create event trigger %I on %s', wanted.name, wanted.definition);
    end if;
    execute format('alter event trigger %I enable always', wanted.name);
    object := 'event trigger ' || wanted.name;
    outcome := case when state is null then 'made' else 'enabled' end;
    return next;
  end loop;
end $$;
comment on function synced_tables._guard_streaming_tables() is
  'Makes and enables the event triggers that keep parts of streaming tables from being dropped or altered; tells what it did.';

create or replace function synced_tables.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp set databricks_auth.allow_ddl = 'on' as $$
#variable_conflict use_column
declare
  target synced_tables._cdc_targets;
  is_elsewhere boolean := false;
  is_complete boolean := true;
begin
  perform synced_tables._watch_managers();
  return query select * from databricks_auth.repair();
  return query select * from synced_tables._guard_streaming_tables();
  return query select * from synced_tables._repair_registrations();
  return query select * from synced_tables._repair_gateway();
  perform synced_tables._repair_rights();
  is_elsewhere := (select split_part(s.place, '/', 1) <> split_part(databricks_auth.place(), '/', 1) from synced_tables._service s);
  if is_elsewhere then
    for object, outcome in select s.object, s.outcome from synced_tables._settle_in() s loop
      is_complete := is_complete and outcome not like 'waits: %';
      return next;
    end loop;
  end if;
  return query select * from synced_tables._repair_tokens();
  for target in select * from synced_tables._cdc_targets t order by t.schema_name, t.table_name loop
    object := format('streaming table %I.%I', target.schema_name, target.table_name);
    outcome := synced_tables._repair_streaming_table(target);
    if outcome is not null then
      return next;
    end if;
  end loop;
  return query select * from synced_tables._repair_flows();
  if is_complete then
    update synced_tables._service s set place = databricks_auth.place() where s.place <> databricks_auth.place();
  end if;
end $$;

revoke execute on function synced_tables._guard_streaming_tables() from public;
