-- Requesting proof that a synced table equals its source, reading the result, and doing without it.

-- A comparison reads two whole tables, so requests share it as long as it has not begun. One that runs may have read what
-- the caller has changed since.
-- for: owner
create or replace function synced_tables_internal._waiting_verification(wanted synced_tables._tables) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  waiting synced_tables._verifications;
begin
  -- A transaction that sees one moment throughout does not see whether a request still waits.
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    return null;
  end if;
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  select * into waiting from synced_tables._verifications v
   where v.table_id = wanted.table_id and v.state = 'QUEUED' order by v.created_at limit 1;
  -- Locked only if it must change, so that a caller who leaves a transaction open does not block the sidecar.
  if waiting.claim_expires_at is not null then
    update synced_tables._verifications v set claim_expires_at = null
     where v.verification_id = waiting.verification_id and v.state = 'QUEUED';
    if not found then
      return null;
    end if;
    perform pg_notify('synced_tables_requests', '');
  end if;
  return waiting.verification_id;
end $$;
comment on function synced_tables_internal._waiting_verification(synced_tables._tables) is
  'The comparison of a table that was asked for and has not begun, null if there is none; one that waits for its next attempt becomes due. Others who ask wait until the transaction ends.';

-- for: managers
create or replace function synced_tables_served.verify(synced_table text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table(synced_table);
  request uuid;
begin
  if wanted.table_id is null then
    perform synced_tables_internal._raise_unknown_table(synced_table);
  end if;
  perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, 'verify');
  if wanted.relation is null then
    perform synced_tables_internal._raise('SYNCED_TABLE_NOT_LOADED', '55000',
      format('Synced table %s has not been loaded yet: there is nothing to compare.', wanted.synced_table),
      'Wait for its first update, see synced_tables.status.');
  end if;
  request := synced_tables_internal._waiting_verification(wanted);
  if request is not null then
    return request;
  end if;
  insert into synced_tables._verifications (table_id, synced_table, source_table_full_name, requested_by)
  values (wanted.table_id, wanted.synced_table, wanted.source_table_full_name, synced_tables_internal._acting_role())
  returning verification_id into request;
  return request;
end $$;
comment on function synced_tables_served.verify(text) is
  'Requests a cell-by-cell comparison of a synced table with its source at the version it reflects. Returns an id; CALL synced_tables.wait_for_verification(id) waits for it, synced_tables.verifications shows the result. One that has not begun yet is shared. For its creator, its managers and databricks_superuser.';

-- for: managers
create or replace function synced_tables_served.cancel_verification(verification_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._verifications;
  member synced_tables._tables;
  reason text;
begin
  select * into wanted from synced_tables._verifications v where v.verification_id = cancel_verification.verification_id;
  if not found then
    perform synced_tables_internal._raise('VERIFICATION_NOT_FOUND', '42704',
      format('Verification %s does not exist.', coalesce(cancel_verification.verification_id::text, 'null')),
      'Pass the id that synced_tables.verify returned; see synced_tables.verifications.');
  end if;
  select * into member from synced_tables._tables t where t.table_id = wanted.table_id;
  perform synced_tables_internal._require_control(wanted.synced_table, coalesce(member.created_by, wanted.requested_by),
    'cancel verifications of');
  reason := format('The comparison of synced table %s with its source was canceled by %I.', wanted.synced_table,
                   synced_tables_internal._acting_role());
  -- A sidecar at work on it notices with its next renewal of the claim, and can write no result any more.
  update synced_tables._verifications v
     set state = 'CANCELED', finished_at = clock_timestamp(), claim_expires_at = null, error_code = 'VERIFICATION_CANCELED',
         sql_state = '57014', message = reason, remedy = 'Ask for another with synced_tables.verify.'
   where v.verification_id = wanted.verification_id and v.state in ('QUEUED', 'RUNNING');
  if found then
    perform synced_tables_internal._record_event('INFO', 'table_verification_canceled', wanted.synced_table, member.pipeline_id, null, reason);
  end if;
end $$;
comment on function synced_tables_served.cancel_verification(uuid) is
  'Cancels a verification that waits or runs, for all who asked for it; one that has ended stays as it is. A sidecar at work on it stops within seconds. For the creator of its table, its managers and databricks_superuser.';

-- for: owner
create or replace function synced_tables_internal._forget_verifications() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update synced_tables._verifications v
     set state = 'CANCELED', finished_at = clock_timestamp(), error_code = 'SYNCED_TABLE_DELETED', sql_state = '57014',
         message = format('Synced table %s was deleted before it was compared with its source.', v.synced_table),
         remedy = 'Nothing is left to compare.'
   where v.table_id = old.table_id and v.state in ('QUEUED', 'RUNNING');
  update synced_tables._verifications v set differences = null, failing_column = null, failing_keys = null
   where v.table_id = old.table_id and (v.differences is not null or v.failing_keys is not null);
  return null;
end $$;
comment on function synced_tables_internal._forget_verifications() is
  'Ends comparisons of a table that is being deleted, and discards the values that earlier comparisons kept.';

-- for: owner
create or replace trigger _verifications_notify after insert on synced_tables._verifications
  for each row execute function synced_tables_internal._notify_request();

-- for: owner
create or replace trigger _tables_forget_verifications after delete on synced_tables._tables
  for each row execute function synced_tables_internal._forget_verifications();

-- for: managers
create or replace view synced_tables.verifications with (security_barrier = true) as
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
         case when synced_tables_internal._may_read(t.created_by, t.relation) then v.differences end as differences,
         v.error_code,
         v.message,
         v.remedy,
         v.requested_by,
         v.created_at,
         v.started_at,
         v.finished_at,
         case when synced_tables_internal._may_read(t.created_by, t.relation) then v.failing_column end as failing_column,
         case when synced_tables_internal._may_read(t.created_by, t.relation) then v.failing_keys end as failing_keys
    from synced_tables._verifications v
    left join synced_tables._tables t using (table_id)
   where synced_tables_internal._may_control(v.requested_by) or synced_tables_internal._may_see(t.created_by, t.relation);
comment on view synced_tables.verifications is 'Comparisons of synced tables with their sources.';
comment on column synced_tables.verifications.is_equal is 'Whether every row and cell was equal; null if they were not compared.';
comment on column synced_tables.verifications.synced_version is 'The source version that the table reflected, and at which the source was read.';
comment on column synced_tables.verifications.missing_rows is 'Rows of the source that the table lacks.';
comment on column synced_tables.verifications.extra_rows is 'Rows of the table that the source lacks.';
comment on column synced_tables.verifications.different_rows is 'Keys present in both, with different values.';
comment on column synced_tables.verifications.differences is
  'Up to 20 differing keys, with the values of source and table as texts: shown to roles that may read the table, and kept for its newest verification.';
comment on column synced_tables.verifications.failing_column is 'As in synced_tables.updates.';
comment on column synced_tables.verifications.failing_keys is
  'Keys of a few source rows for which the tables could not be compared, as texts: shown to roles that may read the table, and kept for its newest verification.';
