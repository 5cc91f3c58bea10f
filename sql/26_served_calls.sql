-- Who calls a function. Inside a SECURITY DEFINER function Postgres no longer tells; the session's role says who logged
-- in, which is somebody else while a function, trigger or index of another role runs: a manager's SECURITY DEFINER
-- function called by a superuser would have been served as the superuser, one inside a superuser's ANALYZE too.
--
-- So what people call runs as its caller and inserts into a view. There a trigger that runs as the caller signs the call
-- with the effective role, and one that runs as the owner serves it. Nobody can sign as another: the first trigger
-- overwrites what was given.

create schema synced_tables_served;
comment on schema synced_tables_served is 'Functions that serve calls of those of the same name in synced_tables. Nobody but their owner has a right here.';

create or replace function synced_tables._is_reserved_schema(schema_name text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select schema_name like 'pg\_%' or schema_name in ('information_schema', 'synced_tables', 'synced_tables_served', 'databricks_auth', '__db_system')
$$;

create table synced_tables._calls_under_way (
  asked_by name not null,
  transaction xid8 not null default pg_catalog.pg_current_xact_id()
);
comment on table synced_tables._calls_under_way is 'For whom a call is being served; rows live only inside one call of one transaction.';
alter table synced_tables._calls_under_way enable row level security;

create table synced_tables._served_routines (
  routine text constraint _served_routines_pk primary key,
  statement text not null
);
comment on table synced_tables._served_routines is 'The statement that serves a call of each routine; its arguments come as an array of text.';
alter table synced_tables._served_routines enable row level security;

create view synced_tables._calls as
  select null::text as routine, null::text[] as arguments, null::name as asked_by, null::text as answer where false;
comment on view synced_tables._calls is 'Where functions put calls, to have them served. Holds nothing.';
grant insert (routine, arguments), select (answer) on synced_tables._calls to public;

create function synced_tables._sign_call() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.asked_by := current_user;
  return new;
end $$;
comment on function synced_tables._sign_call() is 'Writes down the effective role of who calls: it runs as that role.';

create function synced_tables._serve_call() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  serving constant text := (select r.statement from synced_tables._served_routines r where r.routine = new.routine);
begin
  -- The view is open to everybody, the functions are not.
  if serving is null or not exists (
       select from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace and p.proname = new.routine
                               and has_function_privilege(new.asked_by, p.oid, 'execute')) then
    raise exception using errcode = '42501', message = format('permission denied for function %s', coalesce(new.routine, 'null'));
  end if;
  insert into synced_tables._calls_under_way (asked_by) values (new.asked_by);
  execute serving into new.answer using new.arguments;
  delete from synced_tables._calls_under_way c where c.transaction = pg_current_xact_id();
  return new;
end $$;
comment on function synced_tables._serve_call() is 'Runs what was called, on behalf of who signed the call.';

-- Triggers of one event fire in the order of their names.
create trigger _1_sign instead of insert on synced_tables._calls for each row execute function synced_tables._sign_call();
create trigger _2_serve instead of insert on synced_tables._calls for each row execute function synced_tables._serve_call();

create or replace function synced_tables._acting_role() returns name
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    (select c.asked_by from synced_tables._calls_under_way c where c.transaction = pg_current_xact_id_if_assigned()),
    case current_setting('role') when 'none' then session_user else current_setting('role')::name end)
$$;
comment on function synced_tables._acting_role() is
  'The role on whose behalf a function was called: the effective one of a served call, the session''s elsewhere (views, functions that only read).';

