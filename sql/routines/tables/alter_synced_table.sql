-- Changing how a table is synced. The change is an update of its own: a sidecar holds it against the source, loads the rows
-- beside the old ones where they have to be others, and writes rows and settings in one transaction. Until then, and if it
-- is refused, the table is what it was.

-- for: owner
create or replace function synced_tables_internal._rows_depend_on() returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select array['source_table_full_name', 'primary_key_columns', 'timeseries_key', 'invalid_characters', 'columns', 'row_filter',
               'type_overrides', 'extra_columns', 'extra_index_definitions']
$$;
comment on function synced_tables_internal._rows_depend_on() is
  'The settings whose change takes a new copy of the table, and the rights of its creator: they decide what its readers are shown.';

-- for: owner
create or replace function synced_tables_internal._change_from(before synced_tables._tables, change jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_object_agg(c.key, c.value), '{}')
    from jsonb_each(change) c
    join synced_tables._pipelines p on p.pipeline_id = before.pipeline_id
   where c.value is distinct from case c.key when 'scheduling_policy' then to_jsonb(p.scheduling_policy)
                                              when 'trigger_interval_ms' then coalesce(to_jsonb(p.trigger_interval_ms), 'null')
                                              else to_jsonb(before) -> c.key end
$$;
comment on function synced_tables_internal._change_from(synced_tables._tables, jsonb) is
  'The part of a change that differs from what a table is now.';

-- for: owner
create or replace function synced_tables_internal._check_change(before synced_tables._tables, change jsonb) returns synced_tables._tables
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := jsonb_populate_record(before, change);
  policy constant text := change ->> 'scheduling_policy';
begin
  if change ?| array['primary_key_columns', 'timeseries_key'] then
    perform synced_tables_internal._check_keys(before.synced_table, wanted.primary_key_columns, wanted.timeseries_key);
  end if;
  perform synced_tables_internal._check_ways(before.synced_table, wanted.invalid_characters, wanted.on_history_gap);
  if change ?| array['primary_key_columns', 'columns', 'row_filter'] then
    perform synced_tables_internal._check_choice(before.synced_table, wanted.source_table_full_name, wanted.primary_key_columns,
      wanted.columns, wanted.row_filter);
  end if;
  if change ?| array['type_overrides', 'extra_columns', 'extra_index_definitions'] then
    perform synced_tables_internal._check_target_options(before.synced_table, wanted.type_overrides, wanted.extra_columns,
      wanted.extra_index_definitions);
  end if;
  if change ? 'source_table_full_name' then
    perform synced_tables_internal._check_source(wanted.source_table_full_name);
  end if;
  if change ? 'trigger_interval_ms' then
    perform synced_tables_internal._check_trigger_interval(before.synced_table, (change ->> 'trigger_interval_ms')::integer);
  end if;
  if change ? 'scheduling_policy' and (policy is null or policy not in ('SNAPSHOT', 'TRIGGERED', 'CONTINUOUS')) then
    perform synced_tables_internal._raise('SCHEDULING_POLICY_INVALID', '22023',
      format('Scheduling policy %L of synced table %s is unknown.', policy, before.synced_table), 'Use SNAPSHOT, TRIGGERED or CONTINUOUS.');
  end if;
  -- A table that shares its pipeline leaves it, and the schedule stays with the others.
  if policy = 'CONTINUOUS' and synced_tables_internal._is_alone(before)
     and exists (select from synced_tables._schedules s where s.pipeline_id = before.pipeline_id) then
    perform synced_tables_internal._raise('SCHEDULE_ON_CONTINUOUS', '22023',
      format('Pipeline %s of synced table %s has a schedule, but a CONTINUOUS one follows its sources all the time and needs none.',
             before.pipeline_id, before.synced_table),
      format('Remove the schedule first: SELECT synced_tables.remove_schedule(%L);', before.synced_table));
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._check_change(synced_tables._tables, jsonb) is
  'What a synced table is to become; refuses what create_synced_table would refuse. What only the source can tell, the sidecar finds out.';

