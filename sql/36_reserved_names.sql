-- Three-part names are the same in all databases of all instances, and none of them can see the others: two creates of
-- one name at once, each in its own database, would both find it free. So whoever is about to take a name says so in one
-- place, the home database of the first instance, until the name is taken or given up.

create table synced_tables._reserved_names (
  reservation_id uuid constraint _reserved_names_pk primary key default gen_random_uuid(),
  name text not null,
  place text not null,
  reserved_until timestamptz not null
);
create index _reserved_names_name_index on synced_tables._reserved_names (name);
comment on table synced_tables._reserved_names is 'Names that requests of the HTTP API are about to take, and where. A row outlives its request only when the sidecar dies.';
comment on column synced_tables._reserved_names.place is 'Instance and database: of those who take a name in one place, that place lets only one.';

create function synced_tables._reserve_name(name text, place text) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  made uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('synced_tables name ' || _reserve_name.name, 0));
  delete from synced_tables._reserved_names r where r.reserved_until < clock_timestamp();
  if exists (select from synced_tables._reserved_names r where r.name = _reserve_name.name and r.place <> _reserve_name.place) then
    return null;
  end if;
  -- Longer than any request can take.
  insert into synced_tables._reserved_names (name, place, reserved_until)
  values (_reserve_name.name, _reserve_name.place, clock_timestamp() + interval '10 minutes') returning reservation_id into made;
  return made;
end $$;
comment on function synced_tables._reserve_name(text, text) is 'Keeps a name for a place; null while somebody is about to take it elsewhere.';

do $$
begin
  perform synced_tables._publish_routine('_reserve_name', 'sidecar');
  perform synced_tables._publish_relation('_reserved_names', 'sidecar');
end $$;
