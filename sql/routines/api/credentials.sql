-- A credential temporarily serves as the password of its role.

-- for: owner
create or replace function synced_tables_internal._is_own_credential(role_name name, verifier_hash bytea, expires_at timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if has_table_privilege('pg_authid', 'select') then
    return exists (select from pg_authid a where a.rolname = role_name and a.rolvaliduntil = expires_at
                                             and verifier_hash = sha256(convert_to(a.rolpassword, 'UTF8')));
  end if;
  -- Only superusers see passwords. Ours is the one that ends at our time, to the microsecond.
  return exists (select from pg_roles r where r.rolname = role_name and r.rolvaliduntil = expires_at);
end $$;
comment on function synced_tables_internal._is_own_credential(name, bytea, timestamptz) is
  'Whether a credential is the password of its role at the moment.';

-- for: owner
create or replace function synced_tables_internal._has_own_password(role_name name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if has_table_privilege('pg_authid', 'select') then
    return exists (select from pg_authid a where a.rolname = role_name and a.rolpassword is not null
                      and not exists (select from synced_tables._credentials c where c.role_name = _has_own_password.role_name
                                                                                 and c.verifier_hash = sha256(convert_to(a.rolpassword, 'UTF8'))));
  end if;
  -- What cannot be seen must not be overwritten: only roles of databricks_create_role, which have none from the start.
  return not exists (select from public.databricks_list_roles l where l.role_name = _has_own_password.role_name);
end $$;
comment on function synced_tables_internal._has_own_password(name) is
  'Whether a role has, or without a superuser may have, a password that is not a credential of ours.';

-- for: owner
create or replace function synced_tables_internal._credential_refusal(role_name name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when not synced_tables_internal._may_act_for(role_name) then 'the API may not act for it'
    when not r.rolcanlogin then 'it cannot log in'
    when synced_tables_internal._has_own_password(role_name) then 'it has a password of its own, which would be lost' end
    from pg_roles r where r.rolname = role_name
$$;
comment on function synced_tables_internal._credential_refusal(name) is 'Why a role cannot have a credential; null if it can.';

-- for: sidecar
create or replace function synced_tables_internal._current_credential(role_name name) returns table (issued_at timestamptz, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  refusal text;
begin
  -- Concurrent callers wait here and then find the credential we made.
  perform synced_tables_internal._hold_lock('credential ' || _current_credential.role_name);
  refusal := synced_tables_internal._credential_refusal(_current_credential.role_name);
  if refusal is not null then
    perform synced_tables_internal._raise('CREDENTIAL_REFUSED', '55000',
      format('Role %I cannot have a database credential: %s.', _current_credential.role_name, refusal),
      'Use a token of a login role without a password, for example one made with databricks_create_role; ALTER ROLE … PASSWORD NULL removes a password.');
  end if;
  return query
    select c.issued_at, c.expires_at from synced_tables._credentials c
     where c.role_name = _current_credential.role_name
       and synced_tables_internal._is_own_credential(c.role_name, c.verifier_hash, c.expires_at);
end $$;
comment on function synced_tables_internal._current_credential(name) is
  'The credential that is currently a role''s password; no row if there is none. Locks the role''s credential until the transaction ends.';

-- for: sidecar
create or replace function synced_tables_internal._set_credential(role_name name, verifier text, issued_at timestamptz, expires_at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  if synced_tables_internal._credential_refusal(_set_credential.role_name) is not null then
    raise exception 'role % cannot have a credential', _set_credential.role_name;
  end if;
  if verifier !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' or expires_at > now() + interval '1 day' then
    raise exception 'the credential of role % is not one', _set_credential.role_name;
  end if;
  begin
    execute format('alter role %I password %L valid until %L', _set_credential.role_name, verifier, _set_credential.expires_at);
  exception when insufficient_privilege then
    perform synced_tables_internal._raise('CREDENTIAL_REFUSED', '55000',
      format('Role %I cannot have a database credential: role %I, which installed synced tables, may not change it.', _set_credential.role_name, current_user),
      format('Have an administrator of that role run: GRANT %I TO %I WITH ADMIN OPTION;', _set_credential.role_name, current_user));
  end;
  insert into synced_tables._credentials values (_set_credential.role_name, sha256(convert_to(verifier, 'UTF8')), _set_credential.issued_at, _set_credential.expires_at)
  on conflict on constraint _credentials_pk do update
    set verifier_hash = excluded.verifier_hash, issued_at = excluded.issued_at, expires_at = excluded.expires_at;
  perform synced_tables_internal._audit_act(_set_credential.role_name, 'generate_database_credential', _set_credential.role_name,
    jsonb_build_object('expires_at', _set_credential.expires_at));
end $$;
comment on function synced_tables_internal._set_credential(name, text, timestamptz, timestamptz) is
  'Makes a credential the password of its role, given its SCRAM verifier, so that the credential itself appears in no statement. Only for roles that the API may act for and that have no other password.';
