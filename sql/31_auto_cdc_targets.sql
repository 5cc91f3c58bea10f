-- Targets of Auto CDC flows: for each a view that people read and write, a private table with the state behind it
-- (`__apply_changes_storage_<target>`), and its change feed. All of them belong to databricks_sync; src/cdc makes them.

create table synced_tables._cdc_targets (
  target_id uuid constraint _cdc_targets_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  target regclass not null,
  feed regclass,
  created_by name not null,
  shape jsonb not null,
  created_at timestamptz not null default now(),
  truncated_before jsonb,
  truncated_at timestamptz,
  commit_version bigint not null default 0,
  changed_by xid8,
  feed_starts_after bigint not null default 0,
  snapshot_version text,
  collected_at timestamptz not null default now(),
  constraint _cdc_targets_name_key unique (schema_name, table_name)
);
comment on table synced_tables._cdc_targets is
  'One row a target of Auto CDC flows. Locked by whoever changes the target, so that changes of one target come one after the other.';
comment on column synced_tables._cdc_targets.target is 'The view. By name in a dump, so that a restore finds it.';
comment on column synced_tables._cdc_targets.feed is 'Table of the change feed; null when the target has none.';
comment on column synced_tables._cdc_targets.shape is 'What the state was made with: keys, sequence type, SCD type, tracked set, columns.';
comment on column synced_tables._cdc_targets.truncated_before is 'Sequence of the last truncate: events below it are dead. Texts of the order columns.';
comment on column synced_tables._cdc_targets.truncated_at is 'When that came, by the wall clock: the mark goes as tombstones go.';
comment on column synced_tables._cdc_targets.commit_version is 'Grows with every transaction that changes visible rows; the version in the change feed.';
comment on column synced_tables._cdc_targets.changed_by is 'The transaction that made commit_version: its further changes belong to the same version.';
comment on column synced_tables._cdc_targets.feed_starts_after is 'Versions up to here have left the change feed.';
comment on column synced_tables._cdc_targets.collected_at is 'When old tombstones and feed rows were last removed.';

create table synced_tables._cdc_positions (
  target_id uuid not null constraint _cdc_positions_target_fk references synced_tables._cdc_targets on delete cascade,
  flow_name text not null,
  batch_id bigint not null,
  position jsonb,
  committed_at timestamptz not null default now(),
  constraint _cdc_positions_pk primary key (target_id, flow_name)
);
comment on table synced_tables._cdc_positions is 'How far each flow is: written in the transaction that applies the batch.';

