-- The event triggers of the guard: one list, used by installation, repair() and doctor. Triggers of one event fire in name
-- order. Functions that run at every DDL are PL/pgSQL, which caches plans: an SQL function with a SET clause is planned
-- again at each call.

-- for: everybody
create or replace function databricks_auth.wanted_event_triggers()
returns table (name name, event text, tags text[], function text, is_needed_by_windows boolean)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  values
    -- Takes back what was lent.
    ('databricks_auth_0_close'::name, 'ddl_command_end', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'CREATE TABLE'],
     'databricks_auth.ev_close', true),
    -- No DDL as an owner role, and none nested in a window.
    ('databricks_auth_1_guard', 'ddl_command_start', null, 'databricks_auth.ev_guard', true),
    -- Lends the owner role.
    ('databricks_auth_2_open', 'ddl_command_start', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE'],
     'databricks_auth.ev_open', true),
    -- Clearer words than "must be owner" when the target is certain.
    ('databricks_auth_3_kind', 'ddl_command_start', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'COMMENT',
                                                          'CREATE POLICY', 'CREATE TRIGGER', 'CREATE RULE'],
     'databricks_auth.ev_kind', false),
    -- Protects superusers and schema owners from accidents.
    ('databricks_auth_careful', 'ddl_command_end', array['ALTER TABLE', 'ALTER INDEX', 'CREATE TABLE', 'ALTER SCHEMA', 'CREATE TRIGGER',
                                                         'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY'],
     'databricks_auth.ev_careful', false),
    ('databricks_auth_drop', 'sql_drop', null, 'databricks_auth.ev_drop', true),
    ('databricks_auth_references', 'ddl_command_end', array['ALTER TABLE', 'CREATE TABLE', 'CREATE SCHEMA'],
     'databricks_auth.ev_references', false),
    -- Before the work: with the schemas of the guard, its event triggers would be gone at the end.
    ('databricks_auth_schemas', 'ddl_command_start', array['DROP SCHEMA'], 'databricks_auth.ev_schemas', false)
$$;
comment on function databricks_auth.wanted_event_triggers() is 'The event triggers of an intact guard; functions without their (), the commands of each in tags (null: all).';

-- for: everybody
create or replace function databricks_auth.event_trigger_damage(name name, event text, tags text[], function text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
           when e.oid is null then 'is missing'
           when e.evtenabled <> 'A' then 'is switched off'
           when e.evtevent <> $2 or (select array_agg(t order by t) from unnest(e.evttags) t) is distinct from (select array_agg(t order by t) from unnest($3) t)
                or format('%I.%I', n.nspname, p.proname) <> $4 then 'is not ours'
           when not databricks_auth.is_installer(r.rolname) then format('runs code of role %I, which is not a superuser', r.rolname) end
    from (values (null)) as one (row)
    left join pg_event_trigger e on e.evtname = $1
    left join pg_proc p on p.oid = e.evtfoid left join pg_namespace n on n.oid = p.pronamespace left join pg_roles r on r.oid = p.proowner
$$;
comment on function databricks_auth.event_trigger_damage(name, text, text[], text) is 'What is wrong with an event trigger of an intact guard; null if nothing is.';

-- for: everybody
create or replace function databricks_auth.event_trigger_statements(name name, event text, tags text[], function text) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when d.damage is null or d.damage like 'runs code of %' then '{}'
    else array_remove(array[
      case when d.damage = 'is not ours' then format('drop event trigger %I', $1) end,
      case when d.damage <> 'is switched off'
           then format('create event trigger %I on %s %s execute function %s()', $1, $2,
                       'when tag in (' || (select string_agg(quote_literal(tag), ', ') from unnest($3) tag) || ')', $4) end,
      format('alter event trigger %I enable always', $1)], null) end
    from (values (databricks_auth.event_trigger_damage($1, $2, $3, $4))) as d (damage)
$$;
comment on function databricks_auth.event_trigger_statements(name, text, text[], text) is
  'The statements that create or enable one event trigger; none if it is as it should be.';

-- for: owner
create or replace function databricks_auth.install_event_trigger(name name, event text, tags text[], function text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  statement text;
  damage constant text := databricks_auth.event_trigger_damage($1, $2, $3, $4);
  statements constant text[] := databricks_auth.event_trigger_statements($1, $2, $3, $4);
begin
  -- Without a superuser there may be none: see mode().
  if not databricks_auth.is_superuser(current_user) then
    return null;
  end if;
  foreach statement in array statements loop
    execute statement;
  end loop;
  return case when cardinality(statements) = 0 then null when damage = 'is switched off' then 'enabled' else 'made' end;
end $$;
comment on function databricks_auth.install_event_trigger(name, text, text[], text) is
  'Creates or enables one event trigger; returns what it did, null if nothing.';

-- for: everybody
create or replace function databricks_auth.mode() returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- A superuser's installation has its event triggers, or is damaged. Another one has them where the server lets its
  -- administrators make event triggers.
  return (
  select case when r.rolsuper or exists (select from pg_event_trigger e join databricks_auth.wanted_event_triggers() w on w.name = e.evtname)
              then 'whole' else 'by ownership' end
    from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'databricks_auth'
  );
end $$;
comment on function databricks_auth.mode() is
  'How synced tables are guarded: whole, or by ownership alone, where nobody may make event triggers.';

-- for: owner
create or replace function databricks_auth.install_event_triggers() returns table (object text, outcome text)
language sql set search_path = pg_catalog, pg_temp as $$
  select 'event trigger ' || done.name, done.outcome
    from (select w.name, databricks_auth.install_event_trigger(w.name, w.event, w.tags, w.function) as outcome
            from databricks_auth.wanted_event_triggers() w order by w.name) as done
   where done.outcome is not null
$$;
comment on function databricks_auth.install_event_triggers() is
  'Creates and enables the event triggers that are missing, changed or disabled; returns what it did.';
