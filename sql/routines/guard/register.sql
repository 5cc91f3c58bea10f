-- Making a table a synced table, and cleaning up after one was dropped.
--
-- SECURITY DEFINER functions run as the superuser who migrated, or as databricks_installer. They trust the catalogs, not
-- their arguments, and not the registry's text alone.

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
