-- How far behind tables were, and how many rows they had, over time.

-- for: sidecar
create table synced_tables._samples (
  table_id uuid not null constraint _samples_table_fk references synced_tables._tables on delete cascade,
  sampled_at timestamptz not null,
  lag_seconds real,
  lag_versions bigint,
  row_count bigint,
  synced_version bigint,
  is_failed boolean not null,
  is_hourly boolean not null default false,
  constraint _samples_pk primary key (table_id, sampled_at)
);
-- They are written in the order of time, so that a BRIN index finds the old ones, at no cost for the new ones.
create index _samples_time_index on synced_tables._samples using brin (sampled_at) with (autosummarize = on);
comment on table synced_tables._samples is
  'Lag and rows of synced tables over time: see _take_samples. After two days one of each hour is left.';
comment on column synced_tables._samples.sampled_at is 'The minute of the sample, so that several sidecars take one.';
comment on column synced_tables._samples.is_hourly is 'Whether it is the one that is left of its hour.';
