-- The newest of a long history, and the history of one table, without reading all of it.

alter table synced_tables._table_updates add column pipeline_id uuid, add column requested_at timestamptz;
comment on column synced_tables._table_updates.pipeline_id is 'Of the update: what histories are looked up by.';
comment on column synced_tables._table_updates.requested_at is 'When the update was requested: what histories are listed by.';
update synced_tables._table_updates r set pipeline_id = u.pipeline_id, requested_at = u.created_at
  from synced_tables._updates u where u.update_id = r.update_id;
create index _table_updates_pipeline_index on synced_tables._table_updates (pipeline_id, requested_at);
create index _table_updates_requested_index on synced_tables._table_updates (requested_at);
create index _table_updates_name_index on synced_tables._table_updates (synced_table, requested_at);

alter table synced_tables._updates add column ended_before_tables boolean not null default false;
comment on column synced_tables._updates.ended_before_tables is 'Whether it has ended and is listed by itself, because it came to none of its tables.';
update synced_tables._updates u set ended_before_tables = true
 where u.state not in ('QUEUED', 'RUNNING') and not exists (select from synced_tables._table_updates r where r.update_id = u.update_id);
create index _updates_without_tables_index on synced_tables._updates (created_at) where ended_before_tables;
