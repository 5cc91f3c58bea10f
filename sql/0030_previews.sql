-- Previews that read rows, for as long as their callers ask for them: any sidecar behind one address answers for them, not only
-- the one that reads. Only the rows of the home database of the first instance are used.

-- for: sidecar
create table synced_tables._previews (
  preview_id uuid constraint _previews_pk primary key,
  caller text not null,
  started_at timestamptz not null default clock_timestamp(),
  alive_until timestamptz not null,
  ended_at timestamptz,
  cancel_reason text,
  steps_done integer not null,
  steps_total integer,
  reply json not null,
  found json
);
alter table synced_tables._previews set unlogged;
create index _previews_caller_index on synced_tables._previews (caller, started_at);
comment on table synced_tables._previews is
  'Previews that read the rows of a source, running and of the last ten minutes. Unlogged: what they say of somebody''s rows is in no WAL, no copy made by replication and no backup of files.';
comment on column synced_tables._previews.caller is 'Who asked for it, and who alone is told of it: the kind of caller, and the name.';
comment on column synced_tables._previews.alive_until is 'If it has not ended by then, the sidecar that reads is gone; it says so again every second.';
comment on column synced_tables._previews.cancel_reason is 'Why it is to end: asked for by its caller, whichever sidecar was told; null if it is not.';
comment on column synced_tables._previews.reply is 'What its caller is told, but for the steps.';
comment on column synced_tables._previews.found is 'What the rows said, of which version, columns and key: for later previews of the same caller. Null until it is known.';
