-- What is kept so that a name can be used again: the three-part names of deleted synced tables whose tables stayed, and
-- which schemas were made for a synced table.

-- for: sidecar
create table synced_tables._former_names (
  schema_name text not null,
  table_name text not null,
  catalog_name text not null,
  constraint _former_names_pk primary key (schema_name, table_name)
);
comment on table synced_tables._former_names is
  'The standard catalog in which a former synced table had its name, so that it is found there until it is dropped or synced again.';

alter table synced_tables._tables add column made_schema boolean not null default false;
comment on column synced_tables._tables.made_schema is
  'Whether its schema was made for it: a create that is rejected takes an empty schema back.';
