-- A refusal says all in its message, detail and hint. Below them psql printed every frame and statement between the
-- refusal and the call, up to two screens of our own code: a refusal now leaves a called function as its own error.

create or replace function synced_tables._raise(code text, sql_state text, message text, remedy text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(remedy, '') = '' then
    raise exception using errcode = sql_state, message = _raise.message, detail = 'error code: ' || code;
  end if;
  raise exception using errcode = sql_state, message = _raise.message, detail = 'error code: ' || code, hint = remedy;
end $$;

create function synced_tables._calling_body(routine oid) returns text
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
  -- What nobody meant to say keeps its context.
  if details not like 'error code: %%' then
    raise;
  elsif remedy = '' then
    raise exception using errcode = state, message = said, detail = details;
  end if;
  raise exception using errcode = state, message = said, detail = details, hint = remedy;
end $body$, called.proname, sent, answered);
end $outer$;
comment on function synced_tables._calling_body(oid) is
  'The body of a function that runs as its caller and has its call served by the one of the same name in synced_tables_served.';
revoke execute on function synced_tables._calling_body(oid) from public;

create or replace function synced_tables._have_served(routine text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $outer$
declare
  served record;
  earlier record;
  granted record;
begin
  select p.oid, p.oid::regprocedure::text as signature, pg_get_function_arguments(p.oid) as parameters,
         pg_get_function_identity_arguments(p.oid) as identity, format_type(p.prorettype, null) as returns,
         obj_description(p.oid, 'pg_proc') as comment, p.proacl,
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
    routine, served.parameters, served.returns, synced_tables._calling_body(served.oid));
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

-- Those that are served already; rights and comments stay with them.
do $$
declare
  calling record;
begin
  for calling in
    select p.oid, p.proname as routine, pg_get_function_arguments(p.oid) as parameters, format_type(p.prorettype, null) as returns
      from pg_proc p join synced_tables._served_routines s on s.routine = p.proname
     where p.pronamespace = 'synced_tables'::regnamespace
  loop
    execute format(
      'create or replace function synced_tables.%I(%s) returns %s language plpgsql set search_path = pg_catalog, pg_temp as %L',
      calling.routine, calling.parameters, calling.returns, synced_tables._calling_body(calling.oid));
  end loop;
end $$;
