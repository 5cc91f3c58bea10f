-- Schedules of pipelines: a cron expression with a time zone, kept here and worked out by the sidecars. When the next run
-- is due stands in the table; whoever moves that on in the same transaction asks for the update, so each run happens once.

create table synced_tables._schedules (
  pipeline_id uuid constraint _schedules_pk primary key constraint _schedules_pipeline_fk references synced_tables._pipelines on delete cascade,
  cron text not null,
  time_zone text not null,
  next_run_at timestamptz,
  last_run_at timestamptz,
  last_update_id uuid,
  message text,
  created_by name not null,
  created_at timestamptz not null default now()
);
create index _schedules_next_run_index on synced_tables._schedules (next_run_at);
comment on table synced_tables._schedules is 'When pipelines are updated by themselves; at most one schedule each.';
comment on column synced_tables._schedules.next_run_at is 'Null: a sidecar has yet to work it out, or there is none, see message.';
comment on column synced_tables._schedules.message is 'Why the schedule does not run; null when it does.';

create function synced_tables._cron_problem(cron text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
-- What the sidecars' parser accepts of five or six fields without its specialities (L, W, #): a mistake is told when it
-- is made, not when a sidecar comes to read it.
declare
  names constant text[] := array['second', 'minute', 'hour', 'day of the month', 'month', 'day of the week'];
  lowest constant int[] := array[0, 0, 0, 1, 1, 0];
  highest constant int[] := array[59, 59, 23, 31, 12, 7];
  months constant text[] := array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
  days constant text[] := array['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
  fields text[] := regexp_split_to_array(btrim(cron), '\s+');
  item text;
  parts text[];
  first int;
  last int;
begin
  if cardinality(fields) not in (5, 6) or length(cron) > 200 then
    return format('it has %s fields', cardinality(fields));
  end if;
  if cardinality(fields) = 5 then
    fields := array_prepend('0'::text, fields);
  end if;
  for nth in 1 .. 6 loop
    foreach item in array string_to_array(upper(fields[nth]), ',') loop
      if item = '?' and nth in (4, 6) then
        continue;
      end if;
      parts := regexp_match(item, '^(?:\*|([0-9A-Z]{1,3})(?:-([0-9A-Z]{1,3}))?)(?:/([0-9]{1,2}))?$');
      if parts is null or parts[1] is not null and parts[2] is null and parts[3] is not null then
        return format('%L cannot be its %s', item, names[nth]);
      end if;
      continue when parts[1] is null and parts[3] is null;
      for part in 1 .. 2 loop
        if nth = 5 and parts[part] = any (months) then
          parts[part] := array_position(months, parts[part]);
        elsif nth = 6 and parts[part] = any (days) then
          parts[part] := case when part = 2 and parts[part] = 'SUN' then 7 else array_position(days, parts[part]) - 1 end;
        elsif parts[part] !~ '^[0-9]{1,2}$' then
          return format('%L cannot be its %s', item, names[nth]);
        end if;
      end loop;
      first := coalesce(parts[1]::int, lowest[nth]);
      last := coalesce(parts[2]::int, parts[1]::int, highest[nth]);
      if first < lowest[nth] or last > highest[nth] or first > last or parts[3]::int not between 1 and highest[nth] then
        return format('%L cannot be its %s', item, names[nth]);
      end if;
    end loop;
  end loop;
  return null;
end $$;
comment on function synced_tables._cron_problem(text) is 'What is wrong with a cron expression; null when nothing is.';

create function synced_tables._find_pipeline(target text, action text) returns synced_tables._pipelines
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
  pipeline synced_tables._pipelines;
  member synced_tables._tables;
begin
  if target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select * into pipeline from synced_tables._pipelines p where p.pipeline_id = target::uuid;
    if not found then
      perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', target),
        'Take a pipeline_id from synced_tables.status.');
    end if;
    for member in select * from synced_tables._tables t where t.pipeline_id = pipeline.pipeline_id loop
      perform synced_tables._require_control(member.synced_table, member.created_by, action);
    end loop;
    return pipeline;
  end if;
  wanted := synced_tables._find_table(target);
  if wanted.table_id is null then
    perform synced_tables._raise_unknown_table(target);
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, action);
  select * into pipeline from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
  return pipeline;
end $$;
comment on function synced_tables._find_pipeline(text, text) is 'The pipeline of that id, or of the synced table of that name, for those who may control it.';

