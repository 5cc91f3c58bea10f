-- What declarative tools hold in their state: schemas for the staging of pipelines, and what files a pipeline was declared from.

alter table synced_tables._pipeline_specs add column files_hash text;
comment on column synced_tables._pipeline_specs.files_hash is 'Tells whether the files of its libraries say something else by now; null without files.';

-- for: sidecar
create table synced_tables._staging_schemas (
  catalog_name text not null,
  schema_name text not null,
  schema_uid uuid not null default gen_random_uuid() constraint _staging_schemas_uid_key unique,
  settings jsonb not null,
  grants jsonb not null default '{}',
  created_by name not null,
  created_at timestamptz not null default now(),
  updated_by name not null,
  updated_at timestamptz not null default now(),
  constraint _staging_schemas_pk primary key (catalog_name, schema_name)
);
create unique index _staging_schemas_name_index on synced_tables._staging_schemas (lower(catalog_name), lower(schema_name));
comment on table synced_tables._staging_schemas is
  'Schemas that clients have made to stage pipelines in, as names: nothing is staged in them here.';
comment on column synced_tables._staging_schemas.settings is 'Comment and properties, as the client gave them.';
comment on column synced_tables._staging_schemas.grants is 'Privileges by principal, as the client gave them; of no effect, since there is nothing in a schema.';

-- for: sidecar
create table synced_tables._pipeline_principals (
  pipeline_id uuid not null constraint _pipeline_principals_pipeline_fk references synced_tables._pipelines on delete cascade,
  principal name not null,
  kind text not null constraint _pipeline_principals_kind_check check (kind in ('user_name', 'group_name', 'service_principal_name')),
  constraint _pipeline_principals_pk primary key (pipeline_id, principal)
);
comment on table synced_tables._pipeline_principals is
  'Who was named in the permissions of a pipeline, and as what, which clients compare with what they sent. Who may do what is decided by managers and memberships.';
