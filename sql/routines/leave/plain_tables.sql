-- Synced tables become plain ones: of a role of people, without our roles, triggers and schemas.
--
-- The rows lie in the partition. It takes over name, grants, views, indexes and foreign keys of the parent, whose OID goes:
-- Postgres knows no way to make a plain table of a partitioned one. Nothing is copied. Where something hangs on the parent that
-- cannot be moved, the table stays partitioned, its partition beside it. See docs/decisions/0036.

-- for: owner
create or replace function synced_tables_internal._is_our_role(role_oid oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
  select exists (
    select from pg_roles r, pg_database d
     where r.oid = role_oid and d.datname = current_database()
       and (r.rolname in ('databricks_superuser', 'databricks_sync', 'databricks_gateway', 'databricks_installer', 'databricks_admin') or r.rolname ~ format('^databricks_st_%s_\d+_*$', d.oid)))
$$;
comment on function synced_tables_internal._is_our_role(oid) is 'Whether a role is one that synced tables of this database have made.';

-- for: owner
create or replace function synced_tables_internal._owner_among_people(wanted name, otherwise name) returns name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when to_regrole(quote_ident(wanted)) is null or synced_tables_internal._is_our_role(to_regrole(quote_ident(wanted))) then otherwise else wanted end
$$;
comment on function synced_tables_internal._owner_among_people(name, name) is
  'Whom a table is given to: the wanted role, or the other if that is gone or one of ours.';

-- for: owner
create or replace function synced_tables_internal._grants_to_people(kind text, acl aclitem[], owner oid, target text, column_name name default null, only_by_ours boolean default false) returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct format('grant %s%s on %s %s to %s%s', a.privilege_type, ' (' || quote_ident(column_name) || ')', kind, target,
                         case a.grantee when 0 then 'public' else quote_ident(r.rolname) end, case when a.is_grantable then ' with grant option' else '' end)
    from aclexplode(acl) a left join pg_roles r on r.oid = a.grantee
   where a.grantee <> owner and (a.grantee = 0 or r.oid is not null and not synced_tables_internal._is_our_role(a.grantee))
     and (not only_by_ours or synced_tables_internal._is_our_role(a.grantor))
$$;
comment on function synced_tables_internal._grants_to_people(text, aclitem[], oid, text, name, boolean) is
  'Statements that grant what an access list gives to others than the owner and our roles; if so wanted, only what our roles have passed on.';

-- for: owner
create or replace function synced_tables_internal._table_grants(relation oid, target text) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array(select g from pg_class c cross join lateral synced_tables_internal._grants_to_people('table', c.relacl, c.relowner, target) g where c.oid = relation
               union
               select g from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
                cross join lateral synced_tables_internal._grants_to_people('table', a.attacl, c.relowner, target, a.attname) g where c.oid = relation)
$$;
comment on function synced_tables_internal._table_grants(oid, text) is 'Statements that grant on another table what people have on a relation and its columns.';

-- for: owner
create or replace function synced_tables_internal._give_relation(relation regclass, kind text, new_owner name, grants text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  grantee text;
  statement text;
begin
  execute format('alter %s %s owner to %I', kind, relation, new_owner);
  -- Everything that was granted, also by those who may pass it on, goes; what people had is granted anew, by the owner.
  for grantee in
    select distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
      from pg_class c
     cross join lateral (select x.grantee from aclexplode(c.relacl) x
                         union select x.grantee from pg_attribute t cross join lateral aclexplode(t.attacl) x where t.attrelid = c.oid) a
     where c.oid = relation and a.grantee <> c.relowner and (a.grantee = 0 or exists (select from pg_roles r where r.oid = a.grantee))
  loop
    execute format('revoke all on %s from %s cascade', relation, grantee);
  end loop;
  execute format('grant all on %s to %I', relation, new_owner);
  foreach statement in array grants loop
    execute statement;
  end loop;
  -- What it was granted before, it has as the owner.
  execute format('revoke grant option for all on %s from %I', relation, new_owner);
end $$;
comment on function synced_tables_internal._give_relation(regclass, text, name, text[]) is 'Gives a table or view to a role, with these grants and no others.';

-- for: owner
create or replace function synced_tables_internal._free_name(schema_name name, wanted text) returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  room int := 63;
  free text;
  number int := 1;
begin
  loop
    free := wanted;
    -- Names are cut by bytes.
    room := 63 - case number when 1 then 0 else length('_' || number) end;
    while octet_length(free) > room loop
      free := left(free, length(free) - 1);
    end loop;
    free := free || case number when 1 then '' else '_' || number end;
    if not exists (select from pg_class c where c.relnamespace = to_regnamespace(quote_ident(schema_name)) and c.relname = free)
       and not exists (select from pg_type t where t.typnamespace = to_regnamespace(quote_ident(schema_name)) and t.typname = free) then
      return free;
    end if;
    number := number + 1;
  end loop;
end $$;
comment on function synced_tables_internal._free_name(name, text) is 'A name like this one that no relation and no type of the schema has.';

-- for: owner
create or replace function synced_tables_internal._drop_owner_role(owner_role name) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if owner_role is null or to_regrole(quote_ident(owner_role)) is null or not synced_tables_internal._is_our_role(to_regrole(quote_ident(owner_role))) then
    return null;
  end if;
  perform databricks_auth.lock_schema_rights();
  begin
    execute format('drop owned by %I', owner_role);  -- rights on schemas
    execute format('drop role %I', owner_role);
    return null;
  exception when dependent_objects_still_exist then
    -- A copy of this database in the same cluster shares the role.
    return sqlerrm;
  end;
end $$;
comment on function synced_tables_internal._drop_owner_role(name) is 'Drops the owner role of a table that is no longer ours; returns why it could not, null if it is gone.';

-- for: owner
create or replace function synced_tables_internal._release_table(relation regclass, new_owner name) returns regclass
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  part constant regclass := databricks_auth.sole_partition(relation);
  kept constant text[] := synced_tables_internal._table_grants(relation, relation::text);
  schema_name name;
  table_name name;
  part_name name;
  owner_role name;
  gate record;
begin
  select n.nspname, c.relname into schema_name, table_name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation;
  execute format('lock table %s in access exclusive mode', relation);
  -- First, because the guard lets nobody change what is registered.
  delete from databricks_auth.parts p where p.synced_table = relation;
  delete from databricks_auth.synced_tables s where s.synced_table = relation returning s.owner_role into owner_role;
  for gate in
    select t.tgname, t.tgrelid::regclass as relation from pg_trigger t join databricks_auth.wanted_gates() w on w.name = t.tgname
     where t.tgrelid in (relation, part)
  loop
    execute format('drop trigger %I on %s', gate.tgname, gate.relation);
  end loop;
  perform synced_tables_internal._give_relation(relation, 'table', new_owner, kept);
  if part is not null then
    part_name := synced_tables_internal._free_name(schema_name, table_name || '_rows');
    execute format('alter table %s set schema %I', part, schema_name);
    execute format('alter table %s rename to %I', part, part_name);
    perform synced_tables_internal._give_relation(part, 'table', new_owner, '{}');
  end if;
  if obj_description(relation, 'pg_class') like 'Synced from %; read-only.%' then
    execute format('comment on table %s is null', relation);
  end if;
  perform synced_tables_internal._drop_owner_role(owner_role);
  return part;
end $$;
comment on function synced_tables_internal._release_table(regclass, name) is
  'Gives a synced table to a role of people, with its partition beside it and without our roles and triggers; returns the partition.';

-- for: owner
create or replace function synced_tables_internal._shape_of(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull, a.attidentity, a.attgenerated,
                              pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
$$;
comment on function synced_tables_internal._shape_of(regclass) is 'The columns of a table, to be compared: names, types, defaults and so on, in their order.';

-- for: owner
create or replace function synced_tables_internal._rooted_in(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- What DROP TABLE would drop along, and nothing makes again.
  select string_agg(w.what, ', ') from (
    select format('trigger %I', t.tgname) from pg_trigger t
     where t.tgrelid = relation and not t.tgisinternal and t.tgname not in (select w.name from databricks_auth.wanted_gates() w)
    union all select format('policy %I', p.polname) from pg_policy p where p.polrelid = relation
    union all select format('rule %I', r.rulename) from pg_rewrite r where r.ev_class = relation
    union all select 'row security' from pg_class c where c.oid = relation and c.relrowsecurity
    union all select format('security label of %s', l.provider) from pg_seclabel l where l.classoid = 'pg_class'::regclass and l.objoid = relation) w (what)
$$;
comment on function synced_tables_internal._rooted_in(regclass) is 'What hangs on a table and would be lost with it, for a message; null if nothing does.';

-- for: owner
create or replace function synced_tables_internal._view_statements(relation regclass) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- With this search_path all names in the definitions are qualified.
  select array(
    select format('create or replace view %s%s as %s', v.oid::regclass, ' with (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid))
      from pg_class v
     where v.relkind = 'v' and v.oid <> relation and v.oid in (
       select w.ev_class from pg_depend d join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
        where d.refclassid = 'pg_class'::regclass and d.refobjid = relation
           or d.refclassid = 'pg_type'::regclass and d.refobjid = (select c.reltype from pg_class c where c.oid = relation))
     order by v.oid)
$$;
comment on function synced_tables_internal._view_statements(regclass) is
  'Statements that define the views on a relation anew, in place, once another relation has its name.';

-- for: owner
create or replace function synced_tables_internal._comment_statements(relation regclass, target text) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array(
    select format('comment on %s is %L', case d.objsubid when 0 then 'table ' || target else format('column %s.%I', target, a.attname) end, d.description)
      from pg_description d left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
     where d.classoid = 'pg_class'::regclass and d.objoid = relation)
$$;
comment on function synced_tables_internal._comment_statements(regclass, text) is 'Statements that put the comments of a relation and its columns on another.';

-- for: owner
create or replace function synced_tables_internal._kept_with(relation regclass, part regclass, target text) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- In this order: the partition has the name of the table when they run.
  select synced_tables_internal._comment_statements(relation, target)
      || array(select format('alter table %s alter column %I set statistics %s', target, a.attname, a.attstattarget)
                 from pg_attribute a where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attstattarget >= 0)
      || array(select format('alter table %s alter column %I set (%s)', target, a.attname, array_to_string(a.attoptions, ', '))
                 from pg_attribute a where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attoptions is not null)
      || array(select format('alter index %I.%I rename to %I', n.nspname, own.relname, c.relname)
                 from pg_index x join pg_class c on c.oid = x.indexrelid join pg_inherits h on h.inhparent = c.oid
                 join pg_index y on y.indexrelid = h.inhrelid and y.indrelid = part join pg_class own on own.oid = y.indexrelid
                 join pg_namespace n on n.oid = own.relnamespace
                where x.indrelid = relation order by c.oid)
      || array(select format('comment on index %I.%I is %L', n.nspname, c.relname, obj_description(c.oid, 'pg_class'))
                 from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
                where x.indrelid = relation and obj_description(c.oid, 'pg_class') is not null order by c.oid)
      || array(select format('alter table %s rename constraint %I to %I', target, own.conname, k.conname)
                 from pg_constraint k join pg_attribute a on a.attrelid = relation and a.attnum = k.conkey[1]
                 join pg_attribute b on b.attrelid = part and b.attname = a.attname
                 join pg_constraint own on own.conrelid = part and own.contype = 'n' and own.conkey[1] = b.attnum
                where k.conrelid = relation and k.contype = 'n' and own.conname <> k.conname order by k.oid)
      || array(select format('alter table %s replica identity %s', target, case c.relreplident when 'f' then 'full' else 'nothing' end)
                 from pg_class c where c.oid = relation and c.relreplident in ('f', 'n'))
      || array(select pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s where s.stxrelid = relation order by s.oid)
      || array(select format('alter statistics %I.%I owner to %I', n.nspname, s.stxname, pg_get_userbyid(s.stxowner))
                 from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where s.stxrelid = relation order by s.oid)
      || array(select format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
                 from pg_constraint k where k.confrelid = relation and k.contype = 'f' and k.conparentid = 0 order by k.oid)
      || array(select format('alter publication %I add table only %s%s%s', p.pubname, target,
                             ' (' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a where a.attrelid = relation and a.attnum = any (r.prattrs)) || ')',
                             ' where (' || pg_get_expr(r.prqual, r.prrelid) || ')')
                 from pg_publication_rel r join pg_publication p on p.oid = r.prpubid where r.prrelid = relation order by p.oid)
$$;
comment on function synced_tables_internal._kept_with(regclass, regclass, text) is
  'Statements that give the partition of a table, once it has the name of that, what hangs on the table besides views and grants.';

-- for: owner
create or replace function synced_tables_internal._collapse_table(relation regclass, part regclass) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  target constant text := relation::text;
  roots constant text := synced_tables_internal._rooted_in(relation);
  views constant text[] := synced_tables_internal._view_statements(relation);
  kept constant text[] := synced_tables_internal._kept_with(relation, part, relation::text);
  grants constant text[] := synced_tables_internal._table_grants(relation, relation::text);
  shell name;
  place record;
  reference record;
  statement text;
begin
  if part is null then
    return 'it has another shape than we gave it';
  elsif roots is not null then
    return format('it has %s', roots);
  elsif synced_tables_internal._shape_of(relation) is distinct from synced_tables_internal._shape_of(part) then
    return 'the columns of its partition are in another order';
  elsif exists (select from pg_index x where x.indrelid = relation
                 and not exists (select from pg_inherits h join pg_index y on y.indexrelid = h.inhrelid where h.inhparent = x.indexrelid and y.indrelid = part)) then
    return 'one of its indexes is not on its partition';
  elsif exists (select from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                  join pg_type t on t.oid = a.atttypid join pg_roles r on r.oid = t.typowner
                 where k.confrelid = relation and k.contype = 'f' and not r.rolsuper) then
    -- Checking it again would run code of others with our rights.
    return 'a foreign key refers to it with a type that no superuser owns';
  end if;
  select n.nspname as schema_name, c.relname as table_name, pg_get_userbyid(c.relowner) as owner into place
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation;
  begin
    execute format('lock table %s in access exclusive mode', relation);
    -- Postgres detaches no partition whose rows a foreign key needs.
    for reference in select k.conrelid::regclass as referencing, k.conname from pg_constraint k where k.confrelid = relation and k.contype = 'f' and k.conparentid = 0 loop
      execute format('alter table %s drop constraint %I', reference.referencing, reference.conname);
    end loop;
    execute format('alter table %s detach partition %s', relation, part);
    shell := synced_tables_internal._free_name(place.schema_name, place.table_name || '_shell');
    execute format('alter table %s rename to %I', relation, shell);
    execute format('alter table %s rename to %I', part, place.table_name);
    foreach statement in array views loop
      execute statement;
    end loop;
    -- Without CASCADE: what else depends on it stops this.
    execute format('drop table %I.%I', place.schema_name, shell);
    foreach statement in array kept loop
      execute statement;
    end loop;
    perform synced_tables_internal._give_relation(part, 'table', place.owner, grants);
    return null;
  exception
    when lock_not_available or query_canceled or deadlock_detected or out_of_memory or disk_full then
      raise;
    when dependent_objects_still_exist then
      get stacked diagnostics statement = pg_exception_detail;
      return replace(coalesce(nullif(statement, ''), sqlerrm), e'\n', '; ');
    when others then
      return sqlerrm;
  end;
end $$;
comment on function synced_tables_internal._collapse_table(regclass, regclass) is
  'Makes the partition of a released table the table itself; returns why that is not possible, in which case nothing has changed, else null.';
