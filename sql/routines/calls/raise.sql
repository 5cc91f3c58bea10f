-- How functions of this schema refuse: a catalogued code in DETAIL and advice in HINT.

-- for: sidecar
create or replace function synced_tables_internal._raise(code text, sql_state text, message text, remedy text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(remedy, '') = '' then
    raise exception using errcode = sql_state, message = _raise.message, detail = 'error code: ' || code;
  end if;
  raise exception using errcode = sql_state, message = _raise.message, detail = 'error code: ' || code, hint = remedy;
end $$;
comment on function synced_tables_internal._raise(text, text, text, text) is 'Raises an error of the catalogue (docs/reference/errors.md).';