create aggregate synced_tables._overlay(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
comment on aggregate synced_tables._overlay(jsonb) is 'Objects laid over each other in order: each member has its last value.';

create function synced_tables._number_order(number numeric) returns text
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  digits text := trim(trailing '0' from ltrim(replace(abs(number)::text, '.', ''), '0'));
  -- Where the first digit stands: 0 for units, 1 for tens, -1 for tenths.
  place int := case when abs(number) >= 1 then length(trunc(abs(number))::text) - 1
                    else -1 - length(substring(abs(number)::text from '^0\.(0*)')) end;
  sortable text := (500000 + place)::text || digits;
begin
  if number = 0 then
    return '1';
  end if;
  -- What ends sooner is the smaller one of two positive numbers, and the greater one of two negative ones.
  return case when number > 0 then '2' || sortable || chr(1)
              else '0' || translate(sortable, '0123456789', '9876543210') || '~' end;
end $$;
comment on function synced_tables._number_order(numeric) is 'A text that sorts by code point as the numbers do.';

create function synced_tables._json_order(value jsonb) returns text
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
  -- Strings end with a character below all others; one inside of them is doubled with the next.
  return case jsonb_typeof(value)
    when 'null' then '0'
    when 'boolean' then case when value = 'true' then '2' else '1' end
    when 'number' then '3' || synced_tables._number_order(value::numeric)
    when 'string' then '4' || replace(value #>> '{}', chr(1), chr(1) || chr(2)) || chr(1) || chr(1)
    when 'array' then '5' || coalesce((select string_agg(synced_tables._json_order(e.element), '' order by e.nth)
                                         from jsonb_array_elements(value) with ordinality e (element, nth)), '') || chr(1)
    else '6' || coalesce((select string_agg(synced_tables._json_order(to_jsonb(m.key)) || synced_tables._json_order(m.value), ''
                                            order by m.key collate "C") from jsonb_each(value) m), '') || chr(1)
  end;
end $$;
comment on function synced_tables._json_order(jsonb) is
  'A text that sorts by code point as JSON values do element by element: null, false, true, numbers, strings, arrays, objects.';

create function synced_tables._set_authored(authored jsonb, changed jsonb, no_order jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  -- A value that nobody authored gets an author older than every event.
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
comment on function synced_tables._set_authored(jsonb, jsonb, jsonb) is
  'Events that author columns, after somebody changed values by hand: the authors of the columns stay, their values change.';

create function synced_tables._next_cdc_version(target_id uuid, out version bigint, out changed_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update synced_tables._cdc_targets t
     set commit_version = case when t.changed_by = pg_current_xact_id() then t.commit_version else t.commit_version + 1 end,
         changed_by = pg_current_xact_id()
   where t.target_id = _next_cdc_version.target_id
  returning t.commit_version into version;
  changed_at := clock_timestamp();
end $$;
comment on function synced_tables._next_cdc_version(uuid) is
  'The version of this transaction''s changes to a target. Holds off every other change of the target until it ends.';

create function synced_tables._prepare_cdc_schema(schema_name text, created_by name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  creator name := case when to_regrole(quote_ident(created_by)) is null then 'databricks_sync' else created_by end;
  is_sidecar boolean := pg_has_role(creator, 'databricks_sync', 'usage');
begin
  if synced_tables._is_reserved_schema(schema_name) then
    perform synced_tables._raise('SCHEMA_RESERVED', '42939', format('Schema %I is reserved; no table can be made there.', schema_name),
      'Choose another schema.');
  end if;
  perform databricks_auth.lock_schema_rights();
  if not exists (select from pg_namespace n where n.nspname = schema_name) then
    if not is_sidecar and not has_database_privilege(creator, current_database(), 'create') then
      perform synced_tables._raise('PERMISSION_DENIED', '42501', format('Role %I may not create schema %I.', creator, schema_name),
        format('Grant it: GRANT CREATE ON DATABASE %I TO %I; or create the schema first.', current_database(), creator));
    end if;
    execute format('create schema %I authorization %I', schema_name,
                   case when creator = 'databricks_sync' then 'databricks_superuser' else creator end);
  elsif not is_sidecar and not has_schema_privilege(creator, schema_name, 'create') then
    perform synced_tables._raise('PERMISSION_DENIED', '42501', format('Role %I lacks CREATE on schema %I.', creator, schema_name),
      format('Grant it: GRANT CREATE ON SCHEMA %I TO %I;', schema_name, creator));
  end if;
  if not has_schema_privilege('databricks_sync', schema_name, 'create') or not has_schema_privilege('databricks_sync', schema_name, 'usage') then
    execute format('grant usage, create on schema %I to databricks_sync', schema_name);
  end if;
end $$;
comment on function synced_tables._prepare_cdc_schema(text, name) is
  'Makes the schema of an Auto CDC target when it is missing, and lets databricks_sync create in it, as far as the target''s creator may.';

create function synced_tables.table_changes(target text, from_version bigint, to_version bigint default null)
returns table (_change_type text, _commit_version bigint, _commit_timestamp timestamptz, row_data jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_target synced_tables._cdc_targets;
  parts constant text[] := synced_tables._parse_name(target);
begin
  select * into found_target from synced_tables._cdc_targets t where array[t.schema_name, t.table_name] = parts;
  if not found or not coalesce(has_table_privilege(synced_tables._acting_role(), found_target.target, 'select'), false) then
    perform synced_tables._raise('AUTOCDC_TARGET_NOT_FOUND', '42P01',
      format('%s is no target of an Auto CDC flow, or not one that role %I may read.', target, synced_tables._acting_role()),
      'Name the streaming table as schema.table; ask for SELECT on it.');
  end if;
  if found_target.feed is null or from_version <= found_target.feed_starts_after then
    perform synced_tables._raise('AUTOCDC_CHANGE_FEED_GONE', '22023',
      format('The change feed of %s does not go back to version %s; it begins after version %s.', target, from_version,
             case when found_target.feed is null then found_target.commit_version else found_target.feed_starts_after end),
      'Read the target itself, then its changes from there.');
  end if;
  return query execute format(
    'select f._change_type, f._commit_version, f._commit_timestamp, to_jsonb(f) - ''_change_type'' - ''_commit_version'' - ''_commit_timestamp''
       from %s f where f._commit_version between $1 and coalesce($2, 9223372036854775807) order by f._commit_version, f.ctid',
    found_target.feed) using from_version, to_version;
end $$;
comment on function synced_tables.table_changes(text, bigint, bigint) is
  'Changes of an Auto CDC target, both versions included: insert, update_preimage, update_postimage, delete. Typed rows: jsonb_populate_record(null::schema.table, row_data). For whoever may read the target.';

revoke execute on function synced_tables._set_authored(jsonb, jsonb, jsonb), synced_tables._number_order(numeric), synced_tables._json_order(jsonb), synced_tables._next_cdc_version(uuid), synced_tables._prepare_cdc_schema(text, name),
  synced_tables.table_changes(text, bigint, bigint) from public;

do $$
begin
  perform synced_tables._publish_relation('_cdc_targets', 'sidecar');
  perform synced_tables._publish_relation('_cdc_positions', 'sidecar');
  perform synced_tables._publish_routine('_overlay', 'sidecar');
  perform synced_tables._publish_routine('_set_authored', 'sidecar');
  perform synced_tables._publish_routine('_number_order', 'sidecar');
  perform synced_tables._publish_routine('_json_order', 'sidecar');
  perform synced_tables._publish_routine('_next_cdc_version', 'sidecar');
  perform synced_tables._publish_routine('_prepare_cdc_schema', 'sidecar');
  perform synced_tables._publish_routine('table_changes', 'managers');
end $$;
