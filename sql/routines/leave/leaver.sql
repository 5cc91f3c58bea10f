-- Who uninstalls. A superuser may do everything. An administrator who installed without being one acts, for the time of it, as
-- databricks_installer and as the people whom he administers; what is out of his reach he is told, with the statement.

-- for: operators
create or replace function synced_tables_internal._admit_leaver() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  installer constant name := (select pg_get_userbyid(n.nspowner) from pg_namespace n where n.nspname = 'synced_tables');
  is_managed constant boolean := not databricks_auth.is_superuser(installer);
  has_options constant boolean := current_setting('server_version_num')::int >= 160000;
  leaver constant name := case when is_managed and current_user = installer then session_user else current_user end;
  lacks text[] := '{}';
begin
  if databricks_auth.is_superuser(leaver) or not is_managed and pg_has_role(leaver, installer, 'usage') then
    return leaver;
  end if;
  if is_managed then
    if not pg_has_role(leaver, installer, case when has_options then 'member with admin option' else 'member' end) then
      lacks := lacks || format('GRANT %I, databricks_admin TO %I WITH ADMIN OPTION', installer, leaver);
    end if;
    if not (select r.rolcreaterole from pg_roles r where r.rolname = leaver) then
      lacks := lacks || format('ALTER ROLE %I CREATEROLE', leaver);
    end if;
    if lacks = '{}' then
      return leaver;
    end if;
  end if;
  -- Not by _raise, which not everybody who asks may call.
  raise exception using errcode = '42501', detail = 'error code: UNINSTALL_NOT_ALLOWED',
    message = format('Role %I may not uninstall synced tables from database %I.', leaver, current_database()),
    hint = format('Run it as %s.', case when is_managed then format('the administrator who installed them, or have him run: %s;', array_to_string(lacks, '; '))
                                        else format('a superuser, or as %I, which installed them', installer) end);
end $$;
comment on function synced_tables_internal._admit_leaver() is
  'The role that uninstalls: the current one, or the administrator that acts as databricks_installer at the moment. Refuses others.';

-- for: owner
create or replace function synced_tables_internal._may_give_to(leaver name, role_name name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.is_superuser(leaver) or role_name = leaver then
    return true;
  end if;
  if databricks_auth.is_superuser(role_name) then
    return false;
  end if;
  if current_setting('server_version_num')::int >= 160000 then
    return pg_has_role(leaver, role_name, 'set')
        -- Nobody can be a member of a role that is a member of his own.
        or pg_has_role(leaver, role_name, 'member with admin option') and not pg_has_role(role_name, leaver, 'member');
  end if;
  -- Until version 15 whoever may create roles may grant them.
  return pg_has_role(leaver, role_name, 'member') or not pg_has_role(role_name, leaver, 'member');
end $$;
comment on function synced_tables_internal._may_give_to(name, name) is 'Whether who uninstalls can give a table to a role.';

-- for: owner
create or replace function synced_tables_internal._schema_maker(schema_oid oid) returns name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select min(pg_get_userbyid(a.grantee))::name
    from pg_namespace n cross join lateral aclexplode(n.nspacl) a
   where n.oid = schema_oid and a.privilege_type = 'CREATE' and a.is_grantable and a.grantor = n.nspowner and a.grantee <> 0
     and a.grantee <> n.nspowner and not synced_tables_internal._is_our_role(a.grantee)
  having count(*) = 1
$$;
comment on function synced_tables_internal._schema_maker(oid) is
  'For whom databricks_installer has made a schema: who may do everything in it. Null if that is nobody, or several.';

-- for: owner
create or replace function synced_tables_internal._people_involved(leaver name) returns setof name
language sql stable set search_path = pg_catalog, pg_temp as $$
  with leaving as (
    select t.relation::oid as oid, t.new_owner from synced_tables_internal._tables_to_leave(leaver) t
    union all
    select c.oid, synced_tables_internal._owner_among_people(t.created_by, leaver) from synced_tables._cdc_targets t join pg_class c on c.oid = t.target
  )
  select distinct p.name
    from (
      select l.new_owner from leaving l
      union all
      -- Views on them are defined anew, by their owners.
      select pg_get_userbyid(v.relowner)
        from leaving l join pg_class own on own.oid = l.oid
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = l.oid or d.refclassid = 'pg_type'::regclass and d.refobjid = own.reltype
        join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid join pg_class v on v.oid = w.ev_class
      union all
      select pg_get_userbyid(c.relowner) from leaving l join pg_constraint k on k.confrelid = l.oid and k.contype = 'f' join pg_class c on c.oid = k.conrelid
      union all
      select pg_get_userbyid(x.stxowner) from leaving l join pg_statistic_ext x on x.stxrelid = l.oid
      union all
      select pg_get_userbyid(p.pubowner) from leaving l join pg_publication_rel r on r.prrelid = l.oid join pg_publication p on p.oid = r.prpubid
      union all
      select synced_tables_internal._schema_maker(n.oid) from pg_namespace n where n.nspowner = to_regrole('databricks_installer')
      union all
      -- They granted something to our roles, or promised to.
      select g.owner from unnest(array['databricks_gateway', 'databricks_superuser', 'databricks_sync', 'databricks_installer', 'databricks_admin']::name[]) r
       cross join lateral synced_tables_internal._rights_given_to(r) g
      union all
      select pg_get_userbyid(d.defaclrole) from pg_default_acl d cross join lateral aclexplode(d.defaclacl) a where synced_tables_internal._is_our_role(a.grantee)
    ) p (name)
   where p.name <> leaver and to_regrole(quote_ident(p.name)) is not null and not synced_tables_internal._is_our_role(to_regrole(quote_ident(p.name)))
$$;
comment on function synced_tables_internal._people_involved(name) is
  'The roles to whom tables will be given, and whose objects have to do with them: whoever uninstalls acts as them.';

-- for: operators
create or replace function synced_tables_internal._join_role(role_name name, member name) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  has_options constant boolean := current_setting('server_version_num')::int >= 160000;
  undo text := format('revoke %I from %I', role_name, member);
  options record;
begin
  if pg_has_role(member, role_name, 'usage') and pg_has_role(member, role_name, case when has_options then 'set' else 'member' end) then
    return null;
  end if;
  if has_options then
    -- Of its own grants there is one; Postgres itself grants to who creates a role, which nobody else can change.
    select m.inherit_option, m.set_option into options
      from pg_auth_members m where m.roleid = to_regrole(quote_ident(role_name)) and m.member = to_regrole(quote_ident(_join_role.member)) and m.grantor <> 10 limit 1;
    if found then
      undo := format('grant %I to %I with inherit %s, set %s', role_name, member, options.inherit_option, options.set_option);
    end if;
  end if;
  execute format('grant %I to %I', role_name, member) || case when has_options then ' with inherit true, set true' else '' end;
  return undo;
exception when insufficient_privilege or invalid_grant_operation then
  return null;
end $$;
comment on function synced_tables_internal._join_role(name, name) is
  'Lets a role act as another, if the current role can do that; returns the statement that takes it back, null if nothing was done.';
