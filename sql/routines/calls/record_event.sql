-- Events, for people to read.

-- for: sidecar
create or replace function synced_tables_internal._record_event(level text, event_type text, synced_table text, pipeline_id uuid,
                                            update_id uuid, message text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into synced_tables._events (level, event_type, synced_table, pipeline_id, update_id, message)
  values (_record_event.level, _record_event.event_type, _record_event.synced_table, _record_event.pipeline_id,
          _record_event.update_id, _record_event.message)
$$;
comment on function synced_tables_internal._record_event(text, text, text, uuid, uuid, text) is 'Writes an event.';
