-- When tokens were used.

alter table synced_tables._tokens add column last_used_at timestamptz;
comment on column synced_tables._tokens.last_used_at is
  'When a request last carried it, to the hour: written at most once an hour.';
