-- Who asks, and who can hold others up. Views and functions that only read decide by the effective role too; locks that
-- everybody may hold give way to rows that nobody else can lock; flows of others cannot be stopped or scheduled.

-- The effective role: inside of a SECURITY DEFINER function of ours current_user is its owner, and the call says for
-- whom it is served; elsewhere (views, functions that run as their caller) current_user is the one.
create function synced_tables._served_role() returns name
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    (select c.asked_by from synced_tables._calls_under_way c where c.transaction = pg_current_xact_id_if_assigned()),
    case current_setting('role') when 'none' then session_user else current_setting('role')::name end)
$$;
comment on function synced_tables._served_role() is
  'The role on whose behalf a SECURITY DEFINER function of this schema runs: who signed the call that is being served, else the session''s.';

create or replace function synced_tables._acting_role() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if current_user = (select pg_get_userbyid(p.proowner) from pg_proc p where p.oid = 'synced_tables._served_role()'::regprocedure) then
    return synced_tables._served_role();
  end if;
  return current_user;
end $$;
comment on function synced_tables._acting_role() is
  'The role on whose behalf a function was called: the effective one, that of a served call included. Code of others in a session of somebody who may more gets no more by it.';

-- Functions that return rows are not served by way of a view. They are shown a signature that only a view makes, for
-- the role that reads it, in this session and transaction.
alter table synced_tables._service
  add column call_secret bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

create function synced_tables._call_signature(role_name name, call_secret bytea) returns bytea
language sql stable set search_path = pg_catalog, pg_temp as $$
  select sha256(call_secret || sha256(convert_to(format('%s %s %s', pg_backend_pid(), extract(epoch from transaction_timestamp()), role_name), 'UTF8') || call_secret))
$$;
comment on function synced_tables._call_signature(name, bytea) is 'What proves, in this session and transaction, that a role called.';

create view synced_tables._signed_caller as
  select synced_tables._call_signature(current_user, s.call_secret) as signature from synced_tables._service s;
comment on view synced_tables._signed_caller is 'The signature of who reads it, for functions that return rows; see table_changes.';
grant select on synced_tables._signed_caller to public;
-- Open to PUBLIC as the view is: it knows no secret.

drop function synced_tables.table_changes(text, bigint, bigint);

