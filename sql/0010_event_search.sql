-- Events are searched over all pipelines, newest first, and by table or update.

create index _events_time_index on synced_tables._events (occurred_at, event_id);
create index _events_table_index on synced_tables._events (synced_table, occurred_at, event_id);
create index _events_update_index on synced_tables._events (update_id, occurred_at, event_id) where update_id is not null;
