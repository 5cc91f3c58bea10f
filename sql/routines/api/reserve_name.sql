-- Three-part names are shared by all databases of all instances, and no database can see the others. So a request that is
-- about to take a name reserves it in one place, the home database of the first instance, until the name is taken or given
-- up.

-- for: sidecar
create or replace function synced_tables_internal._reserve_name(name text, place text) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  made uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('synced_tables name ' || _reserve_name.name, 0));
  delete from synced_tables._reserved_names r where r.reserved_until < clock_timestamp();
  if exists (select from synced_tables._reserved_names r where r.name = _reserve_name.name and r.place <> _reserve_name.place) then
    return null;
  end if;
  -- Longer than any request can last.
  insert into synced_tables._reserved_names (name, place, reserved_until)
  values (_reserve_name.name, _reserve_name.place, clock_timestamp() + interval '10 minutes') returning reservation_id into made;
  return made;
end $$;
comment on function synced_tables_internal._reserve_name(text, text) is 'Reserves a name for a place; null while another place is about to take it.';
