-- What people may not do to the objects of streaming tables. All of them belong to databricks_sync, so Postgres itself
-- keeps ordinary roles from changing them; but the owner of a schema may drop what is in it, and a superuser anything.

create function synced_tables._streaming_parts() returns table (target_id uuid, full_name text, part oid, part_schema text, part_name text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- By OID as far as possible: names may have changed just now.
  select t.target_id, synced_tables._display_name(t.schema_name, t.table_name),
         case r.key
           when 'view' then t.target::oid
           when 'feed' then t.feed::oid
           when 'storage' then (select d.refobjid from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                                 where w.ev_class = t.target and d.refclassid = 'pg_class'::regclass and d.refobjid <> t.target limit 1)
           else to_regclass(r.value)::oid end,
         (parse_ident(r.value))[1], (parse_ident(r.value))[2]
    from synced_tables._cdc_targets t cross join jsonb_each_text(t.shape -> 'relations') r
$$;
comment on function synced_tables._streaming_parts() is 'The view of each streaming table and the private tables behind it, also those that are gone.';

create function synced_tables._refuse_streaming_change(command text, object text, full_name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._raise('STREAMING_TABLE_PROTECTED', '0A000',
    format('%s on %s is refused: it would break streaming table %s.', command, object, full_name),
    format('To drop it: SELECT synced_tables.delete_streaming_table(%L, purge => true); a superuser can go on after SET databricks_auth.allow_ddl = on.', full_name));
end $$;
comment on function synced_tables._refuse_streaming_change(text, text, text) is 'Raises STREAMING_TABLE_PROTECTED.';

create function synced_tables._remove_streaming_table(wanted synced_tables._streaming_tables) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._lock_pipeline(wanted.pipeline_id);
  if exists (select from synced_tables._streaming_tables t where t.pipeline_id = wanted.pipeline_id and t.table_id <> wanted.table_id) then
    delete from synced_tables._streaming_tables t where t.table_id = wanted.table_id;
    return;
  end if;
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  perform synced_tables._cancel_updates(wanted.pipeline_id, 'SYNCED_TABLE_DELETED',
    format('Synced table %s was deleted; the update has ended without a change.', wanted.synced_table));
  delete from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
end $$;
comment on function synced_tables._remove_streaming_table(synced_tables._streaming_tables) is
  'Takes a streaming table off the registry, and its pipeline when that has no other.';

-- The registry row goes first: what it names is protected.
create or replace function synced_tables._drop_cdc_target(full_name text, target synced_tables._cdc_targets) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  part record;
begin
  for part in
    select r.key, to_regclass(r.value) as relation from jsonb_each_text(target.shape -> 'relations') r where to_regclass(r.value) is not null
     order by r.key <> 'view'
  loop
    delete from synced_tables._cdc_targets t where t.target_id = target.target_id;
    -- The registry alone is not believed: this runs with a superuser's rights.
    if not exists (select from pg_class c where c.oid = part.relation and c.relowner = to_regrole('databricks_sync')) then
      perform synced_tables._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not, or no longer, a synced table; it was not dropped.', part.relation),
        'Look at what it is; drop it with DROP TABLE if it may go.');
    end if;
    execute format('drop %s %s', case part.key when 'view' then 'view' else 'table' end, part.relation);
  end loop;
  execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
  delete from synced_tables._cdc_targets t where t.target_id = target.target_id;
exception
  when dependent_objects_still_exist then
    perform synced_tables._raise('SYNCED_TABLE_HAS_DEPENDENTS', '2BP01', format('Synced table %s cannot be dropped, other objects depend on it: %s', full_name, sqlerrm),
      'Drop those first, or leave purge out: syncing stops and the table stays.');
  when lock_not_available then
    perform synced_tables._raise('SYNCED_TABLE_IN_USE', '55P03',
      format('Synced table %s could not be dropped within 5 seconds: another session uses it.', full_name),
      'Try again when long transactions that read the table are over; see pg_stat_activity.');
end $$;

create function synced_tables._delete_streaming_table(parts text[], purge boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  wanted constant synced_tables._streaming_tables := synced_tables._find_streaming_table(parts);
  target synced_tables._cdc_targets;
begin
  select * into target from synced_tables._cdc_targets t where t.schema_name = parts[1] and t.table_name = parts[2];
  if wanted.table_id is null and (target.target_id is null or not coalesce(purge, false)) then
    perform synced_tables._raise_unknown_table(full_name);
  end if;
  if wanted.table_id is null then
    perform synced_tables._require_control(full_name, target.created_by, 'drop');
  else
    perform synced_tables._require_pipeline(wanted.pipeline_id, 'change');
    perform synced_tables._remove_streaming_table(wanted);
  end if;
  if coalesce(purge, false) and target.target_id is not null then
    perform synced_tables._drop_cdc_target(full_name, target);
  end if;
  perform synced_tables._record_event('INFO', 'streaming_table_deleted', full_name, wanted.pipeline_id, null,
    format('%I deleted streaming table %s%s.', synced_tables._acting_role(), full_name,
           case when coalesce(purge, false) then ' with its data' else '; the table stays as it is' end));
end $$;
comment on function synced_tables._delete_streaming_table(text[], boolean) is 'Takes a streaming table off its pipeline; with purge, drops it.';

drop function synced_tables.delete_streaming_table(text, boolean, text);
create function synced_tables.delete_streaming_table(name text, purge boolean default false, default_schema text default current_schema()) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._delete_streaming_table(synced_tables._name_in_schema(name, default_schema), purge);
end $$;
comment on function synced_tables.delete_streaming_table(text, boolean, text) is
  'Takes a streaming table and its flows off their pipeline. What people read stays as it is; purge => true drops it too, also later. For the pipeline''s creator and databricks_superuser.';

drop function synced_tables.delete_synced_table(text, boolean);
create function synced_tables.delete_synced_table(synced_table text, purge boolean default false) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
  leftover constant databricks_auth.synced_tables := synced_tables._find_leftover(synced_table);
  leftover_name constant text := (select synced_tables._display_name(n.nspname, c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = leftover.synced_table);
  parts constant text[] := synced_tables._parse_name(synced_table);
  acting constant name := synced_tables._acting_role();
begin
  if wanted.table_id is null and leftover.synced_table is null
     and (exists (select from synced_tables._streaming_tables s where s.schema_name = parts[1] and s.table_name = parts[2])
          or exists (select from synced_tables._cdc_targets t where t.schema_name = parts[1] and t.table_name = parts[2])) then
    perform synced_tables._delete_streaming_table(parts, purge);
    return;
  end if;
  if wanted.table_id is null then
    if leftover.synced_table is null or not coalesce(purge, false) then
      perform synced_tables._raise_unknown_table(synced_table);
    end if;
    perform synced_tables._require_control(leftover_name, leftover.created_by, 'drop');
    perform synced_tables._drop_relation(leftover_name, leftover.synced_table);
    perform synced_tables._record_event('INFO', 'synced_table_dropped', leftover_name, null, null,
      format('%I dropped table %s, which was no longer synced.', acting, leftover_name));
    return;
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'delete');
  perform synced_tables._remove_table(wanted, 'SYNCED_TABLE_DELETED', format('Synced table %s was deleted; the update has ended without a change.', wanted.synced_table));
  if coalesce(purge, false) and exists (select from pg_class c where c.oid = wanted.relation) then
    perform synced_tables._drop_relation(wanted.synced_table, wanted.relation);
  elsif wanted.relation is not null and not exists (select from pg_class c where c.oid = wanted.relation) then
    perform databricks_auth.unregister(wanted.relation);
  end if;
  perform synced_tables._record_event('INFO', 'synced_table_deleted', wanted.synced_table, wanted.pipeline_id, null,
    format('%I deleted synced table %s%s.', acting, wanted.synced_table,
           case when coalesce(purge, false) then ' with its data' else '; the table stays as it is' end));
end $$;
comment on function synced_tables.delete_synced_table(text, boolean) is
  'Stops syncing a table. The table stays, read-only; purge => true drops it too, also later. A streaming table is deleted as delete_streaming_table does. For its creator and databricks_superuser.';

-- Roles have no rights in this schema, so the functions of the event triggers run as their owner, and ask for the role
-- that the session acts as.
create function synced_tables._ev_streaming_drop() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting name;
  dropped record;
  target synced_tables._cdc_targets;
  wanted synced_tables._streaming_tables;
  part text;
begin
  -- Not where it is declared: what is missing there, when the extension was dropped, would not be caught below.
  acting := databricks_auth.acting_role();
  if databricks_auth.is_sync(acting) or not exists (select from synced_tables._cdc_targets) then
    return;
  end if;
  for dropped in
    select distinct p.target_id, p.full_name, o.object_identity
      from pg_event_trigger_dropped_objects() o
      join synced_tables._streaming_parts() p
        on o.classid = 'pg_class'::regclass and (o.schema_name, o.object_name) = (p.part_schema, p.part_name)
        or o.classid = 'pg_proc'::regclass and o.schema_name = '__db_system' and o.object_name = 'cdc_dml_' || p.target_id
        or o.classid = 'pg_trigger'::regclass and (o.address_names[1], o.address_names[2]) = (p.part_schema, p.part_name)
  loop
    if not databricks_auth.override() then
      perform synced_tables._refuse_streaming_change(tg_tag, dropped.object_identity, dropped.full_name);
    end if;
    -- A superuser meant it: nothing is left that would make it again.
    delete from synced_tables._cdc_targets t where t.target_id = dropped.target_id returning * into target;
    continue when target.target_id is null;
    wanted := synced_tables._find_streaming_table(array[target.schema_name, target.table_name]);
    if wanted.table_id is not null then
      perform synced_tables._remove_streaming_table(wanted);
    end if;
    foreach part in array array['view', 'storage', 'feed', 'base'] loop
      if to_regclass(target.shape -> 'relations' ->> part) is not null then
        execute format('drop %s %s cascade', case part when 'view' then 'view' else 'table' end, target.shape -> 'relations' ->> part);
      end if;
    end loop;
    execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
    perform synced_tables._record_event('WARN', 'streaming_table_dropped', dropped.full_name, wanted.pipeline_id, null,
      format('%I dropped %s: streaming table %s is gone, and its flows with it.', acting, dropped.object_identity, dropped.full_name));
  end loop;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'synced_tables: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function synced_tables._ev_streaming_drop() is
  'Event trigger: keeps parts of streaming tables from being dropped by hand; where a superuser insists, ends the whole.';

create function synced_tables._ev_streaming_ddl() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting name;
  altered record;
begin
  -- Not where it is declared: what is missing there, when the extension was dropped, would not be caught below.
  acting := databricks_auth.acting_role();
  if databricks_auth.is_sync(acting) or not exists (select from synced_tables._cdc_targets)
     or databricks_auth.override() then
    return;
  end if;
  select p.full_name, d.object_identity into altered
    from pg_event_trigger_ddl_commands() d
    join synced_tables._streaming_parts() p on p.part = case d.classid
           when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
           when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
           when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = d.objid)
           when 'pg_class'::regclass then coalesce((select indrelid from pg_index where indexrelid = d.objid), d.objid) end
      or d.classid = 'pg_namespace'::regclass and (select relnamespace from pg_class where oid = p.part) = d.objid
      or d.classid = 'pg_proc'::regclass and d.object_identity like '%cdc\_dml\_' || p.target_id || '%'
   limit 1;
  if found then
    perform synced_tables._refuse_streaming_change(tg_tag, altered.object_identity, altered.full_name);
  end if;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'synced_tables: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function synced_tables._ev_streaming_ddl() is 'Event trigger: keeps parts of streaming tables from being altered by anybody but the sidecar.';

create event trigger synced_tables_streaming_drop on sql_drop execute function synced_tables._ev_streaming_drop();
create event trigger synced_tables_streaming_ddl on ddl_command_end
  when tag in ('ALTER TABLE', 'ALTER VIEW', 'CREATE VIEW', 'CREATE INDEX', 'ALTER INDEX', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE',
               'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY', 'ALTER SCHEMA', 'CREATE FUNCTION', 'ALTER FUNCTION')
  execute function synced_tables._ev_streaming_ddl();
-- As the guard of synced tables: also in replica mode.
alter event trigger synced_tables_streaming_drop enable always;
alter event trigger synced_tables_streaming_ddl enable always;

revoke execute on function synced_tables._streaming_parts(), synced_tables._refuse_streaming_change(text, text, text),
  synced_tables._remove_streaming_table(synced_tables._streaming_tables), synced_tables._delete_streaming_table(text[], boolean),
  synced_tables._ev_streaming_drop(), synced_tables._ev_streaming_ddl() from public;

do $$
begin
  perform synced_tables._publish_routine('delete_streaming_table', 'operators');
  perform synced_tables._publish_routine('delete_synced_table', 'managers');
end $$;
