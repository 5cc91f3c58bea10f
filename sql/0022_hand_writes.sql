-- Who wrote to a synced table by hand since its last refresh: see routines/tables/hand_writes.sql.

-- for: sidecar
create table synced_tables._hand_writes (
  write_id bigint generated always as identity constraint _hand_writes_pk primary key,
  table_id uuid not null,
  written_at timestamptz not null default clock_timestamp(),
  written_by name not null,
  command text not null
);
create index _hand_writes_table_index on synced_tables._hand_writes (table_id);
comment on table synced_tables._hand_writes is
  'Synced tables that somebody else than a sidecar wrote to since their last copy. Mostly empty; never holds anything of rows. No foreign key: writers must not wait for the registry.';
comment on column synced_tables._hand_writes.written_by is 'The role that the writing session acted as.';
comment on column synced_tables._hand_writes.command is 'What it did: INSERT, UPDATE, DELETE, TRUNCATE, or that a write gate was switched off, after which nobody knows.';

-- Statements by hand look their table up.
create index _tables_relation_index on synced_tables._tables (relation) where relation is not null;
