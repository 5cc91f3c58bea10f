-- The status of synced tables and streaming tables.

-- for: sidecar
create or replace view synced_tables_internal._waiting as
  select n.pipeline_id, string_agg(n.message, ' ' order by n.place) as message from (
  select 1 as place, u.pipeline_id,
         coalesce('The update waits: ' || min(u.message),
           format('An update has been due for %s s, and no sidecar has begun it: see synced-tables doctor.',
             floor(extract(epoch from clock_timestamp() - min(coalesce(u.next_attempt_at, u.created_at)))))) as message
    from synced_tables._updates u
    join synced_tables._pipelines p using (pipeline_id)
   where u.state = 'QUEUED' and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause) and (u.message is not null or coalesce(u.next_attempt_at, u.created_at) < clock_timestamp() - interval '30 s')
     and not exists (select from synced_tables_internal._leases l where l.pipeline_id = p.pipeline_id)
     and not exists (select from synced_tables_internal._strange s where s.pipeline_id = p.pipeline_id)
   group by u.pipeline_id
  union all
  select 1, s.pipeline_id,
         format('The update waits for a sidecar with catalog %s in its settings; those that run have: %s.',
                array_to_string(s.catalogs, ', '), coalesce(s.configured, 'none'))
    from synced_tables_internal._strange s
  union all
  select 1, l.pipeline_id, 'Its sidecar cannot go on: ' || s.trouble
    from synced_tables_internal._leases l
    join synced_tables._sidecars s on s.holder = l.lease_holder
   where s.trouble is not null
  union all
  select 2, p.pipeline_id,
         format('Paused by %s since %s. To resume it, call synced_tables.resume_pipeline.', quote_ident(p.paused_by),
                to_char(p.paused_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
    from synced_tables._pipelines p
   where p.paused_at is not null) n
   group by n.pipeline_id;
comment on view synced_tables_internal._waiting is 'What is told of pipelines that are paused, or whose updates no sidecar takes or can go on with.';

-- for: managers
create or replace view synced_tables.status with (security_barrier = true) as
select * from (
  select t.synced_table,
         c.oid::regclass as table_name,
         t.source_table_full_name,
         p.scheduling_policy,
         case when dropped then 'SYNCED_TABLED_OFFLINE' else t.state end as state,
         case when dropped then synced_tables_internal._dropped_message(t.synced_table)
              else nullif(concat_ws(' ', synced_tables_internal._told_message(t.message, h.message), w.message), '') end as message,
         t.synced_version,
         t.source_version,
         case when not dropped then t.source_version - t.synced_version end as lag_versions,
         case when dropped then null
              when t.synced_version >= t.source_version then 0
              when t.synced_version is not null
              then greatest(0, extract(epoch from clock_timestamp() - coalesce(t.behind_since, t.source_committed_at)))::double precision
         end as lag_seconds,
         t.row_count,
         t.rows_done,
         t.rows_total,
         t.last_sync_at,
         t.last_error_code,
         t.pipeline_id,
         case when t.rows_done is not null then t.provisioning_phase end as provisioning_phase,
         case when t.rows_total > 0 then least(1, t.rows_done::double precision / t.rows_total) end as sync_progress_completion,
         -- Assumes the rate so far; before one percent is done that says nothing.
         case when t.provisioning_phase = 'PROVISIONING_PHASE_MAIN' and t.rows_done * 100 >= t.rows_total
              then (extract(epoch from clock_timestamp() - t.phase_started_at)
                    * greatest(0, t.rows_total - t.rows_done) / nullif(t.rows_done, 0))::double precision
         end as estimated_completion_seconds,
         case when t.rows_done is not null then t.processing_version end as processing_version,
         t.synced_committed_at,
         t.last_sync_started_at,
         p.publish,
         case when t.last_error_code is not null and t.failing_column is not null and synced_tables_internal._may_read(t.created_by, t.relation) then t.failing_column end as failing_column,
         case when t.last_error_code is not null and t.failing_keys is not null and synced_tables_internal._may_read(t.created_by, t.relation) then t.failing_keys end as failing_keys,
         p.paused_at,
         p.paused_by,
         t.columns,
         t.row_filter,
         h.changed_at as changed_by_hand_at,
         h.changed_by as changed_by_hand_by
    from synced_tables._tables t
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = t.relation
    left join synced_tables_internal._waiting w using (pipeline_id)
    left join synced_tables_internal._hand_changes h on h.table_id = t.table_id
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   where (select synced_tables_internal._may_control_all()) or synced_tables_internal._may_see(t.created_by, t.relation)
  union all
  select s.synced_table, c.oid::regclass,
         (select pg_catalog.string_agg(coalesce((select pg_catalog.string_agg(part.value, '.' order by part.ordinality)
                                                   from pg_catalog.jsonb_array_elements_text(f.source -> 'parts') with ordinality part),
                                                f.source ->> 'kind'), ', ' order by f.flow_name)
            from synced_tables._flows f where f.table_id = s.table_id),
         p.scheduling_policy, s.state,
         nullif(concat_ws(' ', s.message, w.message), ''), null, null, null,
         case when s.behind_since is not null then greatest(0, extract(epoch from clock_timestamp() - s.behind_since))::double precision
              when s.last_sync_at is not null and not s.is_failed then 0
         end, null, null, null, s.last_sync_at, s.last_error_code, s.pipeline_id,
         null, null, null, null, null, null, p.publish,
         case when s.last_error_code is not null and s.failing_column is not null and synced_tables_internal._may_read(s.created_by, s.relation) then s.failing_column end,
         case when s.last_error_code is not null and s.failing_keys is not null and synced_tables_internal._may_read(s.created_by, s.relation) then s.failing_keys end, p.paused_at, p.paused_by, null, null, null, null
    from synced_tables._streaming_tables s
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = s.relation
    left join synced_tables_internal._waiting w using (pipeline_id)
   where (select synced_tables_internal._may_control_all()) or synced_tables_internal._may_see(s.created_by, s.relation)
) known offset 0;
comment on view synced_tables.status is 'One row per synced or streaming table: its state and how fresh it is.';
comment on column synced_tables.status.table_name is 'The table itself; null before its first load and after it was dropped.';
comment on column synced_tables.status.state is 'As the Databricks API names it.';
comment on column synced_tables.status.lag_versions is 'Source versions that the table does not reflect yet.';
comment on column synced_tables.status.lag_seconds is
  'Age of the oldest commit of the source that the sidecar has seen and the table does not reflect yet; 0 if there is none, null for a table that was dropped. Commits are seen when an update looks for them. Of a streaming table the time since changes of its sources wait for it.';
comment on column synced_tables.status.rows_done is 'Rows moved so far by the running update.';
comment on column synced_tables.status.rows_total is 'Rows that the running update will move, if known.';
comment on column synced_tables.status.provisioning_phase is
  'What a running load does: PROVISIONING_PHASE_MAIN copies rows, PROVISIONING_PHASE_INDEX_SCAN builds the key and indexes; null when none runs.';
comment on column synced_tables.status.sync_progress_completion is 'Fraction of the rows that a running load has copied, 0 to 1.';
comment on column synced_tables.status.estimated_completion_seconds is 'Time to copy the remaining rows at the rate so far, without the indexes built afterwards.';
comment on column synced_tables.status.processing_version is 'The source version that a running load copies.';
comment on column synced_tables.status.synced_committed_at is 'When synced_version was committed in the source.';
comment on column synced_tables.status.last_sync_started_at is
  'When the newest successful sync began; its rows became visible at last_sync_at.';
comment on column synced_tables.status.publish is 'Whether updates publish the tables of the pipeline separately or together.';
comment on column synced_tables.status.failing_column is
  'The column of last_error_code whose values are at fault, for roles that may read the table; null if not exactly one is.';
comment on column synced_tables.status.failing_keys is
  'Keys of a few source rows that last_error_code is about, as texts: shown to roles that may read the table.';
comment on column synced_tables.status.paused_at is 'Since when the pipeline of the table is paused; null while it is not.';
comment on column synced_tables.status.paused_by is 'Who paused the pipeline.';
comment on column synced_tables.status.columns is 'The source columns that the table has; null: all.';
comment on column synced_tables.status.row_filter is
  'Which source rows the table has: an expression of the lakehouse''s SQL over one row; null: all.';
comment on column synced_tables.status.changed_by_hand_at is
  'Since when somebody else than a sidecar has written to it; null if nobody has since its last copy.';
comment on column synced_tables.status.changed_by_hand_by is 'The first role that did.';
