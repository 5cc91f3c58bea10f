-- Removing a synced table from the registry.

-- for: owner
create or replace function synced_tables_internal._hold_to_drop(full_name text, relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
begin
  execute format('lock table %s in access exclusive mode', relation);
exception when lock_not_available or deadlock_detected then
  perform synced_tables_internal._raise('SYNCED_TABLE_IN_USE', '55P03',
    format('Synced table %s could not be dropped within 5 seconds: another session uses it.', full_name),
    'Try again when long transactions that read the table are over; see pg_stat_activity.');
end $$;
comment on function synced_tables_internal._hold_to_drop(text, regclass) is
  'Locks a table that is about to be dropped. Before anything of its pipeline is locked, as sidecars do: they hold the tables of an update, and prove their lease last.';

-- for: owner
create or replace function synced_tables_internal._drop_held(full_name text, kind text, relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  dependents text;
begin
  execute format('drop %s %s', kind, relation);
exception when dependent_objects_still_exist then
  get stacked diagnostics dependents = pg_exception_detail;
  perform synced_tables_internal._raise('SYNCED_TABLE_HAS_DEPENDENTS', '2BP01',
    format('Synced table %s cannot be dropped because other objects depend on it: %s', full_name, replace(dependents, E'\n', '; ')),
    'Drop those first, or leave purge out: then syncing stops and the table stays.');
end $$;
comment on function synced_tables_internal._drop_held(text, text, regclass) is 'Drops a table that is held, or a view; refuses if something depends on it.';

-- for: owner
create or replace function synced_tables_internal._is_ours(relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select databricks_auth.sole_partition(relation) is not null and exists (
    select from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table
     where s.synced_table = relation and databricks_auth.is_owner_role_of(s.owner_role, relation)
       and c.relowner = to_regrole(quote_ident(s.owner_role)))
$$;
comment on function synced_tables_internal._is_ours(regclass) is
  'Whether a relation is a synced table by the catalogs too. The registry alone is not trusted by what runs with the rights of the installer.';

-- for: owner
create or replace function synced_tables_internal._drop_relation(full_name text, relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not synced_tables_internal._is_ours(relation) then
    perform synced_tables_internal._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not, or no longer, a synced table; it was not dropped.', full_name),
      'Check what it is; drop it with DROP TABLE if it is not needed.');
  end if;
  perform synced_tables_internal._hold_to_drop(full_name, relation);
  perform synced_tables_internal._drop_held(full_name, 'table', relation);
  perform databricks_auth.unregister(relation);
end $$;
comment on function synced_tables_internal._drop_relation(text, regclass) is 'Drops a synced table, its owner role and its registration.';

-- for: sidecar
create or replace function synced_tables_internal._remove_table(gone synced_tables._tables, error_code text, reason text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_last boolean;
begin
  perform synced_tables_internal._lock_pipeline(gone.pipeline_id);
  is_last := not exists (select from synced_tables._tables t where t.pipeline_id = gone.pipeline_id and t.table_id <> gone.table_id);
  if is_last then
    perform from synced_tables._pipelines p where p.pipeline_id = gone.pipeline_id for update;  -- before the table: lock order
    -- So that the history of canceled updates names the table.
    insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state)
    select u.update_id, gone.table_id, gone.synced_table, gone.source_table_full_name, u.state
      from synced_tables._updates u where u.pipeline_id = gone.pipeline_id and u.state in ('QUEUED', 'RUNNING')
    on conflict (update_id, table_id) do nothing;
    perform synced_tables_internal._cancel_updates(gone.pipeline_id, error_code, reason);
  else
    perform from synced_tables._pipelines p where p.pipeline_id = gone.pipeline_id for no key update;  -- whose catalogs may become fewer
  end if;
  delete from synced_tables._tables t where t.table_id = gone.table_id;
  if is_last then
    delete from synced_tables._pipelines p where p.pipeline_id = gone.pipeline_id;
  end if;
end $$;
comment on function synced_tables_internal._remove_table(synced_tables._tables, text, text) is
  'Removes a table from the registry, along with its pipeline if it was the only table.';

-- for: owner
create or replace function synced_tables_internal._drop_former(full_name text, former databricks_auth.synced_tables) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not synced_tables_internal._role_may_take_over(synced_tables_internal._acting_role(), former) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not drop synced table %s.', synced_tables_internal._acting_role(), full_name),
      'Ask its creator, one of its managers or a member of databricks_superuser.');
  end if;
  if former.owner_role is not null then
    perform synced_tables_internal._drop_relation(full_name, former.synced_table);
  else
    perform synced_tables_internal._hold_to_drop(full_name, former.synced_table);
    perform synced_tables_internal._drop_held(full_name, 'table', former.synced_table);
  end if;
  delete from synced_tables._former_names f where synced_tables_internal._display_name(f.schema_name, f.table_name) = full_name;
end $$;
comment on function synced_tables_internal._drop_former(text, databricks_auth.synced_tables) is 'Drops a former synced table, for a role that may.';

-- for: managers
create or replace function synced_tables_served.delete_synced_table(synced_table text, purge boolean default false) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table(synced_table);
  is_purge constant boolean := coalesce(purge, false);
  parts constant text[] := synced_tables_internal._parse_name(synced_table);
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
  former constant databricks_auth.synced_tables := synced_tables_internal._former_table(parts[1], parts[2]);
  leftover constant databricks_auth.synced_tables := synced_tables_internal._find_leftover(synced_table);
  acting constant name := synced_tables_internal._acting_role();
begin
  if wanted.table_id is null and leftover.synced_table is null
     and (exists (select from synced_tables._streaming_tables s where s.schema_name = parts[1] and s.table_name = parts[2])
          or exists (select from synced_tables._cdc_targets t where t.schema_name = parts[1] and t.table_name = parts[2])) then
    perform synced_tables_internal._delete_streaming_table(parts, purge);
    return;
  end if;
  if wanted.table_id is null then
    if leftover.synced_table is null or not is_purge then
      perform synced_tables_internal._raise_unknown_table(synced_table);
    end if;
    perform synced_tables_internal._drop_former(full_name, leftover);
    perform synced_tables_internal._record_event('INFO', 'synced_table_dropped', full_name, null, null,
      format('%I dropped table %s, which was no longer synced.', acting, full_name));
    return;
  end if;
  perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, 'delete');
  if not is_purge then
    perform synced_tables_internal._keep_former_name(wanted);
  elsif synced_tables_internal._is_ours(wanted.relation) then
    perform synced_tables_internal._hold_to_drop(wanted.synced_table, wanted.relation);
  end if;
  perform synced_tables_internal._remove_table(wanted, 'SYNCED_TABLE_DELETED', format('Synced table %s was deleted; the update has ended without a change.', wanted.synced_table));
  if is_purge and exists (select from pg_class c where c.oid = wanted.relation) then
    perform synced_tables_internal._drop_relation(wanted.synced_table, wanted.relation);
  elsif is_purge and wanted.relation is null and former.synced_table is not null then
    -- It was about to take over a former synced table.
    perform synced_tables_internal._drop_former(full_name, former);
  elsif wanted.relation is not null and not exists (select from pg_class c where c.oid = wanted.relation) then
    perform databricks_auth.unregister(wanted.relation);
  elsif not is_purge then
    perform synced_tables_internal._release_former(parts[1], parts[2], acting);
  end if;
  perform synced_tables_internal._record_event('INFO', 'synced_table_deleted', wanted.synced_table, wanted.pipeline_id, null,
    format('%I deleted synced table %s%s.', acting, wanted.synced_table,
           case when is_purge then ' with its data' else '; the table stays with its rows' end));
end $$;
comment on function synced_tables_served.delete_synced_table(text, boolean) is
  'Stops syncing a table. The table stays with its rows, as a table of its creator, and create_synced_table takes it over again unless it was altered; purge => true drops it too, even in a later call. A streaming table is deleted as by delete_streaming_table. For its creator and databricks_superuser.';
