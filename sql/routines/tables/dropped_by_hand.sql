-- Tables that were dropped in Postgres: their sync ends with them.

-- for: owner
create or replace function synced_tables_internal._table_was_dropped(dropped oid, dropped_by name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  gone synced_tables._tables;
  reason text;
begin
  select * into gone from synced_tables._tables t where t.relation = dropped;
  if not found then
    return;  -- delete_synced_table has removed it from the registry before dropping it
  end if;
  reason := format('Synced table %s was dropped in Postgres, so its sync has ended.', gone.synced_table);
  perform synced_tables_internal._remove_table(gone, 'SYNCED_TABLE_DROPPED', reason);
  perform synced_tables_internal._audit_act(dropped_by, 'drop_table', gone.synced_table);
  perform synced_tables_internal._record_event('WARN', 'synced_table_was_dropped', gone.synced_table, gone.pipeline_id, null,
    format('%I dropped synced table %s, so its sync has ended.', dropped_by, gone.synced_table));
end $$;
comment on function synced_tables_internal._table_was_dropped(oid, name) is
  'Called by the guard inside a DROP TABLE: removes the table from the registry and cancels its pipeline''s pending updates.';

-- for: sidecar
create or replace function synced_tables_internal._forget_dropped(table_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  dropped synced_tables._tables;
begin
  select * into dropped from synced_tables._tables t where t.table_id = _forget_dropped.table_id for no key update;
  if dropped.relation is null or exists (select from pg_class c where c.oid = dropped.relation) then
    return false;
  end if;
  perform databricks_auth.unregister(dropped.relation);
  -- relation is kept: it distinguishes a dropped table from one that was never loaded.
  update synced_tables._tables t
     set state = 'SYNCED_TABLED_OFFLINE', message = synced_tables_internal._dropped_message(t.synced_table),
         last_error_code = 'SYNCED_TABLE_DROPPED', failing_column = null, failing_keys = null, row_count = null, rows_done = null, rows_total = null
   where t.table_id = dropped.table_id and t.last_error_code is distinct from 'SYNCED_TABLE_DROPPED';
  if not found then
    return false;
  end if;
  perform synced_tables_internal._record_event('WARN', 'synced_table_was_dropped', dropped.synced_table, dropped.pipeline_id, null,
    synced_tables_internal._dropped_message(dropped.synced_table));
  return true;
end $$;
comment on function synced_tables_internal._forget_dropped(uuid) is
  'After a synced table was dropped by hand: removes its ownership and marks it offline. True the first time.';

-- for: everybody
create or replace function synced_tables_internal._dropped_message(synced_table text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('Synced table %s was dropped in Postgres, so its sync has ended. Remove it with delete_synced_table, '
                'and create it again if it is still wanted.', synced_table)
$$;
comment on function synced_tables_internal._dropped_message(text) is 'What the status of a table that was dropped by hand says.';
