-- Keys of rows that something failed on: who is shown them, and how long they are kept.

-- for: everybody
create or replace function synced_tables_internal._role_may_read(role_name name, created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Before a table exists nobody holds rights on it: whoever creates it is going to read it.
  select case when relation is null then synced_tables_internal._role_may_control(role_name, created_by)
              else coalesce(has_table_privilege(to_regrole(quote_ident(role_name)), relation, 'select'), false) end
$$;
comment on function synced_tables_internal._role_may_read(name, name, regclass) is 'Whether a role may read a table, see _may_read.';

-- for: everybody
create or replace function synced_tables_internal._may_read(created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._role_may_read(synced_tables_internal._acting_role(), created_by, relation)
$$;
comment on function synced_tables_internal._may_read(name, regclass) is
  'Whether the acting role may read a table, and so is shown keys and values of its rows; null for the table: one that was never loaded.';

-- for: owner
create or replace function synced_tables_internal._forget_failing_keys() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Without the table its rights are gone too, and what remains of the history is shown to whoever asked for the update.
  update synced_tables._table_updates r set failing_column = null, failing_keys = null
   where r.table_id = old.table_id and r.failing_keys is not null;
  return null;
end $$;
comment on function synced_tables_internal._forget_failing_keys() is 'Discards the keys of rows that updates of a table failed on, once the table is deleted.';

-- for: owner
create or replace trigger _tables_forget_failing_keys after delete on synced_tables._tables
  for each row execute function synced_tables_internal._forget_failing_keys();

-- for: owner
create or replace trigger _streaming_tables_forget_failing_keys after delete on synced_tables._streaming_tables
  for each row execute function synced_tables_internal._forget_failing_keys();
