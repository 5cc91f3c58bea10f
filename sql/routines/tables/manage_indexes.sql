-- CREATE INDEX and DROP INDEX as functions, for managers where the server lets nobody make event triggers: there, nothing can
-- lend them ownership for one statement. Where they can be made, these functions run the statement as their caller.

-- for: owner
create or replace function synced_tables_internal._managed_relation(synced_table text) returns regclass
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  leftover constant databricks_auth.synced_tables := synced_tables_internal._find_leftover(synced_table);
  acting constant name := synced_tables_internal._acting_role();
begin
  if leftover.synced_table is null then
    perform synced_tables_internal._raise_unknown_table(synced_table);
  end if;
  if not databricks_auth.can_manage(leftover.synced_table, acting) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501', format('Role %I is not a manager of synced table %s.', acting, leftover.synced_table),
      format('A member of databricks_superuser makes it one: SELECT databricks_synced_table_add_manager(%L, %L);', leftover.synced_table, acting));
  end if;
  -- One manager of a table at a time, and the partition stays until the transaction ends; as a window does.
  perform from databricks_auth.synced_tables s where s.synced_table = leftover.synced_table for no key update;
  execute format('lock table only %s in access share mode', leftover.synced_table);
  return leftover.synced_table;
end $$;
comment on function synced_tables_internal._managed_relation(text) is
  'The relation of a synced table that the acting role manages, held as it is until the transaction ends.';

-- for: managers
create or replace function synced_tables_served._create_index(synced_table text, definition text, index_name text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  relation constant regclass := synced_tables_internal._managed_relation(synced_table);
  before constant oid[] := array(select x.indexrelid from pg_index x where x.indrelid = relation);
  made oid;
begin
  -- What follows runs with the rights of the installer, so it must be one statement.
  if definition ~ ';' then
    perform synced_tables_internal._raise('INDEX_DEFINITION_INVALID', '42601', format('The definition of an index of %s may not contain a semicolon.', relation),
      'Give what follows the name of the table in CREATE INDEX, for example (customer_id, created_at DESC).');
  end if;
  execute format('create index %s on %s %s', coalesce(quote_ident(index_name), ''), relation, definition);
  made := (select x.indexrelid from pg_index x where x.indrelid = relation and x.indexrelid <> all (before));
  perform databricks_auth.check_index(made, 'CREATE INDEX');
  perform databricks_auth.rebuild_parts(relation);
  return made::regclass::text;
end $$;
comment on function synced_tables_served._create_index(text, text, text) is 'Serves create_index.';

-- for: managers
create or replace function synced_tables.create_index(synced_table text, definition text, index_name text default null) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.mode() = 'by ownership' then
    return synced_tables_internal._create_index(synced_table, definition, index_name);
  end if;
  execute format('create index %s on %s %s', coalesce(quote_ident(index_name), ''), synced_table::regclass, definition);
  return (select x.indexrelid::regclass from pg_index x where x.indrelid = synced_table::regclass order by x.indexrelid desc limit 1);
end $$;
comment on function synced_tables.create_index(text, text, text) is
  'Creates an index of a synced table; definition is what follows the name of the table in CREATE INDEX, for example ''(customer_id)''. Returns its name. Works on every server; where CREATE INDEX works, it is the same. For managers of the table.';

-- for: managers
create or replace function synced_tables_served._drop_index(index_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  index constant regclass := to_regclass(index_name);
  of_table constant regclass := (select x.indrelid from pg_index x where x.indexrelid = index);
  relation regclass;
begin
  if of_table is null or not databricks_auth.is_synced_table(of_table) then
    perform synced_tables_internal._raise('INDEX_NOT_FOUND', '42704', format('%s is not an index of a synced table.', index_name),
      'Give its name with its schema, for example gold.orders_by_customer; see pg_indexes.');
  end if;
  relation := synced_tables_internal._managed_relation(
    (select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = of_table));
  perform databricks_auth.check_index(index, 'DROP INDEX');
  execute format('drop index %s', index);
  perform databricks_auth.rebuild_parts(relation);
end $$;
comment on function synced_tables_served._drop_index(text) is 'Serves drop_index.';

-- for: managers
create or replace function synced_tables.drop_index(index_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if databricks_auth.mode() = 'by ownership' then
    perform synced_tables_internal._drop_index(index_name);
  else
    execute format('drop index %s', index_name::regclass);
  end if;
end $$;
comment on function synced_tables.drop_index(text) is
  'Drops an index of a synced table, given with its schema. Works on every server; where DROP INDEX works, it is the same. For managers of the table.';
