-- Leaving: everything of ours goes, and the rows stay.

-- for: owner
create or replace function synced_tables_internal._used_by_people() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(distinct pg_describe_object(coalesce(r.class, d.classid), coalesce(r.relation, d.objid), 0), ', ')
    from pg_depend d
    left join lateral (
      -- Parts of a relation are told as that.
      select 'pg_class'::regclass::oid as class,
             case d.classid when 'pg_class'::regclass then d.objid
                            when 'pg_rewrite'::regclass then (select ev_class from pg_rewrite where oid = d.objid)
                            when 'pg_trigger'::regclass then (select tgrelid from pg_trigger where oid = d.objid)
                            when 'pg_constraint'::regclass then (select nullif(conrelid, 0) from pg_constraint where oid = d.objid)
                            when 'pg_attrdef'::regclass then (select adrelid from pg_attrdef where oid = d.objid)
                            when 'pg_policy'::regclass then (select polrelid from pg_policy where oid = d.objid) end as relation) r on r.relation is not null
   where d.deptype in ('n', 'a') and d.refclassid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
     and synced_tables_internal._is_in_our_schema(d.refclassid, d.refobjid)
     -- Those of __db_system become parts of the tables of people, or are nobody's.
     and not (d.refclassid <> 'pg_proc'::regclass
              and coalesce((select relnamespace from pg_class where oid = d.refobjid and d.refclassid = 'pg_class'::regclass),
                           (select typnamespace from pg_type where oid = d.refobjid and d.refclassid = 'pg_type'::regclass)) = to_regnamespace('__db_system'))
     and d.classid not in ('pg_extension'::regclass, 'pg_event_trigger'::regclass, 'pg_publication_rel'::regclass, 'pg_statistic_ext'::regclass,
                           'pg_default_acl'::regclass)
     and not synced_tables_internal._is_in_our_schema(coalesce(r.class, d.classid), coalesce(r.relation, d.objid))
     and not (d.classid = 'pg_trigger'::regclass
              and exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
                           where t.oid = d.objid and p.pronamespace in (to_regnamespace('databricks_auth'), to_regnamespace('__db_system'))))
$$;
comment on function synced_tables_internal._used_by_people() is 'Objects of people that need one of ours, for a message; null if there are none.';

-- for: owner
create or replace function synced_tables_internal._refuse_uninstall() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  installer constant name := (select pg_get_userbyid(n.nspowner) from pg_namespace n where n.nspname = 'synced_tables');
  used constant text := synced_tables_internal._used_by_people();
  working record;
begin
  if not pg_has_role(current_user, installer, 'usage') then
    perform synced_tables_internal._raise('UNINSTALL_NOT_ALLOWED', '42501',
      format('Role %I may not uninstall synced tables from database %I.', current_user, current_database()),
      format('Run it as a superuser, or as %I, which installed them.', installer));
  end if;
  -- By their sessions too: one that is busy may be late with its lease.
  select greatest(count(*), (select count(*) from pg_stat_activity a where a.datname = current_database() and a.application_name = 'synced-tables sidecar (listener)')) as sidecars,
         coalesce(ceil(max(extract(epoch from s.expires_at - clock_timestamp()))), 0) as seconds into working
    from synced_tables._sidecars s where s.expires_at >= clock_timestamp();
  if working.sidecars > 0 then
    perform synced_tables_internal._raise('UNINSTALL_SIDECAR_RUNS', '55006',
      format('Synced tables cannot be uninstalled from database %I: sidecars work in it (%s).', current_database(), working.sidecars),
      format('Stop them, or take the database out of their settings. One that was killed is forgotten in %s s.', working.seconds));
  end if;
  if used is not null then
    perform synced_tables_internal._raise('UNINSTALL_IN_USE', '2BP01',
      format('Synced tables cannot be uninstalled from database %I: objects of yours need ours: %s.', current_database(), used),
      'Drop those first, or change them so that they need nothing of ours.');
  end if;
end $$;
comment on function synced_tables_internal._refuse_uninstall() is 'Refuses to uninstall for a role that may not, while a sidecar works, and where objects of people need ours.';