create function synced_tables._table_changes(role_name name, signature bytea, target text, from_version bigint, to_version bigint)
returns table (_change_type text, _commit_version bigint, _commit_timestamp timestamptz, row_data jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_target synced_tables._cdc_targets;
  parts constant text[] := synced_tables._parse_name(target);
begin
  if signature is distinct from (select synced_tables._call_signature(role_name, s.call_secret) from synced_tables._service s) then
    raise exception using errcode = '42501', message = format('role %I did not call', role_name);
  end if;
  select * into found_target from synced_tables._cdc_targets t where array[t.schema_name, t.table_name] = parts;
  if not found or not coalesce(has_table_privilege(role_name, found_target.target, 'select'), false) then
    perform synced_tables._raise('AUTOCDC_TARGET_NOT_FOUND', '42P01',
      format('%s is no target of an Auto CDC flow, or not one that role %I may read.', target, role_name),
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
comment on function synced_tables._table_changes(name, bytea, text, bigint, bigint) is 'Serves table_changes.';

create function synced_tables.table_changes(target text, from_version bigint, to_version bigint default null)
returns table (_change_type text, _commit_version bigint, _commit_timestamp timestamptz, row_data jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select c.* from synced_tables._signed_caller s
     cross join lateral synced_tables._table_changes(current_user, s.signature, target, from_version, to_version) c;
end $$;
comment on function synced_tables.table_changes(text, bigint, bigint) is
  'Changes of an Auto CDC target, both versions included: insert, update_preimage, update_postimage, delete. Typed rows: jsonb_populate_record(null::schema.table, row_data). For whoever may read the target.';

-- Locks.

create table synced_tables._locks (name text constraint _locks_pk primary key);
comment on table synced_tables._locks is
  'Rows that are locked in place of what they name, to the end of a transaction. Advisory locks would do, but everybody may hold those.';

create function synced_tables._hold_lock(name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from synced_tables._locks l where l.name = _hold_lock.name for update;
  if not found then
    insert into synced_tables._locks values (_hold_lock.name) on conflict on constraint _locks_pk do nothing;
    perform from synced_tables._locks l where l.name = _hold_lock.name for update;
  end if;
end $$;
comment on function synced_tables._hold_lock(text) is 'Waits until no other transaction holds the lock of that name, then holds it until this one ends.';

create or replace function synced_tables._lock_pipeline(pipeline_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Not the row of the pipeline: a user's open transaction must not keep the sidecar from renewing its lease.
  perform synced_tables._hold_lock('pipeline ' || _lock_pipeline.pipeline_id);
end $$;

create function synced_tables._forget_pipeline_lock() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._locks l where l.name = 'pipeline ' || old.pipeline_id;
  return null;
end $$;
comment on function synced_tables._forget_pipeline_lock() is 'The lock of a pipeline goes with it.';
create trigger _pipelines_forget_lock after delete on synced_tables._pipelines
  for each row execute function synced_tables._forget_pipeline_lock();

create or replace function synced_tables._check_source(source_table_full_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if source_table_full_name is null or source_table_full_name !~ '^[A-Za-z0-9_]{1,255}(\.[A-Za-z0-9_]{1,255}){2}$' then
    perform synced_tables._raise('SOURCE_NAME_INVALID', '42602',
      format('Source table name %L is not of the form catalog.schema.table with parts of letters, digits and _.', source_table_full_name),
      'Write the three parts separated by dots, for example analytics.gold.user_profiles.');
  end if;
  -- Two that create the 20th and 21st table at once see each other's.
  perform synced_tables._hold_lock('source ' || source_table_full_name);
  if (select count(*) from synced_tables._tables t where t.source_table_full_name = _check_source.source_table_full_name) >= 20 then
    perform synced_tables._raise('SYNCED_TABLE_LIMIT', '54000',
      format('Source table %s feeds 20 synced tables already, the most it can.', source_table_full_name),
      'Delete one of them, or read from one that exists.');
  end if;
end $$;

-- Tokens and credentials.

create or replace function synced_tables._token_role_refusal(role_name name, acting name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- For itself, as a role may change its own password; who acts as a group by SET ROLE may not, since what he made would
  -- outlast his membership.
  select case
    when exists (select from pg_roles s where s.rolsuper and pg_has_role(r.oid, s.oid, 'member')) then 'it is a superuser, or a member of one'
    when role_name ~ '^pg_' or (role_name ~ '^databricks_' and role_name <> 'databricks_superuser') then 'it is a role of the system'
    when pg_has_role(r.oid, 'databricks_sync', 'member') then 'sidecars act as it'
    when not exists (select from pg_roles a where a.rolname = acting
                       and (a.rolsuper or (a.oid = r.oid and r.rolcanlogin) or pg_has_role(a.oid, r.oid, 'member with admin option')))
      then format('role %I may not grant it', acting)
    end
    from pg_roles r where r.rolname = role_name
$$;

create or replace function synced_tables.create_token(role_name name, token_hash bytea, expires_at timestamptz default null,
                                                      description text default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting constant name := synced_tables._acting_role();
  role_oid constant oid := to_regrole(quote_ident(role_name));
  refusal constant text := synced_tables._token_role_refusal(role_name, acting);
  has_grant boolean;
  made uuid;
begin
  if role_oid is null then
    perform synced_tables._raise('TOKEN_ROLE_NOT_FOUND', '42704', format('Role %I does not exist.', role_name),
      format('Make it first: SELECT databricks_create_role(%L, ''USER'');', role_name));
  end if;
  if refusal is not null then
    perform synced_tables._raise('TOKEN_ROLE_REFUSED', '42501', format('No token can be made for role %I: %s.', role_name, refusal),
      'Use a role of its own that has just the rights it needs; a member of databricks_superuser may create synced tables.');
  end if;
  if expires_at <= now() then
    perform synced_tables._raise('TOKEN_EXPIRY_PAST', '22023', format('The token for role %I would have expired at %s.', role_name, expires_at),
      'Give a time to come, or none.');
  end if;
  perform synced_tables._hold_lock('token ' || role_name);
  has_grant := exists (select from pg_auth_members m where m.roleid = role_oid and m.member = to_regrole('databricks_gateway'));
  if not has_grant then
    execute format('grant %I to databricks_gateway', role_name)
      || case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end;
  end if;
  insert into synced_tables._tokens (token_hash, role_name, role_oid, description, made_grant, created_by, expires_at)
  values (create_token.token_hash, create_token.role_name, role_oid, create_token.description, not has_grant, acting, create_token.expires_at)
  returning token_id into made;
  return made;
end $$;
comment on function synced_tables.create_token(name, bytea, timestamptz, text) is
  'Registers a bearer token of the HTTP API by its SHA-256: whoever shows it acts as the role. The caller must be able to grant the role. Use synced-tables token create.';

create or replace function synced_tables.revoke_token(token_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  gone synced_tables._tokens;
begin
  update synced_tables._tokens t set revoked_at = coalesce(t.revoked_at, now()) where t.token_id = revoke_token.token_id returning * into gone;
  if not found then
    perform synced_tables._raise('TOKEN_NOT_FOUND', '42704', format('Token %s does not exist.', token_id), 'See synced_tables.tokens for those that do.');
  end if;
  perform synced_tables._hold_lock('token ' || gone.role_name);
  if to_regrole(quote_ident(gone.role_name)) = gone.role_oid
     and exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.made_grant)
     and not exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.revoked_at is null) then
    execute format('revoke %I from databricks_gateway', gone.role_name);
  end if;
end $$;
comment on function synced_tables.revoke_token(uuid) is 'A token is worth nothing from now on. When it was the last of its role, the API may not act for the role any more.';

create or replace function synced_tables._current_credential(role_name name) returns table (issued_at timestamptz, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  refusal text;
begin
  -- Whoever asks next waits, and then finds what we made.
  perform synced_tables._hold_lock('credential ' || _current_credential.role_name);
  refusal := synced_tables._credential_refusal(_current_credential.role_name);
  if refusal is not null then
    perform synced_tables._raise('CREDENTIAL_REFUSED', '55000',
      format('Role %I can have no database credential: %s.', _current_credential.role_name, refusal),
      'Use a token of a login role without a password, for example one made with databricks_create_role; ALTER ROLE … PASSWORD NULL takes a password away.');
  end if;
  return query
    select c.issued_at, c.expires_at from synced_tables._credentials c
      join pg_authid a on a.rolname = c.role_name and c.verifier_hash = sha256(convert_to(a.rolpassword, 'UTF8')) and a.rolvaliduntil = c.expires_at
     where c.role_name = _current_credential.role_name;
end $$;

-- Pipelines of streaming tables have no rows in _tables, whose creators and managers were asked.

create function synced_tables._require_pipeline_control(pipeline synced_tables._pipelines, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
begin
  for member in select * from synced_tables._tables t where t.pipeline_id = pipeline.pipeline_id loop
    perform synced_tables._require_control(member.synced_table, member.created_by, action);
  end loop;
  if not found and not synced_tables._may_control(pipeline.created_by) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s pipeline %s.', synced_tables._acting_role(), action, pipeline.pipeline_id),
      'Ask its creator or a member of databricks_superuser.');
  end if;
end $$;
comment on function synced_tables._require_pipeline_control(synced_tables._pipelines, text) is
  'Refuses a role that may not control all tables of a pipeline; without synced tables, one that may not control the pipeline.';

create or replace function synced_tables._find_pipeline(target text, action text) returns synced_tables._pipelines
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
  streaming synced_tables._streaming_tables;
  pipeline synced_tables._pipelines;
begin
  if target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select * into pipeline from synced_tables._pipelines p where p.pipeline_id = target::uuid;
    if not found then
      perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', target),
        'Take a pipeline_id from synced_tables.status.');
    end if;
    perform synced_tables._require_pipeline_control(pipeline, action);
    return pipeline;
  end if;
  wanted := synced_tables._find_table(target);
  if wanted.table_id is not null then
    perform synced_tables._require_control(wanted.synced_table, wanted.created_by, action);
    select * into pipeline from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
    return pipeline;
  end if;
  streaming := synced_tables._find_streaming_table(synced_tables._parse_name(target));
  if streaming.table_id is null then
    perform synced_tables._raise_unknown_table(target);
  end if;
  return synced_tables._require_pipeline(streaming.pipeline_id, action);
end $$;

create or replace function synced_tables.stop_pipeline(pipeline_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
  reason text;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = stop_pipeline.pipeline_id;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704',
      format('Pipeline %s does not exist.', coalesce(stop_pipeline.pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables._require_pipeline_control(wanted, 'stop');
  perform synced_tables._lock_pipeline(wanted.pipeline_id);
  if wanted.is_stopped or wanted.scheduling_policy <> 'CONTINUOUS' and not exists (
       select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.state in ('QUEUED', 'RUNNING')) then
    return;
  end if;
  -- Waits for a commit that is under way, then lets none pass: the lease is nobody's any more.
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  update synced_tables._pipelines p
     set is_stopped = p.scheduling_policy = 'CONTINUOUS', lease_holder = null, lease_expires_at = null, lease_epoch = p.lease_epoch + 1
   where p.pipeline_id = wanted.pipeline_id;
  reason := format('Pipeline %s was stopped by %I.', wanted.pipeline_id, synced_tables._acting_role());
  perform synced_tables._cancel_updates(wanted.pipeline_id, 'UPDATE_CANCELED', reason);
  update synced_tables._tables t
     set state = case when t.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when t.is_failed then t.state
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = case when t.is_failed then t.message else reason || ' Ask for an update with synced_tables.sync_now to go on.' end,
         rows_done = null, rows_total = null
   where t.pipeline_id = wanted.pipeline_id;
  perform synced_tables._record_event('INFO', 'pipeline_stopped', null, wanted.pipeline_id, null, reason);
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables.stop_pipeline(uuid) is
  'Cancels what a pipeline does or has to do, and keeps a CONTINUOUS one from following its sources until sync_now. The tables keep serving what they have. For the creators of its tables, their managers and databricks_superuser.';

revoke execute on function synced_tables._require_pipeline_control(synced_tables._pipelines, text),
  synced_tables._forget_pipeline_lock(), synced_tables._hold_lock(text) from public;

do $$
declare
  published text;
begin
  perform synced_tables._publish_relation('_locks', 'sidecar');
  perform synced_tables._publish_routine('_hold_lock', 'sidecar');
  perform synced_tables._publish_routine('_lock_pipeline', 'sidecar');
  perform synced_tables._publish_routine('_current_credential', 'sidecar');
  perform synced_tables._publish_routine('create_token', 'operators');
  perform synced_tables._publish_routine('revoke_token', 'operators');
  foreach published in array array['_table_changes', 'table_changes', 'stop_pipeline'] loop
    perform synced_tables._publish_routine(published, 'managers');
  end loop;
end $$;
