-- Streaming tables and the flows of APPLY CHANGES / AUTO CDC that fill them: what was declared, by whom, and its status
-- (_streaming_tables, _flows, _pipeline_views), and what was created for it (_cdc_targets, _cdc_positions).

-- for: sidecar
create table synced_tables._streaming_tables (
  table_id uuid constraint _streaming_tables_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  synced_table text not null generated always as (synced_tables_internal._display_name(schema_name, table_name)) stored,
  pipeline_id uuid not null constraint _streaming_tables_pipeline_fk references synced_tables._pipelines on delete cascade,
  declared jsonb not null default '{}',
  state text not null default 'SYNCED_TABLE_PROVISIONING' constraint _streaming_tables_state_check check (state in (
    'SYNCED_TABLE_PROVISIONING', 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE',
    'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', 'SYNCED_TABLE_ONLINE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED')),
  message text,
  relation regclass,
  last_sync_at timestamptz,
  last_error_code text,
  created_by name not null,
  created_at timestamptz not null default clock_timestamp(),
  is_failed boolean not null default false,
  declaration_hash text not null default '',
  constraint _streaming_tables_name_key unique (schema_name, table_name)
);
create index _streaming_tables_pipeline_index on synced_tables._streaming_tables (pipeline_id);
comment on table synced_tables._streaming_tables is 'Targets of flows: declared tables and their status.';
comment on column synced_tables._streaming_tables.declared is 'Columns, comment and tombstone threshold as declared.';
comment on column synced_tables._streaming_tables.relation is 'The view that people read; null until the first update creates it.';
comment on column synced_tables._streaming_tables.is_failed is 'Whether the last update failed with a permanent error: followers skip the table until an update succeeds.';
comment on column synced_tables._streaming_tables.declaration_hash is
  'Identifies this declaration of the table, its flows and its pipeline''s views. A batch is committed only if the hash is still the one it was read under.';

-- for: sidecar
create table synced_tables._flows (
  flow_id uuid constraint _flows_pk primary key default gen_random_uuid(),
  table_id uuid not null constraint _flows_table_fk references synced_tables._streaming_tables on delete cascade,
  flow_name text not null,
  kind text not null constraint _flows_kind_check check (kind in ('changes', 'snapshot')),
  source jsonb not null,
  options jsonb not null,
  created_by name not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint _flows_name_key unique (table_id, flow_name)
);
comment on table synced_tables._flows is 'What fills streaming tables: sources, keys and order. The progress of each flow is stored with its target.';
comment on column synced_tables._flows.options is 'Named as the SQL functions name them.';

-- for: sidecar
create table synced_tables._pipeline_views (
  pipeline_id uuid not null constraint _pipeline_views_pipeline_fk references synced_tables._pipelines on delete cascade,
  view_name text not null,
  query text not null,
  constraint _pipeline_views_pk primary key (pipeline_id, view_name)
);
comment on table synced_tables._pipeline_views is 'Queries of the lakehouse engine that the flows of a pipeline read. They are not objects of this database.';

-- for: sidecar
create table synced_tables._cdc_targets (
  target_id uuid constraint _cdc_targets_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  target regclass not null,
  feed regclass,
  created_by name not null,
  shape jsonb not null,
  created_at timestamptz not null default now(),
  truncated_before jsonb,
  truncated_at timestamptz,
  commit_version bigint not null default 0,
  changed_by xid8,
  feed_starts_after bigint not null default 0,
  snapshot_version text,
  collected_at timestamptz not null default now(),
  refreshed_by uuid,
  constraint _cdc_targets_name_key unique (schema_name, table_name)
);
comment on table synced_tables._cdc_targets is
  'One row per target of Auto CDC flows. Anything that changes the target locks it, so changes to one target are serialised.';
comment on column synced_tables._cdc_targets.target is 'The view, by name so that it survives dump and restore.';
comment on column synced_tables._cdc_targets.feed is 'Table of the change feed; null when the target has none.';
comment on column synced_tables._cdc_targets.shape is
  'What the state was built with: keys, sequence type, SCD type, tracked set, columns.';
comment on column synced_tables._cdc_targets.truncated_before is 'Sequence of the last truncate: events below it are dead. Texts of the order columns.';
comment on column synced_tables._cdc_targets.truncated_at is 'Wall-clock time of that truncate: the mark expires as tombstones do.';
comment on column synced_tables._cdc_targets.commit_version is 'Grows with every transaction that changes visible rows; the version in the change feed.';
comment on column synced_tables._cdc_targets.changed_by is 'The transaction that set commit_version: its further changes belong to the same version.';
comment on column synced_tables._cdc_targets.feed_starts_after is 'Versions up to this one have left the change feed.';
comment on column synced_tables._cdc_targets.collected_at is 'When old tombstones and feed rows were last removed.';
comment on column synced_tables._cdc_targets.refreshed_by is
  'The update that is building a full refresh here; null for the target that people read.';

-- for: sidecar
create table synced_tables._cdc_positions (
  target_id uuid not null constraint _cdc_positions_target_fk references synced_tables._cdc_targets on delete cascade,
  flow_name text not null,
  batch_id bigint not null,
  position jsonb,
  committed_at timestamptz not null default now(),
  constraint _cdc_positions_pk primary key (target_id, flow_name)
);
comment on table synced_tables._cdc_positions is 'How far each flow has read: written in the transaction that applies the batch.';
