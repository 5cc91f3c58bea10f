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
  used constant text := synced_tables_internal._used_by_people();
  until constant timestamptz := clock_timestamp() + interval '2 s';
  working record;
begin
  loop
    -- By their sessions too: one that is busy may be late with its lease.
    select count(*) as leases, coalesce(ceil(max(extract(epoch from s.expires_at - clock_timestamp()))), 0) as seconds,
           greatest(count(*), (select count(*) from pg_stat_activity a where a.datname = current_database() and a.application_name = 'synced-tables sidecar (listener)')) as sidecars into working
      from synced_tables._sidecars s where s.expires_at >= clock_timestamp();
    -- The session of a sidecar that has just stopped ends a moment after it.
    exit when working.leases > 0 or working.sidecars = 0 or clock_timestamp() > until;
    perform pg_sleep(0.05);
    perform pg_stat_clear_snapshot();
  end loop;
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
comment on function synced_tables_internal._refuse_uninstall() is 'Refuses to uninstall while a sidecar works, and where objects of people need ours.';

-- for: owner
create or replace function synced_tables_internal._tables_to_leave(leaver name) returns table (relation regclass, is_released boolean, new_owner name, row_count bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select s.synced_table, false, synced_tables_internal._owner_among_people(s.created_by, leaver), t.row_count
    from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table left join synced_tables._tables t on t.relation = s.synced_table
  union all
  select f.relation, true, pg_get_userbyid(c.relowner), null
    from synced_tables._released_tables f join pg_class c on c.oid = f.relation where synced_tables_internal._is_as_released(f)
$$;
comment on function synced_tables_internal._tables_to_leave(name) is 'The tables that are synced tables, or were, and to whom they will belong.';

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
create or replace function synced_tables_internal._new_owner_told(relation text, wanted name, leaver name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when synced_tables_internal._may_give_to(leaver, wanted) then quote_ident(wanted)
              else format('%I, because %I may not give it to %I (a superuser may: ALTER TABLE %s OWNER TO %I;)', leaver, leaver, wanted, relation, wanted) end
$$;
comment on function synced_tables_internal._new_owner_told(text, name, name) is 'To whom a table will belong, and why not to whom it should.';

-- for: operators
create or replace function synced_tables.uninstall_plan(drop_tables boolean default false) returns table (object text, plan text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  leaver constant name := synced_tables_internal._admit_leaver();
  installer constant name := (select pg_get_userbyid(n.nspowner) from pg_namespace n where n.nspname = 'synced_tables');
  acting constant text := current_setting('role');
begin
  if not pg_has_role(current_user, installer, 'usage') then
    perform set_config('role', installer, true);
  end if;
  perform synced_tables_internal._refuse_uninstall();
  return query
    select t.relation::text, case when drop_tables and not t.is_released then 'is dropped with its rows'
                                  when t.is_released then format('stays as a table of %I', t.new_owner)
                                  else 'stays as a table of ' || synced_tables_internal._new_owner_told(t.relation::text, t.new_owner, leaver) end
                             || coalesce(' (' || t.row_count || ' rows)', '')
      from synced_tables_internal._tables_to_leave(leaver) t order by 1;
  return query
    select format('%I.%I', t.schema_name, t.table_name),
           case when drop_tables then 'is dropped with its rows'
                else format('stays as a table of %s; its rows are copied, its history of changes is dropped',
                            synced_tables_internal._new_owner_told(format('%I.%I', t.schema_name, t.table_name), synced_tables_internal._owner_among_people(t.created_by, leaver), leaver)) end
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
           || coalesce((select '; it was granted to ' || string_agg(distinct quote_ident(pg_get_userbyid(m.member)), ', ')
                          from pg_auth_members m where m.roleid = r.oid and not synced_tables_internal._is_our_role(m.member)), '')
      from pg_roles r cross join (select synced_tables_internal._other_databases() as databases) u
     where r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway', 'databricks_admin', 'databricks_installer') order by 1;
  -- The transaction goes on as who began it.
  perform set_config('role', acting, true);
end $$;
comment on function synced_tables.uninstall_plan(boolean) is
  'What synced_tables.uninstall would do with each table, schema and role. For superusers, and the administrator who installed synced tables.';

-- Runs as its caller, and drops itself with everything else: below that only statements, no functions of ours.
-- for: operators
create or replace function synced_tables.uninstall(drop_tables boolean default false) returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '10s' set client_min_messages = 'warning' as $$
#variable_conflict use_column
declare
  here constant oid := (select d.oid from pg_database d where d.datname = current_database());
  leaver constant name := synced_tables_internal._admit_leaver();
  installer constant name := (select pg_get_userbyid(n.nspowner) from pg_namespace n where n.nspname = 'synced_tables');
  our_roles constant name[] := array['databricks_gateway', 'databricks_superuser', 'databricks_sync', 'databricks_admin', 'databricks_installer'];
  leave_installer text;
  leave_people text[] := '{}';
  of_database_owner text[] := '{}';
  owner_roles name[];
  others text;
  tables regclass[];
  target synced_tables._cdc_targets;
  new_owner name;
  part regclass;
  left_over record;
  statement text;
  reason text;
  detail text;
begin
  if current_user <> leaver then
    -- As databricks_installer he could not give tables to people, and that role goes.
    perform set_config('role', 'none', false);
  end if;
  if not pg_has_role(leaver, installer, 'usage') then
    leave_installer := synced_tables_internal._join_role(installer, leaver);
  end if;
  -- No sidecar can come in from here on.
  lock table synced_tables._sidecars in access exclusive mode;
  perform synced_tables_internal._refuse_uninstall();
  others := synced_tables_internal._other_databases();
  if not databricks_auth.is_superuser(leaver) then
    for new_owner in select p from synced_tables_internal._people_involved(leaver) p loop
      leave_people := array_append(leave_people, synced_tables_internal._join_role(new_owner, leaver));
    end loop;
  end if;
  for left_over in
    select e.evtname as name, e.evtowner, p.oid::regprocedure as runs,
           exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e') as is_member
      from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid where synced_tables_internal._is_in_our_schema('pg_proc'::regclass, p.oid)
  loop
    if left_over.is_member then
      execute format('alter extension databricks_auth drop event trigger %I', left_over.name);
    end if;
    if pg_has_role(leaver, left_over.evtowner, 'usage') then
      execute format('drop event trigger %I', left_over.name);
    else
      -- The service made it for the administrator, and it cannot be without its function.
      execute format('drop function %s cascade', left_over.runs);
    end if;
  end loop;

  for left_over in select * from synced_tables_internal._tables_to_leave(leaver) t order by t.relation::text loop
    object := left_over.relation::text;
    begin
      if drop_tables and not left_over.is_released then
        perform synced_tables_internal._drop_relation(object, left_over.relation);
        outcome := 'dropped with its rows';
      else
        new_owner := left_over.new_owner;
        if left_over.is_released then
          part := (select i.inhrelid from pg_inherits i where i.inhparent = left_over.relation);
        else
          new_owner := case when synced_tables_internal._may_give_to(leaver, new_owner) then new_owner else leaver end;
          begin
            part := synced_tables_internal._release_table(left_over.relation, new_owner);
          exception when insufficient_privilege then
            -- As whom it should belong to cannot make tables in its schema any more.
            if new_owner = leaver then
              raise;
            end if;
            new_owner := leaver;
            part := synced_tables_internal._release_table(left_over.relation, new_owner);
          end;
        end if;
        reason := synced_tables_internal._collapse_table(left_over.relation, part);
        outcome := case when reason is null then format('plain table of %I', new_owner)
                        else format('partitioned table of %I, its rows are in %s: %s', new_owner, coalesce(part::text, 'its partitions'), reason) end;
        if new_owner <> left_over.new_owner then
          outcome := outcome || format('; only a superuser can give it to %I: ALTER TABLE %s OWNER TO %I;', left_over.new_owner, object, left_over.new_owner);
        end if;
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
      new_owner := synced_tables_internal._owner_among_people(target.created_by, leaver);
      if synced_tables_internal._may_give_to(leaver, new_owner) then
        outcome := format('plain table of %I', new_owner);
      else
        outcome := format('plain table of %I; only a superuser can give it to %I: ALTER TABLE %s OWNER TO %I;', leaver, new_owner, object, new_owner);
        new_owner := leaver;
      end if;
      perform synced_tables_internal._make_streaming_plain(target, new_owner);
    end if;
    if target.refreshed_by is null then
      return next;
    end if;
  end loop;

  -- Schemas that were made for people, who could not own them as long as there were tables of ours in them.
  for left_over in
    select n.nspname as name, coalesce(synced_tables_internal._schema_maker(n.oid), leaver) as maker from pg_namespace n
     where n.nspowner = to_regrole('databricks_installer') and not synced_tables_internal._is_in_our_schema('pg_namespace'::regclass, n.oid)
  loop
    new_owner := case when synced_tables_internal._may_give_to(leaver, left_over.maker) then left_over.maker else leaver end;
    execute format('alter schema %I owner to %I', left_over.name, new_owner);
    execute format('revoke grant option for all on schema %I from %I', left_over.name, new_owner);
  end loop;
  for left_over in
    select distinct t.role_name as name from synced_tables._tokens t
     where t.made_grant and exists (select from pg_auth_members m where m.roleid = t.role_oid and m.member = to_regrole('databricks_gateway'))
  loop
    begin
      execute format('revoke %I from databricks_gateway', left_over.name);
    exception when insufficient_privilege then
      -- It goes with databricks_gateway.
      if others is not null then
        object := 'role ' || left_over.name;
        outcome := format('stays granted to databricks_gateway; who administers it can take it back: REVOKE %I FROM databricks_gateway;', left_over.name);
        return next;
      end if;
    end;
  end loop;
  owner_roles := array(select r.rolname from pg_roles r where r.rolname ~ '^databricks_st_' and synced_tables_internal._is_our_role(r.oid));
  for left_over in select r.rolname as name from pg_roles r where r.rolname = any (our_roles || owner_roles) loop
    return query select g.object, g.outcome from synced_tables_internal._give_back_rights(left_over.name) g;
  end loop;
  if leave_installer is not null then
    of_database_owner := synced_tables_internal._rights_as_database_owner();
  end if;
  if not databricks_auth.is_superuser(leaver) and others is null then
    for left_over in select r.rolname as name from pg_roles r where r.rolname = any (our_roles) loop
      perform synced_tables_internal._join_role(left_over.name, leaver);
    end loop;
  end if;

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
    statement := case left_over.setrole when 0 then format('alter database %I reset %s', current_database(), left_over.name)
                                        else format('alter role %I in database %I reset %s', left_over.rolname, current_database(), left_over.name) end;
    begin
      execute statement;
    exception when insufficient_privilege then
      object := 'setting ' || left_over.name;
      outcome := format('stays, without effect; a superuser can remove it: %s;', statement);
      return next;
    end;
  end loop;

  foreach statement in array array_remove(leave_people, null) loop
    execute statement;
  end loop;
  if leave_installer is not null then
    execute leave_installer;
    foreach statement in array of_database_owner loop
      execute statement;
    end loop;
    execute format('grant %I to %I', installer, leaver)
      || case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set true' else '' end;
  end if;
  for left_over in
    select r.rolname as name, r.oid, r.rolname = any (owner_roles) as owns_one
      from pg_roles r where r.rolname = any (owner_roles || our_roles)
     order by not r.rolname = any (owner_roles), array_position(our_roles, r.rolname), r.rolname
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
  if leave_installer is not null and to_regrole(quote_ident(installer)) is not null then
    execute leave_installer;
  end if;
end $$;
comment on function synced_tables.uninstall(boolean) is
  'Takes everything of synced tables out of this database. Their rows stay, as plain tables of those who created them; drop_tables => true drops them too. Refused while a sidecar works here. uninstall_plan says before what it will do. For superusers, and the administrator who installed synced tables.';
