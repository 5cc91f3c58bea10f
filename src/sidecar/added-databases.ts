import type pg from 'pg';

/** Databases that sidecars look after beside those of their settings; they stand in the home database of an instance. */
export async function readAddedDatabases(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select a.database_name as name from synced_tables._databases a join pg_database d on d.datname = a.database_name
      order by a.added_at`,
  );
  return rows.map(({ name }) => name);
}
