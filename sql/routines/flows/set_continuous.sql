-- Pipelines of flows that follow their sources automatically, like CONTINUOUS synced tables.

-- for: owner
create or replace function synced_tables_internal._make_continuous(pipeline uuid, continuous boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant text := case when continuous then 'CONTINUOUS' else 'TRIGGERED' end;
begin
  if continuous and exists (select from synced_tables._pipelines p where p.pipeline_id = pipeline and p.runs_in_program) then
    perform synced_tables_internal._raise('PIPELINE_CONTINUOUS_IN_PROGRAM', '0A000',
      format('Pipeline %s cannot be continuous: its snapshots come from a function of a program, which no sidecar can call.', pipeline),
      'Run the program whenever there are new snapshots, or let flows read from tables.');
  end if;
  update synced_tables._pipelines p set scheduling_policy = wanted, is_stopped = false
   where p.pipeline_id = pipeline and p.scheduling_policy <> wanted;
  -- A new update makes the sidecar that follows the pipeline look at it again, or stop following.
  if (found or continuous)
     and exists (select from synced_tables._flows f join synced_tables._streaming_tables s using (table_id) where s.pipeline_id = pipeline)
     and not exists (select from synced_tables._pipelines p where p.pipeline_id = pipeline and (p.is_stopped or p.paused_at is not null)) then
    perform synced_tables_internal._request_update(pipeline, false);
  end if;
end $$;
comment on function synced_tables_internal._make_continuous(uuid, boolean) is
  'Makes a pipeline of flows follow its sources, or run only on request.';

-- for: operators
create or replace function synced_tables_served.set_continuous(streaming_table text, continuous boolean default true) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._streaming_tables := synced_tables_internal._find_streaming_table(synced_tables_internal._parse_name(streaming_table));
begin
  if wanted.table_id is null then
    perform synced_tables_internal._raise_unknown_table(streaming_table);
  end if;
  perform synced_tables_internal._require_pipeline(wanted.pipeline_id, 'change');
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  perform synced_tables_internal._make_continuous(wanted.pipeline_id, coalesce(set_continuous.continuous, true));
  perform synced_tables_internal._record_event('INFO', 'pipeline_changed', wanted.synced_table, wanted.pipeline_id, null,
    format('%I set the pipeline of %s to run %s.', synced_tables_internal._acting_role(), wanted.synced_table,
           case when coalesce(set_continuous.continuous, true) then 'continuously' else 'when asked to' end));
end $$;
comment on function synced_tables_served.set_continuous(text, boolean) is
  'Makes the pipeline of a streaming table, with all its tables, follow its sources automatically, or, with false, run only on request. For its creator and databricks_superuser.';
