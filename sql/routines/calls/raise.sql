-- How functions of this schema refuse: a catalogued code in DETAIL and advice in HINT.

-- for: sidecar
create or replace function synced_tables_internal._shortened(words text, length_max int default 200) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when length(words) > length_max then left(words, length_max * 3 / 4) || ' … ' || right(words, length_max / 4) else words end
$$;
comment on function synced_tables_internal._shortened(text, int) is 'Beginning and end of a text that is too long to be repeated.';

-- for: sidecar
create or replace function synced_tables_internal._raise(code text, sql_state text, message text, remedy text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  -- Messages repeat what callers sent, which may be of any length.
  said constant text := synced_tables_internal._shortened(_raise.message, 2000);
begin
  if coalesce(remedy, '') = '' then
    raise exception using errcode = sql_state, message = said, detail = 'error code: ' || code;
  end if;
  raise exception using errcode = sql_state, message = said, detail = 'error code: ' || code,
    hint = synced_tables_internal._shortened(remedy, 2000);
end $$;
comment on function synced_tables_internal._raise(text, text, text, text) is 'Raises an error of the catalogue (docs/reference/errors.md).';
