-- What the HTTP API stores, next to the data it describes, and how it acts with its callers' rights.
--
-- Every API call runs in a transaction with SET LOCAL ROLE to the caller's role, so Postgres itself checks what the caller
-- may do. The sidecar's login can assume exactly the roles granted to databricks_gateway, which inherits nothing: the
-- sidecar has a caller's rights only where it asks for them, and never a superuser's.
--
-- Instance-wide state (tokens, catalogs, databases, credentials) is read only in the home database of an instance: the one
-- in its connection string.

-- for: sidecar
create table synced_tables._service (
  is_only boolean constraint _service_pk primary key default true constraint _service_is_only_check check (is_only),
  instance_uid uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  -- 244 random bits without requiring an extension.
  credential_secret bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
  call_secret bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
  place text not null default databricks_auth.place()
);
comment on table synced_tables._service is 'The identity of an instance, and the secret its credentials are derived from. One row.';
comment on column synced_tables._service.place is 'The cluster and database in which repair() last found nothing missing.';
insert into synced_tables._service default values;

-- for: sidecar
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
  revoked_at timestamptz,
  place text not null default databricks_auth.place()
);
comment on table synced_tables._tokens is
  'Bearer tokens of the HTTP API: the SHA-256 of each, and the role it acts as. Rows are kept: an API that once required tokens does not become open again.';
comment on column synced_tables._tokens.role_oid is
  'A role that was dropped and recreated under the same name is a different role.';
comment on column synced_tables._tokens.made_grant is 'Whether the role was granted to databricks_gateway for this token; revoking the last such token takes it back.';
comment on column synced_tables._tokens.place is 'The place where role_oid was valid; tells repair() whether to trust the OID or the name.';

-- for: sidecar
create table synced_tables._catalogs (
  catalog_name text constraint _catalogs_pk primary key,
  database_name name not null,
  catalog_uid uuid not null default gen_random_uuid(),
  created_by name not null,
  created_at timestamptz not null default now()
);
comment on table synced_tables._catalogs is 'Database catalogs: names that each refer to one database of this instance.';

-- for: sidecar
create table synced_tables._registered_tables (
  table_full_name text constraint _registered_tables_pk primary key,
  database_name name not null,
  created_by name not null,
  created_at timestamptz not null default now()
);
comment on table synced_tables._registered_tables is 'Postgres tables of this instance that have a three-part name without being synced.';

-- for: sidecar
create table synced_tables._databases (
  database_name name constraint _databases_pk primary key,
  added_by name not null,
  added_at timestamptz not null default now()
);
comment on table synced_tables._databases is 'Databases of this instance that sidecars manage in addition to those in their settings.';

-- for: sidecar
create table synced_tables._credentials (
  role_name name constraint _credentials_pk primary key,
  verifier_hash bytea not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
comment on table synced_tables._credentials is
  'The newest credential of a role. Stores neither the credential nor its verifier, only a hash of the verifier to recognise it.';

-- for: sidecar
create table synced_tables._table_specs (
  table_id uuid constraint _table_specs_pk primary key
    constraint _table_specs_table_fk references synced_tables._tables on delete cascade,
  catalog_name text,
  spec jsonb not null
);
comment on table synced_tables._table_specs is 'What the HTTP API received for a synced table and must return.';
comment on column synced_tables._table_specs.catalog_name is 'The catalog of its three-part name; null when a database catalog gives it.';

-- for: sidecar
create table synced_tables._pipeline_specs (
  pipeline_id uuid constraint _pipeline_specs_pk primary key constraint _pipeline_specs_pipeline_fk references synced_tables._pipelines on delete cascade,
  spec jsonb not null,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table synced_tables._pipeline_specs is 'What the HTTP API received for a pipeline of flows and must return.';

-- for: sidecar
create table synced_tables._operations (
  operation_id uuid constraint _operations_pk primary key default gen_random_uuid(),
  resource_name text not null,
  action text not null constraint _operations_action_check check (action in ('CREATE', 'DELETE')),
  role_name name not null,
  created_at timestamptz not null default now()
);
create index _operations_age_index on synced_tables._operations (created_at);
comment on table synced_tables._operations is 'Operations of the last day: what each did, and for which role.';

-- for: sidecar
create table synced_tables._reserved_names (
  reservation_id uuid constraint _reserved_names_pk primary key default gen_random_uuid(),
  name text not null,
  place text not null,
  reserved_until timestamptz not null
);
create index _reserved_names_name_index on synced_tables._reserved_names (name);
comment on table synced_tables._reserved_names is 'Names that HTTP API requests are about to take, and where. A row outlives its request only if the sidecar dies.';
comment on column synced_tables._reserved_names.place is
  'Instance and database. Among requests for a name in the same place, that place itself lets only one through.';