-- for: owner
create or replace function synced_tables_internal._is_alone(member synced_tables._tables) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select not exists (select from synced_tables._tables t where t.pipeline_id = member.pipeline_id and t.table_id <> member.table_id)
$$;
comment on function synced_tables_internal._is_alone(synced_tables._tables) is 'Whether a synced table is the only one of its pipeline.';

-- for: owner
create or replace function synced_tables_internal._read_change(full_name text, given jsonb, reset text[]) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  defaults constant jsonb := jsonb_build_object('timeseries_key', null, 'columns', null, 'row_filter', null, 'trigger_interval_ms', null,
    'type_overrides', '[]'::jsonb, 'extra_columns', '[]'::jsonb, 'extra_index_definitions', '[]'::jsonb);
  -- Nested nulls belong to the options.
  change constant jsonb := (select coalesce(jsonb_object_agg(g.key, g.value), '{}') from jsonb_each(given) g where g.value <> 'null');
  wrong text;
begin
  select r into wrong from unnest(reset) r where r is null or not defaults ? r or change ? r limit 1;
  if found then
    perform synced_tables_internal._raise('CHANGE_INVALID', '22023',
      format('Setting %L of synced table %s cannot be reset: %s.', wrong, full_name,
             case when change ? wrong then 'it is given a value at the same time' else 'it has no default' end),
      'Settings that can be reset are ' || (select string_agg(k, ', ' order by k) from jsonb_object_keys(defaults) k) || '.');
  end if;
  if change = '{}' and coalesce(cardinality(reset), 0) = 0 then
    perform synced_tables_internal._raise('CHANGE_INVALID', '22023', format('Nothing about synced table %s is to be changed.', full_name),
      'Name what is to be changed, as in scheduling_policy => ''TRIGGERED'', or what is to be as if it had never been given: reset => array[''row_filter''].');
  end if;
  return change || (select coalesce(jsonb_object_agg(d.key, d.value), '{}') from jsonb_each(defaults) d where d.key = any (reset));
end $$;
comment on function synced_tables_internal._read_change(text, jsonb, text[]) is 'The change that alter_synced_table was asked for, by the names of its parameters.';

