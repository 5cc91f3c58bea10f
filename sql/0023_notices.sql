-- What operators are told without asking: see routines/queue/notices.sql. And who did what: see routines/calls/audit.sql.

-- for: sidecar
create table synced_tables._notices (
  notice_id bigint generated always as identity constraint _notices_pk primary key,
  occurred_at timestamptz not null default clock_timestamp(),
  kind text not null constraint _notices_kind_check
    check (kind in ('failed', 'recovered', 'lagging', 'caught_up', 'changed_by_hand', 'differs')),
  synced_table text not null,
  table_id uuid not null,
  pipeline_id uuid,
  error_code text,
  message text not null,
  lag_seconds double precision,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  claimed_until timestamptz,
  ended_at timestamptz
);
create index _notices_waiting_index on synced_tables._notices (notice_id) where ended_at is null;
create index _notices_time_index on synced_tables._notices (occurred_at);
comment on table synced_tables._notices is
  'What listeners of the channel synced_table_notices and the webhook are told: failures, recoveries, lag. Never holds row values.';
comment on column synced_tables._notices.attempts is 'How often the webhook was called with it.';
comment on column synced_tables._notices.next_attempt_at is 'Not before that, after an attempt that failed.';
comment on column synced_tables._notices.claimed_until is 'A sidecar is about to deliver it.';
comment on column synced_tables._notices.ended_at is 'When it was delivered, or given up; null while it waits, or if there is no webhook.';

alter table synced_tables._tables add column told_failure boolean not null default false, add column told_lag boolean not null default false;
alter table synced_tables._streaming_tables add column told_failure boolean not null default false;
comment on column synced_tables._tables.told_failure is 'Whether the newest notice about failures said that it has failed.';
comment on column synced_tables._tables.told_lag is 'Whether the newest notice about lag said that it lags.';
comment on column synced_tables._streaming_tables.told_failure is 'As in _tables.';
-- What has failed before is known already.
update synced_tables._tables t set told_failure = true
 where t.state in ('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE');
update synced_tables._streaming_tables s set told_failure = true
 where s.state in ('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED');

-- for: sidecar
create table synced_tables._audit (
  audit_id bigint generated always as identity constraint _audit_pk primary key,
  occurred_at timestamptz not null default clock_timestamp(),
  role_name name not null,
  login_role name not null default session_user,
  door text not null constraint _audit_door_check check (door in ('SQL', 'CLI', 'HTTP')),
  application text not null,
  client_address inet default inet_client_addr(),
  action text not null,
  object text,
  details jsonb not null default '{}'
);
create index _audit_time_index on synced_tables._audit (occurred_at);
create index _audit_object_index on synced_tables._audit (object, occurred_at);
comment on table synced_tables._audit is 'Who did what to synced tables, pipelines, managers and tokens. Never holds row values or secrets.';
comment on column synced_tables._audit.role_name is 'The role that did it: over HTTP, that of the token.';
comment on column synced_tables._audit.login_role is 'The role that had logged in: over HTTP, that of the sidecar.';
comment on column synced_tables._audit.application is 'What the client called itself (application_name).';
