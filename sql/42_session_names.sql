-- Who is in the way of a sync. Since when a session of another role has been at its query only superusers and
-- pg_read_all_stats see; databricks_sync is to see no more than that, no statements above all.
create function synced_tables._session_name(process integer) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select format('%s (%s %s%s)', a.pid, a.usename, a.application_name,
                to_char(a.query_start at time zone 'UTC', '", last query began" YYYY-MM-DD HH24:MI:SS "UTC"'))
    from pg_stat_activity a where a.pid = _session_name.process
$$;
comment on function synced_tables._session_name(integer) is
  'How a session is named in messages: process, user, application, and when its last query began.';

do $$
begin
  perform synced_tables._publish_routine('_session_name', 'sidecar');
end $$;
