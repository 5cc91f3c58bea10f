-- What /metrics reads at every scrape: the updates that are at hand, and those that ended since the last time.

create index _table_updates_finished_index on synced_tables._table_updates (finished_at) where finished_at is not null;
create index _table_updates_running_index on synced_tables._table_updates (update_id) where state = 'RUNNING';
create index _updates_finished_index on synced_tables._updates (finished_at) where finished_at is not null;
