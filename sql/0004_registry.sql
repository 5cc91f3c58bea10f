-- The registry: pipelines, their synced tables, and what happened.
--
-- Lock order, for code that takes several: _pipelines, then _tables, then the synced table itself.

-- In a numbered file because columns depend on it.
-- for: everybody
create function synced_tables_internal._display_name(schema_name text, table_name text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- Not quote_ident: the words it quotes depend on the server's version. Same rule as src/core/names.ts.
  select string_agg(case when part ~ '^[a-z_][a-z0-9_]*$' then part else '"' || replace(part, '"', '""') || '"' end, '.' order by nth)
    from unnest(array[schema_name, table_name]) with ordinality as parts (part, nth)
$$;
comment on function synced_tables_internal._display_name(text, text) is 'How messages and views name a synced table: quoted only if capitals or a leading digit require it.';

-- for: sidecar
create table synced_tables._pipelines (
  pipeline_id uuid constraint _pipelines_pk primary key default gen_random_uuid(),
  name text not null,
  scheduling_policy text not null
    constraint _pipelines_scheduling_policy_check check (scheduling_policy in ('SNAPSHOT', 'TRIGGERED', 'CONTINUOUS')),
  created_by name not null,
  created_at timestamptz not null default now(),
  lease_holder uuid,
  lease_epoch bigint not null default 0,
  lease_expires_at timestamptz,
  is_stopped boolean not null default false,
  trigger_interval_ms integer
    constraint _pipelines_trigger_interval_ms_check check (trigger_interval_ms between 10 and 3600000),
  publish text not null default 'separately'
    constraint _pipelines_publish_check check (publish in ('separately', 'together')),
  kind text not null default 'SYNCED_TABLES' constraint _pipelines_kind_check check (kind in ('SYNCED_TABLES', 'FLOWS')),
  runs_in_program boolean not null default false
);
create unique index _pipelines_flows_name_key on synced_tables._pipelines (created_by, name) where kind = 'FLOWS';
comment on table synced_tables._pipelines is 'What keeps one or more synced tables in sync. Run by one sidecar at a time: the lease holder.';
comment on column synced_tables._pipelines.lease_holder is 'The sidecar that runs the pipeline; null when none does.';
comment on column synced_tables._pipelines.lease_epoch is 'Grows whenever the holder changes. Every commit of a sync checks it (fencing).';
comment on column synced_tables._pipelines.is_stopped is 'Whether somebody stopped a CONTINUOUS pipeline; the next request for an update makes it run again.';
comment on column synced_tables._pipelines.trigger_interval_ms is
  'How often a CONTINUOUS pipeline looks for commits; null: the default of the sidecar''s settings.';
comment on column synced_tables._pipelines.publish is 'Whether an update publishes the tables one by one, or all of them in one transaction or none.';
comment on column synced_tables._pipelines.kind is 'Whether it keeps synced tables, or streaming tables filled by flows.';
comment on column synced_tables._pipelines.runs_in_program is
  'Run by the program that declared it, because a function of that program is a source; sidecars leave it alone.';

-- for: sidecar
create table synced_tables._tables (
  table_id uuid constraint _tables_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  synced_table text not null generated always as (synced_tables_internal._display_name(schema_name, table_name)) stored,
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
  source_bookmark text,
  allow_file_diff boolean not null default false,
  on_history_gap text not null default 'fail'
    constraint _tables_on_history_gap_check check (on_history_gap in ('fail', 'refresh')),
  type_overrides jsonb not null default '[]',
  extra_columns jsonb not null default '[]',
  extra_index_definitions jsonb not null default '[]',
  accelerated_sync boolean not null default false,
  new_pipeline_spec jsonb,
  is_failed boolean not null default false,
  provisioning_phase text constraint _tables_provisioning_phase_check
    check (provisioning_phase in ('PROVISIONING_PHASE_MAIN', 'PROVISIONING_PHASE_INDEX_SCAN', 'PROVISIONING_PHASE_INDEX_SORT')),
  processing_version bigint,
  phase_started_at timestamptz,
  synced_committed_at timestamptz,
  behind_since timestamptz,
  constraint _tables_name_key unique (schema_name, table_name)
);
create index _tables_pipeline_index on synced_tables._tables (pipeline_id);
create index _tables_source_index on synced_tables._tables (source_table_full_name);
comment on table synced_tables._tables is 'The registry of synced tables: the source of each, and how far it has synced.';
comment on column synced_tables._tables.synced_table is 'How messages and views name the table; _display_name.';
comment on column synced_tables._tables.state is 'Names of the Databricks API, the misspelled SYNCED_TABLED_OFFLINE included.';
comment on column synced_tables._tables.relation is 'The synced table; null until its first load is published. Kept when the table is dropped by hand.';
comment on column synced_tables._tables.source_table_id is 'Identity of the source table. A different one means the source was recreated.';
comment on column synced_tables._tables.synced_version is 'The source version that the table reflects.';
comment on column synced_tables._tables.source_version is 'The newest source version seen.';
comment on column synced_tables._tables.source_committed_at is 'When source_version was committed in the source.';
comment on column synced_tables._tables.rows_done is 'Progress of the running update; null when none runs.';
comment on column synced_tables._tables.source_bookmark is 'The place in the source''s history from which the next changes are read.';
comment on column synced_tables._tables.allow_file_diff is 'Whether differences between files may be used where the source''s change feed was off.';
comment on column synced_tables._tables.on_history_gap is
  'What to do when the source has lost the history that the next update needs: fail, or refresh the whole table.';
comment on column synced_tables._tables.type_overrides is 'Columns stored as another Postgres type: [{"column_name", "pg_type", "size"}].';
comment on column synced_tables._tables.extra_columns is
  'Columns that exist only in Postgres: [{"column_name", "column_type", "compute", "maintenance"}].';
comment on column synced_tables._tables.extra_index_definitions is 'Indexes made after the first load: [{"name", "definition", "creation_point"}].';
comment on column synced_tables._tables.accelerated_sync is 'Whether full copies load over more connections.';
comment on column synced_tables._tables.new_pipeline_spec is 'Kept as it was given and returned on request; has no effect.';
comment on column synced_tables._tables.is_failed is 'Whether the last update failed with a permanent error: followers skip the table until an update succeeds.';
comment on column synced_tables._tables.provisioning_phase is
  'What the running load does: MAIN copies rows, INDEX_SCAN builds the key and indexes; names of the Databricks API.';
comment on column synced_tables._tables.processing_version is
  'The source version that the running load copies. Like the phase and its start, meaningless while rows_done is null.';
comment on column synced_tables._tables.synced_committed_at is 'When synced_version was committed in the source.';
comment on column synced_tables._tables.behind_since is 'Time of the oldest commit seen that the table does not reflect yet.';

-- for: sidecar
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
comment on table synced_tables._events is 'What happened, newest last. Never holds row values.';
