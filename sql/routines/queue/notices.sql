-- Notices: what operators are told without asking. They are made where a table's state changes, whichever sidecar or command
-- changes it; told to listeners at once, and by sidecars to the webhook of their settings.

-- for: owner
create or replace function synced_tables_internal._tell(kind text, synced_table text, table_id uuid, pipeline_id uuid, error_code text, message text,
                                             lag_seconds double precision default null) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into synced_tables._notices (kind, synced_table, table_id, pipeline_id, error_code, message, lag_seconds)
  values (_tell.kind, _tell.synced_table, _tell.table_id, _tell.pipeline_id, _tell.error_code, _tell.message, _tell.lag_seconds)
$$;
comment on function synced_tables_internal._tell(text, text, uuid, uuid, text, text, double precision) is 'Makes a notice.';

-- for: owner
create or replace function synced_tables_internal._announce_notice() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Everybody may listen: no messages.
  perform pg_notify('synced_table_notices', jsonb_build_object('notice', new.notice_id, 'kind', new.kind, 'table', new.synced_table,
                                                               'error_code', new.error_code)::text);
  return null;
end $$;
comment on function synced_tables_internal._announce_notice() is 'Tells listeners of synced_table_notices that there is a notice.';

-- for: owner
create or replace trigger _notices_announce after insert on synced_tables._notices
  for each row execute function synced_tables_internal._announce_notice();

