-- The write gate: a statement trigger on a synced table and on its partition. It stops whom rights alone would not stop:
-- holders of pg_write_all_data, of stray GRANTs, writers through updatable views, sessions in replica mode.
-- Statement triggers fire for the named table only, so nothing runs twice.

create function databricks_auth.override() returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- Both the session and the code that runs must be a superuser's, and he must have said so himself: a setting that
  -- came from ALTER DATABASE or ALTER ROLE was not meant for this moment.
  return (
  select coalesce(current_setting('databricks_auth.allow_ddl', true), '') = 'on'
     and databricks_auth.is_superuser(databricks_auth.acting_role()) and databricks_auth.is_superuser(current_user)
     and not exists (select from pg_db_role_setting, unnest(setconfig) setting where setting like 'databricks\_auth.allow\_ddl=%')
  );
end $$;
comment on function databricks_auth.override() is 'Whether a superuser goes past the guard on purpose: SET databricks_auth.allow_ddl = on.';

create function databricks_auth.write_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_partition constant boolean := tg_table_schema = '__db_system';
begin
  if databricks_auth.is_sync(current_user) then
    return null;
  end if;
  -- In an emergency members of databricks_superuser may correct rows, through the table itself.
  if tg_op <> 'TRUNCATE' and not is_partition and pg_has_role(current_user, 'databricks_superuser', 'usage') then
    return null;
  end if;
  if databricks_auth.override() then
    return null;
  end if;
  perform databricks_auth.refuse('25006',
    format('%s is refused, synced table %I.%I is read-only', tg_op, tg_table_schema, tg_table_name),
    'Change the source table instead; the next sync brings the change here.');
  return null;
end $$;
comment on function databricks_auth.write_guard() is 'Refuses writes to a synced table by anybody but the sidecar and, with DML on the table itself, databricks_superuser.';

create function databricks_auth.gate(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_write_guard') then
    execute format('create trigger databricks_write_guard before insert or update or delete or truncate on %s
                      for each statement execute function databricks_auth.write_guard()', relation);
  end if;
  if exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_write_guard' and tgenabled <> 'A') then
    execute format('alter table %s enable always trigger databricks_write_guard', relation);
  end if;
end $$;
comment on function databricks_auth.gate(regclass) is 'Puts the write gate on a table, also for replica mode. Safe to repeat.';

-- What belongs to which synced table. Derived, rebuilt by repair(): once an object is dropped, the catalogs no longer
-- tell which table an index, a partition or a trigger belonged to.
create table databricks_auth.parts (
  part oid constraint parts_pk primary key,
  synced_table oid not null,
  kind text not null constraint parts_kind_check check (kind in ('index', 'partition', 'gate')),
  place text not null default databricks_auth.place()
);
create index parts_synced_table_index on databricks_auth.parts (synced_table);
comment on table databricks_auth.parts is 'Indexes, partition and write gates of synced tables. Rows of another place are a restore''s that is under way.';
alter table databricks_auth.parts enable row level security;

create function databricks_auth.current_parts(relation oid) returns table (part oid, kind text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select indexrelid, 'index' from pg_index where indrelid = relation
  union all select inhrelid, 'partition' from pg_inherits where inhparent = relation
  union all select t.oid, 'gate' from pg_trigger t
   where t.tgname = 'databricks_write_guard'
     and (t.tgrelid = relation or t.tgrelid in (select inhrelid from pg_inherits where inhparent = relation))
$$;
comment on function databricks_auth.current_parts(oid) is 'What belongs to a synced table, by the catalogs.';

create function databricks_auth.rebuild_parts(relation oid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Only what changed is touched: two sessions that create indexes at once must not meet in the rows of the others.
  delete from databricks_auth.parts p
   where p.synced_table = relation and p.part not in (select c.part from databricks_auth.current_parts(relation) c);
  insert into databricks_auth.parts (part, synced_table, kind)
  select c.part, relation, c.kind from databricks_auth.current_parts(relation) c
  on conflict (part) do update set synced_table = excluded.synced_table, kind = excluded.kind, place = excluded.place
    where (parts.synced_table, parts.kind, parts.place) is distinct from (excluded.synced_table, excluded.kind, excluded.place)
$$;
comment on function databricks_auth.rebuild_parts(oid) is 'Writes down what belongs to a synced table.';

create function databricks_auth.is_guarded(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.parts p where p.synced_table = relation and p.place = databricks_auth.place())
  );
end $$;
comment on function databricks_auth.is_guarded(oid) is 'Whether a table was registered here, and not only carried here by a restore that is still under way.';

create or replace function databricks_auth.prepare_partition(parent regclass, part regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp set databricks_auth.allow_ddl = 'on' as $$
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
  -- Foreign-key checks run as the owner, those of a DELETE on the partition itself, with FOR KEY SHARE.
  execute format('grant select, update on %s to %I', part, owner_role);
  execute format('grant select, insert, update, delete, truncate on %s to databricks_sync', part);
  if current_setting('server_version_num')::int >= 170000 then
    execute format('grant maintain on %s to databricks_sync', part);
  end if;
end $$;
comment on function databricks_auth.prepare_partition(regclass, regclass) is
  'Gives a loaded table in __db_system the write gate, the owner and the rights of the synced table it will be attached to.';

create function databricks_auth.grant_table_rights(parent regclass, owner_role name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('revoke all on %s from public, %I', parent, owner_role);
  -- Foreign-key checks run as the owner; it keeps nothing else.
  execute format('grant select, update on %s to %I', parent, owner_role);
  execute format('grant select, insert, update, delete, truncate on %s to databricks_sync', parent);
  if current_setting('server_version_num')::int >= 170000 then
    execute format('grant maintain on %s to databricks_sync', parent);
  end if;
  execute format('grant select, references on %s to databricks_superuser with grant option', parent);
end $$;
comment on function databricks_auth.grant_table_rights(regclass, name) is 'The rights on a synced table that every one has.';

create or replace function databricks_auth.register(parent regclass) returns name
language plpgsql security definer set search_path = pg_catalog, pg_temp set databricks_auth.allow_ddl = 'on' as $$
declare
  part regclass := databricks_auth.sole_partition(parent);
  schema_name name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = parent);
  owner_role name;
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
  perform databricks_auth.grant_table_rights(parent, owner_role);
  perform databricks_auth.gate(parent);
  perform databricks_auth.rebuild_parts(parent);
  return owner_role;
end $$;
comment on function databricks_auth.register(regclass) is
  'Makes a partitioned table with its DEFAULT partition in __db_system a synced table: owner role, rights, write gates, registry. Safe to repeat. Returns the owner role.';

create or replace function databricks_auth.unregister(dropped oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name;
begin
  -- DROP OWNED would take the table along.
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

revoke execute on function databricks_auth.write_guard(), databricks_auth.gate(regclass), databricks_auth.current_parts(oid),
  databricks_auth.rebuild_parts(oid), databricks_auth.grant_table_rights(regclass, name) from public;
grant execute on function databricks_auth.write_guard(), databricks_auth.gate(regclass) to databricks_sync;
