-- The rights of the schemas synced_tables and synced_tables_internal, and the role of the HTTP API.

-- for: owner
create or replace function synced_tables_internal._apply_grant(kind text, identity text, audience text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_routine constant boolean := kind in ('function', 'procedure', 'aggregate');
  -- Groups of ours do not depend on PUBLIC, from which hardening guides take all rights.
  roles constant text := case audience when 'everybody' then 'public, databricks_sync, databricks_superuser'
                                       when 'sidecar' then 'databricks_sync' when 'owner' then null
                                       else 'databricks_sync, databricks_superuser' end;
begin
  if is_routine then
    execute format('revoke execute on routine %s from public', identity);
    if roles is not null then
      execute format('grant execute on routine %s to %s', identity, roles);
    end if;
  elsif kind = 'table' and audience = 'sidecar' then
    -- Otherwise holders of pg_read_all_data and pg_write_all_data could forge state that functions with a superuser's
    -- rights act on.
    execute format('grant select, insert, update, delete on %s to databricks_sync', identity);
    perform synced_tables_internal._admit_sidecar(identity::regclass);
  elsif roles is not null then
    execute format('grant select on %s to %s', identity, roles);
  end if;
end $$;
comment on function synced_tables_internal._apply_grant(text, text, text) is
  'Grants an object to its audience; managers and creators get theirs from _grant_manager.';

-- for: owner
create or replace function synced_tables_internal._admit_sidecar(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  table_name constant name := (select c.relname from pg_class c where c.oid = relation);
begin
  -- Only differences are applied: both statements wait for readers of the table, and make others wait meanwhile.
  if not (select c.relrowsecurity from pg_class c where c.oid = relation) then
    execute format('alter table %s enable row level security', relation);
  end if;
  -- A policy is dropped with its role, so it may have to be created again after a restore.
  if not exists (select from pg_policy p
                  where p.polrelid = relation and p.polname = table_name || '_sync' and p.polcmd = '*' and p.polpermissive
                    and p.polroles = array['databricks_sync'::regrole::oid]
                    and pg_get_expr(p.polqual, p.polrelid) = 'true' and pg_get_expr(p.polwithcheck, p.polrelid) = 'true') then
    execute format('drop policy if exists %I on %s', table_name || '_sync', relation);
    execute format('create policy %I on %s to databricks_sync using (true) with check (true)', table_name || '_sync', relation);
  end if;
end $$;
comment on function synced_tables_internal._admit_sidecar(regclass) is 'Row security on a table of the registry, and the policy that lets the sidecar in.';

-- for: owner
create or replace function synced_tables_internal._repair_registrations() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  lost record;
begin
  for lost in
    select t.synced_table, t.relation, t.created_by from synced_tables._tables t
     where exists (select from pg_class c where c.oid = t.relation)
       and not exists (select from databricks_auth.synced_tables s where s.synced_table = t.relation)
  loop
    object := lost.synced_table;
    begin
      perform databricks_auth.register(lost.relation);
      perform databricks_auth.note_hand_write(lost.relation, 'write gate was gone');
      perform synced_tables_internal._grant_creator(lost.relation, lost.created_by);
      outcome := 'registered again';
    exception when others then
      outcome := format('failed: %s (%s)', sqlerrm, sqlstate);
    end;
    return next;
  end loop;
end $$;
comment on function synced_tables_internal._repair_registrations() is 'Registers synced tables again that databricks_auth has lost, for example through DROP EXTENSION.';

-- for: owner
create or replace function synced_tables_internal._repair_gateway() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regrole('databricks_gateway') is not null
     and exists (select from pg_auth_members m where m.roleid = to_regrole('databricks_gateway') and m.member = 'databricks_sync'::regrole) then
    return;
  end if;
  if databricks_auth.make_role('databricks_gateway', 'The roles that were granted to it are those on whose behalf the HTTP API may act.') then
    alter role databricks_gateway noinherit;
    object := 'role databricks_gateway';
    outcome := 'made';
    return next;
  end if;
  if not exists (select from pg_auth_members m where m.roleid = to_regrole('databricks_gateway') and m.member = 'databricks_sync'::regrole) then
    grant databricks_gateway to databricks_sync;
  end if;
end $$;
comment on function synced_tables_internal._repair_gateway() is
  'Creates the role that lends callers of the HTTP API to the sidecars.';

-- for: owner
create or replace function synced_tables_internal._repair_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  definition synced_tables._definitions;
  manager name;
begin
  grant usage on schema synced_tables, synced_tables_internal to databricks_sync, databricks_superuser;
  -- Views and procedures that people were granted call functions in there with their rights.
  grant usage on schema synced_tables_internal to public;
  grant insert (routine, arguments), select (answer) on synced_tables._calls to public, databricks_sync, databricks_superuser;
  grant select on synced_tables.migrations to databricks_sync, databricks_superuser;
  for definition in
    select * from synced_tables._definitions d
     where synced_tables_internal._routine_of(d.kind, d.identity) is not null or synced_tables_internal._relation_of(d.kind, d.identity) is not null
     order by d.kind, d.identity
  loop
    perform synced_tables_internal._apply_grant(definition.kind, definition.identity, definition.audience);
  end loop;
  for manager in select synced_tables_internal._registered_managers() union select synced_tables_internal._registered_creators() loop
    perform synced_tables_internal._grant_manager(manager);
  end loop;
end $$;
comment on function synced_tables_internal._repair_rights() is 'Grants rights as the files of sql/ say.';

-- for: sidecar
create or replace function synced_tables_internal._missing_rights() returns table (missing text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with registered as (
    select synced_tables_internal._routine_of(d.kind, d.identity) as routine, d.identity, d.audience from synced_tables._definitions d
  )
  select format('%s on database %I for databricks_sync', upper(wanted), current_database())
    from unnest(array['connect', 'temporary']) as wanted
   where not has_database_privilege('databricks_sync', current_database(), wanted)
  union all
  select format('USAGE on schema %s for databricks_sync', schema) from unnest(array['databricks_auth', 'synced_tables', 'synced_tables_internal']) as schema
   where not has_schema_privilege('databricks_sync', schema, 'usage')
  union all
  select 'USAGE on language plpgsql for databricks_sync' where not has_language_privilege('databricks_sync', 'plpgsql', 'usage')
  union all
  select format('EXECUTE on %s for databricks_sync', r.identity) from registered r
   where r.audience <> 'owner' and not has_function_privilege('databricks_sync', r.routine, 'execute')
  union all
  -- Event triggers of the guard run as whoever issues a command.
  select 'USAGE on schema databricks_auth for PUBLIC' where not has_schema_privilege('public', 'databricks_auth', 'usage')
  union all
  select 'SELECT on databricks_auth.open_windows for PUBLIC' where not has_table_privilege('public', 'databricks_auth.open_windows', 'select')
  union all
  select format('EXECUTE on %s for PUBLIC', r.identity) from registered r
   where r.audience = 'everybody' and r.identity like 'databricks_auth.%' and not has_function_privilege('public', r.routine, 'execute')
$$;
comment on function synced_tables_internal._missing_rights() is 'Rights that repair() grants and that are gone: the sidecar''s, and what commands of all roles need because of the guard.';
