-- Who may see, sync and delete which tables. The same rule for the acting role and for a named role.

-- for: everybody
create or replace function synced_tables_internal._role_may_control(role_name name, created_by name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._has_role(role_name, 'databricks_superuser') or synced_tables_internal._has_role(role_name, 'databricks_sync')
      or synced_tables_internal._has_role(role_name, created_by)
$$;
comment on function synced_tables_internal._role_may_control(name, name) is 'Whether a role may sync and delete what created_by created; managers may too.';

-- for: everybody
create or replace function synced_tables_internal._may_control(created_by name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._role_may_control(synced_tables_internal._acting_role(), created_by)
$$;
comment on function synced_tables_internal._may_control(name) is 'Whether the acting role may sync and delete what created_by created; managers may too, see _manages.';

-- for: everybody
create or replace function synced_tables_internal._may_control_all() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(synced_tables_internal._may_control(null), false)
$$;
comment on function synced_tables_internal._may_control_all() is 'Whether the acting role may sync and delete whatever anybody created.';

-- for: everybody
create or replace function synced_tables_internal._role_may_see(role_name name, created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._role_may_control(role_name, created_by)
      or coalesce(has_table_privilege(to_regrole(quote_ident(role_name)), relation, 'select'), false)
      or databricks_auth.can_manage(relation, role_name)
$$;
comment on function synced_tables_internal._role_may_see(name, name, regclass) is 'Whether a role sees the status of a synced table.';

-- for: everybody
create or replace function synced_tables_internal._may_see(created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._role_may_see(synced_tables_internal._acting_role(), created_by, relation)
$$;
comment on function synced_tables_internal._may_see(name, regclass) is 'Whether the acting role sees the status of a synced table.';

-- for: owner
create or replace function synced_tables_internal._manages(synced_table text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Found by its registration, or by what remains after its syncing was stopped.
  select coalesce((
    select databricks_auth.can_manage(s.synced_table, synced_tables_internal._acting_role())
      from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
     where synced_tables_internal._display_name(n.nspname, c.relname) = _manages.synced_table), false)
$$;
comment on function synced_tables_internal._manages(text) is 'Whether the acting role is a manager of the table.';

-- The effective role is the caller's, even inside commands that run other people's code.
-- for: owner
create or replace function synced_tables_internal._require_control(synced_table text, created_by name, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if not synced_tables_internal._may_control(created_by) and not synced_tables_internal._manages(synced_table) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s synced table %s.', synced_tables_internal._acting_role(), action, synced_table),
      'Ask its creator, one of its managers or a member of databricks_superuser.');
  end if;
end $$;
comment on function synced_tables_internal._require_control(text, name, text) is 'Refuses a role that may not sync and delete a table.';
