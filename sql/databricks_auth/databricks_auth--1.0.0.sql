-- Generated from sql/0002_guard.sql and sql/routines/guard/ by npm run extension. Do not edit.
\echo Use "CREATE EXTENSION databricks_auth" to load this file. \quit

do $databricks_auth$
begin
  -- Objects of a schema that somebody else made must not become ours.
  if exists (select from pg_catalog.pg_namespace n join pg_catalog.pg_roles r on r.oid = n.nspowner
              where (n.nspname = 'databricks_auth' and not r.rolsuper)
                 or (n.nspname = '__db_system' and not r.rolsuper and r.rolname <> 'databricks_sync')) then
    raise exception 'databricks_auth: schema databricks_auth or __db_system belongs to a role that is not a superuser';
  end if;
  if pg_catalog.to_regclass('databricks_auth.synced_tables') is null then
    execute $databricks_auth_body$
set local check_function_bodies = off;
comment on schema databricks_auth is 'Which relations are synced tables, and who owns them.';
-- What the guard knows: which tables are synced, who manages them, and which objects belong to them. Row security without a
-- policy keeps out roles that rights alone would let in: holders of pg_read_all_data and pg_write_all_data. Policies and
-- rights are granted along with the roles they are for: see routines/guard/roles.sql.
--
-- Also part of the extension databricks_auth, so it uses nothing from schema synced_tables.

-- In a numbered file because columns and a policy depend on it.
-- for: everybody
create function databricks_auth.place() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.system_identifier || '/' || d.oid from pg_control_system() c, pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.place() is
  'Identifies this cluster and database. Rows that a dump carried elsewhere do not count until repair().';

-- for: owner
create table databricks_auth.synced_tables (
  synced_table regclass constraint synced_tables_pk primary key,
  owner_role name not null constraint synced_tables_owner_role_key unique,
  created_by name,
  registered_at timestamptz not null default now()
);
comment on table databricks_auth.synced_tables is
  'One row per relation that is a synced table, including tables whose syncing was stopped.';
comment on column databricks_auth.synced_tables.created_by is 'The role that requested the table and was granted SELECT.';
alter table databricks_auth.synced_tables enable row level security;

-- Roles are stored by name (a dump restores without them) and by OID (a new role that reuses a name gets nothing).
-- for: owner
create table databricks_auth.managers (
  synced_table regclass not null
    constraint managers_synced_table_fk references databricks_auth.synced_tables on delete cascade,
  manager name not null,
  manager_oid oid not null,
  granted_by name not null default current_user,
  granted_at timestamptz not null default now(),
  place text not null default databricks_auth.place(),
  constraint managers_pk primary key (synced_table, manager)
);
comment on table databricks_auth.managers is
  'Who may index and drop which synced table. A row counts only when name and OID belong to the same role.';
comment on column databricks_auth.managers.place is 'The place where manager_oid was valid; tells repair() whether to trust the OID or the name.';
alter table databricks_auth.managers enable row level security;

-- for: owner
create table databricks_auth.parts (
  part oid constraint parts_pk primary key,
  synced_table oid not null,
  kind text not null constraint parts_kind_check check (kind in ('index', 'partition', 'gate')),
  place text not null default databricks_auth.place()
);
create index parts_synced_table_index on databricks_auth.parts (synced_table);
comment on table databricks_auth.parts is 'Indexes, partition and write gates of synced tables. Rows of another place come from a restore in progress.';
alter table databricks_auth.parts enable row level security;

-- Everybody may read them (the guard runs as its caller to know the effective user); nobody may write them, not even
-- holders of pg_write_all_data. No key: sessions must not wait for each other here.
-- for: owner
create table databricks_auth.open_windows (
  synced_table oid not null,
  owner_role name not null,
  grantee name not null,
  role_setting text not null,
  part oid,
  file_node oid,
  paused boolean not null default false
);
comment on table databricks_auth.open_windows is 'Ownership currently lent; rows exist only during one command of one transaction.';
comment on column databricks_auth.open_windows.role_setting is 'SET ROLE when the window opened; a command may not change it.';
comment on column databricks_auth.open_windows.paused is 'Set while the guard itself runs DDL.';
alter table databricks_auth.open_windows enable row level security;
create policy open_windows_read on databricks_auth.open_windows for select using (true);

-- for: owner
create table databricks_auth.schema_rights_lock (
  is_only boolean constraint schema_rights_lock_pk primary key
);
comment on table databricks_auth.schema_rights_lock is 'Locked by anything that changes the rights of a schema. Always empty.';
alter table databricks_auth.schema_rights_lock enable row level security;

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

-- for: everybody
create or replace function databricks_auth.wanted_event_triggers()
returns table (name name, event text, tags text[], function text, is_needed_by_windows boolean)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  values
    -- Takes back what was lent.
    ('databricks_auth_0_close'::name, 'ddl_command_end', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'CREATE TABLE'],
     'databricks_auth.ev_close', true),
    -- No DDL as an owner role, and none nested in a window.
    ('databricks_auth_1_guard', 'ddl_command_start', null, 'databricks_auth.ev_guard', true),
    -- Lends the owner role.
    ('databricks_auth_2_open', 'ddl_command_start', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE'],
     'databricks_auth.ev_open', true),
    -- Clearer words than "must be owner" when the target is certain.
    ('databricks_auth_3_kind', 'ddl_command_start', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'COMMENT',
                                                          'CREATE POLICY', 'CREATE TRIGGER', 'CREATE RULE'],
     'databricks_auth.ev_kind', false),
    -- Protects superusers and schema owners from accidents.
    ('databricks_auth_careful', 'ddl_command_end', array['ALTER TABLE', 'ALTER INDEX', 'CREATE TABLE', 'ALTER SCHEMA', 'CREATE TRIGGER',
                                                         'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY'],
     'databricks_auth.ev_careful', false),
    ('databricks_auth_drop', 'sql_drop', null, 'databricks_auth.ev_drop', true),
    ('databricks_auth_references', 'ddl_command_end', array['ALTER TABLE', 'CREATE TABLE', 'CREATE SCHEMA'],
     'databricks_auth.ev_references', false),
    -- Before the work: with the schemas of the guard, its event triggers would be gone at the end.
    ('databricks_auth_schemas', 'ddl_command_start', array['DROP SCHEMA'], 'databricks_auth.ev_schemas', false)
$$;
comment on function databricks_auth.wanted_event_triggers() is 'The event triggers of an intact guard; functions without their (), the commands of each in tags (null: all).';


