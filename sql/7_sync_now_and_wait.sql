-- Asking for an update, and waiting for its end.

create function synced_tables._find_table(synced_table text) returns synced_tables._tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables._parse_name(synced_table);
  wanted synced_tables._tables;
begin
  select * into wanted from synced_tables._tables t where t.schema_name = parts[1] and t.table_name = parts[2];
  return wanted;
end $$;
comment on function synced_tables._find_table(text) is 'The registry row of a synced table; its columns are null when there is none.';

create function synced_tables._require_control(synced_table text, created_by name, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if not synced_tables._may_control(created_by) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s synced table %s.', synced_tables._acting_role(), action, synced_table),
      'Ask its creator or a member of databricks_superuser.');
  end if;
end $$;
comment on function synced_tables._require_control(text, name, text) is 'Refuses a role that may not sync and delete a table.';

create function synced_tables._raise_unknown_table(synced_table text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables._parse_name(synced_table);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
begin
  perform synced_tables._raise('SYNCED_TABLE_NOT_FOUND', '42P01', format('Synced table %s does not exist.', full_name),
    case when exists (select from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table
                        join pg_namespace n on n.oid = c.relnamespace where n.nspname = parts[1] and c.relname = parts[2])
         then format('It is no longer synced. To drop the table: SELECT synced_tables.delete_synced_table(%L, purge => true);', full_name)
         else 'See synced_tables.status for those that do; quote parts with capitals.' end);
end $$;
comment on function synced_tables._raise_unknown_table(text) is 'Raises SYNCED_TABLE_NOT_FOUND.';

create function synced_tables.sync_now(synced_table text, full_refresh boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
begin
  if wanted.table_id is null then
    perform synced_tables._raise_unknown_table(synced_table);
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'sync');
  return synced_tables._request_update(wanted.pipeline_id, coalesce(full_refresh, false));
end $$;
comment on function synced_tables.sync_now(text, boolean) is
  'Asks for an update of a synced table; full_refresh rebuilds it. Returns the update''s id; an update that has not begun yet is shared. For its creator and databricks_superuser.';

create function synced_tables._update_outcome(update_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select u.state, u.error_code, u.message, u.remedy, u.sql_state
    from synced_tables._updates u
   where u.update_id = _update_outcome.update_id
     and (synced_tables._may_control(u.requested_by)
          or exists (select from synced_tables._tables t where t.pipeline_id = u.pipeline_id
                                                        and synced_tables._may_see(t.created_by, t.relation))
          or exists (select from synced_tables._table_updates r join synced_tables._tables t using (table_id)
                      where r.update_id = u.update_id and synced_tables._may_see(t.created_by, t.relation)))
$$;
comment on function synced_tables._update_outcome(uuid) is 'How an update stands; no row when it is unknown or none of the caller''s business.';

create function synced_tables._commit_refusal() returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    return sqlerrm;
  end;
  return null;
end $$;
comment on function synced_tables._commit_refusal() is 'What Postgres answers, in the language of the server, to COMMIT where it is not possible: a function is such a place.';

create procedure synced_tables.wait_for_update(update_id uuid, timeout interval default null)
language plpgsql as $$
-- No SET clause and no SECURITY DEFINER: both forbid COMMIT. It must commit, first of all so that an update requested
-- in the same CALL can be seen, then so that no transaction stays open while it waits.
declare
  deadline constant timestamptz := clock_timestamp() + timeout;
  pause_ms double precision := 20;
  outcome record;
begin
  -- COMMIT fails in this inner block anyway, but with another text inside a transaction than outside.
  begin
    commit;
  exception when invalid_transaction_termination then
    if sqlerrm = synced_tables._commit_refusal() then
      raise exception using errcode = '2D000', detail = 'error code: WAIT_IN_TRANSACTION',
        message = 'wait_for_update cannot run inside a transaction: the sidecar does not see what it has not committed.',
        hint = 'End the transaction first (or turn autocommit on), and call it on its own, not from a function.';
    end if;
  end;
  loop
    commit;
    select * into outcome from synced_tables._update_outcome(wait_for_update.update_id);
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
        hint = 'It goes on without you; call wait_for_update again. A QUEUED one may wait for a sidecar: see synced-tables doctor.';
    end if;
    commit;
    perform pg_catalog.pg_sleep(least(pause_ms / 1000, extract(epoch from deadline - clock_timestamp())));
    pause_ms := least(pause_ms * 1.5, 500);
  end loop;
end $$;
comment on procedure synced_tables.wait_for_update(uuid, interval) is
  'Returns when the update is done, raises its error when it failed, was canceled or takes longer than timeout. CALL synced_tables.wait_for_update(synced_tables.sync_now(''gold.t'')) works too.';

-- _update_outcome and _commit_refusal stay open to PUBLIC, for who calls wait_for_update calls them.
revoke execute on function synced_tables._find_table(text), synced_tables._require_control(text, name, text),
  synced_tables._raise_unknown_table(text), synced_tables.sync_now(text, boolean) from public;
revoke execute on procedure synced_tables.wait_for_update(uuid, interval) from public;
grant execute on function synced_tables.sync_now(text, boolean) to databricks_superuser, databricks_sync;
grant execute on procedure synced_tables.wait_for_update(uuid, interval) to databricks_superuser, databricks_sync;
