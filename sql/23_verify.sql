-- Asking for a proof that a synced table equals its source, and reading what came of it.

create table synced_tables._verifications (
  verification_id uuid constraint _verifications_pk primary key default gen_random_uuid(),
  table_id uuid not null,
  synced_table text not null,
  source_table_full_name text not null,
  state text not null default 'QUEUED' constraint _verifications_state_check
    check (state in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED')),
  requested_by name,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  attempt integer not null default 0,
  claimed_by uuid,
  claim_expires_at timestamptz,
  synced_version bigint,
  source_rows bigint,
  target_rows bigint,
  missing_rows bigint,
  extra_rows bigint,
  different_rows bigint,
  differences jsonb,
  error_code text,
  message text,
  remedy text,
  sql_state text constraint _verifications_sql_state_check check (sql_state ~ '^[0-9A-Z]{5}$' and sql_state !~ '^0[012]')
);
create index _verifications_queue_index on synced_tables._verifications (created_at) where state in ('QUEUED', 'RUNNING');
create index _verifications_table_index on synced_tables._verifications (table_id, created_at desc);
comment on table synced_tables._verifications is
  'Comparisons of synced tables with their sources, past, running and waiting. Not part of a pipeline: syncs go on meanwhile. No foreign key to _tables: history outlives the table.';
comment on column synced_tables._verifications.claimed_by is 'The sidecar that compares; its claim runs out like a lease.';
comment on column synced_tables._verifications.differences is
  'Up to 20 keys that differ, with values of rows: shown to roles alone that may read the table. Kept for the newest verification of a table, and only as long as the table is registered.';

create trigger _verifications_notify after insert on synced_tables._verifications
  for each row execute function synced_tables._notify_request();

create function synced_tables._forget_verifications() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update synced_tables._verifications v
     set state = 'CANCELED', finished_at = clock_timestamp(), error_code = 'SYNCED_TABLE_DELETED', sql_state = '57014',
         message = format('Synced table %s was deleted before it was compared with its source.', v.synced_table),
         remedy = 'Nothing is left to compare.'
   where v.table_id = old.table_id and v.state in ('QUEUED', 'RUNNING');
  update synced_tables._verifications v set differences = null
   where v.table_id = old.table_id and v.differences is not null;
  return null;
end $$;
comment on function synced_tables._forget_verifications() is 'Ends what compares a table that is deleted, and throws away the values that earlier comparisons kept.';
revoke execute on function synced_tables._forget_verifications() from public;

create trigger _tables_forget_verifications after delete on synced_tables._tables
  for each row execute function synced_tables._forget_verifications();

create function synced_tables.verify(synced_table text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
  request uuid;
begin
  if wanted.table_id is null then
    perform synced_tables._raise_unknown_table(synced_table);
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'verify');
  if wanted.relation is null then
    perform synced_tables._raise('SYNCED_TABLE_NOT_LOADED', '55000',
      format('Synced table %s has not been loaded yet: there is nothing to compare.', wanted.synced_table),
      'Wait for its first update, see synced_tables.status.');
  end if;
  insert into synced_tables._verifications (table_id, synced_table, source_table_full_name, requested_by)
  values (wanted.table_id, wanted.synced_table, wanted.source_table_full_name, synced_tables._acting_role())
  returning verification_id into request;
  return request;
end $$;
comment on function synced_tables.verify(text) is
  'Asks for a comparison of a synced table with its source at the version that it reflects, cell by cell. Returns an id; CALL synced_tables.wait_for_verification(id) waits for it, synced_tables.verifications shows what came of it. For its creator, its managers and databricks_superuser.';

create function synced_tables._verification_outcome(verification_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select v.state, v.error_code, v.message, v.remedy, v.sql_state
    from synced_tables._verifications v left join synced_tables._tables t using (table_id)
   where v.verification_id = _verification_outcome.verification_id
     and (synced_tables._may_control(v.requested_by) or synced_tables._may_see(t.created_by, t.relation))
$$;
comment on function synced_tables._verification_outcome(uuid) is 'How a verification stands; no row when it is unknown or none of the caller''s business.';

create procedure synced_tables.wait_for_verification(verification_id uuid, timeout interval default null)
language plpgsql as $$
-- As wait_for_update: no SET clause and no SECURITY DEFINER, since it must commit while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 20;
  outcome record;
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_verification cannot run inside a transaction: the sidecar does not see what it has not committed.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into outcome from synced_tables._verification_outcome(wait_for_verification.verification_id);
    if not found then
      raise exception using errcode = '42704', detail = 'error code: VERIFICATION_NOT_FOUND',
        message = pg_catalog.format('Verification %s does not exist.', coalesce(verification_id::text, 'null')),
        hint = 'Pass the id that synced_tables.verify returned; see synced_tables.verifications.';
    end if;
    exit when outcome.state = 'COMPLETED' and outcome.error_code is null;
    if outcome.state in ('COMPLETED', 'FAILED', 'CANCELED') then
      raise exception using errcode = coalesce(outcome.sql_state, 'P0001'),
        message = coalesce(outcome.message, pg_catalog.format('Verification %s failed.', verification_id)),
        detail = 'error code: ' || coalesce(outcome.error_code, 'VERIFICATION_FAILED'),
        hint = coalesce(outcome.remedy, 'See synced_tables.verifications.');
    end if;
    if clock_timestamp() >= deadline then
      raise exception using errcode = '57014', detail = 'error code: VERIFICATION_WAIT_TIMEOUT',
        message = pg_catalog.format('Verification %s is still %s after %s.', verification_id, outcome.state, timeout),
        hint = 'It goes on without you; call wait_for_verification again. A QUEUED one may wait for a sidecar: see synced-tables doctor.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, greatest(0, extract(epoch from deadline - clock_timestamp()))));
    pause_ms := least(pause_ms * 1.5, 500);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_verification(uuid, interval) is
  'Returns when a verification found the table equal to its source; raises TABLES_DIFFER when it is not, and the error when they could not be compared. CALL synced_tables.wait_for_verification(synced_tables.verify(''gold.t'')) works too.';
-- _verification_outcome stays open to PUBLIC, for who calls wait_for_verification calls it.

create view synced_tables.verifications with (security_barrier = true) as
  select v.verification_id,
         v.synced_table,
         v.source_table_full_name,
         v.state,
         case when v.state = 'COMPLETED' then v.error_code is null end as is_equal,
         v.synced_version,
         v.source_rows,
         v.target_rows,
         v.missing_rows,
         v.extra_rows,
         v.different_rows,
         case when pg_catalog.has_table_privilege(
                     pg_catalog.to_regrole(pg_catalog.quote_ident(synced_tables._acting_role())), t.relation, 'select')
              then v.differences end as differences,
         v.error_code,
         v.message,
         v.remedy,
         v.requested_by,
         v.created_at,
         v.started_at,
         v.finished_at
    from synced_tables._verifications v
    left join synced_tables._tables t using (table_id)
   where synced_tables._may_control(v.requested_by) or synced_tables._may_see(t.created_by, t.relation);
comment on view synced_tables.verifications is 'Comparisons of synced tables with their sources.';
comment on column synced_tables.verifications.is_equal is 'Whether every row and cell was the same; null when they were not compared.';
comment on column synced_tables.verifications.synced_version is 'The source version that the table reflected, and at which the source was read.';
comment on column synced_tables.verifications.missing_rows is 'Rows of the source that the table lacks.';
comment on column synced_tables.verifications.extra_rows is 'Rows of the table that the source lacks.';
comment on column synced_tables.verifications.different_rows is 'Keys that both have, with other values.';
comment on column synced_tables.verifications.differences is
  'Up to 20 keys that differ, with the values of source and table as texts: shown to who may read the table, and kept for its newest verification.';

do $$
begin
  perform synced_tables._publish_routine('verify', 'managers');
  perform synced_tables._publish_routine('wait_for_verification', 'managers');
  perform synced_tables._publish_relation('_verifications', 'sidecar');
  perform synced_tables._publish_relation('verifications', 'managers');
end $$;