-- for: everybody
create or replace function databricks_auth.event_trigger_damage(name name, event text, tags text[], function text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
           when e.oid is null then 'is missing'
           when e.evtenabled <> 'A' then 'is switched off'
           when e.evtevent <> $2 or (select array_agg(t order by t) from unnest(e.evttags) t) is distinct from (select array_agg(t order by t) from unnest($3) t)
                or format('%I.%I', n.nspname, p.proname) <> $4 then 'is not ours'
           when not databricks_auth.is_installer(r.rolname) then format('runs code of role %I, which is not a superuser', r.rolname) end
    from (values (null)) as one (row)
    left join pg_event_trigger e on e.evtname = $1
    left join pg_proc p on p.oid = e.evtfoid left join pg_namespace n on n.oid = p.pronamespace left join pg_roles r on r.oid = p.proowner
$$;
comment on function databricks_auth.event_trigger_damage(name, text, text[], text) is 'What is wrong with an event trigger of an intact guard; null if nothing is.';


-- for: everybody
create or replace function databricks_auth.event_trigger_statements(name name, event text, tags text[], function text) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when d.damage is null or d.damage like 'runs code of %' then '{}'
    else array_remove(array[
      case when d.damage = 'is not ours' then format('drop event trigger %I', $1) end,
      case when d.damage <> 'is switched off'
           then format('create event trigger %I on %s %s execute function %s()', $1, $2,
                       'when tag in (' || (select string_agg(quote_literal(tag), ', ') from unnest($3) tag) || ')', $4) end,
      format('alter event trigger %I enable always', $1)], null) end
    from (values (databricks_auth.event_trigger_damage($1, $2, $3, $4))) as d (damage)
$$;
comment on function databricks_auth.event_trigger_statements(name, text, text[], text) is
  'The statements that create or enable one event trigger; none if it is as it should be.';


-- for: owner
create or replace function databricks_auth.install_event_trigger(name name, event text, tags text[], function text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  statement text;
  damage constant text := databricks_auth.event_trigger_damage($1, $2, $3, $4);
  statements constant text[] := databricks_auth.event_trigger_statements($1, $2, $3, $4);
begin
  -- Without a superuser there may be none: see mode().
  if not databricks_auth.is_superuser(current_user) then
    return null;
  end if;
  foreach statement in array statements loop
    execute statement;
  end loop;
  return case when cardinality(statements) = 0 then null when damage = 'is switched off' then 'enabled' else 'made' end;
end $$;
comment on function databricks_auth.install_event_trigger(name, text, text[], text) is
  'Creates or enables one event trigger; returns what it did, null if nothing.';


-- for: everybody
create or replace function databricks_auth.mode() returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- A superuser's installation has its event triggers, or is damaged. Another one has them where the server lets its
  -- administrators make event triggers.
  return (
  select case when r.rolsuper or exists (select from pg_event_trigger e join databricks_auth.wanted_event_triggers() w on w.name = e.evtname)
              then 'whole' else 'by ownership' end
    from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'databricks_auth'
  );
end $$;
comment on function databricks_auth.mode() is
  'How synced tables are guarded: whole, or by ownership alone, where nobody may make event triggers.';


-- for: owner
create or replace function databricks_auth.install_event_triggers() returns table (object text, outcome text)
language sql set search_path = pg_catalog, pg_temp as $$
  select 'event trigger ' || done.name, done.outcome
    from (select w.name, databricks_auth.install_event_trigger(w.name, w.event, w.tags, w.function) as outcome
            from databricks_auth.wanted_event_triggers() w order by w.name) as done
   where done.outcome is not null
$$;
comment on function databricks_auth.install_event_triggers() is
  'Creates and enables the event triggers that are missing, changed or disabled; returns what it did.';

-- for: owner
create or replace function databricks_auth.adopt_members() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  object record;
begin
  if exists (select from pg_depend d join pg_extension e on e.oid = d.refobjid
              where e.extname = 'databricks_auth' and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
                and d.classid = 'pg_namespace'::regclass and d.objid = '__db_system'::regnamespace) then
    alter extension databricks_auth drop schema __db_system;
  end if;
  for object in
    select format('%s %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass) as name, 'pg_class'::regclass as class, c.oid
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'v') and (n.nspname = 'databricks_auth' or (n.nspname = 'public' and c.relname in ('databricks_synced_table_managers', 'databricks_list_roles')))
    union all
    select 'function ' || p.oid::regprocedure, 'pg_proc'::regclass, p.oid
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'databricks_auth'
        or (n.nspname = 'public' and p.proname in ('databricks_synced_table_add_manager', 'databricks_synced_table_remove_manager', 'databricks_create_role'))
    union all
    select format('event trigger %I', e.evtname), 'pg_event_trigger'::regclass, e.oid
      from pg_event_trigger e join databricks_auth.wanted_event_triggers() w on w.name = e.evtname
  loop
    if not exists (select from pg_depend d where d.classid = object.class and d.objid = object.oid and d.deptype = 'e') then
      execute 'alter extension databricks_auth add ' || object.name;
    end if;
  end loop;
end $$;
comment on function databricks_auth.adopt_members() is 'Makes all objects of the guard members of the extension databricks_auth; data never is.';

-- for: everybody
create or replace function public.databricks_create_role(identity_name text, identity_type text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  kind constant text := lower(identity_type);
begin
  if kind is null or kind not in ('user', 'service_principal', 'group') then
    raise exception using errcode = '22023', message = format('databricks_auth: %L is not a type of identity', identity_type),
      hint = 'Use USER, SERVICE_PRINCIPAL or GROUP.';
  end if;
  if coalesce(identity_name, '') = '' or octet_length(identity_name) > 63 then
    raise exception using errcode = '42602', message = format('databricks_auth: %L cannot be the name of a role', identity_name),
      hint = 'Give the e-mail address, application id or group name, of 1 to 63 bytes.';
  end if;
  if not (select r.rolsuper or r.rolcreaterole from pg_roles r where r.rolname = current_user) then
    raise exception using errcode = '42501', message = format('databricks_auth: role %I may not create roles', current_user),
      hint = format('Give it the right: ALTER ROLE %I CREATEROLE.', current_user);
  end if;
  -- From version 16 on Postgres makes the creator an administrator of the role.
  execute format('create role %I login inherit', identity_name)
    || case when current_setting('server_version_num')::int < 160000 then format(' admin %I', current_user) else '' end;
  execute format('comment on role %I is %L', identity_name, 'databricks identity: ' || kind);
end $$;
comment on function public.databricks_create_role(text, text) is
  'Creates a login role for an identity: USER (e-mail address), SERVICE_PRINCIPAL (application id) or GROUP (name). Needs CREATEROLE; the caller may grant the role.';


-- for: owner
create or replace function databricks_auth.foreign_parts_of(index oid, relation oid) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_opclass oc on d.refclassid = 'pg_opclass'::regclass and oc.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_collation co on d.refclassid = 'pg_collation'::regclass and co.oid = d.refobjid
    -- Not even those of Postgres are pinned.
    left join pg_ts_config tc on d.refclassid = 'pg_ts_config'::regclass and tc.oid = d.refobjid
    left join pg_ts_dict td on d.refclassid = 'pg_ts_dict'::regclass and td.oid = d.refobjid
    left join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, oc.opcowner, t.typowner, co.collowner, tc.cfgowner, td.dictowner)
   where d.classid = 'pg_class'::regclass and d.objid = index and d.refobjid <> relation
     and d.refclassid <> 'pg_extension'::regclass
     and not (d.refclassid = 'pg_class'::regclass and d.deptype in ('P', 'S'))
     and not coalesce(r.rolsuper, false)
$$;
comment on function databricks_auth.foreign_parts_of(oid, oid) is
  'An object used by an index that no superuser owns; null if there is none. Its code would run as the sidecar at every write.';


-- for: owner
create or replace function databricks_auth.check_index(index oid, command text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_index record;
  foreign_parts text;
begin
  select x.indrelid, x.indisunique, x.indisvalid, c.relname,
         x.indisprimary or exists (select from pg_constraint k where k.conindid = index and k.conrelid = x.indrelid) as is_constraint
    into found_index
    from pg_index x join pg_class c on c.oid = x.indexrelid where x.indexrelid = index;
  if found_index.is_constraint then
    perform databricks_auth.refuse('0A000', format('index %I belongs to a constraint of a synced table', found_index.relname),
      'Only indexes made with CREATE INDEX can be altered.');
  end if;
  if command <> 'CREATE INDEX' then
    return;
  end if;
  if found_index.indisunique then
    perform databricks_auth.refuse('0A000', 'a unique index on a synced table is not supported',
      'It could make the sync fail. Enforce uniqueness in the source.');
  end if;
  if not found_index.indisvalid then
    perform databricks_auth.refuse('0A000', 'CREATE INDEX ON ONLY would leave an index without content', 'Leave out ONLY.');
  end if;
  foreign_parts := databricks_auth.foreign_parts_of(index, found_index.indrelid);
  if foreign_parts is not null then
    perform databricks_auth.refuse('42501', format('an index on a synced table may not use %s', foreign_parts),
      'Use built-in objects and objects that a superuser owns (extensions): the code would run as the sidecar.');
  end if;
end $$;
comment on function databricks_auth.check_index(oid, text) is 'Refuses an index created or altered by a manager that could harm the sync.';

-- for: everybody
create or replace function databricks_auth.can_manage(relation oid, who name) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select databricks_auth.is_synced_table(relation)
     and (pg_has_role(who, 'databricks_superuser', 'usage') or pg_has_role(who, 'databricks_sync', 'usage')
          or exists (select from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
                      where m.synced_table = relation and pg_has_role(who, r.oid, 'usage')))
  );
end $$;
comment on function databricks_auth.can_manage(oid, name) is 'Whether a role is a manager of the synced table, or a member of one, of databricks_superuser or of databricks_sync.';


-- for: everybody
create or replace function databricks_auth.check_appointment(relation regclass, manager text) returns regrole
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  found_role constant regrole := to_regrole(quote_ident(manager));
begin
  if not pg_has_role(current_user, 'databricks_superuser', 'usage') then
    perform databricks_auth.refuse('42501', format('role %I may not appoint or remove managers of synced tables', current_user),
      'Ask a member of databricks_superuser.');
  end if;
  if relation is null or not databricks_auth.is_synced_table(relation) then
    perform databricks_auth.refuse('42809', format('%s is not a synced table', coalesce(relation::text, 'null')),
      'See synced_tables.status for those that are.');
  end if;
  if found_role is null then
    perform databricks_auth.refuse('42704', format('role %L does not exist', manager),
      'Write its name as it appears in pg_roles, without double quotes.');
  end if;
  if manager ~ '^databricks_st_\d+_\d+_*$' then
    perform databricks_auth.refuse('42501', format('owner role %I cannot be a manager', manager), 'Nobody may act as an owner role.');
  end if;
  return found_role;
end $$;
comment on function databricks_auth.check_appointment(regclass, text) is 'Refuses callers who may not appoint managers, relations that are not synced tables, and roles that do not exist.';


-- for: everybody
create or replace function public.databricks_synced_table_add_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set row_security = on as $$
declare
  found_role constant regrole := databricks_auth.check_appointment(synced_table, manager);
begin
  -- From an earlier role of that name that no longer exists.
  delete from databricks_auth.managers m
   where m.synced_table = $1 and m.manager = $2::name and m.manager_oid <> found_role;
  insert into databricks_auth.managers (synced_table, manager, manager_oid) values ($1, $2, found_role)
  on conflict on constraint managers_pk do nothing;
  if not found then
    raise notice 'databricks_auth: role % is a manager of % already', quote_ident(manager), synced_table;
  end if;
end $$;
comment on function public.databricks_synced_table_add_manager(regclass, text) is
  'Lets a role run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on a synced table. For members of databricks_superuser.';


-- for: everybody
create or replace function public.databricks_synced_table_remove_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set row_security = on as $$
declare
  found_role constant regrole := databricks_auth.check_appointment(synced_table, manager);
begin
  delete from databricks_auth.managers m where m.synced_table = $1 and (m.manager_oid = found_role or m.manager = $2::name);
  if not found then
    raise notice 'databricks_auth: role % is not a manager of %', quote_ident(manager), synced_table;
  end if;
end $$;
comment on function public.databricks_synced_table_remove_manager(regclass, text) is
  'Takes back what databricks_synced_table_add_manager gave. For members of databricks_superuser.';


-- for: sidecar
create or replace function databricks_auth.missing_indexes(parent regclass, part regclass) returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- pg_get_indexdef is `CREATE [UNIQUE] INDEX <name> ON [ONLY] <table> USING <tail>`. The head is rebuilt from the catalogs
  -- and cut off by length: searching for it would let an index name smuggle SQL into the tail.
  with index as (
    select x.indrelid, x.indisunique, x.indisprimary, x.indisvalid, x.indexrelid,
           pg_get_indexdef(x.indexrelid) as definition,
           format('CREATE %sINDEX %I ON %s%I.%I USING ', case when x.indisunique then 'UNIQUE ' end, c.relname,
                  case when t.relkind = 'p' then 'ONLY ' end, n.nspname, t.relname) as head
      from pg_index x join pg_class c on c.oid = x.indexrelid
      join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
     where x.indrelid in (parent, part)
  ), numbered as (
    -- Two equal indexes of the parent need two on the partition: each can be attached to only one.
    select i.*, substr(definition, length(head) + 1) as tail,
           row_number() over (partition by indrelid, indisunique, substr(definition, length(head) + 1) order by indexrelid) as nth
      from index i
     where not indisprimary and (indrelid = parent or indisvalid) and starts_with(definition, head)
  )
  select format('CREATE %sINDEX ON %s USING %s', case when p.indisunique then 'UNIQUE ' end, part, p.tail)
    from numbered p
   where p.indrelid = parent
     and not exists (select from numbered q where q.indrelid = part and q.indisunique = p.indisunique
                                              and q.tail = p.tail and q.nth = p.nth)
   order by p.indexrelid
$$;
comment on function databricks_auth.missing_indexes(regclass, regclass) is
  'The statements that build the indexes of a synced table that a table in __db_system lacks. Call it again under the lock, before ATTACH.';

-- for: owner
create or replace function databricks_auth.is_owner_role_of(owner_role name, synced_table oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select is_owner_role_of.owner_role ~ format('^databricks_st_%s_%s_*$', d.oid, is_owner_role_of.synced_table)
    from pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.is_owner_role_of(name, oid) is 'Whether a role name is one that register() gives to this table in this database.';


-- for: owner
create or replace function databricks_auth.owner_role_for(parent oid) returns name
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = parent);
begin
  if owner_role is null or not databricks_auth.is_owner_role_of(owner_role, parent) then
    owner_role := format('databricks_st_%s_%s', (select oid from pg_database where datname = current_database()), parent);
    -- The existing role of that name is somebody else's: left over from a reused OID, or planted for us to adopt.
    while to_regrole(quote_ident(owner_role)) is not null loop
      owner_role := owner_role || '_';
    end loop;
  end if;
  if to_regrole(quote_ident(owner_role)) is null then
    execute format('create role %I nologin noinherit', owner_role);
    execute format('comment on role %I is %L', owner_role, 'Owns one synced table. Nobody may act as it.');
  end if;
  execute format('grant %I to databricks_sync', owner_role)
    || case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set true' else '' end;
  return owner_role;
end $$;
comment on function databricks_auth.owner_role_for(oid) is 'The owner role of a table; created if there is none.';

-- for: everybody
create or replace function databricks_auth.is_synced_table(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.synced_tables s where s.synced_table = relation)
  );
end $$;
comment on function databricks_auth.is_synced_table(oid) is
  'Whether a relation is a synced table, or was one and was kept after its syncing was stopped.';


-- for: everybody
create or replace function databricks_auth.is_guarded(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.parts p where p.synced_table = relation and p.place = databricks_auth.place())
  );
