-- What managers and DROP TABLE mean for syncing: managers may sync and delete, and a dropped table's sync ends with it.

create function synced_tables._manages(synced_table text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- The table by its registration, or what stayed of it after its syncing was stopped.
  select coalesce((
    select databricks_auth.can_manage(s.synced_table, synced_tables._acting_role())
      from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
     where synced_tables._display_name(n.nspname, c.relname) = _manages.synced_table), false)
$$;
comment on function synced_tables._manages(text) is 'Whether the acting role is a manager of the table.';

create function synced_tables._runs_code_of_others() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- There is no query in autovacuum.
  select coalesce(current_query() ~* '(^|;)\s*(analyze|vacuum|reindex|cluster|refresh)\M'
                  or (current_query() ~* '(^|;)\s*(create|alter)\M' and current_query() !~* '\m(sync_now|delete_synced_table)\s*\('), true)
$$;
comment on function synced_tables._runs_code_of_others() is
  'Whether the session runs a command that calls functions as the owner of a table: the session''s role then says nothing about who asks.';

create or replace function synced_tables._require_control(synced_table text, created_by name, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if synced_tables._runs_code_of_others() then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Synced table %s cannot be asked to %s from inside another command.', synced_table, action), 'Call the function in a statement of its own.');
  end if;
  if not synced_tables._may_control(created_by) and not synced_tables._manages(synced_table) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s synced table %s.', synced_tables._acting_role(), action, synced_table),
      'Ask its creator, one of its managers or a member of databricks_superuser.');
  end if;
end $$;
comment on function synced_tables._require_control(text, name, text) is 'Refuses a role that may not sync and delete a table.';

create or replace function synced_tables._may_see(created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._may_control(created_by)
      or coalesce(has_table_privilege(to_regrole(quote_ident(synced_tables._acting_role())), relation, 'select'), false)
      or databricks_auth.can_manage(relation, synced_tables._acting_role())
$$;
comment on function synced_tables._may_see(name, regclass) is 'Whether the acting role sees the status of a synced table.';

comment on function synced_tables._may_control(name) is 'Whether the acting role may sync and delete what created_by created; managers may too, see _manages.';
comment on function synced_tables.sync_now(text, boolean) is
  'Asks for an update of a synced table; full_refresh rebuilds it. Returns the update''s id; an update that has not begun yet is shared. For its creator, its managers and databricks_superuser.';
comment on function synced_tables.delete_synced_table(text, boolean) is
  'Stops syncing a table. The table stays, read-only; purge => true drops it too, also later. For its creator, its managers and databricks_superuser.';

create function synced_tables._grant_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema synced_tables to %I', manager);
  execute format('grant execute on routine synced_tables.sync_now(text, boolean), synced_tables.delete_synced_table(text, boolean),
                    synced_tables.wait_for_update(uuid, interval) to %I', manager);
  execute format('grant select on synced_tables.status, synced_tables.updates, synced_tables.events to %I', manager);
end $$;
comment on function synced_tables._grant_manager(name) is 'Lets a manager call what he may do. Which tables he may do it with is asked at every call.';

create function synced_tables._revoke_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('revoke usage on schema synced_tables from %I', manager);
  execute format('revoke execute on routine synced_tables.sync_now(text, boolean), synced_tables.delete_synced_table(text, boolean),
                    synced_tables.wait_for_update(uuid, interval) from %I', manager);
  execute format('revoke select on synced_tables.status, synced_tables.updates, synced_tables.events from %I', manager);
end $$;
comment on function synced_tables._revoke_manager(name) is 'Takes back what _grant_manager gave, so that nothing keeps the role from being dropped.';

create function synced_tables._managers_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  groups constant name[] := array['databricks_superuser', 'databricks_sync'];  -- have these rights by themselves
begin
  if tg_op in ('DELETE', 'UPDATE') and old.manager <> all (groups) and to_regrole(quote_ident(old.manager)) is not null
     and not exists (select from databricks_auth.managers m where m.manager = old.manager) then
    perform synced_tables._revoke_manager(old.manager);
  end if;
  if tg_op in ('INSERT', 'UPDATE') and new.manager <> all (groups)
     and exists (select from pg_roles r where r.rolname = new.manager and r.oid = new.manager_oid) then
    perform synced_tables._grant_manager(new.manager);
  end if;
  return null;
end $$;
comment on function synced_tables._managers_changed() is 'Gives and takes the right to call functions as managers come and go.';

create function synced_tables._watch_managers() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- A dump leaves triggers on an extension's tables out.
  if not exists (select from pg_trigger where tgrelid = 'databricks_auth.managers'::regclass and tgname = 'managers_changed') then
    create trigger managers_changed after insert or delete or update of manager, manager_oid on databricks_auth.managers
      for each row execute function synced_tables._managers_changed();
  end if;
end $$;
comment on function synced_tables._watch_managers() is 'Puts the trigger on the table of managers that gives and takes the right to call functions.';

do $$
begin
  perform synced_tables._watch_managers();
end $$;

create function synced_tables._table_was_dropped(dropped oid, dropped_by name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  gone synced_tables._tables;
  reason text;
begin
  select * into gone from synced_tables._tables t where t.relation = dropped;
  if not found then
    return;  -- delete_synced_table has taken it off the registry before it dropped it
  end if;
  reason := format('Synced table %s was dropped in Postgres, so its sync has ended.', gone.synced_table);
  perform synced_tables._remove_table(gone, 'SYNCED_TABLE_DROPPED', reason);
  perform synced_tables._record_event('WARN', 'synced_table_was_dropped', gone.synced_table, gone.pipeline_id, null,
    format('%I dropped synced table %s, so its sync has ended.', dropped_by, gone.synced_table));
end $$;
comment on function synced_tables._table_was_dropped(oid, name) is
  'Called by the guard inside a DROP TABLE: takes the table off the registry, cancels what its pipeline still had to do.';

create function synced_tables._repair_registrations() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  lost record;
begin
  for lost in
    select t.synced_table, t.relation, t.created_by from synced_tables._tables t
     where exists (select from pg_class c where c.oid = t.relation)
       and not exists (select from databricks_auth.synced_tables s where s.synced_table = t.relation)
  loop
    object := lost.synced_table;
    begin
      perform databricks_auth.register(lost.relation);
      perform synced_tables._grant_creator(lost.relation, lost.created_by);
      outcome := 'registered again';
    exception when others then
      outcome := format('failed: %s (%s)', sqlerrm, sqlstate);
    end;
    return next;
  end loop;
end $$;
comment on function synced_tables._repair_registrations() is 'Makes tables synced tables again that databricks_auth has lost, for example with DROP EXTENSION.';

create function synced_tables._repair_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  routine record;
  internal text;
  manager name;
begin
  grant usage on schema synced_tables to databricks_sync, databricks_superuser;
  grant select on synced_tables.migrations, synced_tables.status, synced_tables.updates, synced_tables.events
    to databricks_sync, databricks_superuser;
  -- By name, since later migrations change parameters. A function that is granted later has to be added here.
  for routine in
    select p.oid::regprocedure::text as name,
           case when p.proname = any (array['create_synced_table', 'sync_now', 'delete_synced_table', 'wait_for_update', 'wait_for_version'])
                then 'databricks_superuser, databricks_sync' else 'databricks_sync' end as roles
      from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace
       and p.proname = any (array['create_synced_table', 'sync_now', 'delete_synced_table', 'wait_for_update', 'wait_for_version', '_raise',
             '_record_event', '_lock_pipeline', '_cancel_updates', '_remove_table', '_prepare_schema', '_grant_creator',
             '_reject_create', '_forget_dropped'])
  loop
    execute format('grant execute on routine %s to %s', routine.name, routine.roles);
  end loop;
  -- Policies go with the role they are for.
  foreach internal in array array['_pipelines', '_tables', '_updates', '_table_updates', '_events'] loop
    execute format('grant select, insert, update, delete on synced_tables.%I to databricks_sync', internal);
    execute format('drop policy if exists %I on synced_tables.%I', internal || '_sync', internal);
    execute format('create policy %I on synced_tables.%I to databricks_sync using (true) with check (true)', internal || '_sync', internal);
  end loop;
  for manager in
    select distinct m.manager from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
     where m.manager not in ('databricks_superuser', 'databricks_sync')
  loop
    perform synced_tables._grant_manager(manager);
  end loop;
end $$;
comment on function synced_tables._repair_rights() is 'The rights of the schema synced_tables, after a restore without roles.';

create function synced_tables.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp set databricks_auth.allow_ddl = 'on' as $$
begin
  perform synced_tables._watch_managers();
  return query select * from databricks_auth.repair();
  return query select * from synced_tables._repair_registrations();
  perform synced_tables._repair_rights();
end $$;
comment on function synced_tables.repair() is
  'Puts roles, owners, rights, write gates, event triggers, managers and registrations right: after a restore, a role rename, or with doubts. For superusers; safe to repeat. Says what it found.';

revoke execute on function synced_tables._manages(text), synced_tables._runs_code_of_others(), synced_tables._grant_manager(name), synced_tables._revoke_manager(name),
  synced_tables._managers_changed(), synced_tables._watch_managers(), synced_tables._table_was_dropped(oid, name), synced_tables._repair_registrations(),
  synced_tables._repair_rights(), synced_tables.repair() from public;
