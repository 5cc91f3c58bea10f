-- Owner roles. A synced table is a partitioned parent in the user's schema with one DEFAULT partition in __db_system; both
-- belong to an owner role used for that table only, whose sole member is databricks_sync.

-- for: owner
create or replace function databricks_auth.is_owner_role_of(owner_role name, synced_table oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select is_owner_role_of.owner_role ~ format('^databricks_st_%s_%s_*$', d.oid, is_owner_role_of.synced_table)
    from pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.is_owner_role_of(name, oid) is 'Whether a role name is one that register() gives to this table in this database.';

-- for: owner
create or replace function databricks_auth.owner_role_for(parent oid) returns name
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  owner_role name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = parent);
begin
  if owner_role is null or not databricks_auth.is_owner_role_of(owner_role, parent) then
    owner_role := format('databricks_st_%s_%s', (select oid from pg_database where datname = current_database()), parent);
    -- The existing role of that name is somebody else's: left over from a reused OID, or planted for us to adopt.
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
comment on function databricks_auth.owner_role_for(oid) is 'The owner role of a table; created if there is none.';
