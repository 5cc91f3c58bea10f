-- Our schemas hold the rows of synced tables: dropping them, the obvious way to get rid of us, would take the rows along.

-- for: everybody
create or replace function databricks_auth.check_dropped_schemas(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  -- A text of several statements may name our schemas elsewhere.
  dropping constant text := coalesce((select string_agg(m[1], ' ') from regexp_matches(command, '(?i)\mdrop\s+schema\M([^;]*)', 'g') m), command);
  named constant text := (
    select string_agg(s, ', ') from unnest(array['__db_system', 'databricks_auth', 'synced_tables', 'synced_tables_internal', 'synced_tables_served']) s
     where s::name = any (databricks_auth.names_in(dropping)));
  tables bigint;
begin
  if named is null or databricks_auth.is_superuser(effective) and databricks_auth.override() then
    return;
  end if;
  select count(*) into tables from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table where databricks_auth.is_guarded(s.synced_table);
  if tables > 0 then
    raise exception using errcode = '55006',
      message = format('databricks_auth: DROP SCHEMA of %s is refused, because it would take the rows of synced tables along (%s)', named, tables),
      hint = 'SELECT * FROM synced_tables.uninstall(); drops the schemas and keeps the rows as plain tables; with drop_tables => true it drops those too.';
  end if;
end $$;
comment on function databricks_auth.check_dropped_schemas(name, text) is
  'Refuses to drop schemas of ours while there are synced tables. Open to PUBLIC: it only raises errors.';

-- for: owner
create or replace function databricks_auth.ev_schemas() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  stack text;
begin
  get diagnostics stack = pg_context;
  -- What is dropped is not known yet, so the text of the command has to say it; where that is uncertain, all that it may be.
  perform databricks_auth.check_dropped_schemas(current_user, coalesce(databricks_auth.innermost_command(stack), concat_ws(' ', current_query(), stack)));
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_schemas() is 'Event trigger: keeps DROP SCHEMA … CASCADE from taking the rows of synced tables.';
