-- The register of all objects of the SQL side, _definitions: written when they are applied, read when rights are granted.

-- for: owner
create or replace function synced_tables_internal._routine_of(kind text, identity text) returns regprocedure
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- CASE, because to_regprocedure raises an error for text that does not look like a routine.
  select case when kind in ('function', 'procedure', 'aggregate') then to_regprocedure(identity) end
$$;
comment on function synced_tables_internal._routine_of(text, text) is
  'The routine of a row of _definitions; null for other kinds, or if it no longer exists.';

-- for: owner
create or replace function synced_tables_internal._relation_of(kind text, identity text) returns regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when kind in ('table', 'view') then to_regclass(identity) end
$$;
comment on function synced_tables_internal._relation_of(text, text) is
  'The table or view of a row of _definitions; null for other kinds, or if it no longer exists.';

-- for: owner
create or replace function synced_tables_internal._trigger_of(kind text, identity text) returns oid
language sql stable set search_path = pg_catalog, pg_temp as $$
  select t.oid from pg_trigger t
   where kind = 'trigger' and t.tgname = split_part(identity, ' on ', 1) and t.tgrelid = case when kind = 'trigger' then to_regclass(split_part(identity, ' on ', 2)) end
$$;
comment on function synced_tables_internal._trigger_of(text, text) is
  'The trigger of a row of _definitions; null for other kinds, or if it no longer exists.';

-- for: everybody
create or replace view synced_tables.definitions with (security_barrier = true) as
  select d.kind, d.identity as object, d.file, d.audience from synced_tables._definitions d;
comment on view synced_tables.definitions is 'Which file of sql/ defines each object of the SQL side, and who may use it.';

-- for: everybody
create or replace view synced_tables.installation as
  select s.release, databricks_auth.mode() as guard, n.nspowner::pg_catalog.regrole as installed_by,
         array(select pg_catalog.format('GRANT %I TO %I;', w.role_name, w.grantee) from databricks_auth.wanted_memberships() w
                where not pg_catalog.pg_has_role(w.grantee, w.role_name, 'usage')) as missing_grants
    from synced_tables._schema s join pg_catalog.pg_namespace n on n.nspname = 'databricks_auth';
comment on view synced_tables.installation is 'What is installed here, by whom, and how synced tables are guarded. One row.';
comment on column synced_tables.installation.guard is
  'whole, or by ownership: without event triggers, where the server lets nobody make them; docs/guides/managed-postgres.md has what differs.';
comment on column synced_tables.installation.missing_grants is
  'What only a role with the ADMIN option can grant: without it, members of databricks_superuser read synced tables, not all tables.';
