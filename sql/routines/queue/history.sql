-- Past updates and events.
--
-- Both views are read while there are a million rows: what their reader may see is found once for all rows, not asked
-- for each, and they are ordered as they are mostly read, newest first, so that a LIMIT ends them.

-- for: owner
create or replace function synced_tables_internal._place_update() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  select u.pipeline_id, u.created_at into new.pipeline_id, new.requested_at from synced_tables._updates u where u.update_id = new.update_id;
  return new;
end $$;
comment on function synced_tables_internal._place_update() is 'Copies the pipeline and the time of the request, which histories are looked up by.';

-- for: owner
create or replace trigger _table_updates_place before insert on synced_tables._table_updates
  for each row execute function synced_tables_internal._place_update();

-- for: owner
create or replace function synced_tables_internal._note_unreached() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.ended_before_tables := not exists (select from synced_tables._table_updates r where r.update_id = new.update_id);
  return new;
end $$;
comment on function synced_tables_internal._note_unreached() is 'Notes of an update that ends whether it came to any of its tables.';

-- for: owner
create or replace trigger _updates_unreached before insert or update of state on synced_tables._updates
  for each row when (new.state in ('COMPLETED', 'FAILED', 'CANCELED')) execute function synced_tables_internal._note_unreached();

-- Three arms, because only so does each have an index: what came to a table, what has not come to one yet, and what never
-- did. OFFSET makes Postgres look the update up for each row that is listed; it would read all of them otherwise. The
-- outer SELECT keeps UNION ALL from being flattened, which would run a reader's own functions on rows before they are
-- filtered; security_barrier alone does not prevent that.
-- for: managers
create or replace view synced_tables.updates with (security_barrier = true) as
  with seen as not materialized (
    select k.table_id from synced_tables._known_tables k where synced_tables_internal._may_see(k.created_by, k.relation)
  ), controlled as not materialized (
    select a.rolname from pg_roles a where synced_tables_internal._may_control(a.rolname)
  ), readable as not materialized (
    select k.table_id from synced_tables._known_tables k where synced_tables_internal._may_read(k.created_by, k.relation)
  )
  select listed.* from (
    (select r.update_id, r.synced_table, r.pipeline_id, u.cause,
           u.full_refresh or coalesce(u.selection -> 'full_refresh' ? r.synced_table, false) as full_refresh, r.state, r.method, r.synced_version, r.rows_written,
           r.rows_deleted, r.rows_without_key, r.rows_with_stripped_characters, r.load_seconds, r.switch_ms,
           coalesce(r.error_code, u.error_code) as error_code,
           coalesce(r.message, u.message) as message,
           coalesce(r.remedy, u.remedy) as remedy,
           u.attempt,
           coalesce(r.next_attempt_at, u.next_attempt_at) as next_attempt_at,
           u.requested_by,
           r.requested_at as created_at,
           coalesce(r.started_at, u.started_at) as started_at,
           coalesce(r.finished_at, u.finished_at) as finished_at,
           u.mode, r.batches, r.failed_attempts, r.num_upserted_rows, r.num_deleted_rows,
           case when r.failing_keys is not null and r.table_id in (select b.table_id from readable b) then r.failing_column end as failing_column,
           case when r.failing_keys is not null and r.table_id in (select b.table_id from readable b) then r.failing_keys end as failing_keys,
           r.previous_version
      from synced_tables._table_updates r
      cross join lateral (select * from synced_tables._updates u where u.update_id = r.update_id offset 0) u
     where (select synced_tables_internal._may_control_all())
        or r.table_id in (select s.table_id from seen s) or u.requested_by in (select c.rolname from controlled c)
     order by r.requested_at desc)
    union all
    -- An update that has not reached its tables yet is listed for all tables it covers.
    select u.update_id, t.synced_table, u.pipeline_id, u.cause,
           u.full_refresh or coalesce(u.selection -> 'full_refresh' ? t.synced_table, false), u.state, null, null, null, null, null, null, null, null,
           u.error_code, u.message, u.remedy, u.attempt, u.next_attempt_at, u.requested_by, u.created_at, u.started_at, u.finished_at,
           u.mode, null, null, null, null, null, null, null
      from synced_tables._updates u
      left join synced_tables._known_tables t using (pipeline_id)
     where u.state in ('QUEUED', 'RUNNING')
       and not exists (select from synced_tables._table_updates r where r.update_id = u.update_id)
       and (u.selection is null or u.selection -> 'refresh' ? t.synced_table or u.selection -> 'full_refresh' ? t.synced_table)
       and ((select synced_tables_internal._may_control_all())
            or t.table_id in (select s.table_id from seen s) or u.requested_by in (select c.rolname from controlled c))
    union all
    select u.update_id, null, u.pipeline_id, u.cause, u.full_refresh, u.state, null, null, null, null, null, null, null, null,
           u.error_code, u.message, u.remedy, u.attempt, u.next_attempt_at, u.requested_by, u.created_at, u.started_at, u.finished_at,
           u.mode, null, null, null, null, null, null, null
      from synced_tables._updates u
     where u.ended_before_tables
       -- Its table may be written down after it has ended.
       and not exists (select from synced_tables._table_updates r where r.update_id = u.update_id)
       and ((select synced_tables_internal._may_control_all()) or u.requested_by in (select c.rolname from controlled c))
  ) listed
  order by listed.created_at desc;
