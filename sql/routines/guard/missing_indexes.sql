-- Which indexes a partition needs before it is switched in, so that ATTACH adopts them instead of building them while
-- readers wait.

-- for: sidecar
create or replace function databricks_auth.missing_indexes(parent regclass, part regclass) returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- pg_get_indexdef is `CREATE [UNIQUE] INDEX <name> ON [ONLY] <table> USING <tail>`. The head is rebuilt from the catalogs
  -- and cut off by length: searching for it would let an index name smuggle SQL into the tail.
  with index as (
    select x.indrelid, x.indisunique, x.indisprimary, x.indisvalid, x.indexrelid,
           pg_get_indexdef(x.indexrelid) as definition,
           format('CREATE %sINDEX %I ON %s%I.%I USING ', case when x.indisunique then 'UNIQUE ' end, c.relname,
                  case when t.relkind = 'p' then 'ONLY ' end, n.nspname, t.relname) as head
      from pg_index x join pg_class c on c.oid = x.indexrelid
      join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
     where x.indrelid in (parent, part)
  ), numbered as (
    -- Two equal indexes of the parent need two on the partition: each can be attached to only one.
    select i.*, substr(definition, length(head) + 1) as tail,
           row_number() over (partition by indrelid, indisunique, substr(definition, length(head) + 1) order by indexrelid) as nth
      from index i
     where not indisprimary and (indrelid = parent or indisvalid) and starts_with(definition, head)
  )
  select format('CREATE %sINDEX ON %s USING %s', case when p.indisunique then 'UNIQUE ' end, part, p.tail)
    from numbered p
   where p.indrelid = parent
     and not exists (select from numbered q where q.indrelid = part and q.indisunique = p.indisunique
                                              and q.tail = p.tail and q.nth = p.nth)
   order by p.indexrelid
$$;
comment on function databricks_auth.missing_indexes(regclass, regclass) is
  'The statements that build the indexes of a synced table that a table in __db_system lacks. Call it again under the lock, before ATTACH.';
