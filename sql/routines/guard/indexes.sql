-- Which indexes a manager may create on a synced table: only those that run no other people's code as the owner role.

-- for: owner
create or replace function databricks_auth.foreign_parts_of(index oid, relation oid) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_opclass oc on d.refclassid = 'pg_opclass'::regclass and oc.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_collation co on d.refclassid = 'pg_collation'::regclass and co.oid = d.refobjid
    -- Not even those of Postgres are pinned.
    left join pg_ts_config tc on d.refclassid = 'pg_ts_config'::regclass and tc.oid = d.refobjid
    left join pg_ts_dict td on d.refclassid = 'pg_ts_dict'::regclass and td.oid = d.refobjid
    left join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, oc.opcowner, t.typowner, co.collowner, tc.cfgowner, td.dictowner)
   where d.classid = 'pg_class'::regclass and d.objid = index and d.refobjid <> relation
     and d.refclassid <> 'pg_extension'::regclass
     and not (d.refclassid = 'pg_class'::regclass and d.deptype in ('P', 'S'))
     and not coalesce(r.rolsuper, false)
$$;
comment on function databricks_auth.foreign_parts_of(oid, oid) is
  'An object used by an index that no superuser owns; null if there is none. Its code would run as the sidecar at every write.';

-- for: owner
create or replace function databricks_auth.check_index(index oid, command text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_index record;
  foreign_parts text;
begin
  select x.indrelid, x.indisunique, x.indisvalid, c.relname,
         x.indisprimary or exists (select from pg_constraint k where k.conindid = index and k.conrelid = x.indrelid) as is_constraint
    into found_index
    from pg_index x join pg_class c on c.oid = x.indexrelid where x.indexrelid = index;
  if found_index.is_constraint then
    perform databricks_auth.refuse('0A000', format('index %I belongs to a constraint of a synced table', found_index.relname),
      'Only indexes made with CREATE INDEX can be altered.');
  end if;
  if command <> 'CREATE INDEX' then
    return;
  end if;
  if found_index.indisunique then
    perform databricks_auth.refuse('0A000', 'a unique index on a synced table is not supported',
      'It could make the sync fail. Enforce uniqueness in the source.');
  end if;
  if not found_index.indisvalid then
    perform databricks_auth.refuse('0A000', 'CREATE INDEX ON ONLY would leave an index without content', 'Leave out ONLY.');
  end if;
  foreign_parts := databricks_auth.foreign_parts_of(index, found_index.indrelid);
  if foreign_parts is not null then
    perform databricks_auth.refuse('42501', format('an index on a synced table may not use %s', foreign_parts),
      'Use built-in objects and objects that a superuser owns (extensions): the code would run as the sidecar.');
  end if;
end $$;
comment on function databricks_auth.check_index(oid, text) is 'Refuses an index created or altered by a manager that could harm the sync.';
