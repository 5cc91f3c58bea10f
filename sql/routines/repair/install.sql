-- What an installation needs besides its objects.

-- for: owner
create or replace function synced_tables_internal._install() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  setting_before constant text := databricks_auth.allow_ddl();
begin
  perform databricks_auth.make_roles();
  perform databricks_auth.install_event_triggers();
  perform synced_tables_internal._guard_streaming_tables();
  perform synced_tables_internal._watch_managers();
  perform synced_tables_internal._repair_gateway();
  perform synced_tables_internal._repair_rights();
  perform synced_tables_internal._identify_rows();
  delete from synced_tables._served_routines s
   where not exists (select from pg_proc p where p.pronamespace = 'synced_tables_served'::regnamespace and p.proname = s.routine);
  perform databricks_auth.allow_ddl(setting_before);
end $$;
comment on function synced_tables_internal._install() is 'The last step of migrating: roles, event triggers, and rights. Safe to repeat.';
