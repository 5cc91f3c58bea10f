-- Refusals of the guard: none with an empty DETAIL, and writes are refused without frames of our own code below them.
--
-- As all changes of databricks_auth, this may run on a database that the extension has brought here already.

create or replace function databricks_auth.hint_after(advice text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(' ', advice, databricks_auth.hint())
$$;
comment on function databricks_auth.hint_after(text) is 'The hint of a refusal: what to do about this one, and what every refusal tells.';

create or replace function databricks_auth.refuse(sql_state text, message text, advice text default null, detail text default '') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  said constant text := 'databricks_auth: ' || refuse.message;
begin
  if coalesce(refuse.detail, '') = '' then
    raise exception using errcode = sql_state, message = said, hint = databricks_auth.hint_after(advice);
  end if;
  raise exception using errcode = sql_state, message = said, detail = refuse.detail, hint = databricks_auth.hint_after(advice);
end $$;

create or replace function databricks_auth.write_guard() returns trigger
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
  raise exception using errcode = '25006',
    message = format('databricks_auth: %s is refused, synced table %I.%I is read-only', tg_op, tg_table_schema, tg_table_name),
    hint = databricks_auth.hint_after('Change the source table instead; the next sync brings the change here.');
end $$;
