-- What people may call and read, found without leaving psql.

-- for: managers
create or replace function synced_tables.help(about text default null) returns table (name text, call text, description text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select o.name, o.call, o.description
    from (select format('%I.%I', p.pronamespace::regnamespace, p.proname) as name,
                 format('%s %s.%s(%s)', case p.prokind when 'p' then 'CALL' else 'SELECT' end, p.pronamespace::regnamespace, p.proname,
                        pg_get_function_arguments(p.oid)) as call,
                 obj_description(p.oid, 'pg_proc') as description
            from pg_proc p
           where (p.pronamespace = 'synced_tables'::regnamespace and p.proname !~ '^_'
                  or p.pronamespace = 'public'::regnamespace and p.proname ~ '^databricks_')
             and has_function_privilege(p.oid, 'execute')
          union all
          select format('%I.%I', c.relnamespace::regnamespace, c.relname), format('SELECT * FROM %I.%I', c.relnamespace::regnamespace, c.relname),
                 obj_description(c.oid, 'pg_class')
            from pg_class c
           where c.relkind = 'v' and (c.relnamespace = 'synced_tables'::regnamespace and c.relname !~ '^_'
                                      or c.relnamespace = 'public'::regnamespace and c.relname ~ '^databricks_')
             and has_table_privilege(c.oid, 'select')) o
   where o.description is not null and not exists (
         select from regexp_split_to_table(coalesce(about, ''), '\s+') word where strpos(lower(o.name || ' ' || o.description), lower(word)) = 0)
   order by starts_with(o.call, 'SELECT *'), o.name, o.call
$$;
comment on function synced_tables.help(text) is
  'What the caller may call and read, with what it does; help(''schedule'') for what all these words stand in. In psql, end with \gx.';
