-- What the HTTP API keeps, beside the data it is about, and how it acts with the rights of its callers.
--
-- Every call of the API runs in a transaction with SET LOCAL ROLE to the caller's role, so Postgres itself checks what
-- the caller may do. The sidecar's login may take on exactly the roles that were granted to databricks_gateway, which
-- inherits nothing: the sidecar has a caller's rights only where it says so, and never a superuser's.
--
-- Instance-wide state (tokens, catalogs, databases, credentials) is read in the home database of an instance only: the
-- one of its connection string.

do $$
begin
  if to_regrole('databricks_gateway') is null or not pg_has_role('databricks_sync', 'databricks_gateway', 'member') then
    lock table pg_catalog.pg_authid in share row exclusive mode;  -- as in the first migration
    if to_regrole('databricks_gateway') is null then
      create role databricks_gateway nologin noinherit;
      comment on role databricks_gateway is 'The roles that were granted to it are those on whose behalf the HTTP API may act.';
    end if;
    if not pg_has_role('databricks_sync', 'databricks_gateway', 'member') then
      grant databricks_gateway to databricks_sync;
    end if;
  end if;
end $$;

create table synced_tables._service (
  is_only boolean constraint _service_pk primary key default true constraint _service_is_only_check check (is_only),
  instance_uid uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  -- 244 random bits, without asking for an extension.
  credential_secret bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
comment on table synced_tables._service is 'What an instance is known by, and the secret its credentials are derived from. One row.';
insert into synced_tables._service default values;

create table synced_tables._tokens (
  token_id uuid constraint _tokens_pk primary key default gen_random_uuid(),
  token_hash bytea not null constraint _tokens_hash_key unique constraint _tokens_hash_check check (length(token_hash) = 32),
  role_name name not null,
  role_oid oid not null,
  description text,
  made_grant boolean not null,
  created_by name not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
comment on table synced_tables._tokens is 'Bearer tokens of the HTTP API: SHA-256 of each, and the role it acts as. Rows stay: an API that once asked for tokens does not open again.';
comment on column synced_tables._tokens.role_oid is 'A role that was dropped and made again under the same name is somebody else.';
comment on column synced_tables._tokens.made_grant is 'Whether the role was granted to databricks_gateway for this token; revoking the last such token takes it back.';

create table synced_tables._catalogs (
  catalog_name text constraint _catalogs_pk primary key,
  database_name name not null,
  catalog_uid uuid not null default gen_random_uuid(),
  created_by name not null,
  created_at timestamptz not null default now()
);
comment on table synced_tables._catalogs is 'Database catalogs: names that stand for one database of this instance.';

create table synced_tables._registered_tables (
  table_full_name text constraint _registered_tables_pk primary key,
  database_name name not null,
  created_by name not null,
  created_at timestamptz not null default now()
);
comment on table synced_tables._registered_tables is 'Postgres tables of this instance that are known by a three-part name without being synced.';

create table synced_tables._databases (
  database_name name constraint _databases_pk primary key,
  added_by name not null,
  added_at timestamptz not null default now()
);
comment on table synced_tables._databases is 'Databases of this instance that the sidecars look after beside those of their settings.';

create table synced_tables._credentials (
  role_name name constraint _credentials_pk primary key,
  verifier_hash bytea not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
comment on table synced_tables._credentials is 'The newest credential of a role. Not the credential itself, nor its verifier: a hash of the latter, to know it again.';

create table synced_tables._table_specs (
  table_id uuid constraint _table_specs_pk primary key
    constraint _table_specs_table_fk references synced_tables._tables on delete cascade,
  catalog_name text,
  spec jsonb not null
);
comment on table synced_tables._table_specs is 'What the HTTP API was given for a synced table and has to give back.';
comment on column synced_tables._table_specs.catalog_name is 'The catalog of its three-part name; null when a database catalog gives it.';

do $$
declare
  internal text;
begin
  foreach internal in array array['_service', '_tokens', '_catalogs', '_registered_tables', '_databases', '_credentials', '_table_specs'] loop
    perform synced_tables._publish_relation(internal, 'sidecar');
  end loop;
end $$;

-- One rule for who sees what, for the acting role and for a role that is named.

create function synced_tables._role_may_control(role_name name, created_by name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._has_role(role_name, 'databricks_superuser') or synced_tables._has_role(role_name, 'databricks_sync')
      or synced_tables._has_role(role_name, created_by)
$$;
comment on function synced_tables._role_may_control(name, name) is 'Whether a role may sync and delete what created_by created; managers may too.';

create or replace function synced_tables._may_control(created_by name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._role_may_control(synced_tables._acting_role(), created_by)
$$;

create function synced_tables._role_may_see(role_name name, created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._role_may_control(role_name, created_by)
      or coalesce(has_table_privilege(to_regrole(quote_ident(role_name)), relation, 'select'), false)
      or databricks_auth.can_manage(relation, role_name)
$$;
comment on function synced_tables._role_may_see(name, name, regclass) is 'Whether a role sees the status of a synced table.';

create or replace function synced_tables._may_see(created_by name, relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select synced_tables._role_may_see(synced_tables._acting_role(), created_by, relation)
$$;
-- Both named-role functions stay open to PUBLIC, for the views call them; has_table_privilege tells as much to everybody.

create function synced_tables._may_act_for(role_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce((select not r.rolsuper and pg_has_role('databricks_gateway', r.oid, 'member')
                     from pg_roles r where r.rolname = role_name and r.rolname <> 'databricks_gateway'), false)
$$;
comment on function synced_tables._may_act_for(name) is 'Whether the HTTP API may act on behalf of a role: it was granted to databricks_gateway, and is no superuser.';

create function synced_tables._token_role_refusal(role_name name, acting name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when r.rolsuper then 'it is a superuser'
    when role_name ~ '^pg_' or (role_name ~ '^databricks_' and role_name <> 'databricks_superuser') then 'it is a role of the system'
    when pg_has_role(r.oid, 'databricks_sync', 'member') then 'sidecars act as it'
    when not exists (select from pg_roles a where a.rolname = acting
                       and (a.rolsuper or a.oid = r.oid or pg_has_role(a.oid, r.oid, 'member with admin option')))
      then format('role %I may not grant it', acting)
    end
    from pg_roles r where r.rolname = role_name
$$;
comment on function synced_tables._token_role_refusal(name, name) is 'Why acting may not make a token for a role; null when it may, or there is no such role.';

create function synced_tables.create_token(role_name name, token_hash bytea, expires_at timestamptz default null,
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
  perform pg_advisory_xact_lock(hashtextextended('synced_tables token ' || role_name, 0));
  has_grant := pg_has_role('databricks_gateway', role_oid, 'member');
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

create function synced_tables.revoke_token(token_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  gone synced_tables._tokens;
begin
  update synced_tables._tokens t set revoked_at = coalesce(t.revoked_at, now()) where t.token_id = revoke_token.token_id returning * into gone;
  if not found then
    perform synced_tables._raise('TOKEN_NOT_FOUND', '42704', format('Token %s does not exist.', token_id), 'See synced_tables.tokens for those that do.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('synced_tables token ' || gone.role_name, 0));
  if to_regrole(quote_ident(gone.role_name)) = gone.role_oid
     and exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.made_grant)
     and not exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.revoked_at is null) then
    execute format('revoke %I from databricks_gateway', gone.role_name);
  end if;
end $$;
comment on function synced_tables.revoke_token(uuid) is 'A token is worth nothing from now on. When it was the last of its role, the API may not act for the role any more.';

create view synced_tables.tokens with (security_barrier = true) as
  select t.token_id, t.role_name, t.description, t.created_by, t.created_at, t.expires_at, t.revoked_at,
         case when t.revoked_at is not null then 'REVOKED'
              when t.expires_at <= now() then 'EXPIRED'
              when not exists (select from pg_catalog.pg_roles r where r.oid = t.role_oid and r.rolname = t.role_name) then 'ROLE_MISSING'
              else 'ACTIVE' end as state
    from synced_tables._tokens t;
comment on view synced_tables.tokens is 'Bearer tokens of the HTTP API, without what would let one use them.';

create function synced_tables._credential_refusal(role_name name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when not synced_tables._may_act_for(role_name) then 'the API may not act for it'
    when not a.rolcanlogin then 'it cannot log in'
    when a.rolpassword is not null and not exists (
      select from synced_tables._credentials c where c.role_name = _credential_refusal.role_name
                                                 and c.verifier_hash = sha256(convert_to(a.rolpassword, 'UTF8')))
      then 'it has a password of its own, which would be lost' end
    from pg_authid a where a.rolname = role_name
$$;
comment on function synced_tables._credential_refusal(name) is 'Why a role can have no credential; null when it can.';

create function synced_tables._current_credential(role_name name) returns table (issued_at timestamptz, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  refusal text;
begin
  -- Whoever asks next waits, and then finds what we made.
  perform pg_advisory_xact_lock(hashtextextended('synced_tables credential ' || _current_credential.role_name, 0));
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
comment on function synced_tables._current_credential(name) is
  'The credential that is a role''s password now; no row when it has none. Locks the role''s credential until the transaction ends.';

create function synced_tables._set_credential(role_name name, verifier text, issued_at timestamptz, expires_at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if synced_tables._credential_refusal(_set_credential.role_name) is not null then
    raise exception 'role % can have no credential', _set_credential.role_name;
  end if;
  if verifier !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' or expires_at > now() + interval '1 day' then
    raise exception 'the credential of role % is not one', _set_credential.role_name;
  end if;
  execute format('alter role %I password %L valid until %L', _set_credential.role_name, verifier, _set_credential.expires_at);
  insert into synced_tables._credentials values (_set_credential.role_name, sha256(convert_to(verifier, 'UTF8')), _set_credential.issued_at, _set_credential.expires_at)
  on conflict on constraint _credentials_pk do update
    set verifier_hash = excluded.verifier_hash, issued_at = excluded.issued_at, expires_at = excluded.expires_at;
end $$;
comment on function synced_tables._set_credential(name, text, timestamptz, timestamptz) is
  'Makes a credential the password of its role, by its SCRAM verifier: the credential itself appears in no statement. Only for roles that the API may act for and that have no password of their own.';

revoke execute on function synced_tables._token_role_refusal(name, name), synced_tables._credential_refusal(name) from public;

do $$
begin
  perform synced_tables._publish_routine('_may_act_for', 'sidecar');
  perform synced_tables._publish_routine('_current_credential', 'sidecar');
  perform synced_tables._publish_routine('_set_credential', 'sidecar');
  perform synced_tables._publish_routine('create_token', 'operators');
  perform synced_tables._publish_routine('revoke_token', 'operators');
  perform synced_tables._publish_relation('tokens', 'operators');
end $$;
