import type pg from 'pg';

/** A former synced table: deleted without its data. */
export interface FormerTable {
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
  /** The standard catalog that it was named with over HTTP; null for others. */
  readonly catalog: string | null;
}

/**
 * The former synced table of that name; null if there is none that the role may see.
 * @param client a session with the sidecar's rights
 */
export async function readFormerTable(
  client: pg.ClientBase,
  role: string,
  name: { readonly schema: string; readonly table: string },
): Promise<FormerTable | null> {
  const { rows } = await client.query<FormerTable>(
    `select synced_tables_internal._display_name($2, $3) as "sqlName", n.catalog_name as catalog
       from synced_tables_internal._former_table($2, $3) f
       left join synced_tables._former_names n on n.schema_name = $2 and n.table_name = $3
      where f.synced_table is not null and synced_tables_internal._role_may_see($1, f.created_by, f.synced_table)`,
    [role, name.schema, name.table],
  );
  return rows[0] ?? null;
}
