-- Jobs of the HTTP API: names and schedules of pipelines, in the words of the Jobs service.

-- for: sidecar
create table synced_tables._jobs (
  job_id bigint constraint _jobs_pk primary key default (('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 13))::bit(52)::bigint),
  pipeline_id uuid not null constraint _jobs_pipeline_key unique
    constraint _jobs_pipeline_fk references synced_tables._pipelines on delete cascade,
  settings jsonb not null,
  created_by name not null,
  created_at timestamptz not null default now()
);
comment on table synced_tables._jobs is 'What was created as a job: at most one for a pipeline, whose schedule is in _schedules.';
comment on column synced_tables._jobs.job_id is 'Random, since jobs of all databases share their numbers; below 2^52, which every client keeps exact.';
comment on column synced_tables._jobs.settings is 'As the client gave them.';
