-- Following a source table by its changes.

alter table synced_tables._tables
  add column source_bookmark text,
  add column allow_file_diff boolean not null default false,
  add column on_history_gap text not null default 'fail'
    constraint _tables_on_history_gap_check check (on_history_gap in ('fail', 'refresh'));
comment on column synced_tables._tables.source_bookmark is 'The place in the source''s history from which the next changes are read.';
comment on column synced_tables._tables.allow_file_diff is 'Whether differences between files may stand in where the source''s change feed was off.';
comment on column synced_tables._tables.on_history_gap is 'What happens when the source has lost the history that the next update needs: fail, or refresh as a whole.';

-- With more arguments it is another function to Postgres; two of one name would make calls ambiguous.
drop function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid);

create function synced_tables.create_synced_table(
  synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text default 'SNAPSHOT',
  timeseries_key text default null, invalid_characters text default 'fail',
  create_database_objects_if_missing boolean default true, existing_pipeline_id uuid default null,
  allow_file_diff boolean default false, on_history_gap text default 'fail') returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  parts constant text[] := synced_tables._parse_name(create_synced_table.synced_table);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  acting constant name := synced_tables._acting_role();
  pipeline uuid;
  request uuid;
begin
  perform synced_tables._check_keys(full_name, create_synced_table.primary_key_columns, create_synced_table.timeseries_key);
  if create_synced_table.invalid_characters is null or create_synced_table.invalid_characters not in ('fail', 'strip') then
    perform synced_tables._raise('INVALID_CHARACTERS_UNKNOWN', '22023',
      format('%L is not a way to handle invalid characters in synced table %s.', create_synced_table.invalid_characters, full_name),
      'Use fail (the default) or strip.');
  end if;
  if create_synced_table.on_history_gap is null or create_synced_table.on_history_gap not in ('fail', 'refresh') then
    perform synced_tables._raise('ON_HISTORY_GAP_UNKNOWN', '22023',
      format('%L is not a way to go on when the source of synced table %s has lost history.', create_synced_table.on_history_gap, full_name),
      'Use fail (the default) or refresh.');
  end if;
  perform synced_tables._check_target(parts[1], parts[2], coalesce(create_database_objects_if_missing, true));
  perform synced_tables._check_source(create_synced_table.source_table_full_name);
  pipeline := synced_tables._choose_pipeline(full_name, upper(create_synced_table.scheduling_policy), existing_pipeline_id);
  insert into synced_tables._tables (schema_name, table_name, source_table_full_name, primary_key_columns, timeseries_key,
    invalid_characters, create_schema_if_missing, pipeline_id, message, created_by,
    allow_file_diff, on_history_gap)
  values (parts[1], parts[2], create_synced_table.source_table_full_name, create_synced_table.primary_key_columns,
    create_synced_table.timeseries_key, create_synced_table.invalid_characters,
    coalesce(create_database_objects_if_missing, true), pipeline, 'Waits for a sidecar to load it.', acting,
    coalesce(create_synced_table.allow_file_diff, false), create_synced_table.on_history_gap)
  on conflict (schema_name, table_name) do nothing;
  if not found then  -- somebody was faster by a moment
    perform synced_tables._raise_exists(full_name);
  end if;
  request := synced_tables._request_update(pipeline, false);
  perform synced_tables._record_event('INFO', 'synced_table_created', full_name, pipeline, request,
    format('%I asked for synced table %s from %s.', acting, full_name, create_synced_table.source_table_full_name));
  return request;
end $$;
comment on function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text) is
  'Asks for a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database when the schema is missing.';


revoke execute on function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text) from public;
grant execute on function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text)
  to databricks_superuser, databricks_sync;

create function synced_tables._synced_version(synced_table text)
returns table (synced_version bigint, state text, message text, error_code text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.synced_version, t.state, t.message, t.last_error_code
    from synced_tables._tables t
   where array[t.schema_name, t.table_name] = synced_tables._parse_name(_synced_version.synced_table)
     and synced_tables._may_see(t.created_by, t.relation)
$$;
comment on function synced_tables._synced_version(text) is 'How far a synced table is; no row when it is unknown or none of the caller''s business.';

create procedure synced_tables.wait_for_version(synced_table text, version bigint, timeout interval default null)
language plpgsql as $$
-- As wait_for_update: no SET clause and no SECURITY DEFINER, since it must commit while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 10;
  place record;
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_version cannot run inside a transaction.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into place from synced_tables._synced_version(wait_for_version.synced_table);
    if not found then
      raise exception using errcode = '42P01', detail = 'error code: SYNCED_TABLE_NOT_FOUND',
        message = pg_catalog.format('Synced table %s does not exist.', coalesce(synced_table, 'null')),
        hint = 'See synced_tables.status for those that do; quote parts with capitals.';
    end if;
    exit when place.synced_version >= version;
    if place.state in ('SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLED_OFFLINE') then
      raise exception using errcode = 'P0001', detail = 'error code: ' || coalesce(place.error_code, 'UPDATE_FAILED'),
        message = pg_catalog.format('Synced table %s will not reach version %s by itself: %s', synced_table, version, place.message),
        hint = 'Mend the cause, then ask for an update with synced_tables.sync_now.';
    end if;
    if clock_timestamp() >= deadline then
      raise exception using errcode = '57014', detail = 'error code: VERSION_WAIT_TIMEOUT',
        message = pg_catalog.format('Synced table %s is at version %s after %s, not at %s.', synced_table,
                                    coalesce(place.synced_version::text, 'none'), timeout, version),
        hint = 'A table that is not CONTINUOUS needs an update: synced_tables.sync_now.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, greatest(0, extract(epoch from deadline - clock_timestamp()))));
    pause_ms := least(pause_ms * 1.5, 250);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_version(text, bigint, interval) is
  'Returns when a synced table reflects at least that version of its source: read what you wrote to the lakehouse.';

revoke execute on procedure synced_tables.wait_for_version(text, bigint, interval) from public;
-- _synced_version stays open to PUBLIC, for who calls wait_for_version calls it.
grant execute on procedure synced_tables.wait_for_version(text, bigint, interval) to databricks_superuser, databricks_sync;

-- As before, with the procedure of this file.
create or replace function synced_tables._grant_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema synced_tables to %I', manager);
  execute format('grant execute on routine synced_tables.sync_now(text, boolean), synced_tables.delete_synced_table(text, boolean),
                    synced_tables.wait_for_update(uuid, interval), synced_tables.wait_for_version(text, bigint, interval) to %I', manager);
  execute format('grant select on synced_tables.status, synced_tables.updates, synced_tables.events to %I', manager);
end $$;

create or replace function synced_tables._revoke_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('revoke usage on schema synced_tables from %I', manager);
  execute format('revoke execute on routine synced_tables.sync_now(text, boolean), synced_tables.delete_synced_table(text, boolean),
                    synced_tables.wait_for_update(uuid, interval), synced_tables.wait_for_version(text, bigint, interval) from %I', manager);
  execute format('revoke select on synced_tables.status, synced_tables.updates, synced_tables.events from %I', manager);
end $$;
