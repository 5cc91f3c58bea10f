import type pg from 'pg';

/** What a role may do in a database, beyond the tables that it may see. */
export interface CallerRights {
  /** Create synced tables, and so see sources. */
  readonly create: boolean;
  /** Sync, pause and delete what others created, as members of databricks_superuser do. */
  readonly operate: boolean;
  /** Sync and delete the tables that the role created or manages; without one there is no such right. */
  readonly manage: boolean;
  /** See the state of the server: the members of pg_monitor. */
  readonly monitor: boolean;
  /** See, make and revoke tokens; whether for a certain role, create_token decides. */
  readonly tokens: boolean;
}

const mayCall = (routine: string) => `
         exists (select from pg_catalog.pg_proc p
                  where p.pronamespace = 'synced_tables'::regnamespace and p.proname = '${routine}'
                    and pg_catalog.has_function_privilege($1::name, p.oid, 'execute'))
         and pg_catalog.has_schema_privilege($1::name, 'synced_tables', 'usage')`;

// What managers call is granted with the first table that a role creates or manages, and revoked with the last.
const SELECT_RIGHTS = `
  select ${mayCall('create_synced_table')} as create,
         ${mayCall('sync_now')} as manage,
         synced_tables_internal._has_role($1, 'databricks_superuser') as operate,
         synced_tables_internal._has_role($1, 'pg_monitor') as monitor,
         pg_catalog.has_table_privilege($1::name, 'synced_tables.tokens', 'select') as tokens`;

/** The rights of a role in the database of `client`, a session with the sidecar's rights. */
export async function readCallerRights(client: pg.ClientBase, role: string): Promise<CallerRights> {
  const { rows } = await client.query<CallerRights>(SELECT_RIGHTS, [role]);
  return rows[0] ?? { create: false, operate: false, manage: false, monitor: false, tokens: false };
}
