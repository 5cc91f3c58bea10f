-- Pipelines that somebody has paused.

alter table synced_tables._pipelines add column paused_at timestamptz, add column paused_by name;
comment on column synced_tables._pipelines.paused_at is
  'Since when it neither follows its sources nor runs on its schedule, until somebody resumes it; null while it is not paused.';
comment on column synced_tables._pipelines.paused_by is 'Who paused it; null while it is not paused.';
