-- Requesting an update.

-- for: owner
create or replace function synced_tables_internal._selection_of(member synced_tables._tables, full_refresh boolean) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  name constant jsonb := jsonb_build_array(member.synced_table);
begin
  if not exists (select from synced_tables._tables t where t.pipeline_id = member.pipeline_id and t.table_id <> member.table_id) then
    return null;
  end if;
  if exists (select from synced_tables._pipelines p where p.pipeline_id = member.pipeline_id and p.publish = 'together') then
    perform synced_tables_internal._raise('UPDATE_SCOPE_UNSUPPORTED', '0A000',
      format('Synced table %s cannot be updated alone: its pipeline %s publishes its tables together.', member.synced_table, member.pipeline_id),
      'Leave the scope out, so that all tables of the pipeline are updated.');
  end if;
  return case when full_refresh then jsonb_build_object('refresh', '[]'::jsonb, 'full_refresh', name)
              else jsonb_build_object('refresh', name, 'full_refresh', '[]'::jsonb) end;
end $$;
comment on function synced_tables_internal._selection_of(synced_tables._tables, boolean) is
  'What _updates.selection holds for an update of one table; null if its pipeline has no other.';

-- for: managers
create or replace function synced_tables_served.sync_now(synced_table text, full_refresh boolean default false, scope text default 'pipeline') returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table(synced_table);
  is_full constant boolean := coalesce(full_refresh, false);
  is_alone constant boolean := scope = 'table';
  streaming synced_tables._streaming_tables;
  selection jsonb;
begin
  if coalesce(scope, 'pipeline') not in ('table', 'pipeline') then
    perform synced_tables_internal._raise('UPDATE_SCOPE_INVALID', '22023', format('%L is not a scope of an update.', synced_tables_internal._shortened(scope)),
      'Use ''table'' for the table alone, ''pipeline'' for all tables of its pipeline.');
  end if;
  if wanted.table_id is null then
    streaming := synced_tables_internal._find_streaming_table(synced_tables_internal._parse_name(synced_table));
    if streaming.table_id is null then
      perform synced_tables_internal._raise_unknown_table(synced_table);
    end if;
    perform synced_tables_internal._require_pipeline(streaming.pipeline_id, 'update');
    if is_alone and exists (select from synced_tables._streaming_tables s
                             where s.pipeline_id = streaming.pipeline_id and s.table_id <> streaming.table_id) then
      perform synced_tables_internal._raise('UPDATE_SCOPE_UNSUPPORTED', '0A000',
        format('Streaming table %s cannot be updated alone: the flows of its pipeline %s are run together.', streaming.synced_table, streaming.pipeline_id),
        'Leave the scope out, so that all tables of the pipeline are updated.');
    end if;
    return synced_tables_internal._request_update(streaming.pipeline_id, is_full);
  end if;
  perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, 'sync');
  if is_alone then
    selection := synced_tables_internal._selection_of(wanted, is_full);
  end if;
  return synced_tables_internal._request_update(wanted.pipeline_id, is_full and selection is null, selection => selection);
end $$;
comment on function synced_tables_served.sync_now(text, boolean, text) is
  'Requests an update of a synced table; full_refresh rebuilds it. With it go all tables of its pipeline, unless scope is ''table''. Returns the update''s id; an update that has not started yet is shared. For its creator, its managers and databricks_superuser.';

-- for: operators
create or replace function synced_tables_served.start_update(pipeline_id uuid, full_refresh boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._require_pipeline(start_update.pipeline_id, 'update');
  return synced_tables_internal._request_update(start_update.pipeline_id, coalesce(start_update.full_refresh, false));
end $$;
comment on function synced_tables_served.start_update(uuid, boolean) is
  'Requests an update of a pipeline; full_refresh forgets what was read and starts over. Returns the update''s id, for wait_for_update. For its creator and databricks_superuser.';

-- for: managers
create or replace function synced_tables_served._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
  request uuid;
begin
  for member in select * from synced_tables._tables t where t.pipeline_id = _start_update.pipeline_id loop
    perform synced_tables_internal._require_control(member.synced_table, member.created_by, 'sync');
  end loop;
  if not found then
    perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', coalesce(pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables_internal._require_idle(_start_update.pipeline_id);
  if selection is null then
    return synced_tables_internal._request_update(_start_update.pipeline_id, full_refresh, cause);
  end if;
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = _start_update.pipeline_id and p.is_stopped;
  insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause, selection)
  values (_start_update.pipeline_id, false, synced_tables_internal._acting_role(), _start_update.cause, _start_update.selection)
  returning update_id into request;
  return request;
end $$;
comment on function synced_tables_served._start_update(uuid, boolean, jsonb, text) is
  'Requests an update of a pipeline unless one is in progress, including one that follows its sources, as the pipelines API does; returns its id.';
