import type pg from 'pg';

/**
 * How many more sessions the server would let ordinary roles open. The kind of a session, which would tell best, is hidden
 * from roles other than its own; its user and database are not.
 */
export async function countFreeSessions(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ free: number }>(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true), '0')::int
            - (select count(*)::int from pg_stat_activity where usesysid is not null and datid is not null) as free`,
  );
  return rows[0]?.free ?? 0;
}
