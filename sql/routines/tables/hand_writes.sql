-- Writes by hand: those of superusers and members of databricks_superuser, which the write gate lets through, and which make
-- "equal to its source" untrue. The gate notes the first of them; the next refresh copies all rows, and forgets what it mended.
--
-- A mark is one row. Whoever writes holds a lock on one until his transaction ends, be it his own or one that is there
-- already: so a refresh, which forgets only marks that nobody holds, never forgets one for rows that it could not see. Neither
-- side waits for the other, because both skip what is locked.

-- for: owner
create or replace function synced_tables_internal._note_hand_write(relation oid, written_by name, command text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  written synced_tables._tables;
begin
  select * into written from synced_tables._tables t where t.relation = _note_hand_write.relation::regclass;
  if not found then
    return;  -- its syncing was stopped
  end if;
  perform from synced_tables._hand_writes w where w.table_id = written.table_id limit 1 for key share skip locked;
  if found then
    return;
  end if;
  insert into synced_tables._hand_writes (table_id, written_by, command)
  values (written.table_id, _note_hand_write.written_by, _note_hand_write.command);
  perform synced_tables_internal._record_event('WARN', 'synced_table_changed_by_hand', written.synced_table, written.pipeline_id, null,
    format('%I changed synced table %s by hand (%s). The next update copies all rows again.',
           _note_hand_write.written_by, written.synced_table, _note_hand_write.command));
  perform synced_tables_internal._tell('changed_by_hand', written.synced_table, written.table_id, written.pipeline_id, null,
    format('%I changed %s by hand (%s). The next update copies all rows again.', _note_hand_write.written_by, written.synced_table, _note_hand_write.command));
  perform synced_tables_internal._audit_act(_note_hand_write.written_by, 'write_by_hand', written.synced_table,
    jsonb_build_object('command', _note_hand_write.command));
end $$;
comment on function synced_tables_internal._note_hand_write(oid, name, text) is
  'Called by the guard when somebody else than a sidecar writes to a synced table: notes that once, until it is mended.';

-- for: owner
create or replace trigger _hand_writes_notify_change after insert on synced_tables._hand_writes
  for each row execute function synced_tables_internal._notify_change('wait');

-- for: sidecar
create or replace view synced_tables_internal._hand_changes as
  select h.*, format('Changed by hand since %s by %s%s, so it may differ from its source; the next update mends that.',
                     to_char(h.changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), quote_ident(h.changed_by),
                     case when h.roles > 1 then ' and others' else '' end) as message
    from (select w.table_id, min(w.written_at) as changed_at, (array_agg(w.written_by order by w.written_at))[1] as changed_by,
                 count(distinct w.written_by) as roles
            from synced_tables._hand_writes w group by w.table_id) h;
comment on view synced_tables_internal._hand_changes is 'Tables that were changed by hand since their last copy: since when, and who began.';

-- for: everybody
create or replace function synced_tables_internal._told_message(said text, changed text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- "Equal to …" would be untrue.
  select case when changed is null then said else concat_ws(' ', changed, case when not starts_with(said, 'Equal to ') then said end) end
$$;
comment on function synced_tables_internal._told_message(text, text) is 'The message of a table: what its last update said, and that it was changed by hand since.';

-- for: sidecar
create or replace function synced_tables_internal._forget_hand_writes(table_id uuid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  delete from synced_tables._hand_writes w
   where w.write_id in (select m.write_id from synced_tables._hand_writes m where m.table_id = _forget_hand_writes.table_id for update skip locked)
$$;
comment on function synced_tables_internal._forget_hand_writes(uuid) is
  'Forgets writes by hand that are committed. To be called before the rows are replaced by a statement, or once nobody else can write.';
