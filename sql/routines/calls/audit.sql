-- Who did what, when, and through which door: every call of a function that changes something, and what the guard sees. In the
-- transaction of what was done, so that there is no entry for what was refused or rolled back.

-- for: owner
create or replace function synced_tables_internal._door() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Anybody may call himself anything; over HTTP, a sidecar has logged in.
  select case when current_setting('application_name') = 'synced-tables api' and pg_has_role(session_user, 'databricks_sync', 'member') then 'HTTP'
              when current_setting('application_name') in ('synced-tables command', 'synced-tables quickstart') then 'CLI'
              else 'SQL' end
$$;
comment on function synced_tables_internal._door() is 'How the session came here: HTTP, CLI or SQL.';

-- for: owner
create or replace function synced_tables_internal._audit_act(role_name name, action text, object text, details jsonb default '{}') returns void
language sql set search_path = pg_catalog, pg_temp as $$
  insert into synced_tables._audit (role_name, door, application, action, object, details)
  values (_audit_act.role_name, synced_tables_internal._door(), current_setting('application_name'), _audit_act.action, _audit_act.object,
          coalesce(_audit_act.details, '{}'))
$$;
comment on function synced_tables_internal._audit_act(name, text, text, jsonb) is 'Notes that a role did something.';

-- for: owner
create or replace function synced_tables_internal._called_arguments(routine text, arguments text[]) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Of what is long or secret, only that it was given.
  select coalesce(jsonb_object_agg(a.name, case when a.name in ('token_hash', 'declaration', 'settings', 'spec', 'new_pipeline_spec') then '…'
                                                else left(a.value, 500) end), '{}')
    from pg_proc p cross join lateral unnest(p.proargnames, arguments) as a (name, value)
   where p.pronamespace = 'synced_tables_served'::regnamespace and p.proname = routine and a.value is not null and a.name <> ''
$$;
comment on function synced_tables_internal._called_arguments(text, text[]) is 'The arguments of a call by name, without secrets.';

-- for: owner
create or replace function synced_tables_internal._called_object(given jsonb) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    given ->> 'synced_table', given ->> 'streaming_table', given ->> 'target', given ->> 'role_name',
    -- Before the call: afterwards it may be gone.
    (select string_agg(k.synced_table, ', ' order by k.synced_table)
       from (select k.synced_table from synced_tables._known_tables k
              where k.pipeline_id::text in (given ->> 'pipeline_id', given ->> 'synced_table_or_pipeline') order by 1 limit 20) k),
    (select v.synced_table from synced_tables._verifications v where v.verification_id::text = given ->> 'verification_id'),
    (select t.role_name from synced_tables._tokens t where t.token_id::text = given ->> 'token_id'),
    given ->> 'synced_table_or_pipeline', given ->> 'name', given ->> 'pipeline_id', given ->> 'job_id')
$$;
comment on function synced_tables_internal._called_object(jsonb) is 'What a call is about: a table, the tables of a pipeline, or the role of a token.';

-- for: operators
create or replace view synced_tables.audit as
  select a.audit_id, a.occurred_at, a.role_name, a.action, a.object, a.door, a.login_role, a.application, a.client_address, a.details
    from synced_tables._audit a order by a.audit_id desc;
comment on view synced_tables.audit is
  'Who created, changed, synced, paused or deleted what, appointed managers, made tokens, or wrote by hand; newest first, as long as events are kept.';
comment on column synced_tables.audit.role_name is 'Who: the role that the session acted as; over HTTP, that of the token.';
comment on column synced_tables.audit.action is 'The function that was called, or what was done: add_manager, remove_manager, drop_table, write_by_hand, repair, generate_database_credential.';
comment on column synced_tables.audit.object is 'The table, the tables of the pipeline, or the role of the token.';
comment on column synced_tables.audit.door is 'SQL, CLI or HTTP. CLI is what the client says of itself.';
comment on column synced_tables.audit.details is 'Arguments of the call, without secrets.';