end $$;
comment on function databricks_auth.is_guarded(oid) is 'Whether a table was registered here, rather than carried here by an unfinished restore.';


-- for: owner
create or replace function databricks_auth.current_parts(relation oid) returns table (part oid, kind text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select indexrelid, 'index' from pg_index where indrelid = relation
  union all select inhrelid, 'partition' from pg_inherits where inhparent = relation
  union all select t.oid, 'gate' from pg_trigger t
   where t.tgname in (select w.name from databricks_auth.wanted_gates() w)
     and (t.tgrelid = relation or t.tgrelid in (select inhrelid from pg_inherits where inhparent = relation))
$$;
comment on function databricks_auth.current_parts(oid) is 'The objects of a synced table according to the catalogs.';


-- for: owner
create or replace function databricks_auth.rebuild_parts(relation oid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Only changed rows are touched: two sessions that create indexes at once must not collide on each other's rows.
  delete from databricks_auth.parts p
   where p.synced_table = relation and p.part not in (select c.part from databricks_auth.current_parts(relation) c);
  insert into databricks_auth.parts (part, synced_table, kind)
  select c.part, relation, c.kind from databricks_auth.current_parts(relation) c
  on conflict (part) do update set synced_table = excluded.synced_table, kind = excluded.kind, place = excluded.place
    where (parts.synced_table, parts.kind, parts.place) is distinct from (excluded.synced_table, excluded.kind, excluded.place)
$$;
comment on function databricks_auth.rebuild_parts(oid) is 'Records the objects of a synced table.';


-- for: owner
create or replace function databricks_auth.note_parts() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  changed record;
begin
  -- The sidecar, a superuser or a manager made or attached something.
  for changed in
    select distinct s.synced_table::oid as relation
      from pg_event_trigger_ddl_commands() d
      left join pg_index x on x.indexrelid = d.objid
      join databricks_auth.synced_tables s on s.synced_table in (d.objid, x.indrelid)
     where d.classid = 'pg_class'::regclass and databricks_auth.is_guarded(s.synced_table)
  loop
    perform databricks_auth.rebuild_parts(changed.relation);
  end loop;
end $$;
comment on function databricks_auth.note_parts() is 'Updates the list of parts after a command.';

-- for: everybody
create or replace function databricks_auth.check_references(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  reference record;
begin
  for reference in
    select k.conrelid::regclass as relation, k.confrelid::regclass as synced, format_type(t.oid, null) as type_name
      from pg_event_trigger_ddl_commands() d
      join pg_constraint k on k.conrelid = d.objid and k.contype = 'f'
      join databricks_auth.synced_tables s on s.synced_table = k.confrelid
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
     cross join lateral (
       -- Domains are compared by their base types.
       with recursive base (type) as (
         select a.atttypid union all select b.typbasetype from base join pg_type b on b.oid = base.type where b.typtype = 'd')
       select b.oid, b.typowner from base join pg_type b on b.oid = base.type where b.typtype <> 'd') t
      join pg_roles r on r.oid = t.typowner
     where d.classid = 'pg_class'::regclass and not r.rolsuper
  loop
    continue when databricks_auth.is_superuser(effective) and databricks_auth.override();
    perform databricks_auth.refuse('42501',
      format('a foreign key from %s to synced table %s may not have a column of type %s', reference.relation, reference.synced, reference.type_name),
      'Use a type that a superuser owns: the key is checked with the rights of the synced table''s owner, including casts of the type.');
  end loop;
end $$;
comment on function databricks_auth.check_references(name, text) is
  'Refuses foreign keys to synced tables whose check would run other people''s code as the owner role. Open to PUBLIC and harmless: outside an event trigger Postgres refuses to say what was done.';


-- for: owner
create or replace function databricks_auth.ev_references() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  state text;
  advice text;
begin
  perform databricks_auth.check_references(current_user, tg_tag);
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
comment on function databricks_auth.ev_references() is 'Event trigger: checks foreign keys to synced tables.';

-- for: everybody
create or replace function databricks_auth.hint() returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'A synced table is read-only. Its managers may run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on it; '
      || 'a member of databricks_superuser appoints them: SELECT databricks_synced_table_add_manager(''schema.table'', ''role'').'
$$;
comment on function databricks_auth.hint() is 'The part common to all refusals: which commands are permitted, and to whom.';


-- for: everybody
create or replace function databricks_auth.hint_after(advice text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(' ', advice, databricks_auth.hint())
$$;
comment on function databricks_auth.hint_after(text) is 'The hint of a refusal: advice for this one, and the part common to all.';


-- for: everybody
create or replace function databricks_auth.refuse(sql_state text, message text, advice text default null, detail text default '') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  said constant text := 'databricks_auth: ' || refuse.message;
  -- Superusers need not be told of managers.
  hint constant text := case when advice is not null and databricks_auth.is_superuser(databricks_auth.acting_role()) then advice
                             else databricks_auth.hint_after(advice) end;
begin
  if coalesce(refuse.detail, '') = '' then
    raise exception using errcode = sql_state, message = said, hint = hint;
  end if;
  raise exception using errcode = sql_state, message = said, detail = refuse.detail, hint = hint;
end $$;
comment on function databricks_auth.refuse(text, text, text, text) is 'Raises a refusal. All of them begin with databricks_auth: and name the permitted commands.';


-- for: everybody
create or replace function databricks_auth.target_in(command text, tag text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- Everything up to the target must match from the very start of the text; otherwise there is no answer.
  return (
  with part as (
    select '(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)' as name,
           '((?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))?)' as target,
           '(?i)^(?:\s|--[^\n]*\n)*' as start
  )
  select substring(left(command, 10000) from start || case tag
    when 'ALTER TABLE' then 'ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?' || target
    when 'DROP TABLE' then 'DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?' || target
    when 'CREATE INDEX' then 'CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:(?:IF\s+NOT\s+EXISTS\s+)?(?!ON\s)' || name || '\s+)?ON\s+(?:ONLY\s+)?' || target
    when 'ALTER INDEX' then 'ALTER\s+INDEX\s+(?!ALL\s)(?:IF\s+EXISTS\s+)?' || target
    when 'DROP INDEX' then 'DROP\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?' || target
    when 'COMMENT' then 'COMMENT\s+ON\s+TABLE\s+' || target
    when 'CREATE POLICY' then 'CREATE\s+POLICY\s+' || name || '\s+ON\s+' || target
    when 'CREATE TRIGGER' then 'CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\s+[^"'']*?\sON\s+' || target
    when 'CREATE RULE' then 'CREATE\s+(?:OR\s+REPLACE\s+)?RULE\s+' || name || '\s+AS\s+ON\s+\w+\s+TO\s+' || target
  end) from part
  );
end $$;
comment on function databricks_auth.target_in(text, text) is 'The table or index that a command names, as written; null if that is uncertain.';


-- for: everybody
create or replace function databricks_auth.innermost_command(stack text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- Line 1 is the event trigger function's own. A nested command follows in quotes (in the server's language: then there is
  -- no answer); if there is none, the command is the client's. All quantifiers match as little as they can, as the first
  -- one does.
  return (
  select case when strpos(stack, e'\n') = 0 then current_query()
              else substring(stack from '^[^\n]*?\nSQL statement "(.*?)"\n[^\n]+? (?:function|inline_code_block)') end
  );
end $$;
comment on function databricks_auth.innermost_command(text) is
  'The text of the command that fired an event trigger, from the trigger''s call stack; null if the stack does not show it.';


-- for: everybody
create or replace function databricks_auth.refuse_kindly(relation oid, tag text, command text, effective name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  synced constant regclass := coalesce((select indrelid from pg_index where indexrelid = relation), relation)::regclass;
  is_permitted boolean := tag in ('CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE');
  has_keeper boolean := false;
begin
  if not databricks_auth.is_synced_table(synced)
     or databricks_auth.is_sync(effective) or databricks_auth.is_sync(databricks_auth.acting_role()) then
    return;
  end if;
  if tag = 'ALTER TABLE' and synced = relation then
    has_keeper := databricks_auth.has_keeper(synced);
    -- Ownership is not lent for a rename inside another command, where its text is not certain enough. A superuser's text may
    -- go on after it: what that does is looked at when it has been done.
    is_permitted := has_keeper and case when databricks_auth.is_installer(effective) then databricks_auth.is_rename(split_part(command, ';', 1))
                                        else command = current_query() and databricks_auth.is_rename(command) end;
    if is_permitted and databricks_auth.is_installer(effective) then
      return;  -- also on behalf of others, whom rename_synced_table has looked at
    end if;
  end if;
  if databricks_auth.is_superuser(effective) then
    -- Before the work is done, unlike the check at its end.
    if not is_permitted and tag <> 'COMMENT' and not databricks_auth.override() and databricks_auth.is_guarded(synced) then
      perform databricks_auth.refuse('0A000', format('%s would break synced table %s', tag, synced),
        'A superuser can go on after SET databricks_auth.allow_ddl = on.');
    end if;
  elsif not is_permitted then
    perform databricks_auth.refuse('42501', format('%s is not allowed on synced table %s', tag, synced),
      case when not has_keeper then 'Change the source table instead.'
           when command ~* '\m(rename\s+to|set\s+schema)\M' then format('Rename it with SELECT synced_tables.rename_synced_table(%L, ''schema.table''), or by ALTER TABLE as a statement of its own.', synced)
           else format('Change the source table instead, or how it is synced with SELECT synced_tables.alter_synced_table(%L, …).', synced) end);
  elsif not databricks_auth.can_manage(synced, effective) then
    perform databricks_auth.refuse('42501', format('role %I is not a manager of synced table %s', effective, synced));
  elsif tag <> 'DROP TABLE' and command ~* '\mconcurrently\M' then
    perform databricks_auth.refuse('0A000', 'CONCURRENTLY is not supported on a synced table',
      'Leave it out: readers go on while the index is built, and the sync waits.');
  end if;
end $$;
comment on function databricks_auth.refuse_kindly(oid, text, text, name) is
  'Refuses, in clearer words, what Postgres or the check at the end would refuse. Open to PUBLIC: it only raises errors.';


-- for: everybody
create or replace function databricks_auth.notice_of_doubt(command text, tag text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting constant name := databricks_auth.acting_role();
  synced regclass;
begin
  if databricks_auth.is_superuser(acting) or databricks_auth.is_sync(acting) then
    return;
  end if;
  -- A user with a table or index of that name most likely means that one.
  select s.synced_table into synced
    from pg_class c left join pg_index x on x.indexrelid = c.oid
    join databricks_auth.synced_tables s on s.synced_table = coalesce(x.indrelid, c.oid)
   where c.relname = any (databricks_auth.names_in(command))
     and not (tag in ('CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE') and databricks_auth.can_manage(s.synced_table, acting))
     and not exists (select from pg_class own where own.relname = c.relname and pg_has_role(acting, own.relowner, 'usage'))
   limit 1;
  if found then
    raise notice 'databricks_auth: if % is about synced table %, it will be refused', tag, synced using hint = databricks_auth.hint();
  end if;
end $$;
comment on function databricks_auth.notice_of_doubt(text, text) is 'When the target of a command is uncertain but a synced table of that name exists: the hint, as a notice before Postgres''s own error.';

-- No SET search_path: the name is resolved as in the user's session. Hence qualified calls and no operators here.

-- for: owner
create or replace function databricks_auth.ev_kind() returns event_trigger language plpgsql as $$
declare
  stack pg_catalog.text;
  command pg_catalog.text;
  target pg_catalog.text;
  relation pg_catalog.oid;
  state pg_catalog.text;
  advice pg_catalog.text;
begin
  get diagnostics stack = pg_context;
  command := databricks_auth.innermost_command(stack);
  target := databricks_auth.target_in(command, tg_tag);
  if target is null then
    perform databricks_auth.notice_of_doubt(coalesce(command, pg_catalog.current_query()), tg_tag);
    return;
  end if;
  begin
    relation := pg_catalog.to_regclass(target);
  exception when others then
    return;
  end;
  if relation is not null then
    perform databricks_auth.refuse_kindly(relation, tg_tag, command, current_user);
  end if;
exception when undefined_table or undefined_function or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
when others then
  if not pg_catalog.starts_with(sqlerrm, 'databricks_auth: ') then
    raise;
  end if;
  -- Anew: the lines of where it was found out say nothing to whoever is refused.
  get stacked diagnostics state = returned_sqlstate, advice = pg_exception_hint;
  raise exception using errcode = state, message = sqlerrm, hint = advice;
end $$;
comment on function databricks_auth.ev_kind() is
  'Event trigger: refuses in clearer words than "must be owner", and before the work is done, when the target is certain.';

-- for: sidecar
create or replace function databricks_auth.sole_partition(parent regclass) returns regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select min(p.oid)::regclass
    from pg_inherits i join pg_class p on p.oid = i.inhrelid join pg_class t on t.oid = i.inhparent
   where i.inhparent = parent and t.relkind = 'p'
  having count(*) = 1 and bool_and(p.relkind = 'r' and pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT'
         and p.relnamespace = (select oid from pg_namespace where nspname = '__db_system'))
$$;
comment on function databricks_auth.sole_partition(regclass) is 'The one DEFAULT partition in __db_system of a synced table; null when the relation has another shape.';


-- for: owner
create or replace function databricks_auth.lock_schema_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Two sessions that grant on one schema at once would raise "tuple concurrently updated". Not an advisory lock: anybody
  -- may hold those, and could block the creation of every synced table.
  lock table databricks_auth.schema_rights_lock in share row exclusive mode;
end $$;
comment on function databricks_auth.lock_schema_rights() is 'Held until the end of the transaction by anything that changes the rights of a schema.';


-- for: owner
create or replace function databricks_auth.grant_table_rights(parent regclass, owner_role name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('revoke all on %s from public, %I', parent, owner_role);
  -- Foreign-key checks run as the owner, who keeps no other rights.
  execute format('grant select, update on %s to %I', parent, owner_role);
  execute format('grant select, insert, update, delete, truncate on %s to databricks_sync', parent);
  if current_setting('server_version_num')::int >= 170000 then
    execute format('grant maintain on %s to databricks_sync', parent);
  end if;
  execute format('grant select, references on %s to databricks_superuser with grant option', parent);
end $$;
comment on function databricks_auth.grant_table_rights(regclass, name) is 'Grants the rights that every synced table has.';


-- for: sidecar
create or replace function databricks_auth.prepare_partition(parent regclass, part regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = parent);
begin
  if owner_role is null or not exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = part and c.relkind = 'r' and n.nspname = '__db_system') then
    perform databricks_auth.refuse('42809', format('%s cannot become the partition of %s', part, parent),
      'The parent must be registered, the partition a plain table in schema __db_system.');
  end if;
  perform databricks_auth.gate(part);
  if (select relowner from pg_class where oid = part) <> to_regrole(quote_ident(owner_role)) then
    execute format('alter table %s owner to %I', part, owner_role);
  end if;
  execute format('revoke all on %s from public, %I', part, owner_role);
  -- Foreign-key checks run as the owner; those of a DELETE read the partition itself, with FOR KEY SHARE.
  execute format('grant select, update on %s to %I', part, owner_role);
  execute format('grant select, insert, update, delete, truncate on %s to databricks_sync', part);
  if current_setting('server_version_num')::int >= 170000 then
    execute format('grant maintain on %s to databricks_sync', part);
  end if;
end $$;
comment on function databricks_auth.prepare_partition(regclass, regclass) is
  'Gives a loaded table in __db_system the write gate, owner and rights of the synced table it will be attached to.';


-- for: sidecar
create or replace function databricks_auth.register(parent regclass) returns name
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  part regclass := databricks_auth.sole_partition(parent);
  schema_name name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = parent);
  owner_role name;
  setting_before constant text := databricks_auth.allow_ddl();
begin
  if part is null then
    perform databricks_auth.refuse('42809', format('%s cannot be a synced table', parent),
      'It must be a partitioned table whose only partition is a DEFAULT one in schema __db_system.');
  end if;
  perform databricks_auth.lock_schema_rights();
  owner_role := databricks_auth.owner_role_for(parent);
  -- CREATE INDEX and ALTER INDEX RENAME need CREATE on the schema of the table, and on that of the partition.
  execute format('grant usage, create on schema %I, __db_system to %I', schema_name, owner_role);
  execute format('grant usage on schema %I to databricks_superuser with grant option', schema_name);
  execute format('alter table %s owner to %I', parent, owner_role);
  insert into databricks_auth.synced_tables (synced_table, owner_role) values (parent, owner_role)
    on conflict (synced_table) do update set owner_role = excluded.owner_role;
  perform databricks_auth.prepare_partition(parent, part);
  perform databricks_auth.gate(parent);
  perform databricks_auth.grant_table_rights(parent, owner_role);
  perform databricks_auth.rebuild_parts(parent);
  perform databricks_auth.allow_ddl(setting_before);
  return owner_role;
end $$;
comment on function databricks_auth.register(regclass) is
  'Makes a partitioned table with its DEFAULT partition in __db_system a synced table: owner role, rights, write gates, registry. Safe to repeat. Returns the owner role.';


-- for: owner
create or replace function databricks_auth.unregister(dropped oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name;
begin
  -- DROP OWNED would drop the table as well.
  if exists (select from pg_class where oid = dropped) then
    raise exception using errcode = '55006', message = format('relation %s still exists', dropped::regclass);
  end if;
  delete from databricks_auth.parts p where p.synced_table = dropped;
  delete from databricks_auth.synced_tables s where s.synced_table = dropped returning s.owner_role into owner_role;
  if owner_role is null or not databricks_auth.is_owner_role_of(owner_role, dropped) or to_regrole(quote_ident(owner_role)) is null then
    return;
  end if;
  perform databricks_auth.lock_schema_rights();
  begin
    execute format('drop owned by %I', owner_role);  -- rights on schemas, and a partition that was being prepared
    execute format('drop role %I', owner_role);
  exception when dependent_objects_still_exist then
    -- A copy of this database in the same cluster shares the role.
    raise warning 'role % was kept: %', owner_role, sqlerrm;
  end;
end $$;
comment on function databricks_auth.unregister(oid) is 'After a synced table was dropped: removes its registry row, managers and owner role.';

-- for: owner
create or replace function databricks_auth.is_rename(command text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- From the first word to the last, so that nothing else can be in the text.
  return command ~ ('(?i)^(?:\s|--[^\n]*\n)*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?'
    || '(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))?\s+'
    || '(?:RENAME\s+TO|SET\s+SCHEMA)\s+(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)\s*;?\s*$');
end $$;
comment on function databricks_auth.is_rename(text) is 'Whether a command gives a table another name or schema, and does nothing else.';


-- for: owner
create or replace function databricks_auth.has_keeper(relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  -- The migrations create the schema synced_tables; the extension alone lacks it.
  if to_regprocedure('synced_tables_internal._is_registered(oid)') is not null then
    execute 'select synced_tables_internal._is_registered($1)' into answer using relation;
  end if;
  return answer;
end $$;
comment on function databricks_auth.has_keeper(oid) is 'Whether somebody keeps the name of a table and can be told another one.';


-- for: owner
create or replace function databricks_auth.has_new_name(relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  if databricks_auth.has_keeper(relation) then
    execute 'select synced_tables_internal._has_new_name($1)' into answer using relation;
  end if;
  return answer;
end $$;
comment on function databricks_auth.has_new_name(oid) is
  'Whether a table has another name than was told: after a command, that it is a rename, which can do nothing else.';


-- for: owner
create or replace function databricks_auth.tell_new_name(relation oid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  if databricks_auth.has_new_name(relation) then
    execute 'select synced_tables_internal._table_was_renamed($1, $2)' into answer using relation, databricks_auth.acting_role();
  end if;
  return answer;
end $$;
comment on function databricks_auth.tell_new_name(oid) is 'Tells a new name to who keeps it, who may refuse it; false if it is not new.';


-- for: owner
create or replace function databricks_auth.grant_schema_rights(relation oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  schema_name constant name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
  owner_role constant name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = relation);
  former name;
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage, create on schema %I to %I', schema_name, owner_role);
  execute format('grant usage on schema %I to databricks_superuser with grant option', schema_name);
  if not has_schema_privilege('databricks_sync', schema_name, 'create') or not has_schema_privilege('databricks_sync', schema_name, 'usage') then
    execute format('grant usage, create on schema %I to databricks_sync', schema_name);
  end if;
  for former in
    select n.nspname from pg_namespace n cross join aclexplode(n.nspacl) a
     where a.grantee = to_regrole(quote_ident(owner_role)) and n.nspname not in (schema_name, '__db_system') group by n.nspname
  loop
    execute format('revoke all on schema %I from %I', former, owner_role);
  end loop;
end $$;
comment on function databricks_auth.grant_schema_rights(oid) is
  'Gives the owner role of a synced table that came to another schema, and those who sync it, the rights that they need there.';

-- for: owner
create or replace function databricks_auth.repair_managers() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  here constant text := databricks_auth.place();
  manager databricks_auth.managers;
  name_now name;
  oid_now oid;
begin
  for manager in
    select m.* from databricks_auth.managers m
     where m.place <> here or not exists (select from pg_roles r where r.oid = m.manager_oid and r.rolname = m.manager)
  loop
    object := format('manager %I of %s', manager.manager, manager.synced_table);
    name_now := (select r.rolname from pg_roles r where r.oid = manager.manager_oid);
    oid_now := to_regrole(quote_ident(manager.manager));
    -- In the same cluster the OID is right and the name may be outdated; elsewhere only the name is meaningful.
    if split_part(manager.place, '/', 1) = split_part(here, '/', 1) then
      oid_now := manager.manager_oid;
    else
      name_now := manager.manager;
    end if;
    if name_now is null then
      delete from databricks_auth.managers m where m.synced_table = manager.synced_table and m.manager = manager.manager;
      outcome := 'removed: the role is gone';
    elsif oid_now is null then
      outcome := 'waits: no such role here; create it and repair again';
    else
      update databricks_auth.managers m set manager = name_now, manager_oid = oid_now, place = here
       where m.synced_table = manager.synced_table and m.manager = manager.manager;
      outcome := format('bound to role %I', name_now);
    end if;
    return next;
  end loop;
end $$;
comment on function databricks_auth.repair_managers() is 'Binds managers to the roles of this cluster, including renamed ones.';


-- for: owner
create or replace function databricks_auth.repair_table(relation regclass, owner_role name) returns text
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  owner_before name := (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = relation);
  owner_now name;
  gates text;
begin
  if owner_before is null then
    perform databricks_auth.unregister(relation);
    return 'removed: the table is gone';
  end if;
  if not databricks_auth.is_owner_role_of(owner_role, relation) then
    delete from databricks_auth.parts p where p.synced_table = relation;
  end if;
  gates := databricks_auth.open_gates(relation);
  owner_now := databricks_auth.register(relation);
  if gates is not null then
    perform databricks_auth.note_hand_write(relation, 'write gate was open');
  end if;
  if owner_now = owner_before then
    return coalesce('write gate mended: ' || gates || '; what was written meanwhile is not known, so the next update copies all rows', 'ok');
  end if;
  -- A copy in the same cluster: revoke what the other database's owner role had here.
  if owner_before like 'databricks\_st\_%' then
    execute format('revoke all on %s from %I', relation, owner_before);
    execute format('revoke all on schema %s, __db_system from %I',
                   (select c.relnamespace::regnamespace from pg_class c where c.oid = relation), owner_before);
  end if;
  return format('owner %I, was %I', owner_now, owner_before) || coalesce('; write gate mended: ' || gates, '');
exception when others then
  return format('failed: %s (%s)', sqlerrm, sqlstate);
end $$;
comment on function databricks_auth.repair_table(regclass, name) is
  'Repairs the owner role, rights, write gates and list of parts of one synced table; returns what was done.';


-- for: owner
create or replace function databricks_auth.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  synced record;
  setting_before text;
begin
  if not databricks_auth.is_installer(current_user) then
    raise exception using errcode = '42501', message = 'databricks_auth: only a superuser may repair',
      hint = 'It creates roles and event triggers. Where an administrator installed without one: SET ROLE databricks_installer first.';
  end if;
  setting_before := databricks_auth.allow_ddl();
  perform databricks_auth.make_roles();
  delete from databricks_auth.open_windows;
  delete from databricks_auth.parts p where p.place <> databricks_auth.place();
  return query select * from databricks_auth.install_event_triggers();
  return query select * from databricks_auth.repair_managers();
  for synced in select s.synced_table, s.owner_role from databricks_auth.synced_tables s order by s.synced_table::oid loop
    object := synced.synced_table::text;
    outcome := databricks_auth.repair_table(synced.synced_table, synced.owner_role);
    return next;
  end loop;
  perform databricks_auth.allow_ddl(setting_before);
end $$;
comment on function databricks_auth.repair() is 'Repairs roles, owners, write gates, event triggers and managers. For superusers and databricks_installer; safe to repeat. synced_tables.repair() calls it.';

-- for: owner
create or replace function databricks_auth.make_role(role_name name, about text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regrole(quote_ident(role_name)) is not null then
    return false;
  end if;
  -- Roles belong to the whole cluster, and two databases may be migrated at the same time, out of reach of each other's
  -- advisory locks. pg_authid is a shared table, so a superuser's lock on it works. Logins continue; CREATE, ALTER and DROP
  -- ROLE wait. Without a superuser the slower one meets duplicate_object, and migrates again.
  if databricks_auth.is_superuser(current_user) then
    lock table pg_authid in share row exclusive mode;
    if to_regrole(quote_ident(role_name)) is not null then
      return false;
    end if;
  end if;
  execute format('create role %I nologin', role_name);
  execute format('comment on role %I is %L', role_name, about);
  return true;
end $$;
comment on function databricks_auth.make_role(name, text) is 'Creates a group of ours that is missing; false if there is one of that name.';


-- for: owner
create or replace function databricks_auth.try_grant(role_name name, grantee name) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if pg_has_role(grantee, role_name, 'usage') then
    return true;
  end if;
  execute format('grant %I to %I', role_name, grantee);
  return true;
exception when insufficient_privilege then
  -- From version 16 on it takes the ADMIN option on the role; doctor names the statement for an administrator.
  return false;
end $$;
comment on function databricks_auth.try_grant(name, name) is 'Grants a role of Postgres; false if the current role may not.';


-- for: owner
create or replace function databricks_auth.make_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  membership record;
begin
  perform databricks_auth.make_role('databricks_superuser', 'Looks after synced tables: creates, syncs and deletes them, and grants access.');
  perform databricks_auth.make_role('databricks_sync', 'What the synced-tables sidecar acts as. Grant it to the role that the sidecar logs in with.');
  if not databricks_auth.is_superuser(current_user) then
    -- What the functions of a superuser may do anyway: act on what belongs to databricks_sync and to owner roles.
    perform databricks_auth.join_sync();
  end if;
  for membership in select w.role_name, w.grantee from databricks_auth.wanted_memberships() w loop
    perform databricks_auth.try_grant(membership.role_name, membership.grantee);
  end loop;
  perform databricks_auth.grant_rights();
  perform databricks_auth.admit_roles();
end $$;
comment on function databricks_auth.make_roles() is 'Creates the roles and the schema __db_system if missing, and grants the rights and policies of the guard. Safe to repeat.';


-- for: everybody
create or replace function databricks_auth.wanted_memberships() returns table (role_name name, grantee name, what_for text)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- As on Lakebase: members of databricks_superuser read and write all data, and see all sessions.
  values ('pg_read_all_data'::name, 'databricks_superuser'::name, 'its members do not read the tables of others'),
         ('pg_write_all_data', 'databricks_superuser', 'its members do not write the tables of others'),
         ('pg_monitor', 'databricks_superuser', 'its members do not see what the sessions of others do')
$$;
comment on function databricks_auth.wanted_memberships() is
  'Roles of Postgres that ours should be members of, and what is lost without: from version 16 on, only roles with the ADMIN option on them can grant them.';


-- for: owner
create or replace function databricks_auth.join_sync() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  has_options constant boolean := current_setting('server_version_num')::int >= 160000;
begin
  if pg_has_role(current_user, 'databricks_sync', 'usage') and pg_has_role(current_user, 'databricks_sync', case when has_options then 'set' else 'member' end) then
    return;
  end if;
  execute format('grant databricks_sync to %I', current_user) || case when has_options then ' with inherit true, set true' else '' end;
exception when insufficient_privilege then
  raise exception using errcode = '42501',
    message = format('databricks_auth: role databricks_sync was made by somebody else, and role %I may not join it', current_user),
    hint = format('Another database of this server has synced tables. Have its administrator run: GRANT databricks_sync, databricks_superuser, databricks_gateway TO %I WITH ADMIN OPTION;', current_user);
end $$;
comment on function databricks_auth.join_sync() is 'Makes the current role, which installs without being a superuser, a member of databricks_sync.';


-- for: owner
create or replace function databricks_auth.grant_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Not IF NOT EXISTS, which an extension cannot use for a schema it does not own.
  if to_regnamespace('__db_system') is null then
    create schema __db_system;
    comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';
  end if;
  -- Only if it differs: the guard lets nobody alter a schema that holds partitions.
  if (select n.nspowner <> 'databricks_sync'::regrole from pg_namespace n where n.nspname = '__db_system') then
    alter schema __db_system owner to databricks_sync;
  end if;
  revoke all on schema __db_system from public;
  grant usage on schema databricks_auth to public, databricks_sync, databricks_superuser;
  grant select on databricks_auth.synced_tables to databricks_sync;
  grant select, delete, insert (synced_table, manager, manager_oid) on databricks_auth.managers to databricks_superuser;
  grant select on databricks_auth.open_windows, public.databricks_synced_table_managers, public.databricks_list_roles
    to public, databricks_sync, databricks_superuser;
  -- Functions for the sidecar, as marked in their files.
  grant execute on function databricks_auth.register(regclass), databricks_auth.prepare_partition(regclass, regclass),
    databricks_auth.missing_indexes(regclass, regclass), databricks_auth.sole_partition(regclass), databricks_auth.gate(regclass),
    databricks_auth.write_guard(), databricks_auth.apply_guard() to databricks_sync;
  -- Called by the write gate for those that it lets write.
  grant execute on function databricks_auth.note_hand_write(oid, text) to databricks_sync, databricks_superuser;
  -- What others have through PUBLIC, a hardened database has taken from it. Changes are staged in temporary tables.
  execute format('grant connect, temporary on database %I to databricks_sync, databricks_superuser', current_database());
  if databricks_auth.is_superuser(current_user) then
    grant usage on language plpgsql to databricks_sync;
  end if;
  -- As on Lakebase: its members may create schemas, hence synced tables in new schemas.
  execute format('grant create on database %I to databricks_superuser', current_database());
end $$;
comment on function databricks_auth.grant_rights() is 'Grants the rights in the schemas of the guard.';


-- for: owner
create or replace function databricks_auth.admit_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- A policy is dropped with its role, so it may have to be created again after a restore.
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.synced_tables'::regclass and p.polname = 'synced_tables_sync'
                    and p.polroles = array['databricks_sync'::regrole::oid]) then
    drop policy if exists synced_tables_sync on databricks_auth.synced_tables;
    create policy synced_tables_sync on databricks_auth.synced_tables for select to databricks_sync using (true);
  end if;
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.managers'::regclass and p.polname = 'managers_appoint'
                    and p.polroles = array['databricks_superuser'::regrole::oid]) then
    drop policy if exists managers_appoint on databricks_auth.managers;
    create policy managers_appoint on databricks_auth.managers to databricks_superuser
      using (true) with check (granted_by = current_user and place = databricks_auth.place());
  end if;
end $$;
comment on function databricks_auth.admit_roles() is 'The policies that let the guard''s roles past row security.';

-- for: everybody
create or replace function databricks_auth.check_dropped_schemas(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  -- A text of several statements may name our schemas elsewhere.
  dropping constant text := coalesce((select string_agg(m[1], ' ') from regexp_matches(command, '(?i)\mdrop\s+schema\M([^;]*)', 'g') m), command);
  named constant text := (
    select string_agg(s, ', ') from unnest(array['__db_system', 'databricks_auth', 'synced_tables', 'synced_tables_internal', 'synced_tables_served']) s
     where s::name = any (databricks_auth.names_in(dropping)));
  tables bigint;
begin
  if named is null or databricks_auth.is_superuser(effective) and databricks_auth.override() then
    return;
  end if;
  select count(*) into tables from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table where databricks_auth.is_guarded(s.synced_table);
  if tables > 0 then
    raise exception using errcode = '55006',
      message = format('databricks_auth: DROP SCHEMA of %s is refused, because it would take the rows of synced tables along (%s)', named, tables),
      hint = 'SELECT * FROM synced_tables.uninstall(); drops the schemas and keeps the rows as plain tables; with drop_tables => true it drops those too.';
  end if;
end $$;
comment on function databricks_auth.check_dropped_schemas(name, text) is
  'Refuses to drop schemas of ours while there are synced tables. Open to PUBLIC: it only raises errors.';


-- for: owner
create or replace function databricks_auth.ev_schemas() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  stack text;
begin
  get diagnostics stack = pg_context;
  -- What is dropped is not known yet, so the text of the command has to say it; where that is uncertain, all that it may be.
  perform databricks_auth.check_dropped_schemas(current_user, coalesce(databricks_auth.innermost_command(stack), concat_ws(' ', current_query(), stack)));
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_schemas() is 'Event trigger: keeps DROP SCHEMA … CASCADE from taking the rows of synced tables.';

-- for: everybody
create or replace function databricks_auth.acting_role() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
  );
end $$;
comment on function databricks_auth.acting_role() is 'The role that the session acts as, whatever SECURITY DEFINER functions are running. Cannot be forged.';


-- for: everybody
create or replace function databricks_auth.is_superuser(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select coalesce((select r.rolsuper from pg_roles r where r.rolname = who), false)
  );
end $$;
comment on function databricks_auth.is_superuser(name) is 'Whether the role is a superuser of Postgres.';


-- for: everybody
create or replace function databricks_auth.is_installer(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select databricks_auth.is_superuser(who)
      or exists (select from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'databricks_auth' and r.rolname = who)
  );
end $$;
comment on function databricks_auth.is_installer(name) is
  'Whether the role may change the guard itself: a superuser, or the role that installed it.';


-- for: everybody
create or replace function databricks_auth.is_sync(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- pg_has_role is true for superusers, whom the guard protects from accidents.
  return (
  select not databricks_auth.is_superuser(who) and pg_has_role(who, 'databricks_sync', 'usage')
  );
end $$;
comment on function databricks_auth.is_sync(name) is
  'Whether the role is the sidecar''s: a member of databricks_sync and not a superuser.';


-- for: everybody
create or replace function databricks_auth.override() returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- Both the session and the running code must be a superuser's (or the installer's), who must have set it explicitly: a
  -- value from ALTER DATABASE or ALTER ROLE was not meant for this moment. Such values are applied at login, so the role
  -- that logged in decides.
  return (
  select coalesce(current_setting('databricks_auth.allow_ddl', true), '') = 'on'
     and databricks_auth.is_installer(databricks_auth.acting_role()) and databricks_auth.is_installer(current_user)
     and not exists (
       select from pg_db_role_setting s, unnest(s.setconfig) setting
        where setting like 'databricks\_auth.allow\_ddl=%'
          and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
          and (s.setrole in (0, (select r.oid from pg_roles r where r.rolname = session_user))
               or s.setrole = (select a.usesysid from pg_stat_get_activity(pg_backend_pid()) a)))
  );
end $$;
comment on function databricks_auth.override() is 'Whether a superuser, or the installer, bypasses the guard on purpose: SET databricks_auth.allow_ddl = on.';


-- for: owner
create or replace function databricks_auth.allow_ddl(setting text default 'on') returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  before constant text := coalesce(current_setting('databricks_auth.allow_ddl', true), '');
begin
  -- Not a SET clause of the functions that need it: only a superuser may write one for a setting that no module defines.
  perform set_config('databricks_auth.allow_ddl', setting, true);
  return before;
end $$;
comment on function databricks_auth.allow_ddl(text) is
  'Sets databricks_auth.allow_ddl until the transaction ends, for the guard''s own work, and returns what it was.';

-- for: owner
create or replace function databricks_auth.names_in(command text) returns name[]
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $f$
begin
  -- Splits at ASCII punctuation, as written and folded, and at double quotes, with and without "" undone.
  return (
  with input as (select left(command, 100000) as text),
  word as (select regexp_split_to_table(replace(text, '$$', ' '), '[\s!-#%-/:-@\[-^`{-~]+') as word from input),
  quoted as (select unnest(string_to_array(replace(text, '""', e'\x01'), '"')) as word from input),
  name as (
    select word from word
    union all select lower(word collate "C") from word
    union all select unnest(string_to_array(text, '"')) from input
    union all select replace(word, e'\x01', '"') from quoted
    union all select replace(rtrim(split_part(word, e'\x01\n', 1), e'\x01'), e'\x01', '"') from quoted
  )
  select array_agg(distinct word::name) from name where length(word) between 1 and 255
  );
end $f$;
comment on function databricks_auth.names_in(text) is
  'Every name that a command may refer to. Only a pre-filter: a surplus name lends nothing that the role does not manage, a missing one ends in "must be owner".';


-- for: owner
create or replace function databricks_auth.names_in_calls(names name[]) returns name[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- An SQL-language function appears in the call stack by name only.
  select names || databricks_auth.names_in(string_agg(p.prosrc, ' '))
    from pg_proc p join pg_language l on l.oid = p.prolang
   where p.proname = any (names) and l.lanname = 'sql' and p.prosrc ~* '(index|table)'
$$;
comment on function databricks_auth.names_in_calls(name[]) is 'The names, plus those in the bodies of SQL functions among them.';


-- for: owner
create or replace function databricks_auth.guard_is_whole() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select not exists (
    select from databricks_auth.wanted_event_triggers() w
     where w.is_needed_by_windows and not exists (select from pg_event_trigger e where e.evtname = w.name and e.evtenabled = 'A'))
$$;
comment on function databricks_auth.guard_is_whole() is
  'Whether all event triggers that a window needs are enabled; otherwise none is opened.';


-- for: owner
create or replace function databricks_auth.open_window(relation oid, owner_role name, acting name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  qualified text;
begin
  -- One manager of a table at a time: a row lock, because upgrading table locks would deadlock. Then ACCESS SHARE on the
  -- parent pins the partition until the transaction ends.
  perform from databricks_auth.synced_tables s where s.synced_table = relation for no key update;
  select format('%I.%I', n.nspname, c.relname) into qualified
    from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
   where s.synced_table = relation;
  if not found then
    return;  -- dropped while we waited
  end if;
  execute format('lock table only %s in access share mode', qualified);
  insert into databricks_auth.open_windows (synced_table, owner_role, grantee, role_setting, part, file_node)
  select relation, open_window.owner_role, acting, current_setting('role'), i.inhrelid, pg_relation_filenode(i.inhrelid)
    from pg_inherits i where i.inhparent = relation;
  if found then
    execute format('grant %I to %I', open_window.owner_role, acting)
      || case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set false' else '' end;
  end if;
end $$;
comment on function databricks_auth.open_window(oid, name, name) is 'Lends the owner role of a synced table to the acting role.';


-- for: owner
create or replace function databricks_auth.ev_open() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting name;
  stack text;
  command text;
  names name[];
  target record;
begin
  acting := databricks_auth.acting_role();
  if databricks_auth.is_superuser(acting) or databricks_auth.is_sync(acting) then
    return;
  end if;
  -- The text of a nested command is in the call stack, not in current_query().
  get diagnostics stack = pg_context;
  stack := nullif(substr(stack, length(split_part(stack, e'\n', 1)) + 2), '');
  command := coalesce(stack, current_query());
  -- Of all that ALTER TABLE can do a manager may only rename, so the text must be of nothing else.
  if tg_tag = 'ALTER TABLE' and (stack is not null or not databricks_auth.is_rename(command)) then
    return;
  end if;
  names := databricks_auth.names_in(command);
  if stack is not null then
    names := coalesce(databricks_auth.names_in_calls(names), names);
  end if;
  -- CONCURRENTLY spans transactions: the grant would be committed.
  if command ~* 'concurrently' then
    return;
  end if;
  for target in
    select s.synced_table::oid as relation, s.owner_role
      from databricks_auth.synced_tables s join pg_roles r on r.rolname = s.owner_role
     where s.synced_table in (
             select coalesce(x.indrelid, c.oid) from pg_class c left join pg_index x on x.indexrelid = c.oid
              where c.relname = any (names) and c.relkind in ('p', 'I'))
       and databricks_auth.can_manage(s.synced_table, acting)
       and (tg_tag <> 'ALTER TABLE' or databricks_auth.has_keeper(s.synced_table))
     order by s.synced_table::oid  -- two sessions that open the same windows do so in one order
  loop
    if not databricks_auth.guard_is_whole() then
      return;
    end if;
    perform databricks_auth.open_window(target.relation, target.owner_role, acting);
  end loop;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%); managers have no rights now', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_open() is
  'Event trigger: lends the owner roles of the synced tables that a command may refer to and that the acting role manages.';


-- for: owner
create or replace function databricks_auth.check_commands() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  done record;
begin
  for done in
    select d.objid, d.command_tag, c.relname, x.indrelid,
           databricks_auth.is_synced_table(d.objid) as is_table,
           databricks_auth.is_synced_table(x.indrelid) as is_index,
           exists (select from databricks_auth.parts p where p.kind = 'partition' and p.part = coalesce(x.indrelid, d.objid)) as is_partition
      from pg_event_trigger_ddl_commands() d join pg_class c on c.oid = d.objid left join pg_index x on x.indexrelid = c.oid
     where d.classid = 'pg_class'::regclass
  loop
    if done.is_index then
      perform databricks_auth.check_index(done.objid, done.command_tag);
    elsif (done.is_table and not databricks_auth.has_new_name(done.objid)) or done.is_partition then
      perform databricks_auth.refuse('0A000', format('%s on %I, part of a synced table, is not supported', done.command_tag, done.relname),
        'Name the synced table itself.');
    end if;
  end loop;
end $$;
comment on function databricks_auth.check_commands() is 'Checks what a command in a window has done.';


-- for: owner
create or replace function databricks_auth.check_lent_table(lent databricks_auth.open_windows, owner_oid oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owned text;
begin
  select string_agg(pg_describe_object(classid, objid, objsubid), ', ') into owned
    from pg_shdepend
   where refclassid = 'pg_authid'::regclass and refobjid = owner_oid and deptype = 'o'
     and dbid in (0, (select oid from pg_database where datname = current_database()))
     and not (dbid <> 0 and classid = 'pg_class'::regclass
              and (objid = lent.synced_table
                   or exists (select from pg_class where oid = objid and relnamespace = to_regnamespace('__db_system'))));
  if owned is not null
     or (select count(*) from pg_class where oid in (lent.synced_table, lent.part) and relowner = owner_oid) <> 2
     or (select array_agg(inhrelid) from pg_inherits where inhparent = lent.synced_table) is distinct from array[lent.part]
     or pg_relation_filenode(lent.part) is distinct from lent.file_node
     or exists (select from pg_index x where x.indrelid = lent.part
                 and not exists (select from pg_inherits where inhrelid = x.indexrelid))
     or exists (select from pg_auth_members where roleid = owner_oid and not admin_option
                 and member <> 'databricks_sync'::regrole) then
    perform databricks_auth.refuse('42501', 'ownership or partition was changed inside a command on a synced table', null,
      coalesce(owned, 'owner, members, partition or its indexes'));
  end if;
end $$;
comment on function databricks_auth.check_lent_table(databricks_auth.open_windows, oid) is
  'Refuses what code run inside a window may have done: a command on an expression index runs functions.';


-- for: owner
create or replace function databricks_auth.close_windows() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  lent databricks_auth.open_windows;
  owner_oid oid;
begin
  if current_setting('role') <> (select min(role_setting) from databricks_auth.open_windows) then
    perform databricks_auth.refuse('42501', 'the role was changed inside a command on a synced table', 'Change it between commands.');
  end if;
  for lent in select * from databricks_auth.open_windows loop
    owner_oid := to_regrole(quote_ident(lent.owner_role));
    continue when owner_oid is null;  -- dropped with its table
    execute format('revoke %I from %I', lent.owner_role, lent.grantee);
    perform databricks_auth.check_lent_table(lent, owner_oid);
  end loop;
  delete from databricks_auth.open_windows;
end $$;
comment on function databricks_auth.close_windows() is 'Takes back what was lent, and verifies that nothing else was done with it.';


-- for: owner
create or replace function databricks_auth.ev_close() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  if tg_tag in ('CREATE INDEX', 'ALTER TABLE', 'CREATE TABLE') then
    perform databricks_auth.note_parts();
  end if;
  if exists (select from databricks_auth.open_windows) then
    perform databricks_auth.check_commands();
    perform databricks_auth.close_windows();
  end if;
exception when others then
  -- A damaged installation must not lock an administrator out; nobody else may keep what was lent.
  if sqlerrm like 'databricks\_auth: %' or sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = case current_setting('role') when 'none' then session_user else current_setting('role')::name end), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_close() is 'Event trigger: checks what a command did with lent ownership, and takes it back.';

-- for: operators
create or replace function databricks_auth.note_hand_write(relation oid, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  synced constant oid := coalesce((select i.inhparent from pg_inherits i where i.inhrelid = relation), relation);
begin
  -- The migrations create the schema synced_tables; the extension alone lacks it.
  if to_regprocedure('synced_tables_internal._note_hand_write(oid,name,text)') is not null then
    execute 'select synced_tables_internal._note_hand_write($1, $2, $3)' using synced, databricks_auth.acting_role(), command;
  end if;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  -- A damaged installation must not lock an administrator out.
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.note_hand_write(oid, text) is
  'Notes that somebody else than a sidecar writes to a synced table or its partition, so that the next update mends it.';


-- for: sidecar
create or replace function databricks_auth.write_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_partition constant boolean := tg_table_schema = '__db_system';
begin
  if databricks_auth.is_sync(current_user) then
    -- Sidecars act as databricks_sync itself; a member of it is a person with the login of one.
    if current_user <> 'databricks_sync' then
      perform databricks_auth.note_hand_write(tg_relid, tg_op);
    end if;
    return null;
  end if;
  -- In an emergency members of databricks_superuser may correct rows, through the table itself.
  if tg_op <> 'TRUNCATE' and not is_partition and pg_has_role(current_user, 'databricks_superuser', 'usage')
     or databricks_auth.override() then
    perform databricks_auth.note_hand_write(tg_relid, tg_op);
    return null;
  end if;
  raise exception using errcode = '25006',
    message = format('databricks_auth: %s is refused, synced table %I.%I is read-only', tg_op, tg_table_schema, tg_table_name),
    hint = case when databricks_auth.is_superuser(current_user)
                then 'A superuser can go on after SET databricks_auth.allow_ddl = on; the next update brings the rows of the source back.'
                else databricks_auth.hint_after('Change the source table instead; the next sync brings the change here.') end;
end $$;
comment on function databricks_auth.write_guard() is
  'Refuses writes to a synced table by anybody but the sidecar and, with DML on the table itself, databricks_superuser, whose writes are noted.';


-- for: sidecar
create or replace function databricks_auth.apply_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.is_sync(current_user) or databricks_auth.override() then
    return null;
  end if;
  perform databricks_auth.refuse('25006',
    format('%s in replica mode is refused, %I.%I belongs to a read-only synced table', tg_op, tg_table_schema, tg_table_name),
    'Leave the synced table out of the publication or subscription.');
  return null;
end $$;
comment on function databricks_auth.apply_guard() is
  'Refuses rows that a subscription (logical replication) would write into the partition of a synced table.';


-- for: everybody
create or replace function databricks_auth.wanted_gates()
returns table (name name, is_for_partition_only boolean, definition text, function text, enabled "char")
language sql immutable set search_path = pg_catalog, pg_temp as $$
  values
    -- Statement triggers fire only for the named table, so nothing runs twice. Also in replica mode.
    ('databricks_write_guard'::name, false, 'before insert or update or delete or truncate on %s for each statement', 'databricks_auth.write_guard', 'A'::"char"),
    -- Logical replication applies rows without firing statement triggers. A row trigger sees them, and one enabled only for
    -- replica mode costs the sync just a look at its state. On the partition, because rows arrive there whichever table was
    -- named. AFTER, because BEFORE would lock each updated row and keep COPY from inserting many rows at once.
    ('databricks_apply_guard', true, 'after insert or update or delete on %s for each row', 'databricks_auth.apply_guard', 'R')
$$;
comment on function databricks_auth.wanted_gates() is 'The triggers that close a synced table and its partition to writers: used by installation, repair() and doctor.';


-- for: everybody
create or replace function databricks_auth.gate_damage(relation oid) returns table (name name, damage text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select w.name, case when t.oid is null then 'is missing' when t.tgenabled <> w.enabled then 'is switched off' else 'is not ours' end
    from databricks_auth.wanted_gates() w
    join pg_class c on c.oid = relation and (not w.is_for_partition_only or c.relnamespace = to_regnamespace('__db_system'))
    left join pg_trigger t on t.tgrelid = relation and t.tgname = w.name
    left join pg_proc p on p.oid = t.tgfoid
   where t.oid is null or t.tgenabled <> w.enabled or format('%I.%I', p.pronamespace::regnamespace, p.proname) <> w.function
$$;
comment on function databricks_auth.gate_damage(oid) is
  'Which gates of a synced table, or of its partition, are missing, disabled, or not ours; no row if all are intact.';


-- for: owner
create or replace function databricks_auth.open_gates(parent oid) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(format('%s of %s %s', d.name, r.relation::regclass, d.damage), ', ' order by r.relation, d.name)
    from (select parent as relation union all select i.inhrelid from pg_inherits i where i.inhparent = parent) r
   cross join lateral databricks_auth.gate_damage(r.relation) d
$$;
comment on function databricks_auth.open_gates(oid) is
  'What is wrong with the write gates of a synced table and its partition, in words; null if nothing is.';


-- for: sidecar
create or replace function databricks_auth.gate(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  damaged record;
begin
  for damaged in
    select d.name, d.damage, w.definition, w.function, w.enabled
      from databricks_auth.gate_damage(relation) d join databricks_auth.wanted_gates() w using (name) order by d.name desc
  loop
    if damaged.damage = 'is not ours' then
      execute format('drop trigger %I on %s', damaged.name, relation);
    end if;
    if damaged.damage <> 'is switched off' then
      execute format('create trigger %I %s execute function %s()', damaged.name, format(damaged.definition, relation), damaged.function);
    end if;
    execute format('alter table %s enable %s trigger %I', relation, case damaged.enabled when 'A' then 'always' else 'replica' end, damaged.name);
  end loop;
end $$;
comment on function databricks_auth.gate(regclass) is
  'Puts the write gate on a table, also for replica mode, and on a partition the gate for logical replication. Safe to repeat.';

-- for: everybody
create or replace view public.databricks_list_roles as
  select r.rolname as role_name, substring(d.description from '^databricks identity: (user|service_principal|group)$') as identity_type
    from pg_catalog.pg_roles r
    join pg_catalog.pg_shdescription d on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   where d.description ~ '^databricks identity: (user|service_principal|group)$';
comment on view public.databricks_list_roles is 'Roles created with databricks_create_role, and the kind of identity of each.';

-- for: everybody
create or replace view public.databricks_synced_table_managers as
  select n.nspname as schema_name, c.relname as table_name, r.rolname as user_name, m.granted_by, m.granted_at
    from databricks_auth.managers m
    join pg_catalog.pg_class c on c.oid = m.synced_table
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager;
comment on view public.databricks_synced_table_managers is 'Who may index and drop which synced table.';

revoke execute on function databricks_auth.altered_tables() from public;
revoke execute on function databricks_auth.ev_careful() from public;
revoke execute on function databricks_auth.ev_guard() from public;
revoke execute on function databricks_auth.check_dropped_parts(name, text) from public;
revoke execute on function databricks_auth.check_dropped_tables(name, text) from public;
revoke execute on function databricks_auth.ev_drop() from public;
revoke execute on function databricks_auth.install_event_trigger(name, text, text[], text) from public;
revoke execute on function databricks_auth.install_event_triggers() from public;
revoke execute on function databricks_auth.adopt_members() from public;
revoke execute on function databricks_auth.foreign_parts_of(oid, oid) from public;
revoke execute on function databricks_auth.check_index(oid, text) from public;
revoke execute on function databricks_auth.missing_indexes(regclass, regclass) from public;
revoke execute on function databricks_auth.is_owner_role_of(name, oid) from public;
revoke execute on function databricks_auth.owner_role_for(oid) from public;
revoke execute on function databricks_auth.current_parts(oid) from public;
revoke execute on function databricks_auth.rebuild_parts(oid) from public;
revoke execute on function databricks_auth.note_parts() from public;
revoke execute on function databricks_auth.ev_references() from public;
revoke execute on function databricks_auth.ev_kind() from public;
revoke execute on function databricks_auth.sole_partition(regclass) from public;
revoke execute on function databricks_auth.lock_schema_rights() from public;
revoke execute on function databricks_auth.grant_table_rights(regclass, name) from public;
revoke execute on function databricks_auth.prepare_partition(regclass, regclass) from public;
revoke execute on function databricks_auth.register(regclass) from public;
revoke execute on function databricks_auth.unregister(oid) from public;
revoke execute on function databricks_auth.is_rename(text) from public;
revoke execute on function databricks_auth.has_keeper(oid) from public;
revoke execute on function databricks_auth.has_new_name(oid) from public;
revoke execute on function databricks_auth.tell_new_name(oid) from public;
revoke execute on function databricks_auth.grant_schema_rights(oid) from public;
revoke execute on function databricks_auth.repair_managers() from public;
revoke execute on function databricks_auth.repair_table(regclass, name) from public;
revoke execute on function databricks_auth.repair() from public;
revoke execute on function databricks_auth.make_role(name, text) from public;
revoke execute on function databricks_auth.try_grant(name, name) from public;
revoke execute on function databricks_auth.make_roles() from public;
revoke execute on function databricks_auth.join_sync() from public;
revoke execute on function databricks_auth.grant_rights() from public;
revoke execute on function databricks_auth.admit_roles() from public;
revoke execute on function databricks_auth.ev_schemas() from public;
revoke execute on function databricks_auth.allow_ddl(text) from public;
revoke execute on function databricks_auth.names_in(text) from public;
revoke execute on function databricks_auth.names_in_calls(name[]) from public;
revoke execute on function databricks_auth.guard_is_whole() from public;
revoke execute on function databricks_auth.open_window(oid, name, name) from public;
revoke execute on function databricks_auth.ev_open() from public;
revoke execute on function databricks_auth.check_commands() from public;
revoke execute on function databricks_auth.check_lent_table(databricks_auth.open_windows, oid) from public;
revoke execute on function databricks_auth.close_windows() from public;
revoke execute on function databricks_auth.ev_close() from public;
revoke execute on function databricks_auth.note_hand_write(oid, text) from public;
revoke execute on function databricks_auth.write_guard() from public;
revoke execute on function databricks_auth.apply_guard() from public;
revoke execute on function databricks_auth.open_gates(oid) from public;
revoke execute on function databricks_auth.gate(regclass) from public;
do $$
begin
  perform databricks_auth.make_roles();
  perform databricks_auth.install_event_triggers();
end $$;

grant execute on function databricks_auth.place() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.check_altered(name, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.after_drop(name, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.wanted_event_triggers() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.event_trigger_damage(name, text, text[], text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.event_trigger_statements(name, text, text[], text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.mode() to databricks_sync, databricks_superuser;
grant execute on function public.databricks_create_role(text, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.can_manage(oid, name) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.check_appointment(regclass, text) to databricks_sync, databricks_superuser;
grant execute on function public.databricks_synced_table_add_manager(regclass, text) to databricks_sync, databricks_superuser;
grant execute on function public.databricks_synced_table_remove_manager(regclass, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.is_synced_table(oid) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.is_guarded(oid) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.check_references(name, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.hint() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.hint_after(text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.refuse(text, text, text, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.target_in(text, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.innermost_command(text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.refuse_kindly(oid, text, text, name) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.notice_of_doubt(text, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.wanted_memberships() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.check_dropped_schemas(name, text) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.acting_role() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.is_superuser(name) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.is_installer(name) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.is_sync(name) to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.override() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.wanted_gates() to databricks_sync, databricks_superuser;
grant execute on function databricks_auth.gate_damage(oid) to databricks_sync, databricks_superuser;
$databricks_auth_body$;
  end if;
  perform databricks_auth.adopt_members();
  -- What a dump has to carry. The rest is derived, or lives for one command.
  perform pg_catalog.pg_extension_config_dump('databricks_auth.synced_tables', '');
  perform pg_catalog.pg_extension_config_dump('databricks_auth.managers', '');
end $databricks_auth$;