-- for: owner
create or replace function synced_tables_internal._is_failed_state(state text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select state in ('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE')
$$;
comment on function synced_tables_internal._is_failed_state(text) is 'Whether a table in that state needs somebody.';

-- for: owner
create or replace function synced_tables_internal._tell_failure() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  -- Whoever stops a first load knows.
  is_failing constant boolean := synced_tables_internal._is_failed_state(new.state) and new.last_error_code is not null;
begin
  -- The new row has no name yet: it is generated.
  if is_failing and not old.told_failure then
    new.told_failure := true;
    perform synced_tables_internal._tell('failed', old.synced_table, new.table_id, new.pipeline_id, new.last_error_code,
      coalesce(new.message, format('%s has failed.', old.synced_table)));
  elsif old.told_failure and not synced_tables_internal._is_failed_state(new.state) and new.last_error_code is null and not new.is_failed
        and (new.last_sync_at is distinct from old.last_sync_at or new.state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE') then
    new.told_failure := false;
    perform synced_tables_internal._tell('recovered', old.synced_table, new.table_id, new.pipeline_id, null,
      format('%s has recovered. %s', old.synced_table, new.message));
  end if;
  return new;
end $$;
comment on function synced_tables_internal._tell_failure() is
  'Makes a notice when a table fails for good, and one when it has recovered: none of attempts in between.';

-- for: owner
create or replace trigger _tables_tell_failure before update of state, last_error_code, last_sync_at on synced_tables._tables
  for each row when (new.told_failure or new.state in ('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE'))
  execute function synced_tables_internal._tell_failure();

-- for: owner
create or replace trigger _streaming_tables_tell_failure before update of state, last_error_code, last_sync_at on synced_tables._streaming_tables
  for each row when (new.told_failure or new.state in ('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED'))
  execute function synced_tables_internal._tell_failure();

-- for: owner
create or replace function synced_tables_internal._tell_difference() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._tell('differs', new.synced_table, new.table_id, (select t.pipeline_id from synced_tables._tables t where t.table_id = new.table_id),
    new.error_code, new.message);
  return null;
end $$;
comment on function synced_tables_internal._tell_difference() is 'Makes a notice when a comparison finds that a table differs from its source.';

-- for: owner
create or replace trigger _verifications_tell_difference after update of state on synced_tables._verifications
  for each row when (new.error_code = 'TABLES_DIFFER' and old.error_code is distinct from new.error_code)
  execute function synced_tables_internal._tell_difference();

-- A table that lags is told once, and again only after it has caught up to half of that: one that wavers would be told all
-- day. Paused and stopped pipelines lag on purpose.
-- for: sidecar
create or replace function synced_tables_internal._tell_lag(seconds_max double precision) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  turned record;
  told integer := 0;
begin
  for turned in
    select t.table_id, t.synced_table, t.pipeline_id, t.told_lag, n.lag_seconds, t.source_version - t.synced_version as lag_versions
      from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
     cross join lateral (select synced_tables_internal._lag_seconds(t) as lag_seconds) n
     where case when t.told_lag then n.lag_seconds <= seconds_max / 2
                else n.lag_seconds > seconds_max and p.paused_at is null and not p.is_stopped end
     order by t.table_id
       for no key update of t skip locked
  loop
    update synced_tables._tables t set told_lag = not turned.told_lag where t.table_id = turned.table_id;
    perform synced_tables_internal._tell(case when turned.told_lag then 'caught_up' else 'lagging' end, turned.synced_table, turned.table_id,
      turned.pipeline_id, null,
      case when turned.told_lag then format('%s has caught up with its source.', turned.synced_table)
           else format('%s is %s s, %s versions, behind its source.', turned.synced_table, floor(turned.lag_seconds), turned.lag_versions) end,
      turned.lag_seconds);
    told := told + 1;
  end loop;
  return told;
end $$;
comment on function synced_tables_internal._tell_lag(double precision) is
  'Makes notices of tables that have begun to lag by more than so many seconds, and of those that have caught up. Returns how many.';

-- for: sidecar
create or replace function synced_tables_internal._claim_notice(kinds text[], claim_seconds double precision, days_max double precision)
returns setof synced_tables._notices
language sql set search_path = pg_catalog, pg_temp as $$
  -- In their order: a notice that nobody takes holds up the others, which would fail too.
  update synced_tables._notices n
     set attempts = n.attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => claim_seconds)
   where n.notice_id = (select w.notice_id from synced_tables._notices w
                         where w.ended_at is null and w.kind = any (kinds) and w.occurred_at > clock_timestamp() - make_interval(secs => days_max * 86400)
                         order by w.notice_id limit 1)
     and n.ended_at is null and coalesce(n.next_attempt_at, '-infinity') <= clock_timestamp() and coalesce(n.claimed_until, '-infinity') <= clock_timestamp()
  returning n.*
$$;
comment on function synced_tables_internal._claim_notice(text[], double precision, double precision) is
  'The oldest notice of those kinds that waits for the webhook, for one sidecar and for so many seconds; no row if none is due.';

-- for: sidecar
create or replace function synced_tables_internal._settle_notice(notice_id bigint, retry_seconds double precision) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  update synced_tables._notices n
     set claimed_until = null, ended_at = case when retry_seconds is null then clock_timestamp() end,
         next_attempt_at = clock_timestamp() + make_interval(secs => retry_seconds)
   where n.notice_id = _settle_notice.notice_id
$$;
comment on function synced_tables_internal._settle_notice(bigint, double precision) is
  'A notice was delivered, or is to be tried again after so many seconds.';

-- for: managers
create or replace view synced_tables.notices with (security_barrier = true) as
  select * from (
    select n.notice_id, n.occurred_at, n.kind, n.synced_table, n.error_code, n.message, n.lag_seconds, n.attempts, n.ended_at as delivered_at
      from synced_tables._notices n
     where (select synced_tables_internal._may_control_all())
        or n.table_id in (select k.table_id from synced_tables._known_tables k where synced_tables_internal._may_see(k.created_by, k.relation))
     order by n.notice_id desc
  ) told offset 0;
comment on view synced_tables.notices is
  'Failures, recoveries, lag and changes by hand, newest first: what the channel synced_table_notices and the webhook tell.';
comment on column synced_tables.notices.kind is 'failed, recovered, lagging, caught_up, changed_by_hand or differs.';
comment on column synced_tables.notices.delivered_at is 'When the webhook took it; null while it waits, after a day without success, or without a webhook.';
