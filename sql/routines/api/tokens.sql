-- Bearer tokens of the HTTP API: each acts as one role, which was granted to databricks_gateway for it.

-- for: sidecar
create or replace function synced_tables_internal._may_act_for(role_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Granted by name: roles that such a role is a member of do not count.
  select exists (select from pg_roles r join pg_auth_members m on m.roleid = r.oid and m.member = to_regrole('databricks_gateway')
                  where r.rolname = role_name and not r.rolsuper)
$$;
comment on function synced_tables_internal._may_act_for(name) is 'Whether the HTTP API may act on behalf of a role: it was granted to databricks_gateway, and is not a superuser.';

-- for: owner
create or replace function synced_tables_internal._token_role_refusal(role_name name, acting name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A role may make tokens for itself, as it may change its own password. Somebody acting as a group through SET ROLE may
  -- not, because the token would outlast the membership.
  select case
    when exists (select from pg_roles s where s.rolsuper and pg_has_role(r.oid, s.oid, 'member')) then 'it is a superuser, or a member of one'
    when role_name ~ '^pg_' or (role_name ~ '^databricks_' and role_name <> 'databricks_superuser') then 'it is a system role'
    when pg_has_role(r.oid, 'databricks_sync', 'member') then 'sidecars act as it'
    when not exists (select from pg_roles a where a.rolname = acting
                       and (a.rolsuper or (a.oid = r.oid and r.rolcanlogin) or pg_has_role(a.oid, r.oid, 'member with admin option')
                            -- Until version 15 whoever may create roles may grant them.
                            or (a.rolcreaterole and current_setting('server_version_num')::int < 160000)))
      then format('role %I may not grant it', acting)
    end
    from pg_roles r where r.rolname = role_name
$$;
comment on function synced_tables_internal._token_role_refusal(name, name) is
  'Why the acting role may not make a token for a role; null if it may, or if there is no such role.';

-- for: owner
create or replace function synced_tables_internal._lend_to_gateway(role_name name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  statement constant text := format('grant %I to databricks_gateway', role_name)
    || case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end;
begin
  execute statement;
exception when insufficient_privilege then
  perform synced_tables_internal._raise('TOKEN_ROLE_REFUSED', '42501',
    format('No token can be created for role %I: role %I, which installed synced tables, may not grant it.', role_name, current_user),
    format('Have an administrator of that role run: %s; then create the token again.', statement));
end $$;
comment on function synced_tables_internal._lend_to_gateway(name) is 'Lets the HTTP API act for a role; refuses where that cannot be granted.';

-- for: operators
create or replace function synced_tables_served._create_token(role_name name, token_hash bytea, expires_at timestamptz,
                                                              description text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting constant name := synced_tables_internal._acting_role();
  role_oid constant oid := to_regrole(quote_ident(role_name));
  refusal constant text := synced_tables_internal._token_role_refusal(role_name, acting);
  has_grant boolean;
  is_callers boolean;
  made uuid;
begin
  if role_oid is null then
    perform synced_tables_internal._raise('TOKEN_ROLE_NOT_FOUND', '42704', format('Role %I does not exist.', role_name),
      format('Create it first: SELECT databricks_create_role(%L, ''USER'');', role_name));
  end if;
  if refusal is not null then
    perform synced_tables_internal._raise('TOKEN_ROLE_REFUSED', '42501', format('No token can be created for role %I: %s.', role_name, refusal),
      'Use a dedicated role that has only the rights it needs; a member of databricks_superuser may create synced tables.');
  end if;
  if expires_at <= now() then
    perform synced_tables_internal._raise('TOKEN_EXPIRY_PAST', '22023', format('The token for role %I would already have expired at %s.', role_name, expires_at),
      'Give a time in the future, or none.');
  end if;
  perform synced_tables_internal._hold_lock('token ' || role_name);
  -- The calling half has made the grant where we cannot.
  has_grant := exists (select from pg_auth_members m where m.roleid = role_oid and m.member = to_regrole('databricks_gateway'));
  is_callers := not databricks_auth.is_superuser(current_user)
            and exists (select from pg_auth_members m where m.roleid = role_oid and m.member = to_regrole('databricks_gateway')
                                                       and m.grantor = to_regrole(quote_ident(acting)));
  if not has_grant then
    perform synced_tables_internal._lend_to_gateway(role_name);
  end if;
  insert into synced_tables._tokens (token_hash, role_name, role_oid, description, made_grant, created_by, expires_at)
  values (_create_token.token_hash, _create_token.role_name, role_oid, _create_token.description, not has_grant or is_callers, acting, _create_token.expires_at)
  returning token_id into made;
  return made;
end $$;
comment on function synced_tables_served._create_token(name, bytea, timestamptz, text) is 'Serves create_token.';

-- for: operators
create or replace function synced_tables.create_token(role_name name, token_hash bytea, expires_at timestamptz default null,
                                                      description text default null) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- From version 16 on, what is not a superuser's function may grant only roles that its owner administers. Whoever calls
  -- administers this one.
  if current_setting('server_version_num')::int >= 160000 and to_regrole('databricks_installer') is not null
     and pg_has_role(current_user, to_regrole(quote_ident(role_name)), 'usage with admin option')
     and not exists (select from pg_auth_members m where m.roleid = to_regrole(quote_ident(role_name)) and m.member = to_regrole('databricks_gateway')) then
    execute format('grant %I to databricks_gateway with inherit false, set true', role_name);
  end if;
  return synced_tables_internal._create_token(role_name, token_hash, expires_at, description);
end $$;
comment on function synced_tables.create_token(name, bytea, timestamptz, text) is
  'Registers a bearer token of the HTTP API by its SHA-256: a caller that presents it acts as the role. Needs the right to grant the role. Use synced-tables token create.';

-- for: operators
create or replace function synced_tables_served._revoke_token(token_id uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  gone synced_tables._tokens;
begin
  update synced_tables._tokens t set revoked_at = coalesce(t.revoked_at, now()) where t.token_id = _revoke_token.token_id returning * into gone;
  if not found then
    perform synced_tables_internal._raise('TOKEN_NOT_FOUND', '42704', format('Token %s does not exist.', token_id), 'See synced_tables.tokens for those that do.');
  end if;
  perform synced_tables_internal._hold_lock('token ' || gone.role_name);
  if to_regrole(quote_ident(gone.role_name)) = gone.role_oid
     and exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.made_grant)
     and not exists (select from synced_tables._tokens t where t.role_oid = gone.role_oid and t.revoked_at is null) then
    begin
      execute format('revoke %I from databricks_gateway', gone.role_name);
    exception when insufficient_privilege then
      null;  -- the calling half has made the grant, and takes it back
    end;
    return gone.role_name;
  end if;
  return null;
end $$;
comment on function synced_tables_served._revoke_token(uuid) is 'Serves revoke_token; returns the role for which the API may no longer act.';

-- for: operators
create or replace function synced_tables.revoke_token(token_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  role_name constant name := synced_tables_internal._revoke_token(token_id);
begin
  -- What the caller has granted, as in create_token, only he can take back.
  if exists (select from pg_auth_members m where m.roleid = to_regrole(quote_ident(role_name)) and m.member = to_regrole('databricks_gateway')
                                            and m.grantor = to_regrole(quote_ident(current_user))) then
    execute format('revoke %I from databricks_gateway', role_name);
  end if;
end $$;
comment on function synced_tables.revoke_token(uuid) is 'Revokes a token. If it was the last one of its role, the API may no longer act for the role.';

-- for: operators
create or replace view synced_tables.tokens with (security_barrier = true) as
  select t.token_id, t.role_name, t.description, t.created_by, t.created_at, t.expires_at, t.revoked_at,
         case when t.revoked_at is not null then 'REVOKED'
              when t.expires_at <= now() then 'EXPIRED'
              when not exists (select from pg_catalog.pg_roles r where r.oid = t.role_oid and r.rolname = t.role_name) then 'ROLE_MISSING'
              else 'ACTIVE' end as state,
         t.last_used_at
    from synced_tables._tokens t;
comment on view synced_tables.tokens is 'Bearer tokens of the HTTP API, without anything that would let a reader use them.';
comment on column synced_tables.tokens.last_used_at is 'When a request last carried it, to the hour; null if none did.';
