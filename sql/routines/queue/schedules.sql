-- Schedules of pipelines: a cron expression with a time zone, stored here and evaluated by the sidecars. The table holds
-- the next due time; the session that advances it requests the update in the same transaction, so each run happens once.

-- for: sidecar
create or replace function synced_tables_internal._cron_problem(cron text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
-- What the sidecars' parser accepts of five or six fields without its extensions (L, W, #): a mistake is reported when the
-- schedule is set, not when a sidecar reads it.
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
  if length(cron) > 200 then
    return 'it is longer than 200 characters';
  end if;
  if cardinality(fields) not in (5, 6) then
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
comment on function synced_tables_internal._cron_problem(text) is 'What is wrong with a cron expression; null if nothing is.';

-- for: sidecar
create or replace function synced_tables_internal._never_comes(cron text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
-- Of a valid expression. Days of the week come in every month, so only one without them can miss every day.
  select f.fields[3] in ('*', '?')
     and (select min(coalesce(substring(item from '^[0-9]+')::int, 1)) from string_to_table(f.fields[1], ',') item)
       > (select max(case when month = 2 then 29 when month in (4, 6, 9, 11) then 30 else 31 end)
            from generate_series(1, 12) month, string_to_table(f.fields[2], ',') item
           cross join lateral (
             select case p.part when '*' then null when '?' then null else coalesce(array_position(
                      array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'], p.part), p.part::int) end as first,
                    coalesce(array_position(
                      array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'], p.last),
                      case when p.last ~ '^[0-9]+$' then p.last::int end) as last,
                    coalesce(p.step::int, 1) as step
               from (select m[1] as part, m[2] as last, m[3] as step
                       from regexp_match(item, '^([^-/]+)(?:-([^/]+))?(?:/([0-9]+))?$') m) p) i
           where month between coalesce(i.first, 1) and coalesce(i.last, i.first, 12) and (month - coalesce(i.first, 1)) % i.step = 0)
    from (select (regexp_split_to_array(upper(btrim(cron)), '\s+'))[cardinality(regexp_split_to_array(btrim(cron), '\s+')) - 2:] as fields) f
$$;
comment on function synced_tables_internal._never_comes(text) is
  'Whether a valid cron expression names days that none of its months has, such as 30 February.';

-- for: managers
create or replace function synced_tables_served.set_schedule(synced_table_or_pipeline text, cron text, time_zone text default 'UTC') returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipeline constant synced_tables._pipelines := synced_tables_internal._find_pipeline(synced_table_or_pipeline, 'schedule');
  problem constant text := case when set_schedule.cron is null then 'it is null' else synced_tables_internal._cron_problem(set_schedule.cron) end;
  zone text;
  never text;
begin
  if pipeline.scheduling_policy = 'CONTINUOUS' then
    perform synced_tables_internal._raise('SCHEDULE_ON_CONTINUOUS', '22023',
      format('Pipeline %s is CONTINUOUS: it follows its sources all the time and needs no schedule.', pipeline.pipeline_id),
      'Leave the schedule out, or create the synced table as SNAPSHOT or TRIGGERED.');
  end if;
  if problem is not null then
    perform synced_tables_internal._raise('CRON_INVALID', '22023',
      format('%L is not a cron expression: %s.', synced_tables_internal._shortened(set_schedule.cron), problem),
      'Write minute, hour, day of the month, month and day of the week, with seconds in front if needed: ''0 9 * * MON-FRI''.');
  end if;
  select n.name into zone from pg_timezone_names n where lower(n.name) = lower(coalesce(set_schedule.time_zone, 'UTC')) limit 1;
  if zone is null then
    perform synced_tables_internal._raise('TIME_ZONE_UNKNOWN', '22023', format('Time zone %L is unknown.', synced_tables_internal._shortened(set_schedule.time_zone)),
      'Use a name such as Europe/Berlin or UTC; see pg_timezone_names.');
  end if;
  if synced_tables_internal._never_comes(set_schedule.cron) then
    never := format('"%s" never comes: there is no such day.', btrim(set_schedule.cron));
    raise warning '%', never;
  end if;
  insert into synced_tables._schedules (pipeline_id, cron, time_zone, created_by, message)
  values (pipeline.pipeline_id, btrim(set_schedule.cron), zone, synced_tables_internal._acting_role(), never)
  on conflict on constraint _schedules_pk do update
    set cron = excluded.cron, time_zone = excluded.time_zone, created_by = excluded.created_by, next_run_at = null, message = excluded.message;
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables_served.set_schedule(text, text, text) is
  'Updates a pipeline, given by its id or by one of its synced tables, at the times of a cron expression. Missed runs are made up for once. For creators, managers and databricks_superuser.';

-- for: managers
create or replace function synced_tables_served.remove_schedule(synced_table_or_pipeline text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  pipeline constant synced_tables._pipelines := synced_tables_internal._find_pipeline(synced_table_or_pipeline, 'schedule');
begin
  delete from synced_tables._schedules s where s.pipeline_id = pipeline.pipeline_id;
  return found;
end $$;
comment on function synced_tables_served.remove_schedule(text) is 'Removes the schedule of a pipeline; false if it had none.';

-- for: sidecar
create or replace function synced_tables_internal._run_schedule(pipeline uuid, due timestamptz, next_run timestamptz, problem text default null) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  request uuid;
begin
  perform synced_tables_internal._lock_pipeline(pipeline);
  update synced_tables._schedules s set next_run_at = next_run, last_run_at = clock_timestamp(), message = problem
   where s.pipeline_id = pipeline and s.next_run_at = due
     and not exists (select from synced_tables._pipelines p where p.pipeline_id = s.pipeline_id and p.paused_at is not null);
  if not found then
    return null;
  end if;
  request := synced_tables_internal._request_update(pipeline, false, 'JOB_TASK');
  update synced_tables._schedules s set last_update_id = request where s.pipeline_id = pipeline;
  return request;
end $$;
comment on function synced_tables_internal._run_schedule(uuid, timestamptz, timestamptz, text) is
  'Requests the update that was due then, and advances the schedule; null if another session did, or the pipeline is paused.';

-- for: managers
create or replace view synced_tables.schedules with (security_barrier = true) as
  select s.pipeline_id, t.synced_tables, s.cron, s.time_zone, s.next_run_at, s.last_run_at, s.last_update_id, s.message, s.created_by, p.paused_at
    from synced_tables._schedules s
    join synced_tables._pipelines p using (pipeline_id)
   cross join lateral (select array_agg(t.synced_table order by t.synced_table) as synced_tables,
                              bool_or(synced_tables_internal._may_see(t.created_by, t.relation)) as may_see
                         from synced_tables._tables t where t.pipeline_id = s.pipeline_id) t
   where t.may_see;
comment on view synced_tables.schedules is 'When pipelines are updated automatically.';
comment on column synced_tables.schedules.next_run_at is 'Null until a sidecar has computed it, and if there is none: message says why.';
comment on column synced_tables.schedules.paused_at is 'Since when the pipeline is paused: what was due meanwhile runs once it is resumed.';
