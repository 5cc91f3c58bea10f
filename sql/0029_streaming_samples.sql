-- Since when streaming tables are behind their sources; and samples of that, and of their rows, over time.

alter table synced_tables._streaming_tables add column behind_since timestamptz;
comment on column synced_tables._streaming_tables.behind_since is
  'When the first change of its sources was seen that the table does not reflect yet; null if none is known of.';

-- Of tables of both kinds: a trigger deletes them with their table.
alter table synced_tables._samples drop constraint _samples_table_fk;
comment on table synced_tables._samples is
  'Lag and rows of synced and streaming tables over time: see _take_samples. After two days one of each hour is left.';
