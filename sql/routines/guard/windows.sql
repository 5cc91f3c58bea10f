-- How managers get through. Ownership is lent for one command (a "window"):
--
--   ddl_command_start   the owner role is granted to the acting role; Postgres's own checks then decide
--   ddl_command_end     the command's effects are checked, the grant is revoked, owner, members and partition are verified
--
-- Both changes are in the command's own transaction: no other session sees them, and an error undoes them. All other
-- commands fail with "must be owner", so no list of forbidden commands has to be complete. Event triggers only enable: if
-- they are disabled, managers lose rights and nobody gains any (although a schema owner can then drop tables in that
-- schema).

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
