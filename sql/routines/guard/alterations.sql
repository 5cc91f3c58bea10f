-- Keeps superusers and schema owners from breaking a synced table by accident.

-- for: owner
create or replace function databricks_auth.altered_tables() returns table (relation oid, object_identity text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
  with done as (
    select d.object_identity, d.classid, d.objid,
           case d.classid
             when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
             when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
             when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = d.objid)
             when 'pg_class'::regclass then d.objid
           end as target
      from pg_event_trigger_ddl_commands() d
  )
  select s.synced_table::oid, done.object_identity from done join databricks_auth.synced_tables s on s.synced_table = done.target
  union all
  select p.synced_table, done.object_identity from done join databricks_auth.parts p on p.part = done.target and p.kind = 'partition'
  union all
  select i.inhparent, done.object_identity from done join pg_inherits i on i.inhrelid = done.target and done.classid = 'pg_class'::regclass
    join databricks_auth.synced_tables s on s.synced_table = i.inhparent
  union all
  select s.synced_table::oid, done.object_identity from done
    join pg_class c on c.relnamespace = done.objid and done.classid = 'pg_namespace'::regclass
    join databricks_auth.synced_tables s on s.synced_table = c.oid
  union all
  select p.synced_table, done.object_identity from done
    join pg_class c on c.relnamespace = done.objid and done.classid = 'pg_namespace'::regclass
    join databricks_auth.parts p on p.part = c.oid and p.kind = 'partition';
end $$;
comment on function databricks_auth.altered_tables() is
  'Synced tables that a command changed, directly or through their partition, schema, triggers, rules or policies.';

-- for: everybody
create or replace function databricks_auth.check_altered(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  altered record;
begin
  for altered in select distinct * from databricks_auth.altered_tables() loop
    -- A command that has given it another name can have done nothing else.
    continue when databricks_auth.tell_new_name(altered.relation);
    -- The acting role too: register() runs as a superuser on behalf of the sidecar.
    if databricks_auth.is_sync(effective) or databricks_auth.is_sync(databricks_auth.acting_role()) then
      return;
    end if;
    if databricks_auth.is_superuser(effective) and databricks_auth.override() then
      -- From now on nobody notices who writes.
      if databricks_auth.open_gates(altered.relation) is not null then
        perform databricks_auth.note_hand_write(altered.relation, 'write gate switched off');
      end if;
      continue;
    end if;
    continue when not databricks_auth.is_guarded(altered.relation);
    perform databricks_auth.refuse('0A000',
      format('%s on %s would break synced table %s', command, altered.object_identity, altered.relation::regclass),
      'A superuser can go on after SET databricks_auth.allow_ddl = on.');
  end loop;
end $$;
comment on function databricks_auth.check_altered(name, text) is
  'Refuses changes of synced tables by superusers and schema owners. Open to PUBLIC and harmless: outside an event trigger Postgres refuses to say what was done.';

-- for: owner
create or replace function databricks_auth.ev_careful() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  state text;
  advice text;
  details text;
begin
  perform databricks_auth.check_altered(current_user, tg_tag);
exception when others then
  get stacked diagnostics details = pg_exception_detail;
  if sqlerrm like 'databricks\_auth: %' then
    -- Anew: the lines of where it was found out say nothing to whoever is refused.
    get stacked diagnostics state = returned_sqlstate, advice = pg_exception_hint;
    raise exception using errcode = state, message = sqlerrm, hint = advice;
  end if;
  -- A damaged installation must not lock an administrator out.
  if details like 'error code: %' or sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_careful() is 'Event trigger: stops changes of synced tables that Postgres itself would allow.';

-- for: owner
create or replace function databricks_auth.ev_guard() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on set row_security = on as $$
begin
  -- Runs as its caller: current_user is the effective user, or the table's owner inside an index function.
  if current_user like 'databricks\_st\_%' then
    perform databricks_auth.refuse('42501', format('%s is not allowed as the owner role of a synced table', tg_tag), 'No role may act as an owner role.');
  end if;
  if exists (select from databricks_auth.open_windows where not paused) then
    perform databricks_auth.refuse('42501', format('%s is not allowed inside a command on a synced table', tg_tag), 'Run it as a statement of its own.');
  end if;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_guard() is 'Event trigger: refuses DDL of code that runs inside a window.';
