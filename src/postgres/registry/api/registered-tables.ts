import type pg from 'pg';

/**
 * Registers the name of a Postgres table that is not synced; false if that name is taken.
 * @param isTaken true if something else is known to have the name
 */
export async function insertRegisteredTable(
  client: pg.ClientBase,
  table: {
    readonly fullName: string;
    readonly database: string;
    /** The role that registers it. */
    readonly role: string;
    readonly isTaken: boolean;
  },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into synced_tables._registered_tables (table_full_name, database_name, created_by)
         select $1, $2, $3 where not $4 on conflict do nothing`,
    [table.fullName, table.database, table.role, table.isTaken],
  );
  return rowCount !== 0;
}

/** A registered name, as a role sees it. */
export interface RegisteredTableRow {
  readonly database: string;
  readonly createdBy: string;
  /** Whether the role may unregister it. */
  readonly mayControl: boolean;
}

/** What is registered under a three-part name; null if nothing is. */
export async function findRegisteredTable(
  client: pg.ClientBase,
  fullName: string,
  role: string,
): Promise<RegisteredTableRow | null> {
  const { rows } = await client.query<RegisteredTableRow>(
    `select database_name as database, created_by as "createdBy",
                synced_tables_internal._role_may_control($2, created_by) as "mayControl"
           from synced_tables._registered_tables where table_full_name = $1`,
    [fullName, role],
  );
  return rows[0] ?? null;
}

/** Whether a three-part name is registered on the instance, in whatever case and whoever did it. */
export async function isTableRegistered(client: pg.ClientBase, fullName: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'select from synced_tables._registered_tables where lower(table_full_name) = lower($1)',
    [fullName],
  );
  return rowCount !== 0;
}

/**
 * The three-part names that are registered on the instance, and the databases of their tables.
 * @param catalog null for those of all
 */
export async function listRegisteredTables(
  client: pg.ClientBase,
  catalog: string | null,
): Promise<{ readonly name: string; readonly database: string }[]> {
  const { rows } = await client.query<{ name: string; database: string }>(
    `select table_full_name as name, database_name as database from synced_tables._registered_tables
          where $1::text is null or split_part(table_full_name, '.', 1) = $1`,
    [catalog],
  );
  return rows;
}

/** Takes a name back; false if the role may not do that. */
export async function deleteRegisteredTable(client: pg.ClientBase, fullName: string, role: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `delete from synced_tables._registered_tables
        where table_full_name = $1 and synced_tables_internal._role_may_control($2, created_by)`,
    [fullName, role],
  );
  return rowCount !== 0;
}
