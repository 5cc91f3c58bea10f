-- Other names for synced tables: ALTER TABLE … RENAME TO, ALTER TABLE … SET SCHEMA and ALTER SCHEMA … RENAME TO. These are
-- the only changes that leave a table what it was, so its managers may make them, and superusers need no override. Who
-- keeps names is told, and may refuse; without such a keeper there is nothing to rename for.

-- for: owner
create or replace function databricks_auth.is_rename(command text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- From the first word to the last, so that nothing else can be in the text.
  return command ~ ('(?i)^(?:\s|--[^\n]*\n)*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?'
    || '(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))?\s+'
    || '(?:RENAME\s+TO|SET\s+SCHEMA)\s+(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)\s*;?\s*$');
end $$;
comment on function databricks_auth.is_rename(text) is 'Whether a command gives a table another name or schema, and does nothing else.';

-- for: owner
create or replace function databricks_auth.has_keeper(relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  -- The migrations create the schema synced_tables; the extension alone lacks it.
  if to_regprocedure('synced_tables_internal._is_registered(oid)') is not null then
    execute 'select synced_tables_internal._is_registered($1)' into answer using relation;
  end if;
  return answer;
end $$;
comment on function databricks_auth.has_keeper(oid) is 'Whether somebody keeps the name of a table and can be told another one.';

-- for: owner
create or replace function databricks_auth.has_new_name(relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  if databricks_auth.has_keeper(relation) then
    execute 'select synced_tables_internal._has_new_name($1)' into answer using relation;
  end if;
  return answer;
end $$;
comment on function databricks_auth.has_new_name(oid) is
  'Whether a table has another name than was told: after a command, that it is a rename, which can do nothing else.';

-- for: owner
create or replace function databricks_auth.tell_new_name(relation oid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  answer boolean := false;
begin
  if databricks_auth.has_new_name(relation) then
    execute 'select synced_tables_internal._table_was_renamed($1, $2)' into answer using relation, databricks_auth.acting_role();
  end if;
  return answer;
end $$;
comment on function databricks_auth.tell_new_name(oid) is 'Tells a new name to who keeps it, who may refuse it; false if it is not new.';

-- for: owner
create or replace function databricks_auth.grant_schema_rights(relation oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  schema_name constant name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
  owner_role constant name := (select s.owner_role from databricks_auth.synced_tables s where s.synced_table = relation);
  former name;
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage, create on schema %I to %I', schema_name, owner_role);
  execute format('grant usage on schema %I to databricks_superuser with grant option', schema_name);
  if not has_schema_privilege('databricks_sync', schema_name, 'create') or not has_schema_privilege('databricks_sync', schema_name, 'usage') then
    execute format('grant usage, create on schema %I to databricks_sync', schema_name);
  end if;
  for former in
    select n.nspname from pg_namespace n cross join aclexplode(n.nspacl) a
     where a.grantee = to_regrole(quote_ident(owner_role)) and n.nspname not in (schema_name, '__db_system') group by n.nspname
  loop
    execute format('revoke all on schema %I from %I', former, owner_role);
  end loop;
end $$;
comment on function databricks_auth.grant_schema_rights(oid) is
  'Gives the owner role of a synced table that came to another schema, and those who sync it, the rights that they need there.';
