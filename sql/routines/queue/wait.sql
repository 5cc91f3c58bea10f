-- Waiting for the end of an update or a verification, or for a version: one loop, and what each of the three waits for.
-- The loop returns what is to be said and the procedures raise it, so that the error has one line of context. No SET clause
-- and no SECURITY DEFINER on procedures: both forbid COMMIT.

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

-- for: everybody
create or replace function synced_tables_internal._await_update(
  update_id uuid, waited interval,
  out is_over boolean, out sql_state text, out error_code text, out message text, out remedy text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  outcome record;
begin
  select * into outcome from synced_tables_internal._update_outcome(_await_update.update_id);
  is_over := not found or outcome.state in ('COMPLETED', 'FAILED', 'CANCELED') or waited is not null;
  if not found then
    sql_state := '42704';
    error_code := 'UPDATE_NOT_FOUND';
    message := format('Update %s does not exist.', coalesce(_await_update.update_id::text, 'null'));
    remedy := 'Pass the id that create_synced_table or sync_now returned; see synced_tables.updates.';
  elsif outcome.state = 'FAILED' then
    sql_state := coalesce(outcome.sql_state, 'P0001');
    error_code := coalesce(outcome.error_code, 'UPDATE_FAILED');
    message := coalesce(outcome.message, format('Update %s failed.', _await_update.update_id));
    remedy := coalesce(outcome.remedy, 'See synced_tables.updates and synced_tables.events.');
    if exists (select from synced_tables.updates u where u.update_id = _await_update.update_id and u.failing_keys is not null) then
      remedy := format('%s The keys: SELECT failing_column, failing_keys FROM synced_tables.updates WHERE update_id = %L;',
                       remedy, _await_update.update_id);
    end if;
  elsif outcome.state = 'CANCELED' then
    sql_state := '57014';
    error_code := coalesce(outcome.error_code, 'UPDATE_CANCELED');
    message := coalesce(outcome.message, format('Update %s was canceled.', _await_update.update_id));
    remedy := coalesce(outcome.remedy, 'Ask for another with synced_tables.sync_now.');
  elsif outcome.state <> 'COMPLETED' and waited is not null then
    sql_state := '57014';
    error_code := 'UPDATE_WAIT_TIMEOUT';
    message := format('Update %s is still %s after %s.', _await_update.update_id, outcome.state, waited);
    remedy := 'It carries on in the background; call wait_for_update again. If it stays QUEUED, a sidecar may be missing: see synced-tables doctor.';
  end if;
end $$;
comment on function synced_tables_internal._await_update(uuid, interval) is
  'Whether there is nothing more to wait for, and the error to raise if so. waited: null, or how long in vain once that is enough.';

-- for: everybody
create or replace function synced_tables_internal._await_verification(
  verification_id uuid, waited interval,
  out is_over boolean, out sql_state text, out error_code text, out message text, out remedy text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  outcome record;
begin
  select * into outcome from synced_tables_internal._verification_outcome(_await_verification.verification_id);
  is_over := not found or outcome.state in ('COMPLETED', 'FAILED', 'CANCELED') or waited is not null;
  if not found then
    sql_state := '42704';
    error_code := 'VERIFICATION_NOT_FOUND';
    message := format('Verification %s does not exist.', coalesce(_await_verification.verification_id::text, 'null'));
    remedy := 'Pass the id that synced_tables.verify returned; see synced_tables.verifications.';
  elsif outcome.state in ('FAILED', 'CANCELED') or outcome.state = 'COMPLETED' and outcome.error_code is not null then
    sql_state := coalesce(outcome.sql_state, 'P0001');
    error_code := coalesce(outcome.error_code, 'VERIFICATION_FAILED');
    message := coalesce(outcome.message, format('Verification %s failed.', _await_verification.verification_id));
    remedy := coalesce(outcome.remedy, 'See synced_tables.verifications.');
    if exists (select from synced_tables.verifications v
                where v.verification_id = _await_verification.verification_id and v.failing_keys is not null) then
      remedy := format('%s The keys: SELECT failing_column, failing_keys FROM synced_tables.verifications WHERE verification_id = %L;',
                       remedy, _await_verification.verification_id);
    end if;
  elsif outcome.state <> 'COMPLETED' and waited is not null then
    sql_state := '57014';
    error_code := 'VERIFICATION_WAIT_TIMEOUT';
    message := format('Verification %s is still %s after %s.', _await_verification.verification_id, outcome.state, waited);
    remedy := 'It carries on in the background; call wait_for_verification again. If it stays QUEUED, a sidecar may be missing: see synced-tables doctor.';
  end if;
end $$;
comment on function synced_tables_internal._await_verification(uuid, interval) is 'As _await_update, for a verification.';

-- for: everybody
create or replace function synced_tables_internal._await_version(
  synced_table text, version bigint, waited interval,
  out is_over boolean, out sql_state text, out error_code text, out message text, out remedy text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  place record;
  is_reached boolean;
  has_stopped boolean;
begin
  select * into place from synced_tables_internal._synced_version(_await_version.synced_table);
  if not found then
    is_over := true;
    sql_state := '42P01';
    error_code := 'SYNCED_TABLE_NOT_FOUND';
    message := format('Synced table %s does not exist.', coalesce(_await_version.synced_table, 'null'));
    remedy := 'See synced_tables.status for those that do; quote parts with capitals.';
    return;
  end if;
  is_reached := coalesce(place.synced_version >= version, false);
  has_stopped := place.state in ('SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLED_OFFLINE');
  is_over := is_reached or has_stopped or waited is not null;
  if is_reached or not is_over then
    return;
  elsif has_stopped then
    sql_state := 'P0001';
    error_code := coalesce(place.error_code, 'UPDATE_FAILED');
    message := format('Synced table %s will not reach version %s by itself: %s', _await_version.synced_table, version, place.message);
    remedy := 'Fix the cause, then ask for an update with synced_tables.sync_now.';
  else
    sql_state := '57014';
    error_code := 'VERSION_WAIT_TIMEOUT';
    message := format('Synced table %s is at version %s after %s, not at %s.', _await_version.synced_table,
                      coalesce(place.synced_version::text, 'none'), waited, version);
    remedy := 'A table that is paused or not CONTINUOUS needs an update: synced_tables.sync_now.';
  end if;
end $$;
comment on function synced_tables_internal._await_version(text, bigint, interval) is 'As _await_update, for a version of a synced table.';

-- for: everybody
create or replace procedure synced_tables_internal._wait(
  what text, name text, version bigint, timeout interval,
  inout sql_state text, inout error_code text, inout message text, inout remedy text)
language plpgsql as $$
-- It must commit, first so that an update requested in the same CALL becomes visible, then so that no transaction stays
-- open while it waits.
declare
  begun constant timestamptz := clock_timestamp();
  pause double precision := 0.02;
  waited interval;
  is_over boolean;
begin
  -- COMMIT always fails in this inner block, but with a different message inside a transaction than outside.
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables_internal._commit_refusal() then
      sql_state := '2D000';
      error_code := 'WAIT_IN_TRANSACTION';
      message := pg_catalog.format('wait_for_%s cannot run inside a transaction: the sidecar does not see what the transaction has not committed.', what);
      remedy := 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
      return;
    end if;
  end;
  loop
    commit;
    waited := case when clock_timestamp() >= begun + timeout then timeout end;
    if what = 'update' then
      select * into is_over, sql_state, error_code, message, remedy from synced_tables_internal._await_update(name::uuid, waited);
    elsif what = 'verification' then
      select * into is_over, sql_state, error_code, message, remedy from synced_tables_internal._await_verification(name::uuid, waited);
    else
      select * into is_over, sql_state, error_code, message, remedy from synced_tables_internal._await_version(name, version, waited);
    end if;
    exit when is_over;
    commit;
    -- LEAST passes over null, where there is no timeout.
    perform pg_catalog.pg_sleep(least(pause, extract(epoch from begun + timeout - clock_timestamp())));
    -- A tenth of a second at first; who waits for minutes can wait for a second more, and the server has other work.
    pause := least(pause * 1.5, greatest(0.1, least(1, extract(epoch from clock_timestamp() - begun) / 100)));
  end loop;
end $$;
comment on procedure synced_tables_internal._wait(text, text, bigint, interval, text, text, text, text) is
  'Waits for an update, a verification or a version. Returns the error to raise, nulls if there is none.';

-- for: managers
create or replace procedure synced_tables.wait_for_update(update_id uuid, timeout interval default null)
language plpgsql as $$
declare
  sql_state text;
  error_code text;
  message text;
  remedy text;
begin
  call synced_tables_internal._wait('update', update_id::text, null, timeout, sql_state, error_code, message, remedy);
  if error_code is not null then
    raise exception using errcode = sql_state, message = message, detail = 'error code: ' || error_code, hint = remedy;
  end if;
end $$;
comment on procedure synced_tables.wait_for_update(uuid, interval) is
  'Returns when the update is done; raises its error if it failed or was canceled, or an error if it takes longer than timeout. CALL synced_tables.wait_for_update(synced_tables.sync_now(''gold.t'')) works too.';

-- for: managers
create or replace procedure synced_tables.wait_for_version(synced_table text, version bigint, timeout interval default null)
language plpgsql as $$
declare
  sql_state text;
  error_code text;
  message text;
  remedy text;
begin
  call synced_tables_internal._wait('version', synced_table, version, timeout, sql_state, error_code, message, remedy);
  if error_code is not null then
    raise exception using errcode = sql_state, message = message, detail = 'error code: ' || error_code, hint = remedy;
  end if;
end $$;
comment on procedure synced_tables.wait_for_version(text, bigint, interval) is
  'Returns when a synced table reflects at least that version of its source: read what you wrote to the lakehouse.';

-- for: managers
create or replace procedure synced_tables.wait_for_verification(verification_id uuid, timeout interval default null)
language plpgsql as $$
declare
  sql_state text;
  error_code text;
  message text;
  remedy text;
begin
  call synced_tables_internal._wait('verification', verification_id::text, null, timeout, sql_state, error_code, message, remedy);
  if error_code is not null then
    raise exception using errcode = sql_state, message = message, detail = 'error code: ' || error_code, hint = remedy;
  end if;
end $$;
comment on procedure synced_tables.wait_for_verification(uuid, interval) is
  'Returns when a verification found the table equal to its source; raises TABLES_DIFFER if it is not, or the error if they could not be compared or it was canceled. CALL synced_tables.wait_for_verification(synced_tables.verify(''gold.t'')) works too.';
