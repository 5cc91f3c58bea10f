-- Streaming tables become plain ones. People read a view over rows that hold more than they are shown: those are copied.

-- for: owner
create or replace function synced_tables_internal._make_streaming_plain(target synced_tables._cdc_targets, new_owner name) returns void
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  view constant regclass := target.target;
  target_name constant text := format('%I.%I', target.schema_name, target.table_name);
  copy constant text := format('%I.%I', target.schema_name, synced_tables_internal._free_name(target.schema_name, target.table_name || '_rows'));
  grants constant text[] := synced_tables_internal._table_grants(view, target_name);
  views constant text[] := synced_tables_internal._view_statements(view);
  comments constant text[] := synced_tables_internal._comment_statements(view, target_name);
  keys constant text := (select string_agg(substring(k from '^"(?:[^"]|"")*"'), ', ') from jsonb_array_elements_text(target.shape -> 'keys') k);
  shell constant name := synced_tables_internal._free_name(target.schema_name, target.table_name || '_view');
  statement text;
begin
  execute format('create table %s as table %s', copy, view);
  execute format('alter view %s rename to %I', view, shell);
  execute format('alter table %s rename to %I', copy, target.table_name);
  foreach statement in array views loop
    execute statement;
  end loop;
  perform synced_tables_internal._drop_target_parts(target);
  foreach statement in array comments loop
    if statement not like '%Kept by Auto CDC%' then
      execute statement;
    end if;
  end loop;
  if target.shape ->> 'scdType' = '1' and keys is not null then
    execute format('alter table %s add primary key (%s)', target_name, keys);
  elsif keys is not null then
    execute format('create index on %s (%s)', target_name, keys);
  end if;
  perform synced_tables_internal._give_relation(target_name::regclass, 'table', new_owner, grants);
end $$;
comment on function synced_tables_internal._make_streaming_plain(synced_tables._cdc_targets, name) is
  'Puts a plain table with the same rows in the place of a streaming table: its views, grants and comments stay.';

-- for: owner
create or replace function synced_tables_internal._drop_target_parts(target synced_tables._cdc_targets) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  part record;
begin
  -- Found before the view goes, since a storage table is found through it.
  for part in
    select p.part::regclass as relation, c.relkind
      from synced_tables_internal._streaming_parts() p join pg_class c on c.oid = p.part
     where p.target_id = target.target_id and c.relowner = 'databricks_sync'::regrole order by c.relkind <> 'v', p.part
  loop
    execute format('drop %s %s', case part.relkind when 'v' then 'view' else 'table' end, part.relation);
  end loop;
  execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
end $$;
comment on function synced_tables_internal._drop_target_parts(synced_tables._cdc_targets) is
  'Drops the view of a streaming table and the private tables behind it.';