-- for: managers
create or replace function synced_tables_served.alter_synced_table(
  synced_table text, source_table_full_name text default null, primary_key_columns text[] default null, scheduling_policy text default null,
  timeseries_key text default null, invalid_characters text default null, allow_file_diff boolean default null, on_history_gap text default null,
  type_overrides jsonb default null, extra_columns jsonb default null, extra_index_definitions jsonb default null,
  accelerated_sync boolean default null, columns text[] default null, row_filter text default null,
  trigger_interval_ms integer default null, reset text[] default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  before constant synced_tables._tables := synced_tables_internal._find_table_to_change(alter_synced_table.synced_table, 'change');
  acting constant name := synced_tables_internal._acting_role();
  change jsonb;
  request uuid;
begin
  change := synced_tables_internal._read_change(before.synced_table, jsonb_build_object(
    'source_table_full_name', coalesce(synced_tables_internal._source_name(alter_synced_table.source_table_full_name), alter_synced_table.source_table_full_name),
    'primary_key_columns', to_jsonb(alter_synced_table.primary_key_columns), 'scheduling_policy', upper(alter_synced_table.scheduling_policy),
    'timeseries_key', alter_synced_table.timeseries_key, 'invalid_characters', alter_synced_table.invalid_characters,
    'allow_file_diff', alter_synced_table.allow_file_diff, 'on_history_gap', alter_synced_table.on_history_gap,
    'type_overrides', alter_synced_table.type_overrides, 'extra_columns', alter_synced_table.extra_columns,
    'extra_index_definitions', alter_synced_table.extra_index_definitions, 'accelerated_sync', alter_synced_table.accelerated_sync,
    'columns', to_jsonb(alter_synced_table.columns), 'row_filter', alter_synced_table.row_filter,
    'trigger_interval_ms', alter_synced_table.trigger_interval_ms), alter_synced_table.reset);
  change := synced_tables_internal._change_from(before, change);
  if change ?| synced_tables_internal._rows_depend_on() and not synced_tables_internal._may_control(before.created_by) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not change what synced table %s shows.', acting, before.synced_table),
      'Ask its creator or a member of databricks_superuser; managers may change when and how it is synced.');
  end if;
  -- Sources are read with the sidecar's rights, so another one takes what creating a table takes.
  if change ? 'source_table_full_name' and not exists (
       select from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace and p.proname = 'create_synced_table'
                               and has_function_privilege(acting, p.oid, 'execute')) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not give synced table %s another source: it may not create synced tables.', acting, before.synced_table),
      'Ask a member of databricks_superuser.');
  end if;
  perform synced_tables_internal._check_change(before, change);
  perform synced_tables_internal._lock_pipeline(before.pipeline_id);
  insert into synced_tables._updates (pipeline_id, mode, requested_by, changed_table_id, change, selection)
  values (before.pipeline_id, 'CHANGE', acting, before.table_id, change,
          jsonb_build_object('refresh', jsonb_build_array(before.synced_table), 'full_refresh', '[]'::jsonb))
  returning update_id into request;
  perform synced_tables_internal._record_event('INFO', 'synced_table_change_requested', before.synced_table, before.pipeline_id, request,
    format('%I asked to change synced table %s: %s.', acting, before.synced_table, synced_tables_internal._change_in_words(change)));
  return request;
end $$;
comment on function synced_tables_served.alter_synced_table(text, text, text[], text, text, text, boolean, text, jsonb, jsonb, jsonb, boolean, text[], text, integer, text[]) is
  'Changes how a table is synced, in place: parameters as of create_synced_table, null for what stays as it is; reset => array[''row_filter''] for what is to be as if it had never been given. Returns the id of the update that makes the change, CALL synced_tables.wait_for_update(id) waits for it. Where rows have to be others they are loaded beside, and readers keep the old ones until all of it is exchanged at once; a change that is refused leaves the table as it was. A table that shares its pipeline gets one of its own for another scheduling policy. For its creator and databricks_superuser; for its managers what does not change what it shows.';

-- for: owner
create or replace function synced_tables_internal._find_table_to_change(synced_table text, action text) returns synced_tables._tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table(synced_table);
  streaming synced_tables._streaming_tables;
begin
  if wanted.table_id is null then
    streaming := synced_tables_internal._find_streaming_table(synced_tables_internal._parse_name(synced_table));
    if streaming.table_id is null then
      perform synced_tables_internal._raise_unknown_table(synced_table);
    end if;
    perform synced_tables_internal._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is a streaming table, which flows fill.', streaming.synced_table),
      'Declare the table or its flows anew; pause_pipeline, set_schedule and set_trigger_interval work on its pipeline.');
  end if;
  perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, action);
  if wanted.relation is not null and not exists (select from pg_class c where c.oid = wanted.relation) then
    perform synced_tables_internal._raise('SYNCED_TABLE_DROPPED', '42P01', format('Synced table %s was dropped in Postgres, so its sync has ended.', wanted.synced_table),
      'Remove it with delete_synced_table, and create it again if it is still wanted.');
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._find_table_to_change(text, text) is
  'The registry row of a synced table that the acting role may control, and that is not a streaming table, nor dropped.';

