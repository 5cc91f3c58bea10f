-- The write gates of synced tables. They stop writers that rights alone would not stop: holders of pg_write_all_data, stray
-- GRANTs, writes through updatable views, sessions in replica mode, subscriptions.

-- for: operators
create or replace function databricks_auth.note_hand_write(relation oid, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  synced constant oid := coalesce((select i.inhparent from pg_inherits i where i.inhrelid = relation), relation);
begin
  -- The migrations create the schema synced_tables; the extension alone lacks it.
  if to_regprocedure('synced_tables_internal._note_hand_write(oid,name,text)') is not null then
    execute 'select synced_tables_internal._note_hand_write($1, $2, $3)' using synced, databricks_auth.acting_role(), command;
  end if;
exception when undefined_table or undefined_column or undefined_function or undefined_object or invalid_schema_name then
  -- A damaged installation must not lock an administrator out.
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.note_hand_write(oid, text) is
  'Notes that somebody else than a sidecar writes to a synced table or its partition, so that the next update mends it.';

-- for: sidecar
create or replace function databricks_auth.write_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_partition constant boolean := tg_table_schema = '__db_system';
begin
  if databricks_auth.is_sync(current_user) then
    -- Sidecars act as databricks_sync itself; a member of it is a person with the login of one.
    if current_user <> 'databricks_sync' then
      perform databricks_auth.note_hand_write(tg_relid, tg_op);
    end if;
    return null;
  end if;
  -- In an emergency members of databricks_superuser may correct rows, through the table itself.
  if tg_op <> 'TRUNCATE' and not is_partition and pg_has_role(current_user, 'databricks_superuser', 'usage')
     or databricks_auth.override() then
    perform databricks_auth.note_hand_write(tg_relid, tg_op);
    return null;
  end if;
  raise exception using errcode = '25006',
    message = format('databricks_auth: %s is refused, synced table %I.%I is read-only', tg_op, tg_table_schema, tg_table_name),
    hint = case when databricks_auth.is_superuser(current_user)
                then 'A superuser can go on after SET databricks_auth.allow_ddl = on; the next update brings the rows of the source back.'
                else databricks_auth.hint_after('Change the source table instead; the next sync brings the change here.') end;
end $$;
comment on function databricks_auth.write_guard() is
  'Refuses writes to a synced table by anybody but the sidecar and, with DML on the table itself, databricks_superuser, whose writes are noted.';

-- for: sidecar
create or replace function databricks_auth.apply_guard() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.is_sync(current_user) or databricks_auth.override() then
    return null;
  end if;
  perform databricks_auth.refuse('25006',
    format('%s in replica mode is refused, %I.%I belongs to a read-only synced table', tg_op, tg_table_schema, tg_table_name),
    'Leave the synced table out of the publication or subscription.');
  return null;
end $$;
comment on function databricks_auth.apply_guard() is
  'Refuses rows that a subscription (logical replication) would write into the partition of a synced table.';

-- for: everybody
create or replace function databricks_auth.wanted_gates()
returns table (name name, is_for_partition_only boolean, definition text, function text, enabled "char")
language sql immutable set search_path = pg_catalog, pg_temp as $$
  values
    -- Statement triggers fire only for the named table, so nothing runs twice. Also in replica mode.
    ('databricks_write_guard'::name, false, 'before insert or update or delete or truncate on %s for each statement', 'databricks_auth.write_guard', 'A'::"char"),
    -- Logical replication applies rows without firing statement triggers. A row trigger sees them, and one enabled only for
    -- replica mode costs the sync just a look at its state. On the partition, because rows arrive there whichever table was
    -- named. AFTER, because BEFORE would lock each updated row and keep COPY from inserting many rows at once.
    ('databricks_apply_guard', true, 'after insert or update or delete on %s for each row', 'databricks_auth.apply_guard', 'R')
$$;
comment on function databricks_auth.wanted_gates() is 'The triggers that close a synced table and its partition to writers: used by installation, repair() and doctor.';

-- for: everybody
create or replace function databricks_auth.gate_damage(relation oid) returns table (name name, damage text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select w.name, case when t.oid is null then 'is missing' when t.tgenabled <> w.enabled then 'is switched off' else 'is not ours' end
    from databricks_auth.wanted_gates() w
    join pg_class c on c.oid = relation and (not w.is_for_partition_only or c.relnamespace = to_regnamespace('__db_system'))
    left join pg_trigger t on t.tgrelid = relation and t.tgname = w.name
    left join pg_proc p on p.oid = t.tgfoid
   where t.oid is null or t.tgenabled <> w.enabled or format('%I.%I', p.pronamespace::regnamespace, p.proname) <> w.function
$$;
comment on function databricks_auth.gate_damage(oid) is
  'Which gates of a synced table, or of its partition, are missing, disabled, or not ours; no row if all are intact.';

-- for: owner
create or replace function databricks_auth.open_gates(parent oid) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(format('%s of %s %s', d.name, r.relation::regclass, d.damage), ', ' order by r.relation, d.name)
    from (select parent as relation union all select i.inhrelid from pg_inherits i where i.inhparent = parent) r
   cross join lateral databricks_auth.gate_damage(r.relation) d
$$;
comment on function databricks_auth.open_gates(oid) is
  'What is wrong with the write gates of a synced table and its partition, in words; null if nothing is.';

-- for: sidecar
create or replace function databricks_auth.gate(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  damaged record;
begin
  for damaged in
    select d.name, d.damage, w.definition, w.function, w.enabled
      from databricks_auth.gate_damage(relation) d join databricks_auth.wanted_gates() w using (name) order by d.name desc
  loop
    if damaged.damage = 'is not ours' then
      execute format('drop trigger %I on %s', damaged.name, relation);
    end if;
    if damaged.damage <> 'is switched off' then
      execute format('create trigger %I %s execute function %s()', damaged.name, format(damaged.definition, relation), damaged.function);
    end if;
    execute format('alter table %s enable %s trigger %I', relation, case damaged.enabled when 'A' then 'always' else 'replica' end, damaged.name);
  end loop;
end $$;
comment on function databricks_auth.gate(regclass) is
  'Puts the write gate on a table, also for replica mode, and on a partition the gate for logical replication. Safe to repeat.';
