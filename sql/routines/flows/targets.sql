-- Targets of flows: each has a view that people read and write, a private table with the state behind it, and a change
-- feed. All belong to databricks_sync and are created by src/scd.

-- for: sidecar
create or replace function synced_tables_internal._prepare_cdc_schema(schema_name text, created_by name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  creator name := case when to_regrole(quote_ident(created_by)) is null then 'databricks_sync' else created_by end;
  is_sidecar boolean := pg_has_role(creator, 'databricks_sync', 'usage');
begin
  if synced_tables_internal._is_reserved_schema(schema_name) then
    perform synced_tables_internal._raise('SCHEMA_RESERVED', '42939', format('Schema %I is reserved; no table can be made there.', schema_name),
      'Choose another schema.');
  end if;
  perform databricks_auth.lock_schema_rights();
  if not exists (select from pg_namespace n where n.nspname = schema_name) then
    if not is_sidecar and not has_database_privilege(creator, current_database(), 'create') then
      perform synced_tables_internal._raise('PERMISSION_DENIED', '42501', format('Role %I may not create schema %I.', creator, schema_name),
        format('Grant it: GRANT CREATE ON DATABASE %I TO %I; or create the schema first.', current_database(), creator));
    end if;
    perform synced_tables_internal._make_schema_for(schema_name, creator);
  elsif not is_sidecar and not has_schema_privilege(creator, schema_name, 'create') then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501', format('Role %I lacks CREATE on schema %I.', creator, schema_name),
      format('Grant it: GRANT CREATE ON SCHEMA %I TO %I;', schema_name, creator));
  end if;
  perform synced_tables_internal._lend_schema(schema_name);
end $$;
comment on function synced_tables_internal._prepare_cdc_schema(text, name) is
  'Creates the schema of an Auto CDC target if it is missing, and lets databricks_sync create objects in it, within the rights of the target''s creator.';

-- for: sidecar
create or replace function synced_tables_internal._hold_target(target_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  target synced_tables._cdc_targets;
  part record;
  relation regclass;
begin
  select * into strict target from synced_tables._cdc_targets t where t.target_id = _hold_target.target_id;
  -- Names keep their present meaning until the transaction ends.
  perform synced_tables_internal._hold_schema(target.schema_name);
  for part in
    select r.key as role, r.value as name,
           r.key in ('view', 'storage') or r.key = 'feed' and target.feed is not null or r.key = 'base' and target.shape ->> 'source' = 'snapshots' as is_used
      from jsonb_each_text(target.shape -> 'relations') r
  loop
    continue when not part.is_used;
    relation := to_regclass(part.name);
    if part.role <> 'view' and relation is not null then
      execute format('lock table %s in row exclusive mode', relation);
      relation := to_regclass(part.name);
    end if;
    if (select c.relowner from pg_class c where c.oid = relation) is distinct from 'databricks_sync'::regrole::oid
       or part.role = 'view' and relation <> target.target or part.role = 'feed' and relation <> target.feed then
      perform synced_tables_internal._raise('AUTOCDC_TARGET_CHANGED', '42809',
        format('%s, which is part of streaming table %I.%I, is not what the sidecar created.', part.name, target.schema_name, target.table_name),
        'Put the schema and tables back as they were; or drop what is in the way, delete the streaming table with synced_tables.delete_streaming_table, and declare it again.');
    end if;
  end loop;
end $$;
comment on function synced_tables_internal._hold_target(uuid) is
  'Keeps a streaming table and the state behind it unchanged until the transaction ends; refuses if they are no longer the sidecar''s.';

-- for: sidecar
create or replace function synced_tables_internal._next_cdc_version(target_id uuid, out version bigint, out changed_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Once per transaction.
  if exists (select from synced_tables._cdc_targets t where t.target_id = _next_cdc_version.target_id and t.changed_by is distinct from pg_current_xact_id()) then
    perform synced_tables_internal._hold_target(_next_cdc_version.target_id);
  end if;
  update synced_tables._cdc_targets t
     set commit_version = case when t.changed_by = pg_current_xact_id() then t.commit_version else t.commit_version + 1 end,
         changed_by = pg_current_xact_id()
   where t.target_id = _next_cdc_version.target_id
  returning t.commit_version into version;
  changed_at := clock_timestamp();
end $$;
comment on function synced_tables_internal._next_cdc_version(uuid) is
  'The version of this transaction''s changes to a target. Blocks all other changes to the target until it ends.';

-- for: sidecar
create or replace function synced_tables_internal._sweep_refreshes() returns void
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
comment on function synced_tables_internal._sweep_refreshes() is 'Drops what interrupted full refreshes left behind.';
