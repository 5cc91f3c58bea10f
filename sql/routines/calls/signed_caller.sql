-- Functions that return rows cannot be served through a view. Instead they receive a signature that only a view produces,
-- for the role that reads it, in this session and transaction.

-- for: everybody
create or replace function synced_tables_internal._call_signature(role_name name, call_secret bytea) returns bytea
language sql stable set search_path = pg_catalog, pg_temp as $$
  select sha256(call_secret || sha256(convert_to(format('%s %s %s', pg_backend_pid(), extract(epoch from transaction_timestamp()), role_name), 'UTF8') || call_secret))
$$;
comment on function synced_tables_internal._call_signature(name, bytea) is
  'Proves, in this session and transaction, that a role made the call.';

-- for: everybody
create or replace view synced_tables._signed_caller as
  select synced_tables_internal._call_signature(current_user, s.call_secret) as signature from synced_tables._service s;
comment on view synced_tables._signed_caller is
  'The signature of the role that reads it, for functions that return rows; see table_changes.';
