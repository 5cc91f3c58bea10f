-- Who may call and read what in schema synced_tables, kept as data: migrations that add a function or a table say so in
-- one line, and what managers are given, what is taken back and what repair() restores all follow.

create table synced_tables._granted_routines (
  routine text constraint _granted_routines_pk primary key,
  audience text not null constraint _granted_routines_audience_check check (audience in ('sidecar', 'operators', 'managers'))
);
comment on table synced_tables._granted_routines is
  'Which functions and procedures who may call: the sidecar alone, databricks_superuser too (operators), or managers too. By name, since parameters change.';

create table synced_tables._granted_relations (
  relation text constraint _granted_relations_pk primary key,
  audience text not null constraint _granted_relations_audience_check check (audience in ('sidecar', 'operators', 'managers'))
);
comment on table synced_tables._granted_relations is
  'Which tables are the sidecar''s own, and which views operators and managers may read too.';

alter table synced_tables._granted_routines enable row level security;
alter table synced_tables._granted_relations enable row level security;

create function synced_tables._apply_routine_grant(routine text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  overload regprocedure;
begin
  for overload in
    select p.oid from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace and p.proname = routine
  loop
    execute format('revoke execute on routine %s from public', overload);
    execute format('grant execute on routine %s to databricks_sync%s', overload,
                   case when audience = 'sidecar' then '' else ', databricks_superuser' end);
  end loop;
end $$;
comment on function synced_tables._apply_routine_grant(text, text) is 'Gives the fixed roles what the register says; managers have theirs from _grant_manager.';

create function synced_tables._apply_relation_grant(relation text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if audience <> 'sidecar' then
    execute format('grant select on synced_tables.%I to databricks_sync, databricks_superuser', relation);
    return;
  end if;
  -- Holders of pg_read_all_data and pg_write_all_data could otherwise forge state that functions with a superuser's
  -- rights act on. Policies go with the role they are for, so repair() makes them anew.
  execute format('grant select, insert, update, delete on synced_tables.%I to databricks_sync', relation);
  execute format('alter table synced_tables.%I enable row level security', relation);
  execute format('drop policy if exists %I on synced_tables.%I', relation || '_sync', relation);
  execute format('create policy %I on synced_tables.%I to databricks_sync using (true) with check (true)', relation || '_sync', relation);
end $$;
comment on function synced_tables._apply_relation_grant(text, text) is 'Gives the fixed roles what the register says of a table or view.';

create function synced_tables._registered_managers() returns setof name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct m.manager
    from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
   where m.manager not in ('databricks_superuser', 'databricks_sync')
$$;
comment on function synced_tables._registered_managers() is 'The roles that manage a synced table, without the groups that have these rights by themselves.';

create function synced_tables._manager_routines() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(p.oid::regprocedure::text, ', ' order by p.proname)
    from pg_proc p join synced_tables._granted_routines g on g.routine = p.proname and g.audience = 'managers'
   where p.pronamespace = 'synced_tables'::regnamespace
$$;
comment on function synced_tables._manager_routines() is 'What managers may call, as a list for GRANT and REVOKE.';

create function synced_tables._manager_relations() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(format('synced_tables.%I', g.relation), ', ' order by g.relation)
    from synced_tables._granted_relations g
   where g.audience = 'managers' and to_regclass(format('synced_tables.%I', g.relation)) is not null
$$;
comment on function synced_tables._manager_relations() is 'What managers may read, as a list for GRANT and REVOKE.';

create or replace function synced_tables._grant_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema synced_tables to %I', manager);
  execute format('grant execute on routine %s to %I', synced_tables._manager_routines(), manager);
  execute format('grant select on %s to %I', synced_tables._manager_relations(), manager);
end $$;

create or replace function synced_tables._revoke_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('revoke usage on schema synced_tables from %I', manager);
  execute format('revoke execute on routine %s from %I', synced_tables._manager_routines(), manager);
  execute format('revoke select on %s from %I', synced_tables._manager_relations(), manager);
end $$;

create function synced_tables._publish_routine(routine text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  manager name;
begin
  if not exists (select from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace and p.proname = routine) then
    raise exception 'synced_tables.% does not exist', routine;
  end if;
  insert into synced_tables._granted_routines values (routine, _publish_routine.audience)
  on conflict on constraint _granted_routines_pk do update set audience = excluded.audience;
  perform synced_tables._apply_routine_grant(routine, _publish_routine.audience);
  if audience = 'managers' then
    for manager in select synced_tables._registered_managers() loop
      perform synced_tables._grant_manager(manager);
    end loop;
  end if;
end $$;
comment on function synced_tables._publish_routine(text, text) is
  'For migrations, after each function that is not for its owner alone: takes it from PUBLIC and gives it to sidecar, operators or managers.';

create function synced_tables._publish_relation(relation text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  manager name;
begin
  insert into synced_tables._granted_relations values (relation, _publish_relation.audience)
  on conflict on constraint _granted_relations_pk do update set audience = excluded.audience;
  perform synced_tables._apply_relation_grant(relation, _publish_relation.audience);
  if audience = 'managers' then
    for manager in select synced_tables._registered_managers() loop
      perform synced_tables._grant_manager(manager);
    end loop;
  end if;
end $$;
comment on function synced_tables._publish_relation(text, text) is
  'For migrations, after each table (audience sidecar: with row security) and each view that is not for its owner alone.';

create or replace function synced_tables._repair_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  granted record;
  manager name;
begin
  grant usage on schema synced_tables to databricks_sync, databricks_superuser;
  grant select on synced_tables.migrations to databricks_sync, databricks_superuser;
  for granted in select * from synced_tables._granted_routines loop
    perform synced_tables._apply_routine_grant(granted.routine, granted.audience);
  end loop;
  for granted in select * from synced_tables._granted_relations loop
    perform synced_tables._apply_relation_grant(granted.relation, granted.audience);
  end loop;
  for manager in select synced_tables._registered_managers() loop
    perform synced_tables._grant_manager(manager);
  end loop;
end $$;

revoke execute on function synced_tables._apply_routine_grant(text, text), synced_tables._apply_relation_grant(text, text),
  synced_tables._registered_managers(), synced_tables._manager_routines(), synced_tables._manager_relations(),
  synced_tables._publish_routine(text, text), synced_tables._publish_relation(text, text) from public;

-- What the migrations before this one granted.
do $$
declare
  granted text;
begin
  foreach granted in array array['_raise', '_record_event', '_lock_pipeline', '_cancel_updates', '_remove_table',
    '_prepare_schema', '_grant_creator', '_reject_create', '_forget_dropped'] loop
    perform synced_tables._publish_routine(granted, 'sidecar');
  end loop;
  perform synced_tables._publish_routine('create_synced_table', 'operators');
  foreach granted in array array['sync_now', 'delete_synced_table', 'wait_for_update', 'wait_for_version'] loop
    perform synced_tables._publish_routine(granted, 'managers');
  end loop;
  foreach granted in array array['_pipelines', '_tables', '_updates', '_table_updates', '_events'] loop
    perform synced_tables._publish_relation(granted, 'sidecar');
  end loop;
  foreach granted in array array['status', 'updates', 'events'] loop
    perform synced_tables._publish_relation(granted, 'managers');
  end loop;
end $$;
