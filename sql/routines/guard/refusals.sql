-- Refusals and their wording. When the target of a command is certain, it is refused in clearer words than "must be owner",
-- and before the work is done.

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
