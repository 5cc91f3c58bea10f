-- Repairing everything: after a restore, a role rename, or when in doubt. Safe to repeat.

-- for: owner
create or replace function synced_tables_internal._settle_in() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  creator record;
  relation regclass;
begin
  for relation in
    select c.oid from pg_class c join pg_roles r on r.oid = c.relowner and databricks_auth.is_installer(r.rolname)
     where c.relnamespace = '__db_system'::regnamespace and c.relkind = 'r' and not c.relispartition
  loop
    perform synced_tables_internal._give_to_sidecar(relation);
  end loop;
  for creator in
    select t.synced_table, t.relation, t.created_by from synced_tables._tables t
     where t.created_by <> 'databricks_sync' and exists (select from pg_class c where c.oid = t.relation)
  loop
    object := format('creator %I of %s', creator.created_by, creator.synced_table);
    if to_regrole(quote_ident(creator.created_by)) is null then
      outcome := 'waits: no such role here; create it and repair again';
      return next;
    elsif not has_table_privilege(creator.created_by, creator.relation, 'select') then
      perform synced_tables_internal._grant_creator(creator.relation, creator.created_by);
      outcome := 'may read it again';
      return next;
    end if;
  end loop;
  -- Transaction numbers start over here, so a position that names one is meaningless: the tables are read from the start,
  -- which does not change rows already read.
  update synced_tables._cdc_positions p
     set position = (select jsonb_object_agg(e.key, case when e.value ->> 'kind' = 'postgres' then e.value || '{"xid": "0"}' else e.value end)
                       from jsonb_each(p.position) e)
   where jsonb_typeof(p.position) = 'object' and p.position @? '$.*.kind ? (@ == "postgres")';
  update synced_tables._cdc_targets t set changed_by = null where t.changed_by is not null;
end $$;
comment on function synced_tables_internal._settle_in() is 'What must be done once after a dump was restored.';

-- for: owner
create or replace function synced_tables.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  setting_before constant text := databricks_auth.allow_ddl();
  target synced_tables._cdc_targets;
  is_elsewhere boolean := false;
  is_complete boolean := true;
begin
  perform synced_tables_internal._watch_managers();
  return query select * from databricks_auth.repair();
  return query select * from synced_tables_internal._guard_streaming_tables();
  return query select * from synced_tables_internal._repair_registrations();
  return query select * from synced_tables_internal._repair_gateway();
  perform synced_tables_internal._repair_rights();
  perform synced_tables_internal._identify_rows();
  is_elsewhere := (select split_part(s.place, '/', 1) <> split_part(databricks_auth.place(), '/', 1) from synced_tables._service s);
  if is_elsewhere then
    for object, outcome in select s.object, s.outcome from synced_tables_internal._settle_in() s loop
      is_complete := is_complete and outcome not like 'waits: %';
      return next;
    end loop;
  end if;
  return query select * from synced_tables_internal._repair_tokens();
  for target in select * from synced_tables._cdc_targets t order by t.schema_name, t.table_name loop
    object := format('streaming table %I.%I', target.schema_name, target.table_name);
    outcome := synced_tables_internal._repair_streaming_table(target);
    if outcome is not null then
      return next;
    end if;
  end loop;
  return query select * from synced_tables_internal._repair_flows();
  perform synced_tables_internal._audit_act(current_user, 'repair', null);
  if is_complete then
    update synced_tables._service s set place = databricks_auth.place() where s.place <> databricks_auth.place();
  end if;
  perform databricks_auth.allow_ddl(setting_before);
end $$;
comment on function synced_tables.repair() is
  'Repairs roles, owners, rights, write gates, event triggers, managers, registrations, tokens and streaming tables: after a restore, a role rename, or when in doubt. For superusers and databricks_installer; safe to repeat. Returns what it found.';
