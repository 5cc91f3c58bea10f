import type pg from 'pg';

/** The server process of a session. Numbers are used again, so the time of its start belongs to it. */
export interface ServerProcess {
  readonly pid: number;
  /** Seconds since 1970, as exact as the server tells. */
  readonly startedAt: string;
}

/**
 * Only the login role may see its own session, so this comes before another role is assumed. A superuser is let in where
 * only reserved connections are left: whether this is one of them is asked, too.
 */
export const READ_SERVER_PROCESS = `
  select pid, extract(epoch from backend_start)::text as "startedAt",
         pg_catalog.current_setting('is_superuser') = 'on' and (
           select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend'
         ) > pg_catalog.current_setting('max_connections')::int - pg_catalog.current_setting('superuser_reserved_connections')::int
             - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int as "isReserved"
    from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid());`;

const processes = new WeakMap<pg.ClientBase, ServerProcess>();

/** Remembers the process, as read by `READ_SERVER_PROCESS`. */
export function noteServerProcess(client: pg.ClientBase, process: ServerProcess): void {
  processes.set(client, process);
}

/** The process of a session that `openSession` opened; null for others. */
export function serverProcess(client: pg.ClientBase): ServerProcess | null {
  return processes.get(client) ?? null;
}

/** The number of a session's process; asked for where it is not known. */
export async function processIdOf(client: pg.ClientBase): Promise<number> {
  const known = processes.get(client);
  if (known !== undefined) return known.pid;
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}
