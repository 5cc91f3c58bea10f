-- What happens when a synced table, or part of one, is dropped.

-- for: owner
create or replace function databricks_auth.check_dropped_parts(effective name, command text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  dropped record;
begin
  for dropped in
    select p.part, p.synced_table, p.kind, o.object_identity,
           exists (select from pg_event_trigger_dropped_objects() t
                    where t.classid = 'pg_class'::regclass and t.objsubid = 0 and t.objid = p.synced_table) as with_table
      from pg_event_trigger_dropped_objects() o join databricks_auth.parts p on p.part = o.objid
     where o.objsubid = 0 and p.place = databricks_auth.place()
       and o.classid = case p.kind when 'gate' then 'pg_trigger'::regclass else 'pg_class'::regclass end
  loop
    if not dropped.with_table and not databricks_auth.is_sync(effective)
       and not (case when dropped.kind = 'index' then databricks_auth.can_manage(dropped.synced_table, effective)
                     else databricks_auth.is_superuser(effective) and databricks_auth.override() end) then
      perform databricks_auth.refuse('42501', format('%s would drop %s, part of a synced table', command, dropped.object_identity),
        case when dropped.kind <> 'index' then 'Drop the synced table itself, or, as a superuser, SET databricks_auth.allow_ddl = on.' end);
    end if;
    if dropped.kind = 'gate' and not dropped.with_table and not databricks_auth.is_sync(effective) then
      perform databricks_auth.note_hand_write(dropped.synced_table, 'write gate dropped');
    end if;
    delete from databricks_auth.parts p where p.part = dropped.part;
  end loop;
end $$;
comment on function databricks_auth.check_dropped_parts(name, text) is
  'Refuses to let a role without the right drop an index, partition or write gate of a synced table.';

-- for: owner
create or replace function databricks_auth.check_dropped_tables(effective name, command text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  dropped record;
begin
  for dropped in
    select s.synced_table::oid as relation, o.object_identity
      from pg_event_trigger_dropped_objects() o join databricks_auth.synced_tables s on s.synced_table = o.objid
     where o.classid = 'pg_class'::regclass and o.objsubid = 0
  loop
    if not databricks_auth.can_manage(dropped.relation, effective) then
      perform databricks_auth.refuse('42501', format('%s would drop synced table %s', command, dropped.object_identity),
        'Only its managers and databricks_superuser may drop a synced table.');
    end if;
    update databricks_auth.open_windows set paused = true;
    perform databricks_auth.unregister(dropped.relation);
    -- The migrations create the schema synced_tables; the extension alone lacks it.
    if to_regprocedure('synced_tables_internal._table_was_dropped(oid,name)') is not null then
      execute 'select synced_tables_internal._table_was_dropped($1, $2)' using dropped.relation, effective;
    end if;
    delete from databricks_auth.open_windows w where w.synced_table = dropped.relation;
    update databricks_auth.open_windows set paused = false;
  end loop;
end $$;
comment on function databricks_auth.check_dropped_tables(name, text) is
  'Refuses to let a role without the right drop a synced table; otherwise removes its registry row, managers and owner role.';

-- for: everybody
create or replace function databricks_auth.after_drop(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.check_dropped_parts(effective, command);
  perform databricks_auth.check_dropped_tables(effective, command);
end $$;
comment on function databricks_auth.after_drop(name, text) is
  'What the guard does after a drop. Open to PUBLIC and harmless: outside an sql_drop event trigger Postgres refuses to say what was dropped.';

-- for: owner
create or replace function databricks_auth.ev_drop() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  state text;
  advice text;
begin
  -- Runs as its caller, so that current_user is the role that Postgres allowed to drop the object. The session's user may
  -- be a superuser whose VACUUM runs somebody else's index function.
  perform databricks_auth.after_drop(current_user, tg_tag);
exception when others then
  if sqlerrm like 'databricks\_auth: %' then
    -- Anew: the lines of where it was found out say nothing to whoever is refused.
    get stacked diagnostics state = returned_sqlstate, advice = pg_exception_hint;
    raise exception using errcode = state, message = sqlerrm, hint = advice;
  end if;
  -- A damaged installation must not lock an administrator out.
  if sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_drop() is
  'Event trigger: keeps roles without the right from dropping synced tables and their parts, and forgets those that are dropped.';
