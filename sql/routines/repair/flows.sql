-- Streaming tables and sources of flows after a restore.

-- for: owner
create or replace function synced_tables_internal._give_to_sidecar(relation regclass) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_relation pg_class;
begin
  select * into found_relation from pg_class c where c.oid = relation;
  if found_relation.relowner = 'databricks_sync'::regrole then
    return false;
  end if;
  -- A restore is run by a superuser, or by who installed; what belongs to another role is not ours.
  if not databricks_auth.is_installer(pg_get_userbyid(found_relation.relowner)) then
    raise exception using errcode = '42809', message = format('%s belongs to %I', relation, pg_get_userbyid(found_relation.relowner));
  end if;
  execute format('alter %s %s owner to databricks_sync', case found_relation.relkind when 'v' then 'view' else 'table' end, relation);
  return true;
end $$;
comment on function synced_tables_internal._give_to_sidecar(regclass) is 'Makes databricks_sync the owner of what a restore left to a superuser; false if it is the owner already.';

-- for: owner
create or replace function synced_tables_internal._repair_streaming_table(target synced_tables._cdc_targets) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  relation regclass;
  change_function regprocedure := to_regprocedure(format('__db_system.%I()', 'cdc_dml_' || target.target_id));
  is_changed boolean := false;
begin
  perform synced_tables_internal._lend_schema(target.schema_name);
  for relation in
    select to_regclass(r.value) from jsonb_each_text(target.shape -> 'relations') r where to_regclass(r.value) is not null
  loop
    is_changed := synced_tables_internal._give_to_sidecar(relation) or is_changed;
  end loop;
  if change_function is not null and (select p.proowner <> 'databricks_sync'::regrole from pg_proc p where p.oid = change_function) then
    execute format('alter function %s owner to databricks_sync', change_function);
    execute format('revoke execute on function %s from public', change_function);
    is_changed := true;
  end if;
  if is_changed and to_regrole(quote_ident(target.created_by)) is not null and target.created_by <> 'databricks_sync' then
    execute format('grant select, insert, update, delete on %s to %I with grant option', target.target, target.created_by);
  end if;
  return case when is_changed then 'given to databricks_sync' end;
exception when others then
  return format('failed: %s (%s)', sqlerrm, sqlstate);
end $$;
comment on function synced_tables_internal._repair_streaming_table(synced_tables._cdc_targets) is 'Repairs owners and rights of a streaming table and its state; returns what was done, null if nothing.';

-- for: owner
create or replace function synced_tables_internal._repair_flows() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  flow record;
  relation regclass;
  refusal record;
begin
  for flow in
    select f.flow_name, f.created_by, array(select jsonb_array_elements_text(f.source -> 'parts')) as parts from synced_tables._flows f
     where f.source ->> 'kind' = 'name' and jsonb_array_length(f.source -> 'parts') = 2 order by f.flow_name
  loop
    relation := to_regclass(format('%I.%I', flow.parts[1], flow.parts[2]));
    continue when relation is null or (has_table_privilege('databricks_sync', relation, 'select') and has_schema_privilege('databricks_sync', flow.parts[1], 'usage'));
    object := 'source of flow ' || flow.flow_name;
    refusal := synced_tables_internal._source_refusal(relation, flow.created_by);
    outcome := coalesce('waits: ' || refusal.reason, 'lent to databricks_sync');
    if refusal.code is null then
      perform synced_tables_internal._lend_relation(relation);
    end if;
    return next;
  end loop;
end $$;
comment on function synced_tables_internal._repair_flows() is
  'Lets the sidecar read the tables of this database that flows read, where the declaring roles may.';
