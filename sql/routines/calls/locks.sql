-- Locks that only our functions can hold, until the transaction ends.

-- for: sidecar
create or replace function synced_tables_internal._hold_lock(name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from synced_tables._locks l where l.name = _hold_lock.name for update;
  if not found then
    insert into synced_tables._locks values (_hold_lock.name) on conflict on constraint _locks_pk do nothing;
    perform from synced_tables._locks l where l.name = _hold_lock.name for update;
  end if;
end $$;
comment on function synced_tables_internal._hold_lock(text) is 'Waits until no other transaction holds the lock of that name, then holds it until this one ends.';

-- for: sidecar
create or replace function synced_tables_internal._lock_pipeline(pipeline_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Not the pipeline's row: a user's open transaction must not keep the sidecar from renewing its lease.
  perform synced_tables_internal._hold_lock('pipeline ' || _lock_pipeline.pipeline_id);
end $$;
comment on function synced_tables_internal._lock_pipeline(uuid) is 'Held until the end of the transaction by anything that adds or removes tables or requests of a pipeline.';

-- for: owner
create or replace function synced_tables_internal._forget_pipeline_lock() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._locks l where l.name = 'pipeline ' || old.pipeline_id;
  return null;
end $$;
comment on function synced_tables_internal._forget_pipeline_lock() is 'A pipeline''s lock is removed along with it.';

-- for: owner
create or replace trigger _pipelines_forget_lock after delete on synced_tables._pipelines
  for each row execute function synced_tables_internal._forget_pipeline_lock();
