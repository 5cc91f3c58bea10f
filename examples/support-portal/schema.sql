-- What the portal keeps for itself, beside the synced table and never in it: data of the lakehouse flows one way. A
-- superuser runs this in the database of support.incidents, once that table is there. Running it again does no harm.

begin;

-- portal_owner owns what is below, and nobody logs in as it. support_portal is the application; start.mjs gives it a
-- password.
do $$
begin
  if to_regrole('portal_owner') is null then
    create role portal_owner nologin;
  end if;
  if to_regrole('support_portal') is null then
    create role support_portal login connection limit 20;
  end if;
  -- By default everybody may connect to a database and make temporary tables in it.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to support_portal', current_database());
end $$;
revoke all on schema public from public;

create schema if not exists portal authorization portal_owner;
grant usage on schema support to portal_owner; -- to name the table in views; it may not read it
set local role portal_owner;

-- What agents did with an incident. There is no foreign key to support.incidents: it would let the portal hold up the
-- lakehouse, and refreshes would have to merge rows instead of switching tables.
create table if not exists portal.ticket_state (
  incident_id text primary key check (incident_id <> ''),
  owner text check (length(owner) between 1 and 40),
  status text not null check (status in ('new', 'claimed', 'waiting', 'resolved')),
  version integer not null default 1, -- grows with each change, so that nobody overwrites what they have not seen
  updated_by text not null check (length(updated_by) between 1 and 40),
  updated_at timestamptz not null default now(),
  constraint only_new_tickets_have_no_owner check ((status = 'new') = (owner is null))
);

create table if not exists portal.comments (
  id bigint generated always as identity primary key,
  incident_id text not null check (incident_id <> ''),
  author text not null check (length(author) between 1 and 40),
  body text not null check (length(body) between 1 and 4000),
  created_at timestamptz not null default now()
);
create index if not exists comments_of_incident on portal.comments (incident_id, id);

-- Written by triggers alone.
create table if not exists portal.activity (
  id bigint generated always as identity primary key,
  incident_id text not null,
  actor text not null,
  what text not null,
  at timestamptz not null default now()
);
create index if not exists activity_of_incident on portal.activity (incident_id, id);

-- Notes what was done, with the rights of portal_owner, and wakes the servers that listen.
create or replace function portal.note_ticket_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  was portal.ticket_state := case when tg_op = 'UPDATE' then old end;
  done text := case
    when new.owner is not null and new.owner is distinct from was.owner then 'claimed the ticket'
    when new.owner is null and was.owner is not null then 'released the ticket'
    when new.status is distinct from was.status and was.status is not null then 'set the status to ' || new.status end;
begin
  if done is not null then
    insert into portal.activity (incident_id, actor, what) values (new.incident_id, new.updated_by, done);
  end if;
  perform pg_notify('portal_changes', json_build_object('incident_id', new.incident_id)::text);
  return null;
end $$;

create or replace function portal.note_comment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into portal.activity (incident_id, actor, what) values (new.incident_id, new.author, 'commented');
  perform pg_notify('portal_changes', json_build_object('incident_id', new.incident_id)::text);
  return null;
end $$;

revoke execute on function portal.note_ticket_change(), portal.note_comment() from public;

create or replace trigger note_ticket_change after insert or update on portal.ticket_state
  for each row execute function portal.note_ticket_change();
create or replace trigger note_comment after insert on portal.comments
  for each row execute function portal.note_comment();

-- Both views are read with the rights of the reader: portal_owner need not be able to read incidents.
create or replace view portal.tickets with (security_invoker = true) as
  select i.incident_id, i.customer, i.title, i.category, i.severity, i.channel, i.opened_at, i.sla_due_at,
         i.escalation_risk, i.recommended_action, i.sentiment, i.model_version, i.scored_at,
         coalesce(s.status, 'new') as status, s.owner, coalesce(s.version, 0) as version, s.updated_by, s.updated_at,
         (select count(*)::integer from portal.comments c where c.incident_id = i.incident_id) as comment_count
    from support.incidents i
    left join portal.ticket_state s using (incident_id);
comment on view portal.tickets is 'Incidents as the lakehouse has them, with what agents did.';

create or replace view portal.orphans with (security_invoker = true) as
  select s.incident_id, s.status, s.owner, s.version, s.updated_by, s.updated_at,
         (select count(*)::integer from portal.comments c where c.incident_id = s.incident_id) as comment_count
    from portal.ticket_state s
   where not exists (select from support.incidents i where i.incident_id = s.incident_id);
comment on view portal.orphans is 'What agents did with incidents that the lakehouse no longer has: closed upstream, and kept.';

-- All that the application may do.
grant usage on schema portal to support_portal;
grant select on portal.tickets, portal.orphans, portal.activity to support_portal;
grant select, insert, update (owner, status, version, updated_by, updated_at) on portal.ticket_state to support_portal;
grant select, insert on portal.comments to support_portal;

reset role;
grant usage on schema support to support_portal;
grant select on support.incidents to support_portal;

commit;
