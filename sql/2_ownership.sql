-- Ownership of synced tables. A synced table is a partitioned parent in the user's schema with one DEFAULT partition in
-- __db_system; both belong to an owner role of that table alone, of which databricks_sync is the only member. A refresh
-- loads a new partition and switches it in.
--
-- Functions that are SECURITY DEFINER run as the superuser who migrated. They believe the catalogs, not their arguments
-- and not the registry's text alone.

create table databricks_auth.synced_tables (
  synced_table regclass constraint synced_tables_pk primary key,
  owner_role name not null constraint synced_tables_owner_role_key unique,
  created_by name,
  registered_at timestamptz not null default now()
);
comment on table databricks_auth.synced_tables is 'One row a relation that is a synced table, also after its syncing was stopped.';
comment on column databricks_auth.synced_tables.created_by is 'The role that asked for the table, to which SELECT was granted.';

-- Holders of pg_write_all_data can write every table of the database; row security does not let them in here.
alter table databricks_auth.synced_tables enable row level security;
create policy synced_tables_sync on databricks_auth.synced_tables for select to databricks_sync using (true);
grant select on databricks_auth.synced_tables to databricks_sync;

create function databricks_auth.lock_schema_rights() returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Two sessions that grant on one schema at once would meet "tuple concurrently updated".
  select pg_advisory_xact_lock(hashtextextended('databricks_auth schema rights', 0))
$$;
comment on function databricks_auth.lock_schema_rights() is 'Held to the end of the transaction by whoever changes the rights of a schema.';

create function databricks_auth.is_owner_role_of(owner_role name, synced_table oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select is_owner_role_of.owner_role ~ format('^databricks_st_%s_%s_*$', d.oid, is_owner_role_of.synced_table)
    from pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.is_owner_role_of(name, oid) is 'Whether a role name is one that register() gives to this table in this database.';

create function databricks_auth.sole_partition(parent regclass) returns regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select min(p.oid)::regclass
    from pg_inherits i join pg_class p on p.oid = i.inhrelid join pg_class t on t.oid = i.inhparent
   where i.inhparent = parent and t.relkind = 'p'
  having count(*) = 1 and bool_and(p.relkind = 'r' and pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT'
         and p.relnamespace = (select oid from pg_namespace where nspname = '__db_system'))
$$;
comment on function databricks_auth.sole_partition(regclass) is 'The one DEFAULT partition in __db_system of a synced table; null when the relation has another shape.';

create function databricks_auth.prepare_partition(parent regclass, part regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = parent);
begin
  if owner_role is null or not exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = part and c.relkind = 'r' and n.nspname = '__db_system') then
    raise exception using errcode = '42809', message = format('%s cannot become the partition of %s', part, parent),
      hint = 'The parent must be registered, the partition a plain table in schema __db_system.';
  end if;
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
comment on function databricks_auth.prepare_partition(regclass, regclass) is 'Gives a loaded table in __db_system the owner and the rights of the synced table it will be attached to.';

create function databricks_auth.owner_role_for(parent oid) returns name
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = parent);
begin
  if owner_role is null or not databricks_auth.is_owner_role_of(owner_role, parent) then
    owner_role := format('databricks_st_%s_%s', (select oid from pg_database where datname = current_database()), parent);
    -- A role of that name is somebody else's: left over under a reused OID, or put there to be adopted.
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
comment on function databricks_auth.owner_role_for(oid) is 'The owner role of a table; made when there is none.';

create function databricks_auth.register(parent regclass) returns name
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  part regclass := databricks_auth.sole_partition(parent);
  schema_name name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = parent);
  owner_role name;
begin
  if part is null then
    raise exception using errcode = '42809', message = format('%s cannot be a synced table', parent),
      hint = 'It must be a partitioned table whose only partition is a DEFAULT one in schema __db_system.';
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
  execute format('revoke all on %s from public', parent);
  execute format('revoke all on %s from %I', parent, owner_role);
  execute format('grant select, update on %s to %I', parent, owner_role);
  execute format('grant select, insert, update, delete, truncate on %s to databricks_sync', parent);
  if current_setting('server_version_num')::int >= 170000 then
    execute format('grant maintain on %s to databricks_sync', parent);
  end if;
  execute format('grant select, references on %s to databricks_superuser with grant option', parent);
  return owner_role;
end $$;
comment on function databricks_auth.register(regclass) is 'Makes a partitioned table with its DEFAULT partition in __db_system a synced table: owner role, rights, registry. Safe to repeat. Returns the owner role.';

create function databricks_auth.unregister(dropped oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name;
begin
  -- DROP OWNED would take the table along.
  if exists (select from pg_class where oid = dropped) then
    raise exception using errcode = '55006', message = format('relation %s still exists', dropped::regclass);
  end if;
  delete from databricks_auth.synced_tables s where s.synced_table = dropped returning s.owner_role into owner_role;
  if not databricks_auth.is_owner_role_of(owner_role, dropped) or to_regrole(quote_ident(owner_role)) is null then
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
comment on function databricks_auth.unregister(oid) is 'After a synced table was dropped: removes its registry row and its owner role.';

revoke execute on function databricks_auth.lock_schema_rights(), databricks_auth.is_owner_role_of(name, oid), databricks_auth.sole_partition(regclass),
  databricks_auth.prepare_partition(regclass, regclass), databricks_auth.owner_role_for(oid),
  databricks_auth.register(regclass), databricks_auth.unregister(oid) from public;
grant execute on function databricks_auth.register(regclass), databricks_auth.prepare_partition(regclass, regclass),
  databricks_auth.sole_partition(regclass) to databricks_sync;
