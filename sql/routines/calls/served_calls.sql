-- Serving calls. Inside a SECURITY DEFINER function Postgres no longer says who called. The session's role only says who
-- logged in, which is somebody else while a function, trigger or index of another role runs: a manager's SECURITY DEFINER
-- function called by a superuser, or code run by a superuser's ANALYZE, would have been served as the superuser.
--
-- So the functions people call run as their caller (the calling half) and insert into a view. There, a trigger that runs as
-- the caller signs the call with the effective role, and a trigger that runs as the owner serves it. Nobody can sign as
-- another role: the first trigger overwrites any value given.

-- for: owner
create or replace view synced_tables._calls as
  select null::text as routine, null::text[] as arguments, null::name as asked_by, null::text as answer where false;
comment on view synced_tables._calls is 'Functions insert calls here to have them served. Always empty.';

-- for: owner
create or replace function synced_tables_internal._sign_call() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.asked_by := current_user;
  return new;
end $$;
comment on function synced_tables_internal._sign_call() is 'Records the effective role of the caller: it runs as that role.';

-- for: owner
create or replace function synced_tables_internal._serve_call() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  serving constant text := (select r.statement from synced_tables._served_routines r where r.routine = new.routine);
  given jsonb;
  object text;
begin
  -- The view is open to everybody; the functions are not.
  if serving is null or not exists (
       select from pg_proc p where p.pronamespace in ('synced_tables'::regnamespace, 'synced_tables_internal'::regnamespace)
                               and p.proname = new.routine and has_function_privilege(new.asked_by, p.oid, 'execute')) then
    raise exception using errcode = '42501', message = format('permission denied for function %s', coalesce(new.routine, 'null'));
  end if;
  given := synced_tables_internal._called_arguments(new.routine, new.arguments);
  object := synced_tables_internal._called_object(given);
  insert into synced_tables._calls_under_way (asked_by) values (new.asked_by);
  execute serving into new.answer using new.arguments;
  delete from synced_tables._calls_under_way c where c.transaction = pg_current_xact_id();
  perform synced_tables_internal._audit_act(new.asked_by, ltrim(new.routine, '_'), object, given);
  return new;
end $$;
comment on function synced_tables_internal._serve_call() is 'Runs the called function on behalf of the role that signed the call.';

-- Triggers of one event fire in the order of their names.
-- for: owner
create or replace trigger _1_sign instead of insert on synced_tables._calls for each row execute function synced_tables_internal._sign_call();

-- for: owner
create or replace trigger _2_serve instead of insert on synced_tables._calls for each row execute function synced_tables_internal._serve_call();

-- for: owner
create or replace function synced_tables_internal._calling_body(routine oid) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $outer$
declare
  called pg_proc%rowtype;
  sent text;
  answered text;
begin
  select p.* into strict called from pg_proc p where p.oid = routine;
  sent := coalesce((select string_agg(format('%I.%I::text', called.proname, called.proargnames[a.position]), ', ' order by a.position)
                      from generate_subscripts(called.proargtypes::oid[], 1) with ordinality as a (subscript, position)), '');
  answered := case when called.prorettype = 'void'::regtype then ''
                   else format('return result::%s;', format_type(called.prorettype, null)) end;
  return format($body$
#variable_conflict use_column
declare
  result text;
  state text;
  said text;
  details text;
  remedy text;
begin
  -- Runs as its caller: see _calls.
  insert into synced_tables._calls (routine, arguments) values (%L, array[%s]::text[]) returning answer into result;
  %s
exception when others then
  get stacked diagnostics state = returned_sqlstate, said = message_text, details = pg_exception_detail, remedy = pg_exception_hint;
  -- Unexpected errors keep their context.
  if details not like 'error code: %%' then
    raise;
  elsif remedy = '' then
    raise exception using errcode = state, message = said, detail = details;
  end if;
  raise exception using errcode = state, message = said, detail = details, hint = remedy;
end $body$, called.proname, sent, answered);
end $outer$;
comment on function synced_tables_internal._calling_body(oid) is
  'The body of a function that runs as its caller and has its call served by its namesake in synced_tables_served.';

-- for: owner
create or replace function synced_tables_internal._write_calling_half(served regprocedure) returns regprocedure
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  called pg_proc%rowtype;
  calling_schema text;
  calling text;
  received text;
begin
  select p.* into strict called from pg_proc p where p.oid = served;
  calling_schema := case when starts_with(called.proname, '_') then 'synced_tables_internal' else 'synced_tables' end;
  calling := format('%I.%I(%s)', calling_schema, called.proname, pg_get_function_identity_arguments(served));
  -- Replaced in place, so that users' views and functions that call it keep working.
  execute format('create or replace function %I.%I(%s) returns %s language plpgsql set search_path = pg_catalog, pg_temp as %L',
    calling_schema, called.proname, pg_get_function_arguments(served), format_type(called.prorettype, null),
    synced_tables_internal._calling_body(served));
  execute format('comment on function %s is %L', calling, obj_description(served, 'pg_proc'));
  received := (select string_agg(format('($1[%s])::%s', a.position, format_type(called.proargtypes[a.subscript], null)), ', ' order by a.position)
                 from generate_subscripts(called.proargtypes::oid[], 1) with ordinality as a (subscript, position));
  insert into synced_tables._served_routines values (called.proname,
    format('select synced_tables_served.%I(%s)::text', called.proname, coalesce(received, '')))
  on conflict on constraint _served_routines_pk do update set statement = excluded.statement;
  return format('%I.%I(%s)', calling_schema, called.proname, oidvectortypes(called.proargtypes))::regprocedure;
end $$;
comment on function synced_tables_internal._write_calling_half(regprocedure) is
  'Creates the function that people call for a served one: in synced_tables, or in synced_tables_internal if its name begins with _.';