-- for: owner
create or replace function synced_tables_internal._change_in_words(change jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select coalesce(string_agg(c.key, ', ' order by c.key), 'nothing, as it is like that already') from jsonb_object_keys(change) c(key)
$$;
comment on function synced_tables_internal._change_in_words(jsonb) is 'The names of the settings that a change is about; never their values.';

-- for: sidecar
create or replace function synced_tables_internal._begin_change(update_id uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  asked synced_tables._updates;
  before synced_tables._tables;
  policy text;
begin
  select * into asked from synced_tables._updates u where u.update_id = _begin_change.update_id and u.mode = 'CHANGE';
  select * into before from synced_tables._tables t where t.table_id = asked.changed_table_id and t.pipeline_id = asked.pipeline_id;
  if not found then
    return null;
  end if;
  -- At the first attempt only: the later ones find what the earlier ones said.
  update synced_tables._updates u
     set state_before = (select jsonb_object_agg(s.key, s.value) from jsonb_each(to_jsonb(before)) s
                          where s.key in ('state', 'message', 'last_error_code', 'failing_column', 'failing_keys', 'source_version',
                                          'source_committed_at', 'behind_since'))
   where u.update_id = asked.update_id and u.state_before is null;
  -- Asked again: other changes may have come before.
  perform synced_tables_internal._check_change(before, synced_tables_internal._change_from(before, asked.change));
  asked.change := synced_tables_internal._change_from(before, asked.change);
  select coalesce(asked.change ->> 'scheduling_policy', p.scheduling_policy) into policy from synced_tables._pipelines p where p.pipeline_id = before.pipeline_id;
  return case
    when before.relation is null or asked.change ?| synced_tables_internal._rows_depend_on() then 'copy'
    when policy <> 'SNAPSHOT' and (asked.change ? 'scheduling_policy' or asked.change -> 'allow_file_diff' = 'false') then 'follow'
    else 'settings' end;
end $$;
comment on function synced_tables_internal._begin_change(uuid) is
  'What an update of mode CHANGE has to do: copy the table, look whether its source can be followed, or only write settings; null if the table is gone. Refuses what no longer fits.';

-- for: sidecar
create or replace function synced_tables_internal._apply_change(update_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  asked synced_tables._updates;
  before synced_tables._tables;
  wanted synced_tables._tables;
  change jsonb;
begin
  select * into strict asked from synced_tables._updates u where u.update_id = _apply_change.update_id and u.mode = 'CHANGE' and u.state = 'RUNNING';
  select * into strict before from synced_tables._tables t where t.table_id = asked.changed_table_id for no key update;
  change := synced_tables_internal._change_from(before, asked.change);
  wanted := jsonb_populate_record(before, change);
  update synced_tables._tables t
     set source_table_full_name = wanted.source_table_full_name, primary_key_columns = wanted.primary_key_columns, timeseries_key = wanted.timeseries_key,
         invalid_characters = wanted.invalid_characters, allow_file_diff = wanted.allow_file_diff, on_history_gap = wanted.on_history_gap,
         type_overrides = wanted.type_overrides, extra_columns = wanted.extra_columns, extra_index_definitions = wanted.extra_index_definitions,
         accelerated_sync = wanted.accelerated_sync, columns = wanted.columns, row_filter = wanted.row_filter
   where t.table_id = before.table_id;
  perform synced_tables_internal._change_pipeline(before, change);
  -- What the HTTP API returns is what the table is.
  update synced_tables._table_specs s
     set spec = s.spec - (select coalesce(array_agg(k), '{}') from jsonb_object_keys(change) k)
                || (select coalesce(jsonb_object_agg(c.key, c.value), '{}') from jsonb_each(change) c
                     where c.value <> 'null' and c.key <> 'trigger_interval_ms')
   where s.table_id = before.table_id;
  perform synced_tables_internal._record_event('INFO', 'synced_table_changed', before.synced_table, before.pipeline_id, asked.update_id,
    format('Synced table %s was changed as %I had asked: %s.', before.synced_table, asked.requested_by, synced_tables_internal._change_in_words(change)));
end $$;
comment on function synced_tables_internal._apply_change(uuid) is
  'Writes what an update of mode CHANGE changes, in the transaction that makes the rows visible.';

-- for: owner
create or replace function synced_tables_internal._change_pipeline(member synced_tables._tables, change jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  pipeline uuid := member.pipeline_id;
begin
  if change ? 'scheduling_policy' and not synced_tables_internal._is_alone(member) then
    perform synced_tables_internal._lock_pipeline(member.pipeline_id);
    insert into synced_tables._pipelines (name, scheduling_policy, created_by, trigger_interval_ms)
    select 'Synced table: ' || member.synced_table, change ->> 'scheduling_policy', member.created_by, p.trigger_interval_ms
      from synced_tables._pipelines p where p.pipeline_id = member.pipeline_id
    returning pipeline_id into pipeline;
    update synced_tables._tables t set pipeline_id = pipeline where t.table_id = member.table_id;
    update synced_tables._table_specs s set spec = s.spec - 'existing_pipeline_id' where s.table_id = member.table_id;
    -- Further changes of it that wait.
    update synced_tables._updates u set pipeline_id = pipeline
     where u.pipeline_id = member.pipeline_id and u.changed_table_id = member.table_id and u.state = 'QUEUED';
  end if;
  update synced_tables._pipelines p
     set scheduling_policy = coalesce(change ->> 'scheduling_policy', p.scheduling_policy),
         is_stopped = p.is_stopped and not change ? 'scheduling_policy',
         trigger_interval_ms = case when change ? 'trigger_interval_ms' then (change ->> 'trigger_interval_ms')::integer else p.trigger_interval_ms end
   where p.pipeline_id = pipeline and change ?| array['scheduling_policy', 'trigger_interval_ms'];
  -- What is no longer followed does not say that it is.
  update synced_tables._tables t
     set state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', message = concat('Reflects ', t.source_table_full_name, ' at version ' || t.synced_version, '.')
   where t.table_id = member.table_id and change ->> 'scheduling_policy' <> 'CONTINUOUS' and not t.is_failed
     and t.state in ('SYNCED_TABLE_ONLINE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES');
  if pipeline <> member.pipeline_id then
    perform synced_tables_internal._queue_follower(pipeline);
  end if;
end $$;
comment on function synced_tables_internal._change_pipeline(synced_tables._tables, jsonb) is
  'The part of a change that is about the pipeline; a table that shares it with others gets one of its own for another policy.';

-- for: sidecar
create or replace function synced_tables_internal._refuse_change(update_id uuid, error_code text, message text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  asked synced_tables._updates;
  said synced_tables._tables;
begin
  select * into strict asked from synced_tables._updates u where u.update_id = _refuse_change.update_id and u.mode = 'CHANGE';
  select * into said from synced_tables._tables t where t.table_id = asked.changed_table_id for no key update;
  if not found then
    return;
  end if;
  said := jsonb_populate_record(said, asked.state_before);
  update synced_tables._tables t
     set state = said.state, last_error_code = said.last_error_code, failing_column = said.failing_column, failing_keys = said.failing_keys,
         source_version = said.source_version, source_committed_at = said.source_committed_at, behind_since = said.behind_since,
         rows_done = null, rows_total = null,
         message = concat_ws(' ', said.message, format('A change was refused and has changed nothing (%s): see update %s in synced_tables.updates.',
                                                       _refuse_change.error_code, asked.update_id))
   where t.table_id = said.table_id;
  perform synced_tables_internal._record_event('WARN', 'synced_table_change_refused', said.synced_table, said.pipeline_id, asked.update_id,
    format('The change of synced table %s that %I had asked for was refused: %s', said.synced_table, asked.requested_by, _refuse_change.message));
end $$;
comment on function synced_tables_internal._refuse_change(uuid, text, text) is
  'Takes back what an update of mode CHANGE said in the status of its table; nothing else was changed.';