-- for: owner
create or replace function synced_tables_internal._tables_to_leave() returns table (relation regclass, is_released boolean, new_owner name, row_count bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select s.synced_table, false, synced_tables_internal._owner_among_people(s.created_by, current_user), t.row_count
    from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table left join synced_tables._tables t on t.relation = s.synced_table
  union all
  select f.relation, true, pg_get_userbyid(c.relowner), null
    from synced_tables._released_tables f join pg_class c on c.oid = f.relation where synced_tables_internal._is_as_released(f)
$$;
comment on function synced_tables_internal._tables_to_leave() is 'The tables that are synced tables, or were, and to whom they will belong.';

-- for: owner
create or replace function synced_tables_internal._other_databases() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- The three go together: databricks_gateway owns nothing and may do nothing, and others need it all the same.
  select string_agg(distinct quote_ident(d.datname), ', ')
    from pg_shdepend s join pg_roles r on r.oid = s.refobjid join pg_database d on d.oid = s.dbid
   where s.refclassid = 'pg_authid'::regclass and r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway')
     and d.datname <> current_database()
$$;
comment on function synced_tables_internal._other_databases() is 'The other databases of the server that use our roles; null if there are none.';

-- for: owner
create or replace function synced_tables.uninstall_plan(drop_tables boolean default false) returns table (object text, plan text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  perform synced_tables_internal._refuse_uninstall();
  return query
    select t.relation::text, case when drop_tables and not t.is_released then 'is dropped with its rows'
                                  else format('stays as a table of %I', t.new_owner) end || coalesce(' (' || t.row_count || ' rows)', '')
      from synced_tables_internal._tables_to_leave() t order by 1;
  return query
    select format('%I.%I', t.schema_name, t.table_name),
           case when drop_tables then 'is dropped with its rows'
                else format('stays as a table of %I; its rows are copied, its history of changes is dropped', synced_tables_internal._owner_among_people(t.created_by, current_user)) end
      from synced_tables._cdc_targets t where t.refreshed_by is null and exists (select from pg_class c where c.oid = t.target) order by 1;
  return query
    select 'schema ' || n.nspname, 'is dropped'
      from pg_namespace n where n.nspname in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system') order by 1;
  return query select 'extension ' || e.extname, 'is dropped' from pg_extension e where e.extname = 'databricks_auth';
  return query
    select 'event triggers', format('are dropped: %s', count(*)) from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid
     where synced_tables_internal._is_in_our_schema('pg_proc'::regclass, p.oid) having count(*) > 0;
  return query
    select 'functions and views databricks_… of schema public', 'are dropped'
      from pg_proc p where p.pronamespace = to_regnamespace('public') and synced_tables_internal._is_in_our_schema('pg_proc'::regclass, p.oid) having count(*) > 0;
  return query
    select 'roles databricks_st_…, which own the tables', format('are dropped: %s', count(*)) from pg_roles r
     where r.rolname ~ '^databricks_st_' and synced_tables_internal._is_our_role(r.oid) having count(*) > 0;
  return query
    select 'role ' || r.rolname,
           case when u.databases is not null then format('stays: these databases use it: %s', u.databases) else 'is dropped' end
           || coalesce((select '; it was granted to ' || string_agg(quote_ident(pg_get_userbyid(m.member)), ', ' order by m.member)
                          from pg_auth_members m where m.roleid = r.oid and not synced_tables_internal._is_our_role(m.member)), '')
      from pg_roles r cross join (select synced_tables_internal._other_databases() as databases) u
     where r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway') order by 1;
end $$;
comment on function synced_tables.uninstall_plan(boolean) is
  'What synced_tables.uninstall would do with each table, schema and role. For superusers, and the role that installed synced tables.';

-- Runs as its caller, and drops itself with everything else: below that only statements, no functions of ours.
-- for: owner
create or replace function synced_tables.uninstall(drop_tables boolean default false) returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '10s' set client_min_messages = 'warning' as $$
#variable_conflict use_column
declare
  here constant oid := (select d.oid from pg_database d where d.datname = current_database());
  leaver constant name := current_user;
  owner_roles name[];
  others constant text := synced_tables_internal._other_databases();
  tables regclass[];
  target synced_tables._cdc_targets;
  part regclass;
  left_over record;
  reason text;
  detail text;
begin
  -- No sidecar can come in from here on.
  lock table synced_tables._sidecars in access exclusive mode;
  perform synced_tables_internal._refuse_uninstall();
  for left_over in
    select e.evtname as name, exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e') as is_member
      from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid where synced_tables_internal._is_in_our_schema('pg_proc'::regclass, p.oid)
  loop
    if left_over.is_member then
      execute format('alter extension databricks_auth drop event trigger %I', left_over.name);
    end if;
    execute format('drop event trigger %I', left_over.name);
  end loop;

  for left_over in select * from synced_tables_internal._tables_to_leave() t order by t.relation::text loop
    object := left_over.relation::text;
    begin
      if drop_tables and not left_over.is_released then
        perform synced_tables_internal._drop_relation(object, left_over.relation);
        outcome := 'dropped with its rows';
      else
        part := case when left_over.is_released then (select i.inhrelid from pg_inherits i where i.inhparent = left_over.relation)
                     else synced_tables_internal._release_table(left_over.relation, left_over.new_owner) end;
        reason := synced_tables_internal._collapse_table(left_over.relation, part);
        outcome := case when reason is null then format('plain table of %I', left_over.new_owner)
                        else format('partitioned table of %I, its rows are in %s: %s', left_over.new_owner, coalesce(part::text, 'its partitions'), reason) end;
      end if;
    exception when lock_not_available then
      if sqlerrm like 'Synced table %' then
        raise;
      end if;
      perform synced_tables_internal._raise('SYNCED_TABLE_IN_USE', '55P03',
        format('Synced table %s could not be changed within 10 seconds: another session uses it.', object),
        'Try again when long transactions that read the table are over; see pg_stat_activity.');
    end;
    return next;
  end loop;
  for target in select * from synced_tables._cdc_targets t order by t.schema_name, t.table_name loop
    object := format('%I.%I', target.schema_name, target.table_name);
    if target.refreshed_by is not null or drop_tables or not exists (select from pg_class c where c.oid = target.target) then
      perform synced_tables_internal._drop_target_parts(target);
      outcome := 'dropped with its rows';
    else
      perform synced_tables_internal._make_streaming_plain(target, synced_tables_internal._owner_among_people(target.created_by, leaver));
      outcome := format('plain table of %I', synced_tables_internal._owner_among_people(target.created_by, leaver));
    end if;
    if target.refreshed_by is null then
      return next;
    end if;
  end loop;

  for left_over in
    select distinct t.role_name as name from synced_tables._tokens t
     where t.made_grant and exists (select from pg_auth_members m where m.roleid = t.role_oid and m.member = to_regrole('databricks_gateway'))
  loop
    execute format('revoke %I from databricks_gateway', left_over.name);
  end loop;
  for left_over in select r.rolname as name from pg_roles r where r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway') loop
    perform synced_tables_internal._take_rights_from(left_over.name);
  end loop;
  owner_roles := array(select r.rolname from pg_roles r where r.rolname ~ '^databricks_st_' and synced_tables_internal._is_our_role(r.oid));

  drop schema synced_tables, synced_tables_internal, synced_tables_served, __db_system cascade;
  drop extension if exists databricks_auth cascade;
  drop view if exists public.databricks_synced_table_managers, public.databricks_list_roles;
  drop function if exists public.databricks_synced_table_add_manager(regclass, text), public.databricks_synced_table_remove_manager(regclass, text),
    public.databricks_create_role(text, text);
  drop schema if exists databricks_auth cascade;
  object := 'schemas synced_tables, synced_tables_internal, synced_tables_served, databricks_auth, __db_system';
  outcome := 'dropped';
  return next;

  for left_over in
    select s.setrole, r.rolname, split_part(setting, '=', 1) as name
      from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) setting
     where s.setdatabase = here and setting like 'databricks\_auth.%'
  loop
    execute case left_over.setrole when 0 then format('alter database %I reset %s', current_database(), left_over.name)
                                   else format('alter role %I in database %I reset %s', left_over.rolname, current_database(), left_over.name) end;
  end loop;

  for left_over in
    select r.rolname as name, r.oid, r.rolname = any (owner_roles) as owns_one
      from pg_roles r where r.rolname = any (owner_roles || array['databricks_gateway', 'databricks_superuser', 'databricks_sync']::name[])
     order by not r.rolname = any (owner_roles), r.rolname
  loop
    object := 'role ' || left_over.name;
    begin
      if others is not null and not left_over.owns_one then
        for reason in
          select n.nspname from pg_namespace n where n.nspowner = left_over.oid
        loop
          execute format('alter schema %I owner to %I', reason, leaver);
        end loop;
        outcome := format('stays: these databases use it: %s', others);
        return next;
      else
        if not left_over.owns_one then
          execute format('reassign owned by %I to %I', left_over.name, leaver);
        end if;
        execute format('drop owned by %I', left_over.name);
        execute format('drop role %I', left_over.name);
        if not left_over.owns_one then
          outcome := 'dropped';
          return next;
        end if;
      end if;
    exception when dependent_objects_still_exist or insufficient_privilege then
      get stacked diagnostics detail = pg_exception_detail;
      outcome := format('stays: %s', concat_ws(' ', sqlerrm, replace(detail, e'\n', '; ')));
      return next;
    end;
  end loop;
end $$;
comment on function synced_tables.uninstall(boolean) is
  'Takes everything of synced tables out of this database. Their rows stay, as plain tables of those who created them; drop_tables => true drops them too. Refused while a sidecar works here. uninstall_plan says before what it will do. For superusers, and the role that installed synced tables.';
