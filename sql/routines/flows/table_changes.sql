-- The change feed of a target.

-- for: managers
create or replace function synced_tables_internal._table_changes(role_name name, signature bytea, target text, from_version bigint, to_version bigint)
returns table (_change_type text, _commit_version bigint, _commit_timestamp timestamptz, row_data jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_target synced_tables._cdc_targets;
  parts constant text[] := synced_tables_internal._parse_name(target);
begin
  if signature is distinct from (select synced_tables_internal._call_signature(role_name, s.call_secret) from synced_tables._service s) then
    raise exception using errcode = '42501', message = format('role %I did not call', role_name);
  end if;
  select * into found_target from synced_tables._cdc_targets t where array[t.schema_name, t.table_name] = parts;
  if not found or not coalesce(has_table_privilege(role_name, found_target.target, 'select'), false) then
    perform synced_tables_internal._raise('AUTOCDC_TARGET_NOT_FOUND', '42P01',
      format('%s is not a target of an Auto CDC flow, or not one that role %I may read.', target, role_name),
      'Name the streaming table as schema.table; ask for SELECT on it.');
  end if;
  if found_target.feed is null or from_version <= found_target.feed_starts_after then
    perform synced_tables_internal._raise('AUTOCDC_CHANGE_FEED_GONE', '22023',
      format('The change feed of %s does not go back to version %s; it begins after version %s.', target, from_version,
             case when found_target.feed is null then found_target.commit_version else found_target.feed_starts_after end),
      'Read the target itself, then its changes from there on.');
  end if;
  return query execute format(
    'select f._change_type, f._commit_version, f._commit_timestamp, to_jsonb(f) - ''_change_type'' - ''_commit_version'' - ''_commit_timestamp''
       from %s f where f._commit_version between $1 and coalesce($2, 9223372036854775807) order by f._commit_version, f.ctid',
    found_target.feed) using from_version, to_version;
end $$;
comment on function synced_tables_internal._table_changes(name, bytea, text, bigint, bigint) is 'Serves table_changes.';

-- for: managers
create or replace function synced_tables.table_changes(target text, from_version bigint, to_version bigint default null)
returns table (_change_type text, _commit_version bigint, _commit_timestamp timestamptz, row_data jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select c.* from synced_tables._signed_caller s
     cross join lateral synced_tables_internal._table_changes(current_user, s.signature, target, from_version, to_version) c;
end $$;
comment on function synced_tables.table_changes(text, bigint, bigint) is
  'Changes of an Auto CDC target, both versions included: insert, update_preimage, update_postimage, delete. Typed rows: jsonb_populate_record(null::schema.table, row_data). For roles that may read the target.';
