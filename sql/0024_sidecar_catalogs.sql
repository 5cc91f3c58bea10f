-- Which catalogs a sidecar has in its settings, and which ones a pipeline reads: updates are left to a sidecar that has them.

alter table synced_tables._sidecars add column catalogs text[];
comment on column synced_tables._sidecars.catalogs is
  'Names of the catalogs in its settings; null for a program, and for a sidecar of an older release, which takes everything.';

alter table synced_tables._pipelines add column catalogs text[] not null default '{}';
comment on column synced_tables._pipelines.catalogs is
  'Names of the catalogs that its tables and flows name; kept by triggers. What the queries of its views read is not among them.';
update synced_tables._pipelines p set catalogs = s.catalogs
  from (select n.pipeline_id, array_agg(distinct n.catalog order by n.catalog) as catalogs
          from (select t.pipeline_id, split_part(t.source_table_full_name, '.', 1) as catalog from synced_tables._tables t
                union all
                select s.pipeline_id, f.source -> 'parts' ->> 0
                  from synced_tables._flows f join synced_tables._streaming_tables s using (table_id)
                 where f.source ->> 'kind' = 'name' and jsonb_array_length(f.source -> 'parts') = 3) n
         group by n.pipeline_id) s
 where s.pipeline_id = p.pipeline_id;
