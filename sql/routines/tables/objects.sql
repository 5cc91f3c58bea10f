-- What hangs on a table: its indexes and partition, what depends on it, who holds rights on it. Everything of this is kept by
-- a refresh; what makes DROP TABLE refuse is marked.

-- for: everybody
create or replace function synced_tables_internal._dependents_of(relation regclass)
returns table (kind text, name text, definition text, size_bytes bigint, depth integer)
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Along normal dependencies, as DROP … RESTRICT looks: on the relation, on its row type, on views in between.
  with recursive found as (
    select 'pg_class'::regclass::oid as classid, relation::oid as objid, 0 as depth
    union
    select case when r.oid is not null then 'pg_class'::regclass::oid else d.classid end, coalesce(r.ev_class, d.objid), f.depth + 1
      from found f
      join pg_class c on f.classid = 'pg_class'::regclass and c.oid = f.objid
      join pg_depend d on d.deptype = 'n' and (d.refclassid = f.classid and d.refobjid = f.objid
                                              or d.refclassid = 'pg_type'::regclass and d.refobjid in (c.reltype, (select y.typarray from pg_type y where y.oid = c.reltype)))
      left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
     where f.depth < 20 and coalesce(r.ev_class, d.objid) <> f.objid
  ), dependent as (
    select f.classid, f.objid, min(f.depth) as depth from found f where f.depth > 0 group by f.classid, f.objid
  )
  select case when c.relkind = 'v' then 'VIEW' when c.relkind = 'm' then 'MATERIALIZED_VIEW' when k.contype = 'f' then 'FOREIGN_KEY'
              when p.oid is not null then 'FUNCTION' else 'OTHER' end,
         case when c.relkind in ('v', 'm') then c.oid::regclass::text when k.contype = 'f' then format('%s.%I', k.conrelid::regclass, k.conname)
              when p.oid is not null then p.oid::regprocedure::text else pg_describe_object(d.classid, d.objid, 0) end,
         case when c.relkind in ('v', 'm')
              then format('CREATE %sVIEW %s%s AS%s', case when c.relkind = 'm' then 'MATERIALIZED ' end, c.oid::regclass,
                          ' WITH (' || array_to_string(c.reloptions, ', ') || ')', E'\n' || pg_get_viewdef(c.oid))
              when k.contype = 'f' then format('ALTER TABLE %s ADD CONSTRAINT %I %s;', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
              when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end,
         case when c.relkind = 'm' then pg_total_relation_size(c.oid) end,
         d.depth
    from dependent d
    left join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid
    left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
    left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
   -- Of a foreign key there is a copy for each partition.
   where coalesce(k.conparentid, 0) = 0 and (c.oid is null or c.oid <> relation)
$$;
comment on function synced_tables_internal._dependents_of(regclass) is
  'What DROP without CASCADE refuses a table for: views, foreign keys, functions and others, directly (depth 1) or through views.';

-- for: everybody
create or replace function synced_tables_internal._parts_of(relation regclass)
returns table (kind text, name text, definition text, size_bytes bigint, is_valid boolean, scans bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with part as (
    select i.inhrelid as oid from pg_inherits i where i.inhparent = relation
    union
    -- The storage of a streaming table, which is a view.
    select c.oid from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
      join pg_class c on c.oid = d.refobjid and c.relkind = 'r'
     where r.ev_class = relation
  )
  select 'TABLE', relation::text, null, sum(pg_total_relation_size(p.oid))::bigint, null::boolean, null::bigint from part p
  union all
  select 'PARTITION', p.oid::regclass::text, null, pg_table_size(p.oid), null, pg_stat_get_numscans(p.oid) from part p
  union all
  select case when x.indisprimary then 'PRIMARY_KEY' else 'INDEX' end, x.indexrelid::regclass::text,
         case when x.indisprimary then format('ALTER TABLE %s ADD %s;', relation, pg_get_constraintdef(k.oid))
              -- The part behind USING, cut off by length: a name may contain anything.
              else format('CREATE %sINDEX %I ON %s USING %s;', case when x.indisunique then 'UNIQUE ' end, c.relname, relation,
                     substr(pg_get_indexdef(x.indexrelid), 1 + length(
                       format('CREATE %sINDEX %I ON %s%I.%I USING ', case when x.indisunique then 'UNIQUE ' end, c.relname,
                              case when t.relkind = 'p' then 'ONLY ' end, n.nspname, t.relname)))) end,
         (select sum(pg_relation_size(i.inhrelid))::bigint from pg_inherits i where i.inhparent = x.indexrelid), x.indisvalid,
         (select sum(pg_stat_get_numscans(i.inhrelid))::bigint from pg_inherits i where i.inhparent = x.indexrelid)
    from pg_index x join pg_class c on c.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
    left join pg_constraint k on k.conindid = x.indexrelid and k.contype = 'p'
   where x.indrelid = relation
  union all
  select 'PUBLICATION', p.pubname, format('ALTER PUBLICATION %I ADD TABLE %s;', p.pubname, relation), null, null, null
    from pg_publication_rel r join pg_publication p on p.oid = r.prpubid where r.prrelid = relation
  union all
  select 'COMMENT', coalesce(a.attname::text, relation::text),
         case when a.attname is null then format('COMMENT ON %s %s IS %L;', case c.relkind when 'v' then 'VIEW' else 'TABLE' end, relation, o.description)
              else format('COMMENT ON COLUMN %s.%I IS %L;', relation, a.attname, o.description) end, null, null, null
    from pg_description o join pg_class c on c.oid = o.objoid
    left join pg_attribute a on a.attrelid = o.objoid and a.attnum = o.objsubid and o.objsubid > 0
   where o.classoid = 'pg_class'::regclass and o.objoid = relation
$$;
comment on function synced_tables_internal._parts_of(regclass) is 'What a table consists of: partition, key and indexes with their sizes, and where it is published or commented.';

-- for: everybody
create or replace function synced_tables_internal._grants_on(relation regclass)
returns table (grantee name, definition text, granted_by name)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with entry as (
    select null::name as attname, x.* from pg_class c cross join lateral aclexplode(c.relacl) x where c.oid = relation
    union all
    select a.attname, x.* from pg_attribute a cross join lateral aclexplode(a.attacl) x where a.attrelid = relation and a.attnum > 0
  )
  select case e.grantee when 0 then 'public' else pg_get_userbyid(e.grantee) end,
         format('GRANT %s%s ON %s TO %s%s;', string_agg(e.privilege_type, ', ' order by e.privilege_type),
                -- One privilege a statement, as each has its own list of columns.
                ' (' || quote_ident(e.attname) || ')', relation,
                case e.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(e.grantee)) end,
                case when e.is_grantable then ' WITH GRANT OPTION' end),
         pg_get_userbyid(e.grantor)
    from entry e join pg_class c on c.oid = relation
   where e.grantee <> c.relowner and e.grantee <> coalesce(to_regrole('databricks_sync'), 0)
   group by e.attname, e.grantee, e.grantor, e.is_grantable, case when e.attname is not null then e.privilege_type end
$$;
comment on function synced_tables_internal._grants_on(regclass) is 'The rights on a table that others than its owner and the sidecar hold, as the statements that give them.';

-- for: managers
create or replace view synced_tables.objects with (security_barrier = true) as
  with seen as (
    select k.synced_table, k.relation from synced_tables._known_tables k
      join pg_catalog.pg_class c on c.oid = k.relation
     where synced_tables_internal._may_see(k.created_by, k.relation)
  )
  select s.synced_table, o.kind, o.name, o.definition, o.size_bytes, o.is_valid, o.scans, null::integer as depth, false as blocks_drop,
         null::name as granted_by, null::timestamptz as granted_at
    from seen s cross join lateral synced_tables_internal._parts_of(s.relation) o
  union all
  select s.synced_table, o.kind, o.name, o.definition, o.size_bytes, null, null, o.depth, true, null, null
    from seen s cross join lateral synced_tables_internal._dependents_of(s.relation) o
  union all
  select s.synced_table, 'GRANT', o.grantee, o.definition, null, null, null, null, false, o.granted_by, null
    from seen s cross join lateral synced_tables_internal._grants_on(s.relation) o
  union all
  select s.synced_table, 'MANAGER', m.manager,
         pg_catalog.format('SELECT public.databricks_synced_table_add_manager(%L, %L);', s.synced_table, m.manager),
         null, null, null, null, false, m.granted_by, m.granted_at
    from seen s join databricks_auth.managers m on m.synced_table = s.relation
    join pg_catalog.pg_roles r on r.rolname = m.manager and r.oid = m.manager_oid
   where m.place = databricks_auth.place();
comment on view synced_tables.objects is
  'What hangs on synced and streaming tables: partition, indexes, dependents, rights, managers. A refresh keeps all of it.';
comment on column synced_tables.objects.kind is
  'TABLE (its whole size), PARTITION, PRIMARY_KEY, INDEX, VIEW, MATERIALIZED_VIEW, FOREIGN_KEY (to the table), FUNCTION, OTHER, PUBLICATION, COMMENT, GRANT or MANAGER.';
comment on column synced_tables.objects.definition is 'The statement that makes it; null for what a sync makes.';
comment on column synced_tables.objects.scans is 'How often the index was used since the last switch.';
comment on column synced_tables.objects.depth is 'Of what depends on the table: 1, or more through views.';
comment on column synced_tables.objects.blocks_drop is 'Whether DROP TABLE, and a deletion with purge, is refused for it. The rest goes with the table.';
