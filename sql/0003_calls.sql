-- What is installed, and what calls of people leave behind while they are served.

-- for: operators
create table synced_tables._schema (
  is_only boolean constraint _schema_pk primary key default true constraint _schema_is_only_check check (is_only),
  release text not null default '',
  layer_hash text not null default '',
  newest_breaking integer not null default 0
);
comment on table synced_tables._schema is 'Which release installed what is here. One row.';
comment on column synced_tables._schema.release is 'The release of synced-tables whose functions, views and triggers these are.';
comment on column synced_tables._schema.layer_hash is 'Tells whether they have to be applied again: a hash over the files they stand in.';
comment on column synced_tables._schema.newest_breaking is
  'Number of the newest file of sql/ that older sidecars cannot work with; such a file sets it itself.';
-- Readers see it; nobody but its owner writes it, not even holders of pg_write_all_data.
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
  'Every object of the SQL side: the file of sql/ it stands in, and who may use it. Rights are granted from here, and what leaves the files is dropped.';
comment on column synced_tables._definitions.hash is 'Of its text: views and triggers are replaced only when it differs, since that takes a lock.';
alter table synced_tables._definitions enable row level security;

-- for: owner
create table synced_tables._calls_under_way (
  asked_by name not null,
  transaction xid8 not null default pg_catalog.pg_current_xact_id()
);
comment on table synced_tables._calls_under_way is 'For whom a call is being served; rows live only inside one call of one transaction.';
alter table synced_tables._calls_under_way enable row level security;

-- for: owner
create table synced_tables._served_routines (
  routine text constraint _served_routines_pk primary key,
  statement text not null
);
comment on table synced_tables._served_routines is 'The statement that serves a call of each routine; its arguments come as an array of text.';
alter table synced_tables._served_routines enable row level security;

-- for: sidecar
create table synced_tables._locks (name text constraint _locks_pk primary key);
comment on table synced_tables._locks is
  'Rows that are locked in place of what they name, to the end of a transaction. Advisory locks would do, but everybody may hold those.';
