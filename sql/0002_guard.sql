-- What the guard knows: which tables are synced, who manages them, and which objects belong to them. Row security without a
-- policy keeps out roles that rights alone would let in: holders of pg_read_all_data and pg_write_all_data. Policies and
-- rights are granted along with the roles they are for: see routines/guard/roles.sql.
--
-- Also part of the extension databricks_auth, so it uses nothing from schema synced_tables.

-- In a numbered file because columns and a policy depend on it.
-- for: everybody
create function databricks_auth.place() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.system_identifier || '/' || d.oid from pg_control_system() c, pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.place() is
  'Identifies this cluster and database. Rows that a dump carried elsewhere do not count until repair().';

-- for: owner
create table databricks_auth.synced_tables (
  synced_table regclass constraint synced_tables_pk primary key,
  owner_role name not null constraint synced_tables_owner_role_key unique,
  created_by name,
  registered_at timestamptz not null default now()
);
comment on table databricks_auth.synced_tables is
  'One row per relation that is a synced table, including tables whose syncing was stopped.';
comment on column databricks_auth.synced_tables.created_by is 'The role that requested the table and was granted SELECT.';
alter table databricks_auth.synced_tables enable row level security;

-- Roles are stored by name (a dump restores without them) and by OID (a new role that reuses a name gets nothing).
-- for: owner
create table databricks_auth.managers (
  synced_table regclass not null
    constraint managers_synced_table_fk references databricks_auth.synced_tables on delete cascade,
  manager name not null,
  manager_oid oid not null,
  granted_by name not null default current_user,
  granted_at timestamptz not null default now(),
  place text not null default databricks_auth.place(),
  constraint managers_pk primary key (synced_table, manager)
);
comment on table databricks_auth.managers is
  'Who may index and drop which synced table. A row counts only when name and OID belong to the same role.';
comment on column databricks_auth.managers.place is 'The place where manager_oid was valid; tells repair() whether to trust the OID or the name.';
alter table databricks_auth.managers enable row level security;

-- for: owner
create table databricks_auth.parts (
  part oid constraint parts_pk primary key,
  synced_table oid not null,
  kind text not null constraint parts_kind_check check (kind in ('index', 'partition', 'gate')),
  place text not null default databricks_auth.place()
);
create index parts_synced_table_index on databricks_auth.parts (synced_table);
comment on table databricks_auth.parts is 'Indexes, partition and write gates of synced tables. Rows of another place come from a restore in progress.';
alter table databricks_auth.parts enable row level security;

-- Everybody may read them (the guard runs as its caller to know the effective user); nobody may write them, not even
-- holders of pg_write_all_data. No key: sessions must not wait for each other here.
-- for: owner
create table databricks_auth.open_windows (
  synced_table oid not null,
  owner_role name not null,
  grantee name not null,
  role_setting text not null,
  part oid,
  file_node oid,
  paused boolean not null default false
);
comment on table databricks_auth.open_windows is 'Ownership currently lent; rows exist only during one command of one transaction.';
comment on column databricks_auth.open_windows.role_setting is 'SET ROLE when the window opened; a command may not change it.';
comment on column databricks_auth.open_windows.paused is 'Set while the guard itself runs DDL.';
alter table databricks_auth.open_windows enable row level security;
create policy open_windows_read on databricks_auth.open_windows for select using (true);

-- for: owner
create table databricks_auth.schema_rights_lock (
  is_only boolean constraint schema_rights_lock_pk primary key
);
comment on table databricks_auth.schema_rights_lock is 'Locked by anything that changes the rights of a schema. Always empty.';
alter table databricks_auth.schema_rights_lock enable row level security;