comment on view synced_tables.updates is 'History of runs, newest first: one row per update and synced table.';
comment on column synced_tables.updates.method is 'How the rows were written: SNAPSHOT, MERGE and so on.';
comment on column synced_tables.updates.rows_without_key is 'Source rows left out because a key column was null.';
comment on column synced_tables.updates.mode is 'CONTINUOUS: follows the source until another update is requested; its counts grow meanwhile. VALIDATE: only checks flows. CHANGE: changes how the table is synced.';
comment on column synced_tables.updates.batches is 'How often an update of mode CONTINUOUS has committed.';
comment on column synced_tables.updates.failed_attempts is 'Consecutive transient failures; the next attempt is at next_attempt_at.';
comment on column synced_tables.updates.num_upserted_rows is 'Rows of a streaming table inserted or updated by its flows from changes; null otherwise.';
comment on column synced_tables.updates.num_deleted_rows is 'Rows of a streaming table removed by its flows from changes; null otherwise.';
comment on column synced_tables.updates.previous_version is 'The source version that the table reflected before.';
comment on column synced_tables.updates.failing_column is
  'The column of error_code whose values are at fault, for roles that may read the table; null if not exactly one is.';
comment on column synced_tables.updates.failing_keys is
  'Keys of a few source rows that error_code is about, as texts: shown to roles that may read the table, as long as it exists.';

-- for: managers
create or replace view synced_tables.events with (security_barrier = true) as
  with known as not materialized (
    select k.synced_table, k.pipeline_id from synced_tables._known_tables k
  ), seen as not materialized (
    select k.synced_table, k.pipeline_id from synced_tables._known_tables k where synced_tables_internal._may_see(k.created_by, k.relation)
  )
  select e.event_id, e.occurred_at, e.level, e.event_type, e.synced_table, e.pipeline_id, e.update_id, e.message, e.details
    from synced_tables._events e
   where (select synced_tables_internal._may_control_all())
      or case when (e.synced_table, e.pipeline_id) in (select k.synced_table, k.pipeline_id from known k)
              then (e.synced_table, e.pipeline_id) in (select s.synced_table, s.pipeline_id from seen s)
              -- Of what is gone: those who asked for the update.
              else (select u.requested_by from synced_tables._updates u where u.update_id = e.update_id)
                   in (select a.rolname from pg_roles a where synced_tables_internal._may_control(a.rolname)) end
   order by e.event_id desc;
comment on view synced_tables.events is 'What happened to synced tables, newest first.';
