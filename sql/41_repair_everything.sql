-- repair() for what came after it: the gateway role and tokens of the HTTP API, streaming tables and the tables that
-- flows read, and all that a dump cannot carry into another cluster.

alter table synced_tables._service add column place text not null default databricks_auth.place();
comment on column synced_tables._service.place is 'Which cluster and database this was when repair() last found nothing missing.';
alter table synced_tables._tokens add column place text not null default databricks_auth.place();
comment on column synced_tables._tokens.place is 'Where role_oid was right: tells repair() whether to believe the OID or the name.';

create function synced_tables._repair_gateway() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_regrole('databricks_gateway') is null then
    create role databricks_gateway nologin noinherit;
    comment on role databricks_gateway is 'The roles that were granted to it are those on whose behalf the HTTP API may act.';
    object := 'role databricks_gateway';
    outcome := 'made';
    return next;
  end if;
  if not exists (select from pg_auth_members m where m.roleid = 'databricks_gateway'::regrole and m.member = 'databricks_sync'::regrole) then
    grant databricks_gateway to databricks_sync;
  end if;
end $$;
comment on function synced_tables._repair_gateway() is 'Makes the role that lends callers of the HTTP API to the sidecars.';

create function synced_tables._repair_tokens() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  here constant text := databricks_auth.place();
  token synced_tables._tokens;
  name_now name;
begin
  for token in
    select t.* from synced_tables._tokens t
     where t.revoked_at is null and (t.place <> here or not exists (select from pg_roles r where r.oid = t.role_oid and r.rolname = t.role_name))
     order by t.created_at
  loop
    object := format('token %s of %I', token.token_id, token.role_name);
    -- In the same cluster the OID is right and the name may be old; elsewhere only the name means anything.
    name_now := case when split_part(token.place, '/', 1) = split_part(here, '/', 1) then (select r.rolname from pg_roles r where r.oid = token.role_oid)
                     else token.role_name end;
    if name_now is null then
      update synced_tables._tokens t set revoked_at = now() where t.token_id = token.token_id;
      outcome := 'revoked: the role is gone';
    elsif to_regrole(quote_ident(name_now)) is null then
      outcome := 'waits: no such role here; create it and repair again';
    elsif synced_tables._token_role_refusal(name_now, current_user) is not null then
      outcome := 'refused: ' || synced_tables._token_role_refusal(name_now, current_user);
    else
      if token.made_grant and not exists (select from pg_auth_members m where m.roleid = to_regrole(quote_ident(name_now)) and m.member = 'databricks_gateway'::regrole) then
        execute format('grant %I to databricks_gateway', name_now)
          || case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end;
      end if;
      update synced_tables._tokens t set role_name = name_now, role_oid = to_regrole(quote_ident(name_now)), place = here where t.token_id = token.token_id;
      outcome := format('bound to role %I', name_now);
    end if;
    return next;
  end loop;
end $$;
comment on function synced_tables._repair_tokens() is 'Binds tokens of the HTTP API to the roles of this cluster, also renamed ones.';

create function synced_tables._give_to_sidecar(relation regclass) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_relation pg_class;
begin
  select * into found_relation from pg_class c where c.oid = relation;
  if found_relation.relowner = 'databricks_sync'::regrole then
    return false;
  end if;
  -- Whoever restores is a superuser; what belongs to anybody else is not ours.
  if not (select r.rolsuper from pg_roles r where r.oid = found_relation.relowner) then
    raise exception using errcode = '42809', message = format('%s belongs to %I', relation, pg_get_userbyid(found_relation.relowner));
  end if;
  execute format('alter %s %s owner to databricks_sync', case found_relation.relkind when 'v' then 'view' else 'table' end, relation);
  return true;
end $$;
comment on function synced_tables._give_to_sidecar(regclass) is 'Makes databricks_sync the owner of what a restore left to a superuser; false when it is the owner already.';

create function synced_tables._repair_streaming_table(target synced_tables._cdc_targets) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  relation regclass;
  change_function regprocedure := to_regprocedure(format('__db_system.%I()', 'cdc_dml_' || target.target_id));
  is_changed boolean := false;
begin
  execute format('grant usage, create on schema %I to databricks_sync', target.schema_name);
  for relation in
    select to_regclass(r.value) from jsonb_each_text(target.shape -> 'relations') r where to_regclass(r.value) is not null
  loop
    is_changed := synced_tables._give_to_sidecar(relation) or is_changed;
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
comment on function synced_tables._repair_streaming_table(synced_tables._cdc_targets) is 'Owners and rights of a streaming table and of the state behind it; says what was done, null when nothing.';

