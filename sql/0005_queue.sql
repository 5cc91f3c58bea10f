-- The queue and its history, schedules and verifications.

-- for: sidecar
create table synced_tables._updates (
  update_id uuid constraint _updates_pk primary key default gen_random_uuid(),
  pipeline_id uuid not null,
  cause text not null default 'USER_ACTION' constraint _updates_cause_check check (cause in (
    'API_CALL', 'INFRASTRUCTURE_MAINTENANCE', 'JOB_TASK', 'RETRY_ON_FAILURE', 'SCHEMA_CHANGE', 'SERVICE_UPGRADE', 'USER_ACTION')),
  full_refresh boolean not null default false,
  state text not null default 'QUEUED' constraint _updates_state_check
    check (state in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED')),
  requested_by name,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  attempt integer not null default 0,
  next_attempt_at timestamptz,
  error_code text,
  message text,
  remedy text,
  sql_state text constraint _updates_sql_state_check check (sql_state ~ '^[0-9A-Z]{5}$' and sql_state !~ '^0[012]'),
  mode text not null default 'DEFAULT' constraint _updates_mode_check check (mode in ('DEFAULT', 'CONTINUOUS')),
  selection jsonb
);
-- The queue. One index answers both "what is due" and "is one already waiting".
create index _updates_open_index on synced_tables._updates (pipeline_id, created_at) where state in ('QUEUED', 'RUNNING');
create index _updates_history_index on synced_tables._updates (pipeline_id, created_at desc);
create unique index _updates_follower_key on synced_tables._updates (pipeline_id)
  where mode = 'CONTINUOUS' and state in ('QUEUED', 'RUNNING');
create index _updates_finished_index on synced_tables._updates (finished_at) where finished_at is not null;
comment on table synced_tables._updates is 'Runs of pipelines: past, running and waiting. A QUEUED row is the durable request. No foreign key to the pipeline: history outlives it.';
comment on column synced_tables._updates.attempt is 'How often it has been started.';
comment on column synced_tables._updates.next_attempt_at is 'A QUEUED update does not start before this time; null: immediately.';
comment on column synced_tables._updates.mode is 'DEFAULT: ends when the tables are up to date. CONTINUOUS: follows the source until another update is requested.';
comment on column synced_tables._updates.selection is
  'Which tables of the pipeline are updated, and which of those by a full refresh: {"refresh": […], "full_refresh": […]} with names as in _tables.synced_table; null: all.';

-- for: sidecar
create table synced_tables._table_updates (
  update_id uuid not null constraint _table_updates_update_fk references synced_tables._updates on delete cascade,
  table_id uuid not null,
  synced_table text not null,
  source_table_full_name text not null,
  state text not null constraint _table_updates_state_check
    check (state in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED')),
  method text,
  previous_version bigint,
  synced_version bigint,
  rows_written bigint,
  rows_deleted bigint,
  rows_without_key bigint,
  rows_with_stripped_characters bigint,
  load_seconds double precision,
  switch_ms double precision,
  started_at timestamptz,
  finished_at timestamptz,
  error_code text,
  message text,
  remedy text,
  batches bigint,
  failed_attempts integer,
  next_attempt_at timestamptz,
  num_upserted_rows bigint,
  num_deleted_rows bigint,
  constraint _table_updates_pk primary key (update_id, table_id)
);
create index _table_updates_table_index on synced_tables._table_updates (table_id);
create index _table_updates_finished_index on synced_tables._table_updates (finished_at) where finished_at is not null;
create index _table_updates_running_index on synced_tables._table_updates (update_id) where state = 'RUNNING';
comment on table synced_tables._table_updates is 'What an update did to one synced table. No foreign key to _tables: history outlives the table.';
comment on column synced_tables._table_updates.method is 'How the rows were written: SNAPSHOT, MERGE and so on.';
comment on column synced_tables._table_updates.rows_without_key is 'Source rows left out because a key column was null.';
comment on column synced_tables._table_updates.batches is
  'Commits of an update that follows its source; its counts are totals over them.';
comment on column synced_tables._table_updates.failed_attempts is 'Consecutive transient failures; null when the last attempt succeeded.';
comment on column synced_tables._table_updates.next_attempt_at is 'When the table is tried again while the update goes on.';
comment on column synced_tables._table_updates.num_upserted_rows is 'Rows of a streaming table inserted or updated by a flow from changes; null otherwise.';
comment on column synced_tables._table_updates.num_deleted_rows is 'Rows of a streaming table removed by a flow from changes; null otherwise.';

-- for: sidecar
create table synced_tables._schedules (
  pipeline_id uuid constraint _schedules_pk primary key constraint _schedules_pipeline_fk references synced_tables._pipelines on delete cascade,
  cron text not null,
  time_zone text not null,
  next_run_at timestamptz,
  last_run_at timestamptz,
  last_update_id uuid,
  message text,
  created_by name not null,
  created_at timestamptz not null default now()
);
create index _schedules_next_run_index on synced_tables._schedules (next_run_at);
comment on table synced_tables._schedules is 'When pipelines are updated automatically; at most one schedule per pipeline.';
comment on column synced_tables._schedules.next_run_at is 'Null: a sidecar has yet to compute it, or there is none (see message).';
comment on column synced_tables._schedules.message is 'Why the schedule does not run; null if it does.';

-- for: sidecar
create table synced_tables._verifications (
  verification_id uuid constraint _verifications_pk primary key default gen_random_uuid(),
  table_id uuid not null,
  synced_table text not null,
  source_table_full_name text not null,
  state text not null default 'QUEUED' constraint _verifications_state_check
    check (state in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED')),
  requested_by name,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  attempt integer not null default 0,
  claimed_by uuid,
  claim_expires_at timestamptz,
  synced_version bigint,
  source_rows bigint,
  target_rows bigint,
  missing_rows bigint,
  extra_rows bigint,
  different_rows bigint,
  differences jsonb,
  error_code text,
  message text,
  remedy text,
  sql_state text constraint _verifications_sql_state_check check (sql_state ~ '^[0-9A-Z]{5}$' and sql_state !~ '^0[012]')
);
create index _verifications_queue_index on synced_tables._verifications (created_at) where state in ('QUEUED', 'RUNNING');
create index _verifications_table_index on synced_tables._verifications (table_id, created_at desc);
comment on table synced_tables._verifications is
  'Comparisons of synced tables with their sources: past, running and waiting. Not part of a pipeline: syncs continue meanwhile. No foreign key to _tables: history outlives the table.';
comment on column synced_tables._verifications.claimed_by is 'The sidecar doing the comparison; its claim expires like a lease.';
comment on column synced_tables._verifications.differences is
  'Up to 20 differing keys with row values: shown only to roles that may read the table. Kept for the newest verification of a table, and only while the table is registered.';
