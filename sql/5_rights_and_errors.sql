-- Who may do what, and how it is refused. The acting role is the one Postgres itself would check outside of a
-- SECURITY DEFINER function: what SET ROLE set, else the login role. Both can only be set to roles one is a member of.

create function synced_tables._acting_role() returns name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;
comment on function synced_tables._acting_role() is 'The role on whose behalf a function was called.';

create function synced_tables._has_role(who name, role name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(pg_has_role(to_regrole(quote_ident(who)), to_regrole(quote_ident(role)), 'usage'), false)
$$;
comment on function synced_tables._has_role(name, name) is 'Whether who has the rights of role (superusers have all); false when either does not exist.';

create function synced_tables._may_control(created_by name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- The managers of a table are to be added here.
  select synced_tables._has_role(acting, 'databricks_superuser') or synced_tables._has_role(acting, 'databricks_sync')
      or synced_tables._has_role(acting, created_by)
    from synced_tables._acting_role() acting
$$;
comment on function synced_tables._may_control(name) is 'Whether the acting role may sync and delete what created_by created.';

create function synced_tables._may_see(created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._may_control(created_by)
      or coalesce(has_table_privilege(to_regrole(quote_ident(synced_tables._acting_role())), relation, 'select'), false)
$$;
comment on function synced_tables._may_see(name, regclass) is 'Whether the acting role sees the status of a synced table.';

create function synced_tables._raise(code text, sql_state text, message text, remedy text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = sql_state, message = _raise.message, detail = 'error code: ' || code, hint = remedy;
end $$;
comment on function synced_tables._raise(text, text, text, text) is 'Raises an error of the catalogue (docs/reference/errors.md).';

create function synced_tables._record_event(level text, event_type text, synced_table text, pipeline_id uuid,
                                            update_id uuid, message text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into synced_tables._events (level, event_type, synced_table, pipeline_id, update_id, message)
  values (_record_event.level, _record_event.event_type, _record_event.synced_table, _record_event.pipeline_id,
          _record_event.update_id, _record_event.message)
$$;
comment on function synced_tables._record_event(text, text, text, uuid, uuid, text) is 'Writes an event.';

create function synced_tables._lock_pipeline(pipeline_id uuid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Not a row lock: a user's open transaction must not keep the sidecar from renewing its lease.
  select pg_advisory_xact_lock(hashtextextended('synced_tables pipeline ' || pipeline_id, 0))
$$;
comment on function synced_tables._lock_pipeline(uuid) is 'Held to the end of the transaction by whoever adds or removes tables or requests of a pipeline.';

create function synced_tables._parse_name(synced_table text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  parts text[];
begin
  -- Unlike parse_ident this also takes unquoted names that begin with a digit.
  if synced_table ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$' then
    parts := string_to_array(lower(synced_table collate "C"), '.');
  else
    begin
      parts := parse_ident(synced_table);
    exception when invalid_parameter_value then
      parts := null;
    end;
  end if;
  if parts is null or cardinality(parts) <> 2
     or exists (select from unnest(parts) part where part !~ '^[A-Za-z0-9_]{1,63}$') then
    perform synced_tables._raise('SYNCED_TABLE_NAME_INVALID', '42602',
      format('Synced table name %L is not of the form schema.table with parts of 1 to 63 letters, digits and _.', synced_table),
      case when cardinality(parts) = 3 then 'Leave out the catalog: the Postgres name has two parts, for example gold.user_profiles.'
           else 'Write schema and table separated by a dot, for example gold.user_profiles; quote parts with capitals.' end);
  end if;
  return parts;
end $$;
comment on function synced_tables._parse_name(text) is 'Schema and table of a synced table''s name, folded as Postgres folds identifiers.';

-- _may_see and what it calls stay open to PUBLIC: views call functions with the rights of their reader, and they only
-- tell the caller about himself. Nobody gets this far without USAGE on the schema.
revoke execute on function synced_tables._raise(text, text, text, text),
  synced_tables._record_event(text, text, text, uuid, uuid, text), synced_tables._lock_pipeline(uuid),
  synced_tables._parse_name(text) from public;
grant execute on function synced_tables._raise(text, text, text, text),
  synced_tables._record_event(text, text, text, uuid, uuid, text), synced_tables._lock_pipeline(uuid) to databricks_sync;