create function synced_tables._repair_flows() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  flow record;
  relation regclass;
begin
  for flow in
    select f.flow_name, f.created_by, array(select jsonb_array_elements_text(f.source -> 'parts')) as parts from synced_tables._flows f
     where f.source ->> 'kind' = 'name' and jsonb_array_length(f.source -> 'parts') = 2 order by f.flow_name
  loop
    relation := to_regclass(format('%I.%I', flow.parts[1], flow.parts[2]));
    continue when relation is null or (has_table_privilege('databricks_sync', relation, 'select') and has_schema_privilege('databricks_sync', flow.parts[1], 'usage'));
    object := 'source of flow ' || flow.flow_name;
    outcome := coalesce('waits: ' || synced_tables._source_refusal(relation, flow.created_by), 'lent to databricks_sync');
    if outcome not like 'waits: %' then
      execute format('grant usage on schema %I to databricks_sync', flow.parts[1]);
      execute format('grant select on %s to databricks_sync', relation);
    end if;
    return next;
  end loop;
end $$;
comment on function synced_tables._repair_flows() is 'Lets the sidecar read the tables of this database that flows read, where their declarers may.';

create function synced_tables._settle_in() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  creator record;
  relation regclass;
begin
  for relation in
    select c.oid from pg_class c join pg_roles r on r.oid = c.relowner and r.rolsuper
     where c.relnamespace = '__db_system'::regnamespace and c.relkind = 'r' and not c.relispartition
  loop
    perform synced_tables._give_to_sidecar(relation);
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
      perform synced_tables._grant_creator(creator.relation, creator.created_by);
      outcome := 'may read it again';
      return next;
    end if;
  end loop;
  -- Transactions are numbered anew here, so a position that names one says nothing: the tables are read from the start,
  -- which changes nothing that was read already.
  update synced_tables._cdc_positions p
     set position = (select jsonb_object_agg(e.key, case when e.value ->> 'kind' = 'postgres' then e.value || '{"xid": "0"}' else e.value end)
                       from jsonb_each(p.position) e)
   where jsonb_typeof(p.position) = 'object' and p.position @? '$.*.kind ? (@ == "postgres")';
  update synced_tables._cdc_targets t set changed_by = null where t.changed_by is not null;
end $$;
comment on function synced_tables._settle_in() is 'What has to be done once where a dump was restored.';

create or replace function synced_tables.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp set databricks_auth.allow_ddl = 'on' as $$
#variable_conflict use_column
declare
  target synced_tables._cdc_targets;
  is_elsewhere boolean := false;
  is_complete boolean := true;
begin
  perform synced_tables._watch_managers();
  return query select * from databricks_auth.repair();
  return query select * from synced_tables._repair_registrations();
  return query select * from synced_tables._repair_gateway();
  perform synced_tables._repair_rights();
  is_elsewhere := (select split_part(s.place, '/', 1) <> split_part(databricks_auth.place(), '/', 1) from synced_tables._service s);
  if is_elsewhere then
    for object, outcome in select s.object, s.outcome from synced_tables._settle_in() s loop
      is_complete := is_complete and outcome not like 'waits: %';
      return next;
    end loop;
  end if;
  return query select * from synced_tables._repair_tokens();
  for target in select * from synced_tables._cdc_targets t order by t.schema_name, t.table_name loop
    object := format('streaming table %I.%I', target.schema_name, target.table_name);
    outcome := synced_tables._repair_streaming_table(target);
    if outcome is not null then
      return next;
    end if;
  end loop;
  return query select * from synced_tables._repair_flows();
  if is_complete then
    update synced_tables._service s set place = databricks_auth.place() where s.place <> databricks_auth.place();
  end if;
end $$;
comment on function synced_tables.repair() is
  'Puts roles, owners, rights, write gates, event triggers, managers, registrations, tokens and streaming tables right: after a restore, a role rename, or with doubts. For superusers; safe to repeat. Says what it found.';

revoke execute on function synced_tables._repair_gateway(), synced_tables._repair_tokens(), synced_tables._give_to_sidecar(regclass),
  synced_tables._repair_streaming_table(synced_tables._cdc_targets), synced_tables._repair_flows(), synced_tables._settle_in(),
  synced_tables.repair() from public;
