import type pg from 'pg';

/**
 * How many synced tables of a database, of those that a role may see, come from each of some sources; those without one
 * are left out.
 * @param client a session with the sidecar's rights
 */
export async function countSourceUses(
  client: pg.ClientBase,
  role: string,
  sources: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ source: string; tables: number }>(
    `select t.source_table_full_name as source, count(*)::integer as tables
       from synced_tables._tables t
      where t.source_table_full_name = any ($2) and synced_tables_internal._role_may_see($1, t.created_by, t.relation)
      group by 1`,
    [role, sources],
  );
  return new Map(rows.map(({ source, tables }) => [source, tables]));
}
