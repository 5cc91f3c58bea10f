-- Logical replication applies rows without firing statement triggers, so the write gate does not see them. A row trigger
-- does, and one that is enabled for replica mode alone costs the sync nothing but a look at its state. On the partition,
-- since that is where rows arrive whatever table was named. AFTER, since BEFORE would lock each row that is updated and
-- keep COPY from inserting many rows at once.
--
-- As all changes of databricks_auth from here on, this may run on a database that the extension has brought here already.

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
revoke execute on function databricks_auth.apply_guard() from public;
grant execute on function databricks_auth.apply_guard() to databricks_sync;

create or replace function databricks_auth.gate(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  is_partition constant boolean := (
    select n.nspname = '__db_system' from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
begin
  if not exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_write_guard') then
    execute format('create trigger databricks_write_guard before insert or update or delete or truncate on %s
                      for each statement execute function databricks_auth.write_guard()', relation);
  end if;
  if exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_write_guard' and tgenabled <> 'A') then
    execute format('alter table %s enable always trigger databricks_write_guard', relation);
  end if;
  if is_partition and not exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_apply_guard') then
    execute format('create trigger databricks_apply_guard after insert or update or delete on %s
                      for each row execute function databricks_auth.apply_guard()', relation);
  end if;
  if exists (select from pg_trigger where tgrelid = relation and tgname = 'databricks_apply_guard' and tgenabled <> 'R') then
    execute format('alter table %s enable replica trigger databricks_apply_guard', relation);
  end if;
end $$;
comment on function databricks_auth.gate(regclass) is
  'Puts the write gate on a table, also for replica mode, and on a partition the one for logical replication. Safe to repeat.';

create or replace function databricks_auth.current_parts(relation oid) returns table (part oid, kind text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select indexrelid, 'index' from pg_index where indrelid = relation
  union all select inhrelid, 'partition' from pg_inherits where inhparent = relation
  union all select t.oid, 'gate' from pg_trigger t
   where t.tgname in ('databricks_write_guard', 'databricks_apply_guard')
     and (t.tgrelid = relation or t.tgrelid in (select inhrelid from pg_inherits where inhparent = relation))
$$;

create or replace function databricks_auth.repair_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regrole('databricks_superuser') is null then
    create role databricks_superuser nologin;
  end if;
  grant pg_read_all_data, pg_write_all_data to databricks_superuser;
  if to_regrole('databricks_sync') is null then
    create role databricks_sync nologin;
  end if;
  create schema if not exists __db_system;
  alter schema __db_system owner to databricks_sync;
  revoke all on schema __db_system from public;
  grant usage on schema databricks_auth to public;
  grant select on databricks_auth.synced_tables to databricks_sync;
  grant select, delete, insert (synced_table, manager, manager_oid) on databricks_auth.managers to databricks_superuser;
  grant select on databricks_auth.open_windows, public.databricks_synced_table_managers, public.databricks_list_roles to public;
  grant execute on function databricks_auth.register(regclass), databricks_auth.prepare_partition(regclass, regclass),
    databricks_auth.missing_indexes(regclass, regclass), databricks_auth.sole_partition(regclass), databricks_auth.gate(regclass),
    databricks_auth.write_guard(), databricks_auth.apply_guard() to databricks_sync;
  execute format('grant create on database %I to databricks_superuser', current_database());
  -- A policy goes with the role it is for.
  drop policy if exists synced_tables_sync on databricks_auth.synced_tables;
  create policy synced_tables_sync on databricks_auth.synced_tables for select to databricks_sync using (true);
  drop policy if exists managers_appoint on databricks_auth.managers;
  create policy managers_appoint on databricks_auth.managers to databricks_superuser
    using (true) with check (granted_by = current_user and place = databricks_auth.place());
end $$;

-- Tables that are synced already.
do $$
declare
  synced record;
begin
  perform set_config('databricks_auth.allow_ddl', 'on', true);
  for synced in
    select s.synced_table, databricks_auth.sole_partition(s.synced_table) as part from databricks_auth.synced_tables s
     where databricks_auth.sole_partition(s.synced_table) is not null
  loop
    perform databricks_auth.gate(synced.part);
    perform databricks_auth.rebuild_parts(synced.synced_table);
  end loop;
  perform set_config('databricks_auth.allow_ddl', '', true);
end $$;
