-- The state of syncing, beside the data it is about. The sidecar reads and writes these tables as databricks_sync;
-- everybody else goes through the views status, updates and events and the functions.
--
-- Lock order, for whoever takes several: _pipelines, then _tables, then the synced table itself.

create function synced_tables._display_name(schema_name text, table_name text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- Not quote_ident: which words that quotes depends on the server's version. Same rule as src/core/names.ts.
  select string_agg(case when part ~ '^[a-z_][a-z0-9_]*$' then part else '"' || replace(part, '"', '""') || '"' end, '.' order by nth)
    from unnest(array[schema_name, table_name]) with ordinality as parts (part, nth)
$$;
comment on function synced_tables._display_name(text, text) is 'How messages and views name a synced table: quoted only where capitals or a leading digit ask for it.';

create table synced_tables._pipelines (
  pipeline_id uuid constraint _pipelines_pk primary key default gen_random_uuid(),
  name text not null,
  scheduling_policy text not null
    constraint _pipelines_scheduling_policy_check check (scheduling_policy in ('SNAPSHOT', 'TRIGGERED', 'CONTINUOUS')),
  created_by name not null,
  created_at timestamptz not null default now(),
  lease_holder uuid,
  lease_epoch bigint not null default 0,
  lease_expires_at timestamptz
);
comment on table synced_tables._pipelines is 'What keeps one or more synced tables in sync. Run by one sidecar at a time: the holder of the lease.';
comment on column synced_tables._pipelines.lease_holder is 'The sidecar that runs the pipeline; null when none does.';
comment on column synced_tables._pipelines.lease_epoch is 'Grows with every change of the holder. Every commit of a sync checks it (fencing).';

create table synced_tables._tables (
  table_id uuid constraint _tables_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  synced_table text not null generated always as (synced_tables._display_name(schema_name, table_name)) stored,
  source_table_full_name text not null,
  primary_key_columns text[] not null
    constraint _tables_primary_key_columns_check check (cardinality(primary_key_columns) > 0),
  timeseries_key text,
  invalid_characters text not null default 'fail'
    constraint _tables_invalid_characters_check check (invalid_characters in ('fail', 'strip')),
  create_schema_if_missing boolean not null default true,
  pipeline_id uuid not null constraint _tables_pipeline_fk references synced_tables._pipelines,
  state text not null default 'SYNCED_TABLE_PROVISIONING' constraint _tables_state_check check (state in (
    'SYNCED_TABLE_PROVISIONING', 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES',
    'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', 'SYNCED_TABLE_ONLINE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
    'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
    'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE')),
  message text,
  relation regclass,
  source_table_id text,
  synced_version bigint,
  source_version bigint,
  source_committed_at timestamptz,
  row_count bigint,
  rows_done bigint,
  rows_total bigint,
  last_sync_started_at timestamptz,
  last_sync_at timestamptz,
  last_error_code text,
  created_by name not null,
  created_at timestamptz not null default now(),
  constraint _tables_name_key unique (schema_name, table_name)
);
create index _tables_pipeline_index on synced_tables._tables (pipeline_id);
create index _tables_source_index on synced_tables._tables (source_table_full_name);
comment on table synced_tables._tables is 'The registry of synced tables: what each is made from, and how far it is.';
comment on column synced_tables._tables.synced_table is 'How messages and views name the table; _display_name.';
comment on column synced_tables._tables.state is 'Names of the Databricks API, the misspelled SYNCED_TABLED_OFFLINE included.';
comment on column synced_tables._tables.relation is 'The synced table; null until its first load was published. Stays when the table is dropped by hand.';
comment on column synced_tables._tables.source_table_id is 'Identity of the source table. Another one means that the source was made anew.';
comment on column synced_tables._tables.synced_version is 'The source version that the table reflects.';
comment on column synced_tables._tables.source_version is 'The newest source version seen.';
comment on column synced_tables._tables.source_committed_at is 'When source_version was committed in the source.';
comment on column synced_tables._tables.rows_done is 'Progress of the running update; null when none runs.';

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
  sql_state text constraint _updates_sql_state_check check (sql_state ~ '^[0-9A-Z]{5}$' and sql_state !~ '^0[012]')
);
-- The queue. One index serves "what is due" and "is one waiting already".
create index _updates_queue_index on synced_tables._updates (pipeline_id, created_at) where state = 'QUEUED';
create index _updates_running_index on synced_tables._updates (pipeline_id) where state = 'RUNNING';
create index _updates_history_index on synced_tables._updates (pipeline_id, created_at desc);
comment on table synced_tables._updates is 'Runs of pipelines, past, running and waiting: a QUEUED row is the durable request. No foreign key to the pipeline: history outlives it.';
comment on column synced_tables._updates.attempt is 'How often it was begun.';
comment on column synced_tables._updates.next_attempt_at is 'A QUEUED update is not begun before this; null: at once.';

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
  constraint _table_updates_pk primary key (update_id, table_id)
);
create index _table_updates_table_index on synced_tables._table_updates (table_id);
comment on table synced_tables._table_updates is 'What an update did to one synced table. No foreign key to _tables: history outlives the table.';
comment on column synced_tables._table_updates.method is 'How the rows came in: SNAPSHOT, MERGE and so on.';
comment on column synced_tables._table_updates.rows_without_key is 'Source rows left out because a key column was null.';

create table synced_tables._events (
  event_id bigint generated always as identity constraint _events_pk primary key,
  occurred_at timestamptz not null default clock_timestamp(),
  level text not null default 'INFO' constraint _events_level_check check (level in ('INFO', 'WARN', 'ERROR')),
  event_type text not null,
  synced_table text,
  pipeline_id uuid,
  update_id uuid,
  message text not null,
  details jsonb
);
create index _events_pipeline_index on synced_tables._events (pipeline_id, event_id);
comment on table synced_tables._events is 'What happened, newest last. Never holds values of rows.';

-- Holders of pg_read_all_data and pg_write_all_data (databricks_superuser) could otherwise forge state that functions
-- with a superuser's rights act on; row security keeps all but databricks_sync and the owner out.
do $$
declare
  internal text;
begin
  foreach internal in array array['_pipelines', '_tables', '_updates', '_table_updates', '_events'] loop
    execute format('grant select, insert, update, delete on synced_tables.%I to databricks_sync', internal);
    execute format('alter table synced_tables.%I enable row level security', internal);
    execute format('create policy %I on synced_tables.%I to databricks_sync using (true) with check (true)',
                   internal || '_sync', internal);
  end loop;
end $$;

create function synced_tables._notify_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('synced_tables_requests', '');
  return null;
end $$;
comment on function synced_tables._notify_request() is 'Wakes the sidecars. Only a hint: they poll too.';
revoke execute on function synced_tables._notify_request() from public;

create trigger _updates_notify after insert or update of state, next_attempt_at on synced_tables._updates
  for each row when (new.state = 'QUEUED' and (new.next_attempt_at is null or new.next_attempt_at <= now()))
  execute function synced_tables._notify_request();
