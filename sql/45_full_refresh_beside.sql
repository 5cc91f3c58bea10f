-- A full refresh of a streaming table is built beside it, in a target of its own.

alter table synced_tables._cdc_targets add column refreshed_by uuid;
comment on column synced_tables._cdc_targets.refreshed_by is 'The update that builds a full refresh here; null for what people read.';

create function synced_tables._sweep_refreshes() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  left_over synced_tables._cdc_targets;
begin
  for left_over in
    select * from synced_tables._cdc_targets t
     where t.refreshed_by is not null
       and not exists (select from synced_tables._updates u where u.update_id = t.refreshed_by and u.state in ('QUEUED', 'RUNNING'))
     for update skip locked
  loop
    delete from synced_tables._cdc_targets t where t.target_id = left_over.target_id;
    execute format('drop view if exists %s', left_over.shape -> 'relations' ->> 'view');
    execute format('drop table if exists %s, %s', left_over.shape -> 'relations' ->> 'storage', left_over.shape -> 'relations' ->> 'base');
    execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || left_over.target_id);
  end loop;
end $$;
comment on function synced_tables._sweep_refreshes() is 'Drops what full refreshes left behind that were cut short.';

do $$
begin
  perform synced_tables._publish_routine('_sweep_refreshes', 'sidecar');
end $$;
