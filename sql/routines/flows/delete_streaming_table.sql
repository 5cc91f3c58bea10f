-- Removing streaming tables from the registry.

-- for: owner
create or replace function synced_tables_internal._remove_streaming_table(wanted synced_tables._streaming_tables) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  if exists (select from synced_tables._streaming_tables t where t.pipeline_id = wanted.pipeline_id and t.table_id <> wanted.table_id) then
    delete from synced_tables._streaming_tables t where t.table_id = wanted.table_id;
    return;
  end if;
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  perform synced_tables_internal._cancel_updates(wanted.pipeline_id, 'SYNCED_TABLE_DELETED',
    format('Synced table %s was deleted; the update has ended without a change.', wanted.synced_table));
  delete from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
end $$;
comment on function synced_tables_internal._remove_streaming_table(synced_tables._streaming_tables) is
  'Removes a streaming table from the registry, along with its pipeline if it was the only table.';

-- for: owner
create or replace function synced_tables_internal._cdc_parts(target synced_tables._cdc_targets) returns table (kind text, part regclass)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  for kind, part in
    select case r.key when 'view' then 'view' else 'table' end, to_regclass(r.value) from jsonb_each_text(target.shape -> 'relations') r
     where to_regclass(r.value) is not null order by r.key <> 'view', r.key
  loop
    -- The registry alone is not trusted: this runs with a superuser's rights.
    if not exists (select from pg_class c where c.oid = part and c.relowner = to_regrole('databricks_sync')) then
      perform synced_tables_internal._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not, or no longer, a synced table; it was not dropped.', part),
        'Check what it is; drop it with DROP TABLE if it is not needed.');
    end if;
    return next;
  end loop;
end $$;
comment on function synced_tables_internal._cdc_parts(synced_tables._cdc_targets) is
  'The view that people read of a streaming table, then the tables behind it; refuses what is not the sidecar''s.';

-- for: owner
create or replace function synced_tables_internal._hold_cdc_target(full_name text, target synced_tables._cdc_targets) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._hold_to_drop(full_name, p.part) from synced_tables_internal._cdc_parts(target) p where p.kind = 'table'
$$;
comment on function synced_tables_internal._hold_cdc_target(text, synced_tables._cdc_targets) is
  'Locks a streaming table that is about to be dropped, before anything of its pipeline is locked.';

-- The registry row goes first, because the objects it names are protected.
-- for: owner
create or replace function synced_tables_internal._drop_cdc_target(full_name text, target synced_tables._cdc_targets) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  part record;
begin
  perform synced_tables_internal._hold_cdc_target(full_name, target);
  for part in select * from synced_tables_internal._cdc_parts(target) loop
    delete from synced_tables._cdc_targets t where t.target_id = target.target_id;
    perform synced_tables_internal._drop_held(full_name, part.kind, part.part);
  end loop;
  execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
  delete from synced_tables._cdc_targets t where t.target_id = target.target_id;
end $$;
comment on function synced_tables_internal._drop_cdc_target(text, synced_tables._cdc_targets) is
  'Drops the view that people read of a streaming table, and the state behind it.';

-- for: owner
create or replace function synced_tables_internal._delete_streaming_table(parts text[], purge boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
  wanted constant synced_tables._streaming_tables := synced_tables_internal._find_streaming_table(parts);
  target synced_tables._cdc_targets;
begin
  select * into target from synced_tables._cdc_targets t where t.schema_name = parts[1] and t.table_name = parts[2];
  if wanted.table_id is null and (target.target_id is null or not coalesce(purge, false)) then
    perform synced_tables_internal._raise_unknown_table(full_name);
  end if;
  if wanted.table_id is null then
    perform synced_tables_internal._require_control(full_name, target.created_by, 'drop');
  else
    perform synced_tables_internal._require_pipeline(wanted.pipeline_id, 'change');
    if coalesce(purge, false) and target.target_id is not null then
      perform synced_tables_internal._hold_cdc_target(full_name, target);
    end if;
    perform synced_tables_internal._remove_streaming_table(wanted);
  end if;
  if coalesce(purge, false) and target.target_id is not null then
    perform synced_tables_internal._drop_cdc_target(full_name, target);
  end if;
  perform synced_tables_internal._record_event('INFO', 'streaming_table_deleted', full_name, wanted.pipeline_id, null,
    format('%I deleted streaming table %s%s.', synced_tables_internal._acting_role(), full_name,
           case when coalesce(purge, false) then ' with its data' else '; the table stays as it is' end));
end $$;
comment on function synced_tables_internal._delete_streaming_table(text[], boolean) is
  'Removes a streaming table from its pipeline; with purge, drops it.';

-- for: operators
create or replace function synced_tables_served.delete_streaming_table(name text, purge boolean default false, default_schema text default current_schema()) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._delete_streaming_table(synced_tables_internal._name_in_schema(name, default_schema), purge);
end $$;
comment on function synced_tables_served.delete_streaming_table(text, boolean, text) is
  'Removes a streaming table and its flows from their pipeline. The view stays as it is; purge => true drops it too, even in a later call. For the pipeline''s creator and databricks_superuser.';
