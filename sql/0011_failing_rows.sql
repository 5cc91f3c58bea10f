-- Keys of rows that something failed on, apart from messages: those are read by more people than the rows are.

alter table synced_tables._tables add column failing_column text, add column failing_keys text[];
alter table synced_tables._streaming_tables add column failing_column text, add column failing_keys text[];
alter table synced_tables._table_updates add column failing_column text, add column failing_keys text[];
alter table synced_tables._verifications add column failing_column text, add column failing_keys text[];
comment on column synced_tables._tables.failing_column is 'The column of last_error_code whose values are at fault; null if not exactly one is.';
comment on column synced_tables._tables.failing_keys is 'Keys of a few rows that last_error_code is about: shown only to roles that may read the table.';
comment on column synced_tables._streaming_tables.failing_column is 'As in _tables.';
comment on column synced_tables._streaming_tables.failing_keys is 'As in _tables.';
comment on column synced_tables._table_updates.failing_column is 'The column of error_code whose values are at fault; null if not exactly one is.';
comment on column synced_tables._table_updates.failing_keys is
  'Keys of a few rows that error_code is about: shown only to roles that may read the table. Kept only while the table is registered.';
comment on column synced_tables._verifications.failing_column is 'As in _table_updates.';
comment on column synced_tables._verifications.failing_keys is 'As in _table_updates; kept for the newest verification of a table.';
create index _table_updates_failing_index on synced_tables._table_updates (table_id) where failing_keys is not null;

-- Messages of before end where the first key begins.
do $$
declare
  kept record;
  keys constant text := '(; rows with key |; for example |, for example to key |, for example those with key |, for example \().*$';
begin
  for kept in select * from (values ('_tables', 'last_error_code is not null'), ('_streaming_tables', 'last_error_code is not null'),
                                    ('_updates', 'error_code is not null'), ('_table_updates', 'error_code is not null'),
                                    ('_verifications', 'error_code is not null'), ('_events', $c$level <> 'INFO'$c$)) as k (relation, condition)
  loop
    execute format($u$update synced_tables.%I set message = regexp_replace(message, %L, '.') where %s and message ~ %L$u$,
                   kept.relation, keys, kept.condition, keys);
  end loop;
end $$;
