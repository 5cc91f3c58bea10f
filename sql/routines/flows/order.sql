-- How events are ordered and merged.

-- for: sidecar
create or replace aggregate synced_tables_internal._overlay(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
comment on aggregate synced_tables_internal._overlay(jsonb) is 'Objects merged in order: each member has its last value.';

-- for: sidecar
create or replace function synced_tables_internal._number_order(number numeric) returns text
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  digits text := trim(trailing '0' from ltrim(replace(abs(number)::text, '.', ''), '0'));
  -- Position of the first digit: 0 for units, 1 for tens, -1 for tenths.
  place int := case when abs(number) >= 1 then length(trunc(abs(number))::text) - 1
                    else -1 - length(substring(abs(number)::text from '^0\.(0*)')) end;
  sortable text := (500000 + place)::text || digits;
begin
  if number = 0 then
    return '1';
  end if;
  -- If one is a prefix of the other, it is the smaller of two positive numbers, and the greater of two negative ones.
  return case when number > 0 then '2' || sortable || chr(1)
              else '0' || translate(sortable, '0123456789', '9876543210') || '~' end;
end $$;
comment on function synced_tables_internal._number_order(numeric) is 'A text that sorts by code point as the numbers do.';

-- for: sidecar
create or replace function synced_tables_internal._json_order(value jsonb) returns text
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
  -- Strings end with the lowest character twice; inside a string it is escaped with the next one.
  return case jsonb_typeof(value)
    when 'null' then '0'
    when 'boolean' then case when value = 'true' then '2' else '1' end
    when 'number' then '3' || synced_tables_internal._number_order(value::numeric)
    when 'string' then '4' || replace(value #>> '{}', chr(1), chr(1) || chr(2)) || chr(1) || chr(1)
    when 'array' then '5' || coalesce((select string_agg(synced_tables_internal._json_order(e.element), '' order by e.nth)
                                         from jsonb_array_elements(value) with ordinality e (element, nth)), '') || chr(1)
    else '6' || coalesce((select string_agg(synced_tables_internal._json_order(to_jsonb(m.key)) || synced_tables_internal._json_order(m.value), ''
                                            order by m.key collate "C") from jsonb_each(value) m), '') || chr(1)
  end;
end $$;
comment on function synced_tables_internal._json_order(jsonb) is
  'A text that sorts by code point as JSON values do, element by element: null, false, true, numbers, strings, arrays, objects.';

-- for: sidecar
create or replace function synced_tables_internal._set_authored(authored jsonb, changed jsonb, no_order jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- A value without an author gets one older than every event.
  with event as (
    select e.event, e.nth from jsonb_array_elements(authored) with ordinality e (event, nth)
  ), author as (
    select c.key, c.value, (select max(e.nth) from event e where e.event -> 'v' ? c.key) as nth from jsonb_each(changed) c
  ), replaced as (
    select jsonb_set(e.event, '{v}', (e.event -> 'v') || coalesce((select jsonb_object_agg(a.key, a.value) from author a where a.nth = e.nth), '{}')) as event, e.nth
      from event e
    union all
    select jsonb_build_object('q', no_order, 'v', jsonb_object_agg(a.key, a.value)), 0 from author a where a.nth is null having count(*) > 0
  )
  select coalesce(jsonb_agg(event order by nth), '[]') from replaced
$$;
comment on function synced_tables_internal._set_authored(jsonb, jsonb, jsonb) is
  'The events that author columns, after values were changed by hand: the authors of the columns stay, their values change.';
