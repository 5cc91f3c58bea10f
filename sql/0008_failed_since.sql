-- Since when a table has failed: the pauses between attempts to go on grow with it.

alter table synced_tables._tables add column failed_since timestamptz;
comment on column synced_tables._tables.failed_since is 'When the first of the failures came since which no update has succeeded; null while it is not failed.';

alter table synced_tables._streaming_tables add column failed_since timestamptz;
comment on column synced_tables._streaming_tables.failed_since is 'When the first of the failures came since which no update has succeeded; null while it is not failed.';
