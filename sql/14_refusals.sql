-- The guard, part two: what it refuses by itself, and in which words.
--
--   databricks_auth_0_close   ddl_command_end     takes back what was lent
--   databricks_auth_1_guard   ddl_command_start   no DDL as an owner role, none nested in a window
--   databricks_auth_2_open    ddl_command_start   lends the owner role
--   databricks_auth_3_kind    ddl_command_start   better words than "must be owner", when the target is certain
--   databricks_auth_careful   ddl_command_end     stops superusers and schema owners from carelessness
--   databricks_auth_drop      sql_drop
--
-- Triggers of one event fire in the order of their names. What runs at every DDL is PL/pgSQL, which keeps its plans: an SQL
-- function with a SET clause is planned anew at each call.

create function databricks_auth.ev_guard() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Runs as its caller: current_user is the effective user, in an index function that of the table's owner.
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

create function databricks_auth.altered_tables() returns table (relation oid, object_identity text)
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
comment on function databricks_auth.altered_tables() is 'Synced tables that a command changed, itself or by their partition, schema, triggers, rules or policies.';

create function databricks_auth.check_altered(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  altered record;
begin
  for altered in select distinct * from databricks_auth.altered_tables() loop
    -- The acting role too: register() runs as a superuser on behalf of the sidecar.
    if databricks_auth.is_sync(effective) or databricks_auth.is_sync(databricks_auth.acting_role())
       or (databricks_auth.is_superuser(effective) and databricks_auth.override()) then
      return;
    end if;
    continue when not databricks_auth.is_guarded(altered.relation);
    perform databricks_auth.refuse('0A000',
      format('%s on %s would break synced table %s', command, altered.object_identity, altered.relation::regclass),
      'A superuser can go on after SET databricks_auth.allow_ddl = on.');
  end loop;
end $$;
comment on function databricks_auth.check_altered(name, text) is
  'Refuses changes of synced tables by superusers and schema owners. Open to PUBLIC and harmless: outside of an event trigger Postgres refuses to say what was done.';

create function databricks_auth.ev_careful() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.check_altered(current_user, tg_tag);
exception when others then
  -- A damaged installation must not lock an administrator out.
  if sqlerrm like 'databricks\_auth: %' or sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_careful() is 'Event trigger: stops changes of synced tables that Postgres itself would allow.';

create function databricks_auth.target_in(command text, tag text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  -- Everything up to the target has to match from the very start of the text; else there is no answer.
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
comment on function databricks_auth.target_in(text, text) is 'The table or index that a command names, as written; null when that is not certain.';

create function databricks_auth.refuse_kindly(relation oid, tag text, command text, effective name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  synced constant regclass := coalesce((select indrelid from pg_index where indexrelid = relation), relation)::regclass;
  is_permitted constant boolean := tag in ('CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE');
begin
  if not databricks_auth.is_synced_table(synced)
     or databricks_auth.is_sync(effective) or databricks_auth.is_sync(databricks_auth.acting_role()) then
    return;
  end if;
  if databricks_auth.is_superuser(effective) then
    -- Before the work is done and not after, as the check at its end would.
    if not is_permitted and tag <> 'COMMENT' and not databricks_auth.override() and databricks_auth.is_guarded(synced) then
      perform databricks_auth.refuse('0A000', format('%s would break synced table %s', tag, synced),
        'A superuser can go on after SET databricks_auth.allow_ddl = on.');
    end if;
  elsif not is_permitted then
    perform databricks_auth.refuse('42501', format('%s is not allowed on synced table %s', tag, synced), 'Change the source table instead.');
  elsif not databricks_auth.can_manage(synced, effective) then
    perform databricks_auth.refuse('42501', format('role %I is not a manager of synced table %s', effective, synced));
  elsif tag <> 'DROP TABLE' and command ~* '\mconcurrently\M' then
    perform databricks_auth.refuse('0A000', 'CONCURRENTLY is not supported on a synced table',
      'Leave it out: readers go on while the index is built, and the sync waits.');
  end if;
end $$;
comment on function databricks_auth.refuse_kindly(oid, text, text, name) is
  'Refuses, in better words, what Postgres or the check at the end would refuse. Open to PUBLIC: raises errors and does nothing else.';

create function databricks_auth.notice_of_doubt(command text, tag text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting constant name := databricks_auth.acting_role();
  synced regclass;
begin
  if databricks_auth.is_superuser(acting) or databricks_auth.is_sync(acting) then
    return;
  end if;
  -- Somebody whose own table or index has the name most likely means that one.
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
comment on function databricks_auth.notice_of_doubt(text, text) is 'When the target of a command is not certain but a synced table of that name exists: the hint, as a notice before Postgres''s own error.';

-- No SET search_path: the name is resolved as the user's session would. Hence qualified calls and no operators here.
create function databricks_auth.ev_kind() returns event_trigger language plpgsql as $$
declare
  stack pg_catalog.text;
  command pg_catalog.text;
  target pg_catalog.text;
  relation pg_catalog.oid;
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
end $$;
comment on function databricks_auth.ev_kind() is 'Event trigger: refuses in better words than "must be owner", and before the work is done, when the target is certain.';

create function databricks_auth.innermost_command(stack text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- Line 1 is the event trigger function's own. A nested command follows in quotes (in the language of the server: then
  -- there is no answer); without one, it is the client's.
  return (
  select case when strpos(stack, e'\n') = 0 then current_query()
              else substring(stack from '^[^\n]*\nSQL statement "(.*?)"\n[^\n]+ (?:function|inline_code_block)') end
  );
end $$;
comment on function databricks_auth.innermost_command(text) is 'The text of the command that fired an event trigger, from the trigger''s call stack; null when it does not stand there.';

create function databricks_auth.install_event_triggers() returns setof text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted record;
  state "char";
begin
  for wanted in
    select *, format('create event trigger %I on %s %s execute function databricks_auth.%I()', name, event,
                     'when tag in (' || (select string_agg(quote_literal(tag), ', ') from unnest(tags) tag) || ')', function) as definition
      from (values
        ('databricks_auth_0_close', 'ddl_command_end', 'ev_close',
         array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'CREATE TABLE']),
        ('databricks_auth_1_guard', 'ddl_command_start', 'ev_guard', null),
        ('databricks_auth_2_open', 'ddl_command_start', 'ev_open', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE']),
        ('databricks_auth_3_kind', 'ddl_command_start', 'ev_kind',
         array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'COMMENT', 'CREATE POLICY', 'CREATE TRIGGER', 'CREATE RULE']),
        ('databricks_auth_careful', 'ddl_command_end', 'ev_careful',
         array['ALTER TABLE', 'ALTER INDEX', 'CREATE TABLE', 'ALTER SCHEMA', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY']),
        ('databricks_auth_drop', 'sql_drop', 'ev_drop', null)) as t (name, event, function, tags)
  loop
    state := (select evtenabled from pg_event_trigger where evtname = wanted.name);
    continue when state = 'A';
    if state is null then
      execute wanted.definition;
    end if;
    execute format('alter event trigger %I enable always', wanted.name);
    return next wanted.name || case when state is null then ' made' else ' enabled' end;
  end loop;
end $$;
comment on function databricks_auth.install_event_triggers() is 'Makes and enables the event triggers that are missing or off; tells what it did.';

revoke execute on function databricks_auth.ev_guard(), databricks_auth.altered_tables(), databricks_auth.ev_careful(),
  databricks_auth.ev_kind(), databricks_auth.install_event_triggers() from public;

do $$
begin
  perform databricks_auth.install_event_triggers();
end $$;

-- Tables that were synced before there was a guard.
do $$
declare
  relation regclass;
begin
  for relation in select s.synced_table from databricks_auth.synced_tables s where databricks_auth.sole_partition(s.synced_table) is not null loop
    perform databricks_auth.register(relation);
  end loop;
end $$;
