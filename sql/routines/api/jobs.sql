-- Jobs over HTTP. A job starts one pipeline, by a schedule or when it is asked to; whoever may schedule the pipeline may
-- have a job for it. A job whose pipeline has been deleted does nothing, and stays until its creator gives it another one.

-- for: owner
create or replace function synced_tables_internal._schedule_job(pipeline uuid, cron text, time_zone text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if cron is null then
    if not exists (select from synced_tables._pipelines p where p.pipeline_id = pipeline) then
      return;
    end if;
    perform synced_tables_served.remove_schedule(pipeline::text);
  else
    perform synced_tables_served.set_schedule(pipeline::text, cron, time_zone);
  end if;
end $$;
comment on function synced_tables_internal._schedule_job(uuid, text, text) is 'Gives the pipeline of a job the schedule that the job has, or none.';

-- for: owner
create or replace function synced_tables_internal._require_job(job_id bigint, action text) returns synced_tables._jobs
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._jobs;
begin
  select * into wanted from synced_tables._jobs j where j.job_id = _require_job.job_id for update;
  if exists (select from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id) then
    perform synced_tables_internal._find_pipeline(wanted.pipeline_id::text, action);
  elsif synced_tables_internal._may_control(wanted.created_by) is not true then
    perform synced_tables_internal._raise('JOB_NOT_FOUND', '42704', format('Job %s does not exist.', _require_job.job_id), 'See GET /api/2.2/jobs/list for those that the caller may see.');
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._require_job(bigint, text) is
  'A job, for roles that may control its pipeline; for those who may control what its creator created if it has none any more.';

-- for: managers
create or replace function synced_tables_served._create_job(pipeline_id uuid, settings jsonb, cron text, time_zone text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipeline constant synced_tables._pipelines := synced_tables_internal._find_pipeline(_create_job.pipeline_id::text, 'schedule');
  made bigint;
begin
  insert into synced_tables._jobs (pipeline_id, settings, created_by)
  values (pipeline.pipeline_id, _create_job.settings, synced_tables_internal._acting_role())
  on conflict on constraint _jobs_pipeline_key do nothing returning job_id into made;
  if made is null then
    perform synced_tables_internal._raise('JOB_EXISTS', '42710', format('Pipeline %s already has a job.', pipeline.pipeline_id),
      'Change or delete that job: a pipeline has one schedule.');
  end if;
  perform synced_tables_internal._schedule_job(pipeline.pipeline_id, cron, time_zone);
  return made;
end $$;
comment on function synced_tables_served._create_job(uuid, jsonb, text, text) is 'Creates a job for a pipeline; without cron it runs only when it is asked to.';

-- for: managers
create or replace function synced_tables_served._change_job(job_id bigint, pipeline_id uuid, settings jsonb, cron text, time_zone text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._jobs := synced_tables_internal._require_job(_change_job.job_id, 'schedule');
  pipeline constant synced_tables._pipelines := synced_tables_internal._find_pipeline(_change_job.pipeline_id::text, 'schedule');
begin
  if pipeline.pipeline_id <> wanted.pipeline_id then
    perform synced_tables_internal._schedule_job(wanted.pipeline_id, null, null);
  end if;
  begin
    update synced_tables._jobs j set settings = _change_job.settings, pipeline_id = pipeline.pipeline_id where j.job_id = wanted.job_id;
  exception when unique_violation then
    perform synced_tables_internal._raise('JOB_EXISTS', '42710', format('Pipeline %s already has a job.', pipeline.pipeline_id),
      'Change or delete that job: a pipeline has one schedule.');
  end;
  perform synced_tables_internal._schedule_job(pipeline.pipeline_id, cron, time_zone);
end $$;
comment on function synced_tables_served._change_job(bigint, uuid, jsonb, text, text) is 'Gives a job other settings, and its pipeline another schedule.';

-- for: managers
create or replace function synced_tables_served._delete_job(job_id bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._jobs := synced_tables_internal._require_job(_delete_job.job_id, 'schedule');
begin
  perform synced_tables_internal._schedule_job(wanted.pipeline_id, null, null);
  delete from synced_tables._jobs j where j.job_id = wanted.job_id;
end $$;
comment on function synced_tables_served._delete_job(bigint) is 'Removes a job and the schedule of its pipeline.';
