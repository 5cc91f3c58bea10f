-- What lists of tables show beside their state: whose transactions an update waits for.

-- for: sidecar
create table synced_tables._lock_waits (
  table_id uuid constraint _lock_waits_pk primary key constraint _lock_waits_table_fk references synced_tables._tables on delete cascade,
  sessions jsonb not null,
  began_at timestamptz not null default clock_timestamp(),
  told_at timestamptz not null default clock_timestamp()
);
comment on table synced_tables._lock_waits is 'Whose transactions the switch of a table waits for. Told again every ten seconds: an older row is of a wait that is over.';
comment on column synced_tables._lock_waits.sessions is 'The sessions in the way: [{"process", "role", "application", "since"}], without what they run.';
