-- Canceling updates without stopping their pipeline.

-- for: managers
create or replace function synced_tables_served.cancel_updates(synced_table_or_pipeline text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  -- Waits for a commit in progress.
  wanted constant synced_tables._pipelines := synced_tables_internal._lock_for_pause(synced_table_or_pipeline, 'cancel updates of');
  reason constant text := format('Canceled by %I.', synced_tables_internal._acting_role());
  was_running boolean;
  canceled integer;
begin
  with ended as (
    update synced_tables._updates u
       set state = 'CANCELED', finished_at = clock_timestamp(), error_code = 'UPDATE_CANCELED', message = reason, sql_state = '57014'
      from synced_tables._updates before
     where u.pipeline_id = wanted.pipeline_id and u.state in ('QUEUED', 'RUNNING') and u.mode <> 'CONTINUOUS' and before.update_id = u.update_id
    returning u.update_id, before.state
  ), parts as (
    update synced_tables._table_updates r
       set state = 'CANCELED', finished_at = clock_timestamp(), error_code = 'UPDATE_CANCELED', message = reason
      from ended e where r.update_id = e.update_id and r.state in ('QUEUED', 'RUNNING')
  )
  select count(*), coalesce(bool_or(e.state = 'RUNNING'), false) into canceled, was_running from ended e;
  if canceled = 0 then
    return 0;
  end if;
  if was_running then
    -- Without the lease its sidecar commits nothing more.
    update synced_tables._pipelines p set lease_holder = null, lease_epoch = p.lease_epoch + 1 where p.pipeline_id = wanted.pipeline_id;
  end if;
  update synced_tables._tables t
     set state = case when t.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = case when t.relation is null then 'Its load was canceled: synced_tables.sync_now starts it again.'
                        else concat('Reflects ', t.source_table_full_name, ' at version ' || t.synced_version, '. An update was canceled.') end,
         rows_done = null, rows_total = null
   where t.pipeline_id = wanted.pipeline_id and not t.is_failed and t.state <> 'SYNCED_TABLED_OFFLINE'
     and (was_running or t.relation is null);
  update synced_tables._streaming_tables s
     set state = case when s.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = 'An update was canceled: synced_tables.start_update starts another.'
   where s.pipeline_id = wanted.pipeline_id and not s.is_failed and (was_running or s.relation is null);
  if not exists (select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.state = 'RUNNING') then
    perform synced_tables_internal._queue_follower(wanted.pipeline_id);
  end if;
  perform synced_tables_internal._record_event('INFO', 'updates_canceled', null, wanted.pipeline_id, null,
    format('%I canceled what ran and waited in pipeline %s.', synced_tables_internal._acting_role(), wanted.pipeline_id));
  perform pg_notify('synced_tables_requests', '');
  return canceled;
end $$;
comment on function synced_tables_served.cancel_updates(text) is
  'Cancels the update that runs in a pipeline, given by its id or by one of its tables, and those that wait; returns how many. Nothing of them becomes visible: the tables keep their rows. Later updates run as usual, and a CONTINUOUS pipeline goes on following its sources; pause_pipeline and stop_pipeline keep it from that. For the creators of its tables, their managers and databricks_superuser.';
