-- Samples of lag and rows: taken by sidecars, thinned out as they get older, pruned with the history.

-- for: sidecar
create or replace function synced_tables_internal._lag_seconds(member synced_tables._tables) returns double precision
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when member.relation is not null and not exists (select from pg_class c where c.oid = member.relation) then null
              when member.synced_version >= member.source_version then 0
              when member.synced_version is not null
              then greatest(0, extract(epoch from clock_timestamp() - coalesce(member.behind_since, member.source_committed_at)))::double precision
         end
$$;
comment on function synced_tables_internal._lag_seconds(synced_tables._tables) is 'As the view status has it.';

-- for: sidecar
create or replace function synced_tables_internal._streaming_lag_seconds(member synced_tables._streaming_tables) returns double precision
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when member.behind_since is not null then greatest(0, extract(epoch from clock_timestamp() - member.behind_since))::double precision
              when member.last_sync_at is not null and not member.is_failed then 0
         end
$$;
comment on function synced_tables_internal._streaming_lag_seconds(synced_tables._streaming_tables) is
  'As the view status has it: since its sources have had something that the table does not reflect. Null while nobody knows.';

-- for: sidecar
create or replace function synced_tables_internal._streaming_rows(member synced_tables._streaming_tables) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
  select nullif(c.reltuples, -1)::bigint
    from synced_tables._cdc_targets g join pg_class c on c.oid = to_regclass(g.shape -> 'relations' ->> 'storage')
   where (g.schema_name, g.table_name) = (member.schema_name, member.table_name)
$$;
comment on function synced_tables_internal._streaming_rows(synced_tables._streaming_tables) is
  'About how many rows a streaming table keeps, as its last ANALYZE found; counting them would read them all.';

-- A sample a minute is taken of what changes, and of a followed table that is behind: its lag is not known from the last
-- one. All else just goes on, which a sample every 15 minutes tells as well as fifteen would. With 1,000 tables this takes
-- 12 ms where nothing has changed, and 0.1 s where all have; two days of a sample a minute of each are 450 MB.
-- for: sidecar
create or replace function synced_tables_internal._take_samples() returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  taken integer;
begin
  with minute as (
    select date_trunc('minute', clock_timestamp()) as at
  ), now as (
    select t.table_id, p.scheduling_policy, synced_tables_internal._lag_seconds(t) as lag_seconds, t.source_version - t.synced_version as lag_versions,
           t.row_count, t.synced_version, t.is_failed
      from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
     where t.relation is not null
    union all
    select t.table_id, p.scheduling_policy, synced_tables_internal._streaming_lag_seconds(t), null, synced_tables_internal._streaming_rows(t), null, t.is_failed
      from synced_tables._streaming_tables t join synced_tables._pipelines p using (pipeline_id)
     where t.relation is not null
  )
  insert into synced_tables._samples (table_id, sampled_at, lag_seconds, lag_versions, row_count, synced_version, is_failed)
  select n.table_id, m.at, n.lag_seconds, n.lag_versions, n.row_count, n.synced_version, n.is_failed
    from minute m cross join now n
    left join lateral (select s.* from synced_tables._samples s where s.table_id = n.table_id order by s.sampled_at desc limit 1) last on true
   where last.sampled_at is null or last.sampled_at <= m.at - interval '15 min'
      or last.sampled_at < m.at
         and (n.scheduling_policy = 'CONTINUOUS' and n.lag_seconds > 0
              or (n.row_count, n.synced_version, n.lag_versions, n.is_failed)
                 is distinct from (last.row_count, last.synced_version, last.lag_versions, last.is_failed))
  on conflict on constraint _samples_pk do nothing;
  get diagnostics taken = row_count;
  return taken;
end $$;
comment on function synced_tables_internal._take_samples() is 'Takes the samples that are due, at most one of a table in a minute. Returns how many.';

-- for: owner
create or replace function synced_tables_internal._forget_samples() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._samples s where s.table_id = old.table_id;
  return null;
end $$;
comment on function synced_tables_internal._forget_samples() is 'Samples go with their table.';

-- for: owner
create or replace trigger _tables_forget_samples after delete on synced_tables._tables
  for each row execute function synced_tables_internal._forget_samples();

-- for: owner
create or replace trigger _streaming_tables_forget_samples after delete on synced_tables._streaming_tables
  for each row execute function synced_tables_internal._forget_samples();

-- for: sidecar
create or replace function synced_tables_internal._thin_samples() returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  dropped integer;
begin
  with aged as (
    select s.table_id, s.sampled_at,
           row_number() over (partition by s.table_id, date_trunc('hour', s.sampled_at)
                              order by s.is_failed desc, s.lag_seconds desc nulls last, s.sampled_at desc) = 1 as is_kept
      from synced_tables._samples s
     where s.sampled_at < date_trunc('hour', clock_timestamp() - interval '48 hours') and not s.is_hourly
  ), kept as (
    update synced_tables._samples s set is_hourly = true
      from aged a where a.is_kept and s.table_id = a.table_id and s.sampled_at = a.sampled_at
  )
  delete from synced_tables._samples s
   using aged a where not a.is_kept and s.table_id = a.table_id and s.sampled_at = a.sampled_at;
  get diagnostics dropped = row_count;
  return dropped;
end $$;
comment on function synced_tables_internal._thin_samples() is
  'Leaves one sample of each hour that is more than two days old: a failed one if there is any, else the one that was furthest behind. Returns how many went.';

-- for: managers
create or replace view synced_tables.samples with (security_barrier = true) as
  select t.synced_table, s.sampled_at, s.lag_seconds::double precision as lag_seconds, s.lag_versions, s.row_count, s.synced_version, s.is_failed
    from synced_tables._tables t
    join synced_tables._samples s using (table_id)
   where synced_tables_internal._may_see(t.created_by, t.relation)
  union all
  select t.synced_table, s.sampled_at, s.lag_seconds::double precision, s.lag_versions, s.row_count, s.synced_version, s.is_failed
    from synced_tables._streaming_tables t
    join synced_tables._samples s using (table_id)
   where synced_tables_internal._may_see(t.created_by, t.relation);
comment on view synced_tables.samples is
  'Lag and rows of synced and streaming tables over time: every minute while something changes, else every 15 minutes; every hour after two days.';
comment on column synced_tables.samples.sampled_at is 'To the minute. Where there is none for more than 15 minutes, no sidecar ran.';
comment on column synced_tables.samples.lag_seconds is 'As in synced_tables.status.';
comment on column synced_tables.samples.row_count is 'Of a streaming table about how many, as Postgres knows since the last ANALYZE.';
comment on column synced_tables.samples.is_failed is 'Whether the last update had failed for good.';
