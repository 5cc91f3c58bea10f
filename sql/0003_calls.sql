-- What is installed, and what calls record while they are served.

-- for: operators
create table synced_tables._schema (
  is_only boolean constraint _schema_pk primary key default true constraint _schema_is_only_check check (is_only),
  release text not null default '',
  layer_hash text not null default '',
  newest_breaking integer not null default 0
);
comment on table synced_tables._schema is 'Which release installed which objects. One row.';
comment on column synced_tables._schema.release is
  'The release of synced-tables that these functions, views and triggers come from.';
comment on column synced_tables._schema.layer_hash is 'Hash over the files that define them; when it differs they are applied again.';
comment on column synced_tables._schema.newest_breaking is
  'Number of the newest file of sql/ that older sidecars cannot work with; the file sets it.';
-- Everybody may read it; only its owner may write it, not even holders of pg_write_all_data.
alter table synced_tables._schema enable row level security;
create policy _schema_read on synced_tables._schema for select using (true);
insert into synced_tables._schema default values;

-- for: owner
create table synced_tables._definitions (
  kind text not null,
  identity text not null,
  file text not null,
  audience text not null constraint _definitions_audience_check check (audience in ('owner', 'sidecar', 'operators', 'managers', 'everybody')),
  hash text not null,
  constraint _definitions_pk primary key (kind, identity)
);
comment on table synced_tables._definitions is
  'Every object of the SQL side: the file of sql/ that defines it and who may use it. Rights are granted from here, and objects that leave the files are dropped.';
comment on column synced_tables._definitions.hash is
  'Hash of its text: views and triggers are replaced only when it differs, because replacing takes a lock.';
alter table synced_tables._definitions enable row level security;

-- for: owner
create table synced_tables._calls_under_way (
  asked_by name not null,
  transaction xid8 not null default pg_catalog.pg_current_xact_id()
);
comment on table synced_tables._calls_under_way is
  'The role for which a call is being served; rows exist only during one call of one transaction.';
alter table synced_tables._calls_under_way enable row level security;

-- for: owner
create table synced_tables._served_routines (
  routine text constraint _served_routines_pk primary key,
  statement text not null
);
comment on table synced_tables._served_routines is 'The statement that serves a call of each routine; its arguments come as a text array.';
alter table synced_tables._served_routines enable row level security;

-- for: sidecar
create table synced_tables._locks (name text constraint _locks_pk primary key);
comment on table synced_tables._locks is
  'Rows that are locked in place of what they name, until the transaction ends. Not advisory locks, because anybody can take those.';
