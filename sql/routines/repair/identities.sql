-- Replica identities. A publication that includes a table without one, such as one FOR ALL TABLES, lets nobody update or
-- delete its rows.

-- for: sidecar
create or replace function synced_tables_internal._tables_without_identity() returns setof regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.oid::regclass
    from pg_class c
   where c.relkind = 'r' and c.relpersistence = 'p'
     and (c.relnamespace in (to_regnamespace('synced_tables'), to_regnamespace('databricks_auth'))
          or c.oid in (select to_regclass(r.value) from synced_tables._cdc_targets t, jsonb_each_text(t.shape -> 'relations') r))
     and case c.relreplident
           when 'f' then false
           when 'd' then not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
           when 'i' then not exists (select from pg_index i where i.indrelid = c.oid and i.indisreplident)
           else true
         end
$$;
comment on function synced_tables_internal._tables_without_identity() is 'Permanent tables of ours whose rows a publication would not let anybody update or delete.';

-- for: owner
create or replace function synced_tables_internal._identify_rows() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  setting_before constant text := databricks_auth.allow_ddl();
  relation regclass;
begin
  -- The whole row: a key would make sessions wait for each other where rows live for one call only.
  for relation in select i.relation from synced_tables_internal._tables_without_identity() as i (relation) loop
    execute format('alter table %s replica identity full', relation);
  end loop;
  perform databricks_auth.allow_ddl(setting_before);
end $$;
comment on function synced_tables_internal._identify_rows() is 'Gives a replica identity to those of our tables that have none.';
