-- Declaring streaming tables.

-- for: owner
create or replace function synced_tables_internal._find_streaming_table(parts text[]) returns synced_tables._streaming_tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._streaming_tables;
begin
  select * into wanted from synced_tables._streaming_tables t where t.schema_name = parts[1] and t.table_name = parts[2];
  return wanted;
end $$;
comment on function synced_tables_internal._find_streaming_table(text[]) is 'The registry row of a streaming table; its columns are null if there is none.';

-- for: owner
create or replace function synced_tables_internal._may_take_over_target(schema_name text, table_name text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- The view is the sidecar's, or something else has its name.
  select exists (
    select from synced_tables._cdc_targets t join pg_class c on c.oid = t.target
     where t.schema_name = _may_take_over_target.schema_name and t.table_name = _may_take_over_target.table_name and t.refreshed_by is null
       and c.relkind = 'v' and c.relowner = to_regrole('databricks_sync') and t.target = to_regclass(format('%I.%I', t.schema_name, t.table_name))
       and synced_tables_internal._may_control(t.created_by))
$$;
comment on function synced_tables_internal._may_take_over_target(text, text) is
  'Whether a streaming table was deleted without its data and the acting role may declare it again: its first update then replaces what is left.';

-- for: owner
create or replace function synced_tables_internal._declare_streaming_table(parts text[], declared jsonb, pipeline uuid) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  existing constant synced_tables._streaming_tables := synced_tables_internal._find_streaming_table(parts);
  made uuid;
begin
  if existing.table_id is not null then
    if existing.pipeline_id <> pipeline then
      perform synced_tables_internal._raise('PIPELINE_TABLE_ELSEWHERE', '42710',
        format('Streaming table %s belongs to pipeline %s, not to this one.', existing.synced_table, existing.pipeline_id),
        'Write to it from that pipeline, or choose another name.');
    end if;
    update synced_tables._streaming_tables t set declared = _declare_streaming_table.declared where t.table_id = existing.table_id;
    return existing.table_id;
  end if;
  perform synced_tables_internal._check_target(parts[1], parts[2], true, true);
  insert into synced_tables._streaming_tables (schema_name, table_name, pipeline_id, declared, message, created_by)
  values (parts[1], parts[2], pipeline, _declare_streaming_table.declared, 'Waits for its first update.', synced_tables_internal._acting_role())
  on conflict on constraint _streaming_tables_name_key do nothing returning table_id into made;
  if made is null then  -- another session was slightly faster
    perform synced_tables_internal._raise_exists(synced_tables_internal._display_name(parts[1], parts[2]));
  end if;
  return made;
end $$;
comment on function synced_tables_internal._declare_streaming_table(text[], jsonb, uuid) is 'Registers a streaming table, or replaces its declaration.';

-- for: operators
create or replace function synced_tables_served.create_streaming_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema(),
  continuous boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  parts constant text[] := synced_tables_internal._name_in_schema(create_streaming_table.name, default_schema);
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
  threshold constant text := coalesce(table_properties ->> 'pipelines.cdc.tombstoneGCThresholdInSeconds',
                                      table_properties ->> 'pipelines.applyChanges.tombstoneGCThresholdInSeconds');
  pipeline uuid;
begin
  if threshold !~ '^\d{1,9}$' then
    perform synced_tables_internal._raise('STREAMING_TABLE_PROPERTY_INVALID', '22023',
      format('The tombstone threshold of streaming table %s is not a number of seconds.', full_name), 'Give a whole number, for example 172800.');
  end if;
  if (synced_tables_internal._find_streaming_table(parts)).table_id is not null then
    perform synced_tables_internal._raise_exists(full_name);
  end if;
  begin
    insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind)
    values ('Streaming table: ' || full_name, case when continuous then 'CONTINUOUS' else 'TRIGGERED' end, synced_tables_internal._acting_role(), 'FLOWS')
    returning pipeline_id into pipeline;
  exception when unique_violation then
    perform synced_tables_internal._raise_exists(full_name);
  end;
  perform synced_tables_internal._declare_streaming_table(parts,
    jsonb_build_object('columns', null, 'comment', create_streaming_table.comment, 'tombstoneSeconds', threshold::bigint), pipeline);
  perform synced_tables_internal._record_event('INFO', 'streaming_table_created', full_name, pipeline, null,
    format('%I declared streaming table %s.', synced_tables_internal._acting_role(), full_name));
  return pipeline;
end $$;
comment on function synced_tables_served.create_streaming_table(text, text, jsonb, text, boolean) is
  'Declares the target of flows: see apply_changes. With continuous, its flows run automatically as soon as their sources have something new; otherwise start_update or sync_now runs them. Returns the id of its pipeline. Needs CREATE on the schema, or on the database if the schema is missing.';

-- for: operators
create or replace function synced_tables.create_streaming_live_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema(),
  continuous boolean default false) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.create_streaming_table(name, comment, table_properties, default_schema, continuous)
$$;
comment on function synced_tables.create_streaming_live_table(text, text, jsonb, text, boolean) is 'The older name of create_streaming_table.';
