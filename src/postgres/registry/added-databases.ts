import type pg from 'pg';

/** Databases that sidecars manage beside those of their settings; recorded in an instance's home database. */
export async function readAddedDatabases(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select a.database_name as name from synced_tables._databases a join pg_database d on d.datname = a.database_name
      order by a.added_at`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Notes that sidecars look after a database.
 * @param addedBy the role that asked for it; null for the acting one
 */
export async function noteAddedDatabase(client: pg.Client, database: string, addedBy: string | null): Promise<void> {
  await client.query(
    'insert into synced_tables._databases (database_name, added_by) values ($1, coalesce($2, current_user)) on conflict do nothing',
    [database, addedBy],
  );
}
