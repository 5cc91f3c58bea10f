-- Sidecars of one database may have different catalogs in their settings, above all while one after the other gets new
-- settings. An update is left to a sidecar that has the catalogs of its pipeline.

-- for: owner
create or replace function synced_tables_internal._note_catalogs() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipelines uuid[];
begin
  if tg_table_name = '_flows' then
    select array_agg(s.pipeline_id) into pipelines from synced_tables._streaming_tables s where s.table_id in (old.table_id, new.table_id);
  else
    pipelines := array[old.pipeline_id, new.pipeline_id];
  end if;
  -- Nothing is found of a pipeline that is being deleted.
  update synced_tables._pipelines p set catalogs = n.catalogs
    from unnest(pipelines) w (pipeline_id)
   cross join lateral (
     select array(select split_part(t.source_table_full_name, '.', 1) from synced_tables._tables t where t.pipeline_id = w.pipeline_id
                  union
                  select f.source -> 'parts' ->> 0
                    from synced_tables._flows f join synced_tables._streaming_tables s using (table_id)
                   where s.pipeline_id = w.pipeline_id and f.source ->> 'kind' = 'name' and jsonb_array_length(f.source -> 'parts') = 3
                   order by 1) as catalogs) n
   where p.pipeline_id = w.pipeline_id and p.catalogs <> n.catalogs;
  return null;
end $$;
comment on function synced_tables_internal._note_catalogs() is 'Keeps _pipelines.catalogs as the tables and flows of a pipeline come and go.';

-- for: owner
create or replace trigger _tables_note_catalogs after insert or delete or update of source_table_full_name, pipeline_id
  on synced_tables._tables for each row execute function synced_tables_internal._note_catalogs();

-- for: owner
create or replace trigger _flows_note_catalogs after insert or delete or update of source
  on synced_tables._flows for each row execute function synced_tables_internal._note_catalogs();

-- for: sidecar
create or replace view synced_tables_internal._strange as
  select p.pipeline_id, p.catalogs, l.configured
    from (select count(*) as sidecars, coalesce(bool_or(s.catalogs is null), false) as takes_any,
                 (select string_agg(distinct k, ', ') from synced_tables._sidecars o, unnest(o.catalogs) k
                   where o.serves_all and o.expires_at >= clock_timestamp()) as configured
            from synced_tables._sidecars s where s.serves_all and s.expires_at >= clock_timestamp()) l
    join synced_tables._pipelines p
      on l.sidecars > 0 and not l.takes_any and p.catalogs <> '{}' and not p.runs_in_program
   where not exists (select from synced_tables._sidecars s
                      where s.serves_all and s.expires_at >= clock_timestamp() and p.catalogs && s.catalogs)
     and not exists (select from synced_tables_internal._leases h where h.pipeline_id = p.pipeline_id)
     and exists (select from synced_tables._updates u
                  where u.pipeline_id = p.pipeline_id and u.state in ('QUEUED', 'RUNNING') and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause));
comment on view synced_tables_internal._strange is
  'Pipelines with an update that no running sidecar takes, because none has a catalog of theirs; configured: those that they have.';

-- for: operators
create or replace view synced_tables.sidecars as
  select s.holder as sidecar, s.joined_at, s.catalogs,
         (select count(*) from synced_tables._pipelines p where p.lease_holder = s.holder) as pipelines, s.serves_all, s.trouble
    from synced_tables._sidecars s
   where s.expires_at >= clock_timestamp();
comment on view synced_tables.sidecars is 'The sidecars, and programs, that run pipelines of this database at this moment.';
comment on column synced_tables.sidecars.sidecar is 'Its id, as in its log.';
comment on column synced_tables.sidecars.catalogs is
  'Names of the catalogs in its settings: it takes updates of those only. Null: it takes any.';
comment on column synced_tables.sidecars.pipelines is 'How many pipelines it runs now.';
comment on column synced_tables.sidecars.serves_all is 'False for a program that runs a pipeline of its own only.';
comment on column synced_tables.sidecars.trouble is 'What keeps it from its work at the moment; null if nothing does.';
