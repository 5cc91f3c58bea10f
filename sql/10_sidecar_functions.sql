-- What the sidecar cannot do as databricks_sync alone, or does in several places. Nobody else may call these.

create function synced_tables._prepare_schema(table_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
  schema_owner name;
begin
  select * into wanted from synced_tables._tables t where t.table_id = _prepare_schema.table_id;
  if not found then
    perform synced_tables._raise('SYNCED_TABLE_NOT_FOUND', '42P01', format('Synced table %s does not exist.', table_id), 'It was deleted.');
  end if;
  if synced_tables._is_reserved_schema(wanted.schema_name) then
    perform synced_tables._raise('SCHEMA_RESERVED', '42939',
      format('Schema %I is reserved; synced table %s cannot be there.', wanted.schema_name, wanted.synced_table), 'Choose another schema.');
  end if;
  perform databricks_auth.lock_schema_rights();
  if not exists (select from pg_namespace n where n.nspname = wanted.schema_name) then
    if not wanted.create_schema_if_missing then
      perform synced_tables._raise('SCHEMA_MISSING', '3F000',
        format('Schema %I of synced table %s does not exist.', wanted.schema_name, wanted.synced_table),
        'Create the schema, or pass create_database_objects_if_missing => true.');
    end if;
    -- The sidecar's own role is not a person who could look after a schema.
    schema_owner := case when to_regrole(quote_ident(wanted.created_by)) is null or wanted.created_by = 'databricks_sync'
                         then 'databricks_superuser' else wanted.created_by end;
    execute format('create schema %I authorization %I', wanted.schema_name, schema_owner);
  end if;
  if not has_schema_privilege('databricks_sync', wanted.schema_name, 'create')
     or not has_schema_privilege('databricks_sync', wanted.schema_name, 'usage') then
    execute format('grant usage, create on schema %I to databricks_sync', wanted.schema_name);
  end if;
end $$;
comment on function synced_tables._prepare_schema(uuid) is 'Makes the schema of a synced table when it is missing, and lets databricks_sync create tables in it.';

create function synced_tables._grant_creator(relation regclass, created_by name) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.sole_partition(relation) is null
     or not exists (select from databricks_auth.synced_tables s where s.synced_table = relation) then
    perform synced_tables._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not a synced table.', relation), 'Register it first.');
  end if;
  update databricks_auth.synced_tables s set created_by = _grant_creator.created_by where s.synced_table = relation;
  if to_regrole(quote_ident(created_by)) is null or created_by = 'databricks_sync' then
    return false;
  end if;
  execute format('grant select on %s to %I with grant option', relation, created_by);
  return true;
end $$;
comment on function synced_tables._grant_creator(regclass, name) is 'Lets the creator of a synced table read it and pass that on. False when there is no such role.';

create function synced_tables._reject_create(table_id uuid, update_id uuid, error_code text, message text, remedy text,
                                             sql_state text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  rejected synced_tables._tables;
begin
  select * into rejected from synced_tables._tables t where t.table_id = _reject_create.table_id and t.relation is null;
  if not found then
    return false;
  end if;
  insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state, finished_at,
                                            error_code, message, remedy)
  select u.update_id, rejected.table_id, rejected.synced_table, rejected.source_table_full_name, 'FAILED', now(),
         _reject_create.error_code, _reject_create.message, _reject_create.remedy
    from synced_tables._updates u where u.update_id = _reject_create.update_id
  on conflict on constraint _table_updates_pk do update set state = excluded.state, finished_at = excluded.finished_at,
    error_code = excluded.error_code, message = excluded.message, remedy = excluded.remedy;
  update synced_tables._updates u
     set state = 'FAILED', finished_at = now(), error_code = _reject_create.error_code, message = _reject_create.message,
         remedy = _reject_create.remedy, sql_state = _reject_create.sql_state
   where u.update_id = _reject_create.update_id;
  perform synced_tables._remove_table(rejected, 'UPDATE_CANCELED', format('Synced table %s was rejected.', rejected.synced_table));
  perform synced_tables._record_event('ERROR', 'synced_table_rejected', rejected.synced_table, rejected.pipeline_id,
    _reject_create.update_id, _reject_create.message);
  return true;
end $$;
comment on function synced_tables._reject_create(uuid, uuid, text, text, text, text) is
  'Takes a registration back that was never loaded: the update fails with the given error, table and empty pipeline go. False when the table is loaded or gone.';

create function synced_tables._forget_dropped(table_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  dropped synced_tables._tables;
begin
  select * into dropped from synced_tables._tables t where t.table_id = _forget_dropped.table_id for no key update;
  if dropped.relation is null or exists (select from pg_class c where c.oid = dropped.relation) then
    return false;
  end if;
  perform databricks_auth.unregister(dropped.relation);
  -- relation stays: it tells a table that was dropped from one that was never loaded.
  update synced_tables._tables t
     set state = 'SYNCED_TABLED_OFFLINE', message = synced_tables._dropped_message(t.synced_table),
         last_error_code = 'SYNCED_TABLE_DROPPED', row_count = null, rows_done = null, rows_total = null
   where t.table_id = dropped.table_id and t.last_error_code is distinct from 'SYNCED_TABLE_DROPPED';
  if not found then
    return false;
  end if;
  perform synced_tables._record_event('WARN', 'synced_table_was_dropped', dropped.synced_table, dropped.pipeline_id, null,
    synced_tables._dropped_message(dropped.synced_table));
  return true;
end $$;
comment on function synced_tables._forget_dropped(uuid) is
  'When a synced table was dropped by hand: removes its ownership and marks it offline. True the first time.';

revoke execute on function synced_tables._prepare_schema(uuid), synced_tables._grant_creator(regclass, name),
  synced_tables._reject_create(uuid, uuid, text, text, text, text), synced_tables._forget_dropped(uuid) from public;
grant execute on function synced_tables._prepare_schema(uuid), synced_tables._grant_creator(regclass, name),
  synced_tables._reject_create(uuid, uuid, text, text, text, text), synced_tables._forget_dropped(uuid) to databricks_sync;
