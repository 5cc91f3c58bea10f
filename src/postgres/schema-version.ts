import type pg from 'pg';

/** A migration that a database has. */
export interface AppliedMigration {
  readonly id: number;
  readonly hash: string;
}

/** Which migrations the database has, in order; null when it was never migrated or the role may not look. */
export async function readAppliedMigrations(
  client: Pick<pg.Client, 'query'>,
): Promise<readonly AppliedMigration[] | null> {
  const { rows: visible } = await client.query<{ readable: boolean }>(
    `select pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select') as readable
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'synced_tables' and c.relname = 'migrations'`,
  );
  if (visible[0]?.readable !== true) return null;
  const { rows } = await client.query<AppliedMigration>('select id, hash from synced_tables.migrations order by id');
  return rows;
}
