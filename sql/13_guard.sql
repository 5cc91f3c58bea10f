-- The guard, part one: how managers get through. Ownership is lent for one command (a "window"):
--
--   ddl_command_start   the owner role is granted to the acting role; Postgres's own checks then decide
--   ddl_command_end     what was done is looked at, the grant is revoked, owner, members and partition are verified
--
-- Both changes are in the command's own transaction: no other session sees them, and an error removes them. All other
-- commands meet "must be owner", so no list of forbidden commands has to be complete. Event triggers only enable:
-- switched off, managers lose rights and nobody gains any (but a schema owner may then drop tables in his schema).

create table databricks_auth.open_windows (
  synced_table oid not null,
  owner_role name not null,
  grantee name not null,
  role_setting text not null,
  part oid,
  file_node oid,
  paused boolean not null default false
);
comment on table databricks_auth.open_windows is 'Ownership that is lent now; rows live only inside one command of one transaction.';
comment on column databricks_auth.open_windows.role_setting is 'SET ROLE when the window opened; a command may not change it.';
comment on column databricks_auth.open_windows.paused is 'While the guard itself runs DDL.';
-- Everybody may see them (the guard runs as its caller to know the effective user); nobody may write them, not even
-- holders of pg_write_all_data. No key: sessions must not wait for each other here.
alter table databricks_auth.open_windows enable row level security;
create policy open_windows_read on databricks_auth.open_windows for select using (true);
grant select on databricks_auth.open_windows to public;

