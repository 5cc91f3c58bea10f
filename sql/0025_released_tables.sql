-- Synced tables that are deleted without their rows are given to people. What is kept here lets them be taken over.

alter table synced_tables._former_names alter column catalog_name drop not null;
comment on table synced_tables._former_names is
  'Former synced tables, and the standard catalog in which each had its name, so that it is found there until it is dropped or synced again.';
comment on column synced_tables._former_names.catalog_name is 'Null for one that had no name in a standard catalog.';

-- for: owner
create table synced_tables._released_tables (
  relation regclass constraint _released_tables_pk primary key,
  created_by name,
  shape text not null,
  managers jsonb not null
);
comment on table synced_tables._released_tables is
  'Former synced tables that belong to people. Not open to the sidecar: functions with the rights of the owner act on it.';
comment on column synced_tables._released_tables.shape is 'What it was like when it was given away: one that was altered since is not taken over.';
comment on column synced_tables._released_tables.managers is 'Who managed it, to be its managers again when it is synced again.';
alter table synced_tables._released_tables enable row level security;

-- Those of before: the next maintenance gives them away.
insert into synced_tables._former_names (schema_name, table_name)
select n.nspname, c.relname
  from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
 where not exists (select from synced_tables._tables t where t.relation = s.synced_table)
on conflict on constraint _former_names_pk do nothing;