create function synced_tables.set_schedule(synced_table_or_pipeline text, cron text, time_zone text default 'UTC') returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipeline constant synced_tables._pipelines := synced_tables._find_pipeline(synced_table_or_pipeline, 'schedule');
  problem constant text := case when set_schedule.cron is null then 'it is null' else synced_tables._cron_problem(set_schedule.cron) end;
  zone text;
begin
  if pipeline.scheduling_policy = 'CONTINUOUS' then
    perform synced_tables._raise('SCHEDULE_ON_CONTINUOUS', '22023',
      format('Pipeline %s is CONTINUOUS: it follows its sources all the time and needs no schedule.', pipeline.pipeline_id),
      'Leave the schedule out, or create the synced table as SNAPSHOT or TRIGGERED.');
  end if;
  if problem is not null then
    perform synced_tables._raise('CRON_INVALID', '22023',
      format('%L is not a cron expression: %s.', set_schedule.cron, problem),
      'Write minute, hour, day of the month, month and day of the week, with seconds before them if need be: ''0 9 * * MON-FRI''.');
  end if;
  select n.name into zone from pg_timezone_names n where lower(n.name) = lower(coalesce(set_schedule.time_zone, 'UTC')) limit 1;
  if zone is null then
    perform synced_tables._raise('TIME_ZONE_UNKNOWN', '22023', format('Time zone %L is unknown.', set_schedule.time_zone),
      'Use a name such as Europe/Berlin or UTC; see pg_timezone_names.');
  end if;
  insert into synced_tables._schedules (pipeline_id, cron, time_zone, created_by)
  values (pipeline.pipeline_id, btrim(set_schedule.cron), zone, synced_tables._acting_role())
  on conflict on constraint _schedules_pk do update
    set cron = excluded.cron, time_zone = excluded.time_zone, created_by = excluded.created_by, next_run_at = null, message = null;
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables.set_schedule(text, text, text) is
  'Lets a pipeline, given by its id or by one of its synced tables, be updated at the times of a cron expression. Runs that were missed are made up once. For creators, managers and databricks_superuser.';

create function synced_tables.remove_schedule(synced_table_or_pipeline text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipeline constant synced_tables._pipelines := synced_tables._find_pipeline(synced_table_or_pipeline, 'schedule');
begin
  delete from synced_tables._schedules s where s.pipeline_id = pipeline.pipeline_id;
  return found;
end $$;
comment on function synced_tables.remove_schedule(text) is 'Takes the schedule of a pipeline away; false if it had none.';

create function synced_tables._run_schedule(pipeline uuid, due timestamptz, next_run timestamptz, problem text default null) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  request uuid;
begin
  perform synced_tables._lock_pipeline(pipeline);
  update synced_tables._schedules s set next_run_at = next_run, last_run_at = clock_timestamp(), message = problem
   where s.pipeline_id = pipeline and s.next_run_at = due;
  if not found then
    return null;
  end if;
  request := synced_tables._request_update(pipeline, false, 'JOB_TASK');
  update synced_tables._schedules s set last_update_id = request where s.pipeline_id = pipeline;
  return request;
end $$;
comment on function synced_tables._run_schedule(uuid, timestamptz, timestamptz, text) is
  'Asks for the update that was due then, and moves the schedule on; null if somebody else did.';

create view synced_tables.schedules with (security_barrier = true) as
  select s.pipeline_id, t.synced_tables, s.cron, s.time_zone, s.next_run_at, s.last_run_at, s.last_update_id, s.message, s.created_by
    from synced_tables._schedules s
   cross join lateral (select array_agg(t.synced_table order by t.synced_table) as synced_tables,
                              bool_or(synced_tables._may_see(t.created_by, t.relation)) as may_see
                         from synced_tables._tables t where t.pipeline_id = s.pipeline_id) t
   where t.may_see;
comment on view synced_tables.schedules is 'When pipelines are updated by themselves.';
comment on column synced_tables.schedules.next_run_at is 'Null until a sidecar has worked it out, and when there will be none: message says why.';

do $$
declare
  granted text;
begin
  perform synced_tables._publish_relation('_schedules', 'sidecar');
  perform synced_tables._publish_relation('schedules', 'managers');
  perform synced_tables._publish_routine('_run_schedule', 'sidecar');
  perform synced_tables._publish_routine('_request_update', 'sidecar');
  foreach granted in array array['set_schedule', 'remove_schedule'] loop
    perform synced_tables._publish_routine(granted, 'managers');
  end loop;
end $$;
revoke execute on function synced_tables._cron_problem(text), synced_tables._find_pipeline(text, text) from public;
