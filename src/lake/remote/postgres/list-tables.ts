import type pg from 'pg';

export interface ListedRelation {
  readonly name: string;
  /** As in pg_class. */
  readonly kind: string;
  readonly comment: string | null;
}

/** Not those of the system, nor of sessions. */
const IS_OF_USERS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/** Names of schemas that the login may use, after a name. */
export async function listPostgresSchemas(client: pg.Client, after: string | null, limit: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname as name from pg_namespace n
      where ${IS_OF_USERS} and has_schema_privilege(n.oid, 'USAGE') and ($1::text is null or n.nspname > $1 collate "C")
      order by n.nspname collate "C" limit $2`,
    [after, limit],
  );
  return rows.map(({ name }) => name);
}

/** Tables and views of a schema that the login may read, after a name. */
export async function listPostgresTables(
  client: pg.Client,
  schema: string,
  after: string | null,
  limit: number,
): Promise<ListedRelation[]> {
  const { rows } = await client.query<ListedRelation>(
    `select c.relname as name, c.relkind as kind, obj_description(c.oid, 'pg_class') as comment
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and ${IS_OF_USERS} and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
        and (has_table_privilege(c.oid, 'SELECT') or has_any_column_privilege(c.oid, 'SELECT'))
        and ($2::text is null or c.relname > $2 collate "C")
      order by c.relname collate "C" limit $3`,
    [schema, after, limit],
  );
  return rows;
}