create function databricks_auth.names_in(command text) returns name[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $f$
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
  'Every name that a command may mean. A pre-filter only: a name too many lends nothing that the role does not manage, one too few ends in "must be owner".';

create function databricks_auth.names_in_calls(names name[]) returns name[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- An SQL-language function stands in the call stack by name only.
  select names || databricks_auth.names_in(string_agg(p.prosrc, ' '))
    from pg_proc p join pg_language l on l.oid = p.prolang
   where p.proname = any (names) and l.lanname = 'sql' and p.prosrc ~* '(index|table)'
$$;
comment on function databricks_auth.names_in_calls(name[]) is 'The names, and those in the bodies of the SQL functions among them.';

create function databricks_auth.guard_is_whole() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select count(*) = 4 from pg_event_trigger
   where evtenabled = 'A'
     and evtname in ('databricks_auth_0_close', 'databricks_auth_1_guard', 'databricks_auth_2_open', 'databricks_auth_drop')
$$;
comment on function databricks_auth.guard_is_whole() is 'Whether all event triggers are on that a window needs; else none is opened.';

create function databricks_auth.open_window(relation oid, owner_role name, acting name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  qualified text;
begin
  -- One manager of a table at a time: a row lock, since upgrading table locks would deadlock. Then ACCESS SHARE on the
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

create function databricks_auth.ev_open() returns event_trigger
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
  -- The text of a nested command stands in the call stack, not in current_query().
  get diagnostics stack = pg_context;
  stack := nullif(substr(stack, length(split_part(stack, e'\n', 1)) + 2), '');
  command := coalesce(stack, current_query());
  names := databricks_auth.names_in(command);
  if stack is not null then
    names := coalesce(databricks_auth.names_in_calls(names), names);
  end if;
  -- CONCURRENTLY spans transactions: what is lent would be committed.
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
     order by s.synced_table::oid  -- two that open the same windows do so in one order
  loop
    if not databricks_auth.guard_is_whole() then
      return;
    end if;
    perform databricks_auth.open_window(target.relation, target.owner_role, acting);
  end loop;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%); managers have no rights now', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_open() is 'Event trigger: lends the owner roles of the synced tables that a command may mean, and that the acting role manages.';

create function databricks_auth.foreign_parts_of(index oid, relation oid) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_opclass oc on d.refclassid = 'pg_opclass'::regclass and oc.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_collation co on d.refclassid = 'pg_collation'::regclass and co.oid = d.refobjid
    left join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, oc.opcowner, t.typowner, co.collowner)
   where d.classid = 'pg_class'::regclass and d.objid = index and d.refobjid <> relation
     and d.refclassid <> 'pg_extension'::regclass
     and not (d.refclassid = 'pg_class'::regclass and d.deptype in ('P', 'S'))
     and not coalesce(r.rolsuper, false)
$$;
comment on function databricks_auth.foreign_parts_of(oid, oid) is
  'What an index uses that no superuser owns; null when nothing. The code would run as the sidecar at every write.';

create function databricks_auth.check_index(index oid, command text) returns void
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
comment on function databricks_auth.check_index(oid, text) is 'Refuses an index that a manager made or altered and that could harm the sync.';

create function databricks_auth.check_commands() returns void
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
    elsif done.is_table or done.is_partition then
      perform databricks_auth.refuse('0A000', format('%s on %I, part of a synced table, is not supported', done.command_tag, done.relname),
        'Name the synced table itself.');
    end if;
  end loop;
end $$;
comment on function databricks_auth.check_commands() is 'Looks at what a command in a window has done.';

create function databricks_auth.check_lent_table(lent databricks_auth.open_windows, owner_oid oid) returns void
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
  'Refuses what code that ran inside a window may have done: with an index of its own, a command runs functions.';

create function databricks_auth.close_windows() returns void
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

create function databricks_auth.note_parts() returns void
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
comment on function databricks_auth.note_parts() is 'Keeps the list of parts after a command.';

create function databricks_auth.ev_close() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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

create function databricks_auth.check_dropped_parts(effective name, command text) returns void
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
    delete from databricks_auth.parts p where p.part = dropped.part;
  end loop;
end $$;
comment on function databricks_auth.check_dropped_parts(name, text) is 'Refuses to drop an index, partition or write gate of a synced table for whom may not.';

create function databricks_auth.check_dropped_tables(effective name, command text) returns void
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
    -- The schema synced_tables comes with the migrations; the extension alone does not have it.
    if to_regprocedure('synced_tables._table_was_dropped(oid,name)') is not null then
      execute 'select synced_tables._table_was_dropped($1, $2)' using dropped.relation, effective;
    end if;
    delete from databricks_auth.open_windows w where w.synced_table = dropped.relation;
    update databricks_auth.open_windows set paused = false;
  end loop;
end $$;
comment on function databricks_auth.check_dropped_tables(name, text) is
  'Refuses to drop a synced table for whom may not; for others removes registry, managers and owner role along with it.';

create function databricks_auth.after_drop(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.check_dropped_parts(effective, command);
  perform databricks_auth.check_dropped_tables(effective, command);
end $$;
comment on function databricks_auth.after_drop(name, text) is
  'What the guard does after a drop. Open to PUBLIC and harmless: outside of an sql_drop event trigger Postgres refuses to say what was dropped.';

create function databricks_auth.ev_drop() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Runs as its caller, so that current_user is who Postgres let drop the object: not the session's user, who may be
  -- a superuser's VACUUM that runs somebody else's index function.
  perform databricks_auth.after_drop(current_user, tg_tag);
exception when others then
  -- A damaged installation must not lock an administrator out.
  if sqlerrm like 'databricks\_auth: %' or sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_drop() is 'Event trigger: keeps synced tables and their parts from being dropped by whom may not, and forgets those that are dropped.';

revoke execute on function databricks_auth.names_in(text), databricks_auth.names_in_calls(name[]), databricks_auth.guard_is_whole(),
  databricks_auth.open_window(oid, name, name), databricks_auth.ev_open(), databricks_auth.foreign_parts_of(oid, oid),
  databricks_auth.check_index(oid, text), databricks_auth.check_commands(),
  databricks_auth.check_lent_table(databricks_auth.open_windows, oid), databricks_auth.close_windows(),
  databricks_auth.note_parts(), databricks_auth.ev_close(), databricks_auth.check_dropped_parts(name, text),
  databricks_auth.check_dropped_tables(name, text), databricks_auth.ev_drop() from public;
