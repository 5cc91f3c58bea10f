-- What whoever looks on is told: that something about a table, pipeline, update, verification or event has changed, never
-- what. Ids only; listeners ask, and are shown what they may see.

-- for: owner
create or replace function synced_tables_internal._notify_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  -- kind:id:pipeline, and for verifications the table in its place.
  change text;
begin
  if tg_op = 'DELETE' then
    if tg_argv[0] = 'table' then
      change := format('gone:%s:%s', old.table_id, old.pipeline_id);
    else
      change := format('pipeline:%s:%s', old.pipeline_id, old.pipeline_id);
    end if;
  else
    case tg_argv[0]
      when 'table' then change := format('table:%s:%s', new.table_id, new.pipeline_id);
      when 'wait' then change := format('table:%s:', new.table_id);
      when 'update' then change := format('update:%s:%s', new.update_id, new.pipeline_id);
      when 'verification' then change := format('verification:%s:%s', new.verification_id, new.table_id);
      when 'event' then change := format('event:%s:%s', new.event_id, new.pipeline_id);
      else change := format('pipeline:%s:%s', new.pipeline_id, new.pipeline_id);
    end case;
  end if;
  perform pg_notify('synced_tables_changes', change);
  return null;
end $$;
comment on function synced_tables_internal._notify_change() is 'Tells listeners of synced_tables_changes which row has changed: its kind and ids, never its content.';

-- for: owner
create or replace trigger _tables_notify_change after insert or delete on synced_tables._tables
  for each row execute function synced_tables_internal._notify_change('table');

-- for: owner
create or replace trigger _tables_notify_state after update of state, message, last_error_code, synced_version, source_version, relation, rows_done
  on synced_tables._tables for each row
  when (old.state is distinct from new.state or old.message is distinct from new.message
        or old.last_error_code is distinct from new.last_error_code or old.synced_version is distinct from new.synced_version
        or old.source_version is distinct from new.source_version or old.relation is distinct from new.relation
        or (old.rows_done is null) <> (new.rows_done is null))
  execute function synced_tables_internal._notify_change('table');

-- for: owner
create or replace trigger _streaming_tables_notify_change after insert or delete on synced_tables._streaming_tables
  for each row execute function synced_tables_internal._notify_change('table');

-- for: owner
create or replace trigger _streaming_tables_notify_state after update of state, message, last_error_code, last_sync_at, relation
  on synced_tables._streaming_tables for each row
  when (old.state is distinct from new.state or old.message is distinct from new.message
        or old.last_error_code is distinct from new.last_error_code or old.last_sync_at is distinct from new.last_sync_at
        or old.relation is distinct from new.relation)
  execute function synced_tables_internal._notify_change('table');

-- for: owner
create or replace trigger _lock_waits_notify_change after insert or update on synced_tables._lock_waits
  for each row execute function synced_tables_internal._notify_change('wait');

-- for: owner
create or replace trigger _updates_notify_change after insert or update of state, next_attempt_at on synced_tables._updates
  for each row execute function synced_tables_internal._notify_change('update');

-- for: owner
create or replace trigger _verifications_notify_change after insert or update of state on synced_tables._verifications
  for each row execute function synced_tables_internal._notify_change('verification');

-- for: owner
create or replace trigger _events_notify_change after insert on synced_tables._events
  for each row execute function synced_tables_internal._notify_change('event');

-- for: owner
create or replace trigger _pipelines_notify_change after insert or delete or update of paused_at, is_stopped, trigger_interval_ms, publish
  on synced_tables._pipelines for each row execute function synced_tables_internal._notify_change('pipeline');

-- for: owner
create or replace trigger _schedules_notify_change after insert or delete or update of cron, time_zone, next_run_at, message
  on synced_tables._schedules for each row execute function synced_tables_internal._notify_change('pipeline');
