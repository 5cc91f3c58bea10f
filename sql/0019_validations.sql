-- Updates that only check the flows of a pipeline. A mode of their own, so that sidecars of older releases leave them alone.

alter table synced_tables._updates drop constraint _updates_mode_check;
alter table synced_tables._updates add constraint _updates_mode_check check (mode in ('DEFAULT', 'CONTINUOUS', 'VALIDATE'));
comment on column synced_tables._updates.mode is
  'DEFAULT: ends when the tables are up to date. CONTINUOUS: follows the source until another update is requested. VALIDATE: checks flows against their sources, and writes nothing.';
