-- Rights of our roles on what is not ours: schemas of synced tables, sources of flows, the database.

-- for: owner
create or replace function synced_tables_internal._is_in_our_schema(class oid, object oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(n.nspname in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system')
                  or n.nspname = 'public' and class = 'pg_proc'::regclass
                     and (select p.proname in ('databricks_synced_table_add_manager', 'databricks_synced_table_remove_manager', 'databricks_create_role') from pg_proc p where p.oid = object)
                  or n.nspname = 'public' and class = 'pg_class'::regclass
                     and (select c.relname in ('databricks_synced_table_managers', 'databricks_list_roles') from pg_class c where c.oid = object), false)
    from (select case class when 'pg_class'::regclass then (select relnamespace from pg_class where oid = object)
                            when 'pg_proc'::regclass then (select pronamespace from pg_proc where oid = object)
                            when 'pg_type'::regclass then (select typnamespace from pg_type where oid = object)
                            when 'pg_namespace'::regclass then object end as oid) o
    left join pg_namespace n on n.oid = o.oid
$$;
comment on function synced_tables_internal._is_in_our_schema(oid, oid) is 'Whether an object is one of ours, which goes with its schema.';

-- for: owner
create or replace function synced_tables_internal._rights_given_to(role_name name) returns table (kind text, identity text, owner name, statements text[])
language sql stable set search_path = pg_catalog, pg_temp as $$
  select g.kind, g.identity, pg_get_userbyid(g.owner), array(
           select s from synced_tables_internal._grants_to_people(g.kind, g.acl, g.owner, g.identity, null, true) s
           union
           select s from pg_attribute a cross join lateral synced_tables_internal._grants_to_people(g.kind, a.attacl, g.owner, g.identity, a.attname, true) s
            where g.kind = 'table' and a.attrelid = g.oid and not a.attisdropped)
    from (select distinct d.classid, d.objid from pg_shdepend d
           where d.refclassid = 'pg_authid'::regclass and d.refobjid = to_regrole(quote_ident(role_name)) and d.deptype = 'a'
             and (d.dbid = (select oid from pg_database where datname = current_database())
                  or d.classid = 'pg_database'::regclass and d.objid = (select oid from pg_database where datname = current_database()))
             and not synced_tables_internal._is_in_our_schema(d.classid, d.objid)) d
   cross join lateral (
     select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass::text, c.relacl, c.relowner, c.oid
       from pg_class c where d.classid = 'pg_class'::regclass and c.oid = d.objid
     union all select 'schema', n.oid::regnamespace::text, n.nspacl, n.nspowner, n.oid from pg_namespace n where d.classid = 'pg_namespace'::regclass and n.oid = d.objid
     union all select 'routine', p.oid::regprocedure::text, p.proacl, p.proowner, p.oid from pg_proc p where d.classid = 'pg_proc'::regclass and p.oid = d.objid
     union all select 'type', t.oid::regtype::text, t.typacl, t.typowner, t.oid from pg_type t where d.classid = 'pg_type'::regclass and t.oid = d.objid
     union all select 'language', quote_ident(l.lanname), l.lanacl, l.lanowner, l.oid from pg_language l where d.classid = 'pg_language'::regclass and l.oid = d.objid
     union all select 'foreign server', quote_ident(f.srvname), f.srvacl, f.srvowner, f.oid from pg_foreign_server f where d.classid = 'pg_foreign_server'::regclass and f.oid = d.objid
     union all select 'database', quote_ident(b.datname), b.datacl, b.datdba, b.oid from pg_database b where d.classid = 'pg_database'::regclass and b.oid = d.objid
   ) g (kind, identity, acl, owner, oid)
$$;
comment on function synced_tables_internal._rights_given_to(name) is
  'What people have granted to one of our roles in this database, whose it is, and the statements that give what that role has passed on.';

-- for: owner
create or replace function synced_tables_internal._give_back_rights(role_name name) returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  -- All at once: what is below acts as others.
  all_of_it constant jsonb := (select jsonb_agg(to_jsonb(g)) from synced_tables_internal._rights_given_to(role_name) g);
  is_superuser constant boolean := databricks_auth.is_superuser(current_user);
  acting constant text := current_setting('role');
  granted record;
  promised record;
  statement text;
begin
  for granted in select g.* from jsonb_to_recordset(all_of_it) g (kind text, identity text, owner name, statements text[]) loop
    if not is_superuser and role_name = 'databricks_installer' and granted.owner = 'pg_database_owner' then
      continue;  -- see _rights_as_database_owner
    elsif pg_has_role(current_user, granted.owner, 'usage') then
      if not is_superuser and granted.owner <> 'pg_database_owner' then
        -- Postgres revokes on behalf of any role that may, and it may take ours.
        perform set_config('role', granted.owner, true);
      end if;
      execute format('revoke all on %s %s from %I cascade', granted.kind, granted.identity, role_name);
      foreach statement in array granted.statements loop
        execute statement;
      end loop;
      perform set_config('role', acting, true);
    elsif granted.statements <> '{}' then
      -- What is left goes with the role, and what it has passed on goes along.
      object := format('%s %s', granted.kind, granted.identity);
      outcome := format('grants that %I has passed on are lost with it; %I, the owner, can make them anew: %s;', role_name, granted.owner, array_to_string(granted.statements, '; '));
      return next;
    end if;
  end loop;
  for promised in
    select pg_get_userbyid(d.defaclrole) as maker, n.nspname,
           case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end as kind
      from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
     where exists (select from aclexplode(d.defaclacl) a where a.grantee = to_regrole(quote_ident(role_name)))
       -- Others go with the role.
       and pg_has_role(current_user, d.defaclrole, 'usage')
  loop
    execute format('alter default privileges for role %I%s revoke all on %s from %I cascade', promised.maker, ' in schema ' || quote_ident(promised.nspname),
                   promised.kind, role_name);
  end loop;
end $$;
comment on function synced_tables_internal._give_back_rights(name) is
  'Takes from one of our roles what it may do with what is not ours; what it has passed on to people, they keep. Returns what only others can do.';

-- for: owner
create or replace function synced_tables_internal._rights_as_database_owner() returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array(select s from synced_tables_internal._rights_given_to('databricks_installer') g
                cross join lateral unnest(format('revoke all on %s %s from databricks_installer cascade', g.kind, g.identity) || g.statements) with ordinality u (s, place)
                where g.owner = 'pg_database_owner' order by g.identity, u.place)
$$;
comment on function synced_tables_internal._rights_as_database_owner() is
  'Statements that take from databricks_installer what the owner of the database has granted on schema public. For a session that is no member of it: Postgres would revoke on its behalf.';
