-- Two ways round the guard, closed: a lock that everybody could hold, and code of others that foreign keys run. And a
-- way through it that others could close: settings made for another database or role of the cluster.
--
-- As all changes of databricks_auth, this may run on a database that the extension has brought here already.

create or replace function databricks_auth.override() returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- Both the session and the code that runs must be a superuser's, and he must have said so himself: a setting that
  -- came from ALTER DATABASE or ALTER ROLE was not meant for this moment. What such a setting gives, a session gets when
  -- it logs in, so it is the role that logged in which counts.
  return (
  select coalesce(current_setting('databricks_auth.allow_ddl', true), '') = 'on'
     and databricks_auth.is_superuser(databricks_auth.acting_role()) and databricks_auth.is_superuser(current_user)
     and not exists (
       select from pg_db_role_setting s, unnest(s.setconfig) setting
        where setting like 'databricks\_auth.allow\_ddl=%'
          and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
          and (s.setrole in (0, (select r.oid from pg_roles r where r.rolname = session_user))
               or s.setrole = (select a.usesysid from pg_stat_get_activity(pg_backend_pid()) a)))
  );
end $$;

create table if not exists databricks_auth.schema_rights_lock (
  is_only boolean constraint schema_rights_lock_pk primary key
);
comment on table databricks_auth.schema_rights_lock is 'Locked by whoever changes the rights of a schema. Empty.';
alter table databricks_auth.schema_rights_lock enable row level security;

create or replace function databricks_auth.lock_schema_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Two sessions that grant on one schema at once would meet "tuple concurrently updated". No advisory lock: those
  -- anybody may hold, and would hold up the making of every synced table.
  lock table databricks_auth.schema_rights_lock in share row exclusive mode;
end $$;

create or replace function databricks_auth.check_references(effective name, command text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  reference record;
begin
  for reference in
    select k.conrelid::regclass as relation, k.confrelid::regclass as synced, format_type(t.oid, null) as type_name
      from pg_event_trigger_ddl_commands() d
      join pg_constraint k on k.conrelid = d.objid and k.contype = 'f'
      join databricks_auth.synced_tables s on s.synced_table = k.confrelid
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
     cross join lateral (
       -- Domains are compared as what is below them.
       with recursive base (type) as (
         select a.atttypid union all select b.typbasetype from base join pg_type b on b.oid = base.type where b.typtype = 'd')
       select b.oid, b.typowner from base join pg_type b on b.oid = base.type where b.typtype <> 'd') t
      join pg_roles r on r.oid = t.typowner
     where d.classid = 'pg_class'::regclass and not r.rolsuper
  loop
    continue when databricks_auth.is_superuser(effective) and databricks_auth.override();
    perform databricks_auth.refuse('42501',
      format('a foreign key from %s to synced table %s may not have a column of type %s', reference.relation, reference.synced, reference.type_name),
      'Use a type that a superuser owns: the key is checked with the rights of the synced table''s owner, casts of the type too.');
  end loop;
end $$;
comment on function databricks_auth.check_references(name, text) is
  'Refuses foreign keys to synced tables whose check would run code of others as the owner role. Open to PUBLIC and harmless: outside of an event trigger Postgres refuses to say what was done.';

create or replace function databricks_auth.ev_references() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.check_references(current_user, tg_tag);
exception when others then
  -- A damaged installation must not lock an administrator out.
  if sqlerrm like 'databricks\_auth: %' or sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_references() is 'Event trigger: looks at foreign keys to synced tables.';
revoke execute on function databricks_auth.ev_references() from public;

create or replace function databricks_auth.install_event_triggers() returns setof text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted record;
  state "char";
begin
  for wanted in
    select *, format('create event trigger %I on %s %s execute function databricks_auth.%I()', name, event,
                     'when tag in (' || (select string_agg(quote_literal(tag), ', ') from unnest(tags) tag) || ')', function) as definition
      from (values
        ('databricks_auth_0_close', 'ddl_command_end', 'ev_close',
         array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'CREATE TABLE']),
        ('databricks_auth_1_guard', 'ddl_command_start', 'ev_guard', null),
        ('databricks_auth_2_open', 'ddl_command_start', 'ev_open', array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE']),
        ('databricks_auth_3_kind', 'ddl_command_start', 'ev_kind',
         array['CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'DROP TABLE', 'ALTER TABLE', 'COMMENT', 'CREATE POLICY', 'CREATE TRIGGER', 'CREATE RULE']),
        ('databricks_auth_careful', 'ddl_command_end', 'ev_careful',
         array['ALTER TABLE', 'ALTER INDEX', 'CREATE TABLE', 'ALTER SCHEMA', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE', 'CREATE POLICY', 'ALTER POLICY']),
        ('databricks_auth_drop', 'sql_drop', 'ev_drop', null),
        ('databricks_auth_references', 'ddl_command_end', 'ev_references', array['ALTER TABLE', 'CREATE TABLE', 'CREATE SCHEMA'])) as t (name, event, function, tags)
  loop
    state := (select evtenabled from pg_event_trigger where evtname = wanted.name);
    continue when state = 'A';
    if state is null then
      execute wanted.definition;
    end if;
    execute format('alter event trigger %I enable always', wanted.name);
    return next wanted.name || case when state is null then ' made' else ' enabled' end;
  end loop;
end $$;

do $$
begin
  perform databricks_auth.install_event_triggers();
end $$;
