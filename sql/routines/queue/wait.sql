-- Waiting for the end of an update or a verification, or for a version. No SET clause and no SECURITY DEFINER on
-- procedures: both forbid COMMIT.

-- for: everybody
create or replace function synced_tables_internal._commit_refusal() returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    return sqlerrm;
  end;
  return null;
end $$;
comment on function synced_tables_internal._commit_refusal() is 'What Postgres answers, in the server''s language, to COMMIT where it is not allowed, such as in a function.';

-- for: everybody
create or replace function synced_tables_internal._update_outcome(update_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  -- An update that follows its sources never ends: it counts as done once it runs.
  select case when u.mode = 'CONTINUOUS' and u.state = 'RUNNING' then 'COMPLETED' else u.state end,
         u.error_code, u.message, u.remedy, u.sql_state
    from synced_tables._updates u
   where u.update_id = _update_outcome.update_id
     and (synced_tables_internal._may_control(u.requested_by)
          or exists (select from synced_tables._known_tables t where t.pipeline_id = u.pipeline_id
                                                        and synced_tables_internal._may_see(t.created_by, t.relation))
          or exists (select from synced_tables._table_updates r join synced_tables._known_tables t using (table_id)
                      where r.update_id = u.update_id and synced_tables_internal._may_see(t.created_by, t.relation)))
$$;
comment on function synced_tables_internal._update_outcome(uuid) is 'The state of an update; no row if it is unknown or hidden from the caller.';

-- for: everybody
create or replace function synced_tables_internal._synced_version(synced_table text)
returns table (synced_version bigint, state text, message text, error_code text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.synced_version, t.state, t.message, t.last_error_code
    from synced_tables._tables t
   where array[t.schema_name, t.table_name] = synced_tables_internal._parse_name(_synced_version.synced_table)
     and synced_tables_internal._may_see(t.created_by, t.relation)
$$;
comment on function synced_tables_internal._synced_version(text) is 'The version of a synced table; no row if it is unknown or hidden from the caller.';

-- for: everybody
create or replace function synced_tables_internal._verification_outcome(verification_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select v.state, v.error_code, v.message, v.remedy, v.sql_state
    from synced_tables._verifications v left join synced_tables._tables t using (table_id)
   where v.verification_id = _verification_outcome.verification_id
     and (synced_tables_internal._may_control(v.requested_by) or synced_tables_internal._may_see(t.created_by, t.relation))
$$;
comment on function synced_tables_internal._verification_outcome(uuid) is 'The state of a verification; no row if it is unknown or hidden from the caller.';

-- for: managers
create or replace procedure synced_tables.wait_for_update(update_id uuid, timeout interval default null)
language plpgsql as $$
-- No SET clause and no SECURITY DEFINER: both forbid COMMIT. It must commit, first so that an update requested in the same
-- CALL becomes visible, then so that no transaction stays open while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 20;
  outcome record;
begin
  -- COMMIT always fails in this inner block, but with a different message inside a transaction than outside.
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables_internal._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_update cannot run inside a transaction: the sidecar does not see what the transaction has not committed.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into outcome from synced_tables_internal._update_outcome(wait_for_update.update_id);
    if not found then
      raise exception using errcode = '42704', detail = 'error code: UPDATE_NOT_FOUND',
        message = pg_catalog.format('Update %s does not exist.', coalesce(update_id::text, 'null')),
        hint = 'Pass the id that create_synced_table or sync_now returned; see synced_tables.updates.';
    end if;
    exit when outcome.state = 'COMPLETED';
    if outcome.state = 'FAILED' then
      raise exception using errcode = coalesce(outcome.sql_state, 'P0001'),
        message = coalesce(outcome.message, pg_catalog.format('Update %s failed.', update_id)),
        detail = 'error code: ' || coalesce(outcome.error_code, 'UPDATE_FAILED'),
        hint = coalesce(outcome.remedy, 'See synced_tables.updates and synced_tables.events.');
    elsif outcome.state = 'CANCELED' then
      raise exception using errcode = '57014', detail = 'error code: ' || coalesce(outcome.error_code, 'UPDATE_CANCELED'),
        message = coalesce(outcome.message, pg_catalog.format('Update %s was canceled.', update_id)),
        hint = coalesce(outcome.remedy, 'Ask for another with synced_tables.sync_now.');
    end if;
    if clock_timestamp() >= deadline then
      raise exception using errcode = '57014', detail = 'error code: UPDATE_WAIT_TIMEOUT',
        message = pg_catalog.format('Update %s is still %s after %s.', update_id, outcome.state, timeout),
        hint = 'It carries on in the background; call wait_for_update again. If it stays QUEUED, a sidecar may be missing: see synced-tables doctor.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, greatest(0, extract(epoch from deadline - clock_timestamp()))));
    pause_ms := least(pause_ms * 1.5, 100);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_update(uuid, interval) is
  'Returns when the update is done; raises its error if it failed or was canceled, or an error if it takes longer than timeout. CALL synced_tables.wait_for_update(synced_tables.sync_now(''gold.t'')) works too.';

-- for: managers
create or replace procedure synced_tables.wait_for_version(synced_table text, version bigint, timeout interval default null)
language plpgsql as $$
-- Like wait_for_update: no SET clause and no SECURITY DEFINER, because it must commit while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 10;
  place record;
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables_internal._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_version cannot run inside a transaction.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into place from synced_tables_internal._synced_version(wait_for_version.synced_table);
    if not found then
      raise exception using errcode = '42P01', detail = 'error code: SYNCED_TABLE_NOT_FOUND',
        message = pg_catalog.format('Synced table %s does not exist.', coalesce(synced_table, 'null')),
        hint = 'See synced_tables.status for those that do; quote parts with capitals.';
    end if;
    exit when place.synced_version >= version;
    if place.state in ('SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLED_OFFLINE') then
      raise exception using errcode = 'P0001', detail = 'error code: ' || coalesce(place.error_code, 'UPDATE_FAILED'),
        message = pg_catalog.format('Synced table %s will not reach version %s by itself: %s', synced_table, version, place.message),
        hint = 'Fix the cause, then ask for an update with synced_tables.sync_now.';
    end if;
    if clock_timestamp() >= deadline then
      raise exception using errcode = '57014', detail = 'error code: VERSION_WAIT_TIMEOUT',
        message = pg_catalog.format('Synced table %s is at version %s after %s, not at %s.', synced_table,
                                    coalesce(place.synced_version::text, 'none'), timeout, version),
        hint = 'A table that is not CONTINUOUS needs an update: synced_tables.sync_now.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, greatest(0, extract(epoch from deadline - clock_timestamp()))));
    pause_ms := least(pause_ms * 1.5, 100);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_version(text, bigint, interval) is
  'Returns when a synced table reflects at least that version of its source: read what you wrote to the lakehouse.';

-- for: managers
create or replace procedure synced_tables.wait_for_verification(verification_id uuid, timeout interval default null)
language plpgsql as $$
-- Like wait_for_update: no SET clause and no SECURITY DEFINER, because it must commit while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 20;
  outcome record;
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables_internal._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_verification cannot run inside a transaction: the sidecar does not see what the transaction has not committed.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into outcome from synced_tables_internal._verification_outcome(wait_for_verification.verification_id);
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
        hint = 'It carries on in the background; call wait_for_verification again. If it stays QUEUED, a sidecar may be missing: see synced-tables doctor.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, greatest(0, extract(epoch from deadline - clock_timestamp()))));
    pause_ms := least(pause_ms * 1.5, 100);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_verification(uuid, interval) is
  'Returns when a verification found the table equal to its source; raises TABLES_DIFFER if it is not, or the error if they could not be compared. CALL synced_tables.wait_for_verification(synced_tables.verify(''gold.t'')) works too.';
