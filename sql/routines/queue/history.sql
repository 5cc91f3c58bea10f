-- Past updates and events.

-- for: managers
create or replace view synced_tables.updates with (security_barrier = true) as
  select u.update_id,
         coalesce(r.synced_table, t.synced_table) as synced_table,
         u.pipeline_id,
         u.cause,
         u.full_refresh,
         coalesce(r.state, u.state) as state,
         r.method,
         r.synced_version,
         r.rows_written,
         r.rows_deleted,
         r.rows_without_key,
         r.rows_with_stripped_characters,
         r.load_seconds,
         r.switch_ms,
         coalesce(r.error_code, u.error_code) as error_code,
         coalesce(r.message, u.message) as message,
         coalesce(r.remedy, u.remedy) as remedy,
         u.attempt,
         coalesce(r.next_attempt_at, u.next_attempt_at) as next_attempt_at,
         u.requested_by,
         u.created_at,
         coalesce(r.started_at, u.started_at) as started_at,
         coalesce(r.finished_at, u.finished_at) as finished_at,
         u.mode,
         r.batches,
         r.failed_attempts,
         r.num_upserted_rows,
         r.num_deleted_rows,
         case when r.failing_keys is not null and synced_tables_internal._may_read(t.created_by, t.relation) then r.failing_column end as failing_column,
         case when r.failing_keys is not null and synced_tables_internal._may_read(t.created_by, t.relation) then r.failing_keys end as failing_keys
    from synced_tables._updates u
    left join synced_tables._table_updates r using (update_id)
    -- An update that has not reached its tables yet is listed for all tables it covers.
    left join synced_tables._known_tables t
      on t.table_id = r.table_id or (r.table_id is null and t.pipeline_id = u.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
   where synced_tables_internal._may_control(u.requested_by) or synced_tables_internal._may_see(t.created_by, t.relation);
comment on view synced_tables.updates is 'History of runs: one row per update and synced table.';
comment on column synced_tables.updates.method is 'How the rows were written: SNAPSHOT, MERGE and so on.';
comment on column synced_tables.updates.rows_without_key is 'Source rows left out because a key column was null.';
comment on column synced_tables.updates.mode is 'CONTINUOUS: follows the source until another update is requested; its counts grow meanwhile.';
comment on column synced_tables.updates.batches is 'How often an update of mode CONTINUOUS has committed.';
comment on column synced_tables.updates.failed_attempts is 'Consecutive transient failures; the next attempt is at next_attempt_at.';
comment on column synced_tables.updates.num_upserted_rows is 'Rows of a streaming table inserted or updated by its flows from changes; null otherwise.';
comment on column synced_tables.updates.num_deleted_rows is 'Rows of a streaming table removed by its flows from changes; null otherwise.';
comment on column synced_tables.updates.failing_column is
  'The column of error_code whose values are at fault, for roles that may read the table; null if not exactly one is.';
comment on column synced_tables.updates.failing_keys is
  'Keys of a few source rows that error_code is about, as texts: shown to roles that may read the table, as long as it exists.';

-- for: managers
create or replace view synced_tables.events with (security_barrier = true) as
  select e.event_id, e.occurred_at, e.level, e.event_type, e.synced_table, e.pipeline_id, e.update_id, e.message, e.details
    from synced_tables._events e
    left join synced_tables._known_tables t on t.synced_table = e.synced_table and t.pipeline_id = e.pipeline_id
    left join synced_tables._updates u on u.update_id = e.update_id
   where synced_tables_internal._may_control(coalesce(t.created_by, u.requested_by)) or synced_tables_internal._may_see(t.created_by, t.relation)
   order by e.event_id;
comment on view synced_tables.events is 'What happened to synced tables, newest last.';
