-- Which objects belong to which synced table. Derived, and rebuilt by repair(): once an object is dropped, the catalogs no
-- longer say which table an index, a partition or a trigger belonged to.

-- for: everybody
create or replace function databricks_auth.is_synced_table(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.synced_tables s where s.synced_table = relation)
  );
end $$;
comment on function databricks_auth.is_synced_table(oid) is
  'Whether a relation is a synced table, or was one and was kept after its syncing was stopped.';

-- for: everybody
create or replace function databricks_auth.is_guarded(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.parts p where p.synced_table = relation and p.place = databricks_auth.place())
  );
end $$;
comment on function databricks_auth.is_guarded(oid) is 'Whether a table was registered here, rather than carried here by an unfinished restore.';

-- for: owner
create or replace function databricks_auth.current_parts(relation oid) returns table (part oid, kind text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select indexrelid, 'index' from pg_index where indrelid = relation
  union all select inhrelid, 'partition' from pg_inherits where inhparent = relation
  union all select t.oid, 'gate' from pg_trigger t
   where t.tgname in (select w.name from databricks_auth.wanted_gates() w)
     and (t.tgrelid = relation or t.tgrelid in (select inhrelid from pg_inherits where inhparent = relation))
$$;
comment on function databricks_auth.current_parts(oid) is 'The objects of a synced table according to the catalogs.';

-- for: owner
create or replace function databricks_auth.rebuild_parts(relation oid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Only changed rows are touched: two sessions that create indexes at once must not collide on each other's rows.
  delete from databricks_auth.parts p
   where p.synced_table = relation and p.part not in (select c.part from databricks_auth.current_parts(relation) c);
  insert into databricks_auth.parts (part, synced_table, kind)
  select c.part, relation, c.kind from databricks_auth.current_parts(relation) c
  on conflict (part) do update set synced_table = excluded.synced_table, kind = excluded.kind, place = excluded.place
    where (parts.synced_table, parts.kind, parts.place) is distinct from (excluded.synced_table, excluded.kind, excluded.place)
$$;
comment on function databricks_auth.rebuild_parts(oid) is 'Records the objects of a synced table.';

-- for: owner
create or replace function databricks_auth.note_parts() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  changed record;
begin
  -- The sidecar, a superuser or a manager made or attached something.
  for changed in
    select distinct s.synced_table::oid as relation
      from pg_event_trigger_ddl_commands() d
      left join pg_index x on x.indexrelid = d.objid
      join databricks_auth.synced_tables s on s.synced_table in (d.objid, x.indrelid)
     where d.classid = 'pg_class'::regclass and databricks_auth.is_guarded(s.synced_table)
  loop
    perform databricks_auth.rebuild_parts(changed.relation);
  end loop;
end $$;
comment on function databricks_auth.note_parts() is 'Updates the list of parts after a command.';
