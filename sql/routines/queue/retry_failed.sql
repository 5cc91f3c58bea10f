-- Tables that are to follow their sources and have failed for good, as far as one can tell: the cause may have gone without
-- anybody asking for an update. A damaged file was restored, a duplicate key deleted, a right granted.

-- for: sidecar
create or replace function synced_tables_internal._retry_failed() returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  pipeline uuid;
  requested integer := 0;
begin
  for pipeline in
    select p.pipeline_id
      from synced_tables._pipelines p
     cross join lateral (
       select min(f.failed_since) as since
         from (select t.failed_since from synced_tables._tables t
                where t.pipeline_id = p.pipeline_id and t.is_failed and t.relation is not null and t.state <> 'SYNCED_TABLED_OFFLINE'
               union all
               select s.failed_since from synced_tables._streaming_tables s
                where s.pipeline_id = p.pipeline_id and s.is_failed and s.relation is not null) f) failed
     cross join lateral (
       select greatest(failed.since, max(u.finished_at)) as at from synced_tables._updates u
        where u.pipeline_id = p.pipeline_id and u.state in ('FAILED', 'CANCELED')) tried
     where p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped and p.paused_at is null and failed.since is not null
       -- A minute at first, then as long as it has failed already, an hour at most.
       and clock_timestamp() >= tried.at + least(interval '1 hour', greatest(interval '1 minute', tried.at - failed.since))
       and not exists (select from synced_tables._updates u
                        where u.pipeline_id = p.pipeline_id and u.mode = 'DEFAULT' and u.state in ('QUEUED', 'RUNNING'))
  loop
    perform synced_tables_internal._request_update(pipeline, false, 'RETRY_ON_FAILURE');
    requested := requested + 1;
  end loop;
  return requested;
end $$;
comment on function synced_tables_internal._retry_failed() is
  'Asks for updates of CONTINUOUS pipelines with failed tables, at growing intervals. Returns how many.';
