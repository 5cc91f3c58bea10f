-- What the sidecar calls when it creates a synced table.

-- for: owner
create or replace function synced_tables_internal._make_schema_for(schema_name text, creator name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  -- The sidecar's own role is not a person who could manage a schema.
  owner constant name := case when to_regrole(quote_ident(creator)) is null or creator = 'databricks_sync' then 'databricks_superuser' else creator end;
begin
  if databricks_auth.is_superuser(current_user) then
    execute format('create schema %I authorization %I', schema_name, owner);
    return;
  end if;
  -- Others cannot give a schema away. Besides, where there are no event triggers, its owner could drop every table in it.
  execute format('create schema %I', schema_name);
  execute format('grant usage, create on schema %I to %I with grant option', schema_name, owner);
end $$;
comment on function synced_tables_internal._make_schema_for(text, name) is
  'Creates a schema that belongs to its creator; without a superuser, one in which the creator may do everything but drop what belongs to others.';

-- for: owner
create or replace function synced_tables_internal._lend_schema(schema_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not has_schema_privilege(current_user, schema_name, 'usage with grant option') or not has_schema_privilege(current_user, schema_name, 'create with grant option') then
    perform synced_tables_internal._raise('SCHEMA_NOT_GRANTABLE', '42501',
      format('Tables in schema %I cannot be synced yet: it belongs to %I, and role %I may not grant rights on it.', schema_name,
             (select n.nspowner::regrole from pg_namespace n where n.nspname = schema_name), current_user),
      format('Have its owner run: GRANT USAGE, CREATE ON SCHEMA %I TO %I WITH GRANT OPTION;', schema_name, current_user));
  end if;
  if not has_schema_privilege('databricks_sync', schema_name, 'create') or not has_schema_privilege('databricks_sync', schema_name, 'usage') then
    execute format('grant usage, create on schema %I to databricks_sync', schema_name);
  end if;
end $$;
comment on function synced_tables_internal._lend_schema(text) is 'Lets databricks_sync make tables in a schema; refuses where that cannot be granted.';

-- for: owner
create or replace function synced_tables_internal._make_schema(schema_name text, created_by name) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from pg_namespace n where n.nspname = schema_name) then
    return false;
  end if;
  perform synced_tables_internal._make_schema_for(schema_name, created_by);
  return true;
exception when duplicate_schema or unique_violation then
  return false;
end $$;
comment on function synced_tables_internal._make_schema(text, name) is
  'Creates a schema for the creator of a synced table; false if there is one of that name.';

-- for: sidecar
create or replace function synced_tables_internal._take_back_schema(schema_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if schema_name = 'public' or synced_tables_internal._is_reserved_schema(schema_name) then
    return;  -- never made by us
  end if;
  -- Another table that waits for its first load counts on it.
  update synced_tables._tables t set made_schema = true
   where t.table_id = (select w.table_id from synced_tables._tables w where w.schema_name = _take_back_schema.schema_name limit 1);
  if found or exists (select from synced_tables._streaming_tables s where s.schema_name = _take_back_schema.schema_name) then
    return;
  end if;
  execute format('drop schema if exists %I', schema_name);
exception when dependent_objects_still_exist then
  null;  -- somebody uses it
end $$;
comment on function synced_tables_internal._take_back_schema(text) is
  'Drops a schema that was made for a synced table which was rejected, unless something is in it.';

-- for: sidecar
create or replace function synced_tables_internal._prepare_schema(table_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
begin
  select * into wanted from synced_tables._tables t where t.table_id = _prepare_schema.table_id;
  if not found then
    perform synced_tables_internal._raise('SYNCED_TABLE_NOT_FOUND', '42P01', format('Synced table %s does not exist.', table_id), 'It was deleted.');
  end if;
  if synced_tables_internal._is_reserved_schema(wanted.schema_name) then
    perform synced_tables_internal._raise('SCHEMA_RESERVED', '42939',
      format('Schema %I is reserved; synced table %s cannot be there.', wanted.schema_name, wanted.synced_table), 'Choose another schema.');
  end if;
  perform databricks_auth.lock_schema_rights();
  if not exists (select from pg_namespace n where n.nspname = wanted.schema_name) then
    if not wanted.create_schema_if_missing then
      perform synced_tables_internal._raise('SCHEMA_MISSING', '3F000',
        format('Schema %I of synced table %s does not exist.', wanted.schema_name, wanted.synced_table),
        'Create the schema, or pass create_database_objects_if_missing => true.');
    end if;
    perform synced_tables_internal._make_schema(wanted.schema_name, wanted.created_by);
  end if;
  perform synced_tables_internal._lend_schema(wanted.schema_name);
end $$;
comment on function synced_tables_internal._prepare_schema(uuid) is 'Creates the schema of a synced table if it is missing, and lets databricks_sync create tables in it.';

-- for: sidecar
create or replace function synced_tables_internal._grant_creator(relation regclass, created_by name) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.sole_partition(relation) is null
     or not exists (select from databricks_auth.synced_tables s where s.synced_table = relation) then
    perform synced_tables_internal._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not a synced table.', relation), 'Register it first.');
  end if;
  update databricks_auth.synced_tables s set created_by = _grant_creator.created_by where s.synced_table = relation;
  if to_regrole(quote_ident(created_by)) is null or created_by = 'databricks_sync' then
    return false;
  end if;
  execute format('grant select on %s to %I with grant option', relation, created_by);
  perform synced_tables_internal._grant_as_creator(created_by);
  return true;
end $$;
comment on function synced_tables_internal._grant_creator(regclass, name) is
  'Grants SELECT on a synced table, with grant option, to its creator, and what its managers may call. False if there is no such role.';

-- for: sidecar
create or replace function synced_tables_internal._reject_create(table_id uuid, update_id uuid, error_code text, message text, remedy text,
                                             sql_state text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  rejected synced_tables._tables;
begin
  select * into rejected from synced_tables._tables t where t.table_id = _reject_create.table_id and t.relation is null;
  if not found then
    return false;
  end if;
  insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state, finished_at,
                                            error_code, message, remedy)
  select u.update_id, rejected.table_id, rejected.synced_table, rejected.source_table_full_name, 'FAILED', now(),
         _reject_create.error_code, _reject_create.message, _reject_create.remedy
    from synced_tables._updates u where u.update_id = _reject_create.update_id
  on conflict on constraint _table_updates_pk do update set state = excluded.state, finished_at = excluded.finished_at,
    error_code = excluded.error_code, message = excluded.message, remedy = excluded.remedy;
  update synced_tables._updates u
     set state = 'FAILED', finished_at = now(), error_code = _reject_create.error_code, message = _reject_create.message,
         remedy = _reject_create.remedy, sql_state = _reject_create.sql_state
   where u.update_id = _reject_create.update_id;
  perform synced_tables_internal._remove_table(rejected, 'UPDATE_CANCELED', format('Synced table %s was rejected.', rejected.synced_table));
  perform synced_tables_internal._release_formers();
  if rejected.made_schema then
    perform synced_tables_internal._take_back_schema(rejected.schema_name);
  end if;
  insert into synced_tables._notices (kind, synced_table, table_id, pipeline_id, error_code, message)
  values ('failed', rejected.synced_table, rejected.table_id, rejected.pipeline_id, _reject_create.error_code, _reject_create.message);
  perform synced_tables_internal._record_event('ERROR', 'synced_table_rejected', rejected.synced_table, rejected.pipeline_id,
    _reject_create.update_id, _reject_create.message);
  return true;
end $$;
comment on function synced_tables_internal._reject_create(uuid, uuid, text, text, text, text) is
  'Takes back a registration that was never loaded: the update fails with the given error, and the table and an empty pipeline are removed. False if the table is loaded or gone.';

-- Which session blocks a sync. Only superusers and pg_read_all_stats see since when another role's session has been running
-- its query; databricks_sync should see no more than that, above all no statements.
-- for: sidecar
create or replace function synced_tables_internal._session_name(process integer) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select format('%s (%s %s%s)', a.pid, a.usename, a.application_name,
                to_char(a.query_start at time zone 'UTC', '", last query began" YYYY-MM-DD HH24:MI:SS "UTC"'))
    from pg_stat_activity a where a.pid = _session_name.process
$$;
comment on function synced_tables_internal._session_name(integer) is
  'How messages name a session: process, user, application, and when its last query began.';

-- for: sidecar
create or replace function synced_tables_internal._record_lock_wait(table_id uuid, processes integer[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into synced_tables._lock_waits as w (table_id, sessions)
  select t.table_id, coalesce((
           select jsonb_agg(jsonb_build_object('process', a.pid, 'role', a.usename, 'application', a.application_name, 'since', a.xact_start)
                            order by a.xact_start)
             from pg_stat_activity a where a.pid = any (_record_lock_wait.processes)), '[]')
    from synced_tables._tables t where t.table_id = _record_lock_wait.table_id
  on conflict on constraint _lock_waits_pk do update
    set sessions = excluded.sessions, told_at = excluded.told_at,
        began_at = case when w.told_at > clock_timestamp() - interval '20 s' then w.began_at else excluded.began_at end
$$;
comment on function synced_tables_internal._record_lock_wait(uuid, integer[]) is
  'Notes which sessions the switch of a table waits for: process, role, application and since when their transactions run.';
