-- Updates that change how a table is synced. A mode of their own, so that sidecars of older releases leave them alone.

alter table synced_tables._updates drop constraint _updates_mode_check;
alter table synced_tables._updates
  add constraint _updates_mode_check check (mode in ('DEFAULT', 'CONTINUOUS', 'VALIDATE', 'CHANGE')),
  add column changed_table_id uuid,
  add column change jsonb,
  add column state_before jsonb,
  add constraint _updates_change_check check ((mode = 'CHANGE') = (changed_table_id is not null) and (mode = 'CHANGE') = (change is not null));
comment on column synced_tables._updates.mode is
  'DEFAULT: ends when the tables are up to date. CONTINUOUS: follows the source until another update is requested. VALIDATE: checks flows against their sources, and writes nothing. CHANGE: changes how one table is synced, together with its rows where they have to be others.';
comment on column synced_tables._updates.changed_table_id is 'The synced table that an update of mode CHANGE changes.';
comment on column synced_tables._updates.change is
  'What an update of mode CHANGE changes, in the names of alter_synced_table: all of it in the transaction that makes the rows visible, or nothing.';
comment on column synced_tables._updates.state_before is
  'What the status of the table said before an update of mode CHANGE began: restored if the change is refused.';
