-- Foreign keys to synced tables: their checks run as the owner role.

-- for: everybody
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
       -- Domains are compared by their base types.
       with recursive base (type) as (
         select a.atttypid union all select b.typbasetype from base join pg_type b on b.oid = base.type where b.typtype = 'd')
       select b.oid, b.typowner from base join pg_type b on b.oid = base.type where b.typtype <> 'd') t
      join pg_roles r on r.oid = t.typowner
     where d.classid = 'pg_class'::regclass and not r.rolsuper
  loop
    continue when databricks_auth.is_superuser(effective) and databricks_auth.override();
    perform databricks_auth.refuse('42501',
      format('a foreign key from %s to synced table %s may not have a column of type %s', reference.relation, reference.synced, reference.type_name),
      'Use a type that a superuser owns: the key is checked with the rights of the synced table''s owner, including casts of the type.');
  end loop;
end $$;
comment on function databricks_auth.check_references(name, text) is
  'Refuses foreign keys to synced tables whose check would run other people''s code as the owner role. Open to PUBLIC and harmless: outside an event trigger Postgres refuses to say what was done.';

-- for: owner
create or replace function databricks_auth.ev_references() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  state text;
  advice text;
begin
  perform databricks_auth.check_references(current_user, tg_tag);
exception when others then
  if sqlerrm like 'databricks\_auth: %' then
    -- Anew: the lines of where it was found out say nothing to whoever is refused.
    get stacked diagnostics state = returned_sqlstate, advice = pg_exception_hint;
    raise exception using errcode = state, message = sqlerrm, hint = advice;
  end if;
  -- A damaged installation must not lock an administrator out.
  if sqlstate ~ '^(40|53|55|57|58)'
     or not coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false) then
    raise;
  end if;
  raise warning 'databricks_auth: damaged (%)', sqlerrm using hint = 'Run synced_tables.repair(), or migrate again.';
end $$;
comment on function databricks_auth.ev_references() is 'Event trigger: checks foreign keys to synced tables.';