create function synced_tables._have_served(routine text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $outer$
declare
  served record;
  earlier record;
  granted record;
begin
  select p.oid, p.oid::regprocedure::text as signature, pg_get_function_arguments(p.oid) as parameters,
         pg_get_function_identity_arguments(p.oid) as identity, format_type(p.prorettype, null) as returns,
         obj_description(p.oid, 'pg_proc') as comment, p.proacl,
         coalesce((select string_agg(format('%I.%I::text', p.proname, p.proargnames[a.position]), ', ' order by a.position)
                     from generate_subscripts(p.proargtypes::oid[], 1) with ordinality as a (subscript, position)), '') as sent,
         coalesce((select string_agg(format('($1[%s])::%s', a.position, format_type(p.proargtypes[a.subscript], null)), ', ' order by a.position)
                     from generate_subscripts(p.proargtypes::oid[], 1) with ordinality as a (subscript, position)), '') as received
    into served
    from pg_proc p
   where p.pronamespace = 'synced_tables'::regnamespace and p.proname = routine
     and p.prosecdef and p.prokind = 'f' and not p.proretset and p.proargmodes is null;
  if not found then
    return;
  end if;
  for earlier in
    select p.oid::regprocedure as signature from pg_proc p
     where p.pronamespace = 'synced_tables_served'::regnamespace and p.proname = routine
  loop
    execute format('drop function %s', earlier.signature);
  end loop;
  -- Not renamed: functions name their parameters by their own name.
  execute format('alter function %s set schema synced_tables_served', served.signature);
  execute format('revoke execute on function synced_tables_served.%I(%s) from public', routine, served.identity);
  execute format(
    'create function synced_tables.%I(%s) returns %s language plpgsql set search_path = pg_catalog, pg_temp as %L',
    routine, served.parameters, served.returns, format($body$
#variable_conflict use_column
declare
  result text;
begin
  -- Runs as its caller: see _calls.
  insert into synced_tables._calls (routine, arguments) values (%L, array[%s]::text[]) returning answer into result;
  %s
end $body$, routine, served.sent, case when served.returns = 'void' then '' else format('return result::%s;', served.returns) end));
  execute format('comment on function synced_tables.%I(%s) is %L', routine, served.identity, served.comment);
  execute format('comment on function synced_tables_served.%I(%s) is %L', routine, served.identity,
    format('Serves calls of synced_tables.%s.', routine));
  execute format('revoke execute on function synced_tables.%I(%s) from public', routine, served.identity);
  for granted in
    select a.grantee::regrole as role from aclexplode(served.proacl) a where a.grantee <> 0 and a.grantee <> a.grantor
  loop
    execute format('grant execute on function synced_tables.%I(%s) to %s', routine, served.identity, granted.role);
    execute format('revoke execute on function synced_tables_served.%I(%s) from %s', routine, served.identity, granted.role);
  end loop;
  insert into synced_tables._served_routines values (
    routine, format('select synced_tables_served.%I(%s)::text', routine, served.received))
  on conflict on constraint _served_routines_pk do update set statement = excluded.statement;
end $outer$;
comment on function synced_tables._have_served(text) is
  'Puts a function in the place of a SECURITY DEFINER one that runs as its caller and has it served. Leaves procedures and functions that return rows alone.';

create or replace function synced_tables._publish_routine(routine text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  manager name;
begin
  if not exists (select from pg_proc p where p.pronamespace = 'synced_tables'::regnamespace and p.proname = routine) then
    raise exception 'synced_tables.% does not exist', routine;
  end if;
  if audience <> 'sidecar' then
    perform synced_tables._have_served(routine);
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
  'For migrations, after each function that is not for its owner alone, and after replacing one: takes it from PUBLIC and gives it to sidecar, operators or managers. What these call is served on behalf of their effective role.';

-- The effective role says who asks, also inside commands that run code of others.
create or replace function synced_tables._require_control(synced_table text, created_by name, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if not synced_tables._may_control(created_by) and not synced_tables._manages(synced_table) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s synced table %s.', synced_tables._acting_role(), action, synced_table),
      'Ask its creator, one of its managers or a member of databricks_superuser.');
  end if;
end $$;
drop function synced_tables._runs_code_of_others();

do $$
declare
  published record;
begin
  for published in select g.routine, g.audience from synced_tables._granted_routines g where g.audience <> 'sidecar' loop
    perform synced_tables._publish_routine(published.routine, published.audience);
  end loop;
end $$;

revoke execute on function synced_tables._sign_call(), synced_tables._serve_call(), synced_tables._have_served(text) from public;
