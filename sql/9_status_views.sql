-- What people look at. Views run with their owner's rights on the tables and show each role its own rows;
-- security_barrier keeps a reader's own functions away from the other rows.

create function synced_tables._dropped_message(synced_table text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('Synced table %s was dropped in Postgres, so its sync has ended. Remove it with delete_synced_table, '
                'and create it again if it is still wanted.', synced_table)
$$;
comment on function synced_tables._dropped_message(text) is 'What the status of a table says that was dropped by hand.';

create view synced_tables.status with (security_barrier = true) as
  select t.synced_table,
         c.oid::regclass as table_name,
         t.source_table_full_name,
         p.scheduling_policy,
         case when dropped then 'SYNCED_TABLED_OFFLINE' else t.state end as state,
         case when dropped then synced_tables._dropped_message(t.synced_table)
              else t.message end as message,
         t.synced_version,
         t.source_version,
         t.source_version - t.synced_version as lag_versions,
         case when t.synced_version >= t.source_version then 0
              when t.synced_version is not null then greatest(0, extract(epoch from now() - t.source_committed_at))::double precision
         end as lag_seconds,
         t.row_count,
         t.rows_done,
         t.rows_total,
         t.last_sync_at,
         t.last_error_code,
         t.pipeline_id
    from synced_tables._tables t
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = t.relation
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   where synced_tables._may_see(t.created_by, t.relation);
comment on view synced_tables.status is 'One row a synced table: how it stands and how fresh it is.';
comment on column synced_tables.status.table_name is 'The table itself; null before its first load and after it was dropped.';
comment on column synced_tables.status.state is 'As the Databricks API names it.';
comment on column synced_tables.status.lag_versions is 'Source versions that the table does not reflect yet.';
comment on column synced_tables.status.lag_seconds is 'Age of the newest source version when the table does not reflect it yet, else 0.';
comment on column synced_tables.status.rows_done is 'Rows moved so far by the update that is running.';

create view synced_tables.updates with (security_barrier = true) as
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
         u.next_attempt_at,
         u.requested_by,
         u.created_at,
         coalesce(r.started_at, u.started_at) as started_at,
         coalesce(r.finished_at, u.finished_at) as finished_at
    from synced_tables._updates u
    left join synced_tables._table_updates r using (update_id)
    -- An update that has not come to its tables yet is shown with those it is for.
    left join synced_tables._tables t
      on t.table_id = r.table_id or (r.table_id is null and t.pipeline_id = u.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
   where synced_tables._may_control(u.requested_by) or synced_tables._may_see(t.created_by, t.relation);
comment on view synced_tables.updates is 'History of runs: one row an update and synced table.';
comment on column synced_tables.updates.method is 'How the rows came in: SNAPSHOT, MERGE and so on.';
comment on column synced_tables.updates.rows_without_key is 'Source rows left out because a key column was null.';

create view synced_tables.events with (security_barrier = true) as
  select e.event_id, e.occurred_at, e.level, e.event_type, e.synced_table, e.pipeline_id, e.update_id, e.message, e.details
    from synced_tables._events e
    left join synced_tables._tables t on t.synced_table = e.synced_table and t.pipeline_id = e.pipeline_id
    left join synced_tables._updates u on u.update_id = e.update_id
   where synced_tables._may_control(coalesce(t.created_by, u.requested_by)) or synced_tables._may_see(t.created_by, t.relation)
   order by e.event_id;
comment on view synced_tables.events is 'What happened to synced tables, newest last.';

grant select on synced_tables.status, synced_tables.updates, synced_tables.events to databricks_superuser, databricks_sync;
