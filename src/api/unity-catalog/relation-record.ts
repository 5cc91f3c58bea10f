import type pg from 'pg';

/** A table, view or foreign table as recorded in Postgres' catalogs. */
export interface RelationRecord {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f';
  readonly owner: string;
  readonly comment: string | null;
}

/** What to look for; null matches anything. */
export interface RelationFilter {
  readonly schema: string | null;
  readonly table: string | null;
}

/** Hides system schemas and those of this project, which no catalog shows. */
const IS_SHOWN = `n.nspname !~ '^pg_'
  and n.nspname not in ('information_schema', '__db_system', 'synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth')`;

/**
 * The relations of a database that a role may read, without partitions.
 * @param client a session with the sidecar's rights
 */
export async function readRelations(
  client: pg.ClientBase,
  role: string,
  filter: RelationFilter,
): Promise<RelationRecord[]> {
  const { rows } = await client.query<RelationRecord>(
    `select c.oid, n.nspname as schema, c.relname as table, c.relkind as kind,
            pg_catalog.pg_get_userbyid(c.relowner) as owner, pg_catalog.obj_description(c.oid, 'pg_class') as comment
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and ${IS_SHOWN}
        and ($2::text is null or n.nspname = $2) and ($3::text is null or c.relname = $3)
        and pg_catalog.has_schema_privilege($1::name, n.oid, 'usage')
        and pg_catalog.has_table_privilege($1::name, c.oid, 'select')
      order by n.nspname, c.relname`,
    [role, filter.schema, filter.table],
  );
  return rows;
}

/** The schemas of a database that a role may use. */
export async function readSchemas(client: pg.ClientBase, role: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname as name from pg_catalog.pg_namespace n
      where ${IS_SHOWN} and pg_catalog.has_schema_privilege($1::name, n.oid, 'usage') order by n.nspname`,
    [role],
  );
  return rows.map(({ name }) => name);
}

/** A column with its type resolved: `base` is the type underneath domains and arrays. */
export interface ColumnRecord {
  readonly oid: number;
  readonly name: string;
  readonly nullable: boolean;
  readonly comment: string | null;
  readonly isArray: boolean;
  /** Name of the type in pg_type. */
  readonly base: string;
  readonly typeModifier: number;
}

/** The columns of relations in order, and the columns and name of their primary keys. */
export async function readColumns(client: pg.ClientBase, oids: readonly number[]): Promise<ColumnRecord[]> {
  const { rows } = await client.query<ColumnRecord>(
    `select a.attrelid as oid, a.attname as name, not a.attnotnull as nullable,
            pg_catalog.col_description(a.attrelid, a.attnum) as comment, e.oid is not null as "isArray",
            coalesce(e.typname, b.typname, t.typname) as base,
            case when t.typtypmod > 0 then t.typtypmod else a.atttypmod end as "typeModifier"
       from pg_catalog.pg_attribute a
       join pg_catalog.pg_type t on t.oid = a.atttypid
       left join pg_catalog.pg_type b on b.oid = nullif(t.typbasetype, 0)
       left join pg_catalog.pg_type e on e.typarray = coalesce(b.oid, t.oid)
      where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped
      order by a.attrelid, a.attnum`,
    [oids],
  );
  return rows;
}

export interface KeyRecord {
  readonly oid: number;
  readonly name: string;
  readonly columns: readonly string[];
}

/** The primary keys of relations that have one, with columns in key order. */
export async function readPrimaryKeys(client: pg.ClientBase, oids: readonly number[]): Promise<KeyRecord[]> {
  const { rows } = await client.query<KeyRecord>(
    `select k.conrelid as oid, k.conname as name,
            (select array_agg(a.attname::text order by u.position)
               from unnest(k.conkey) with ordinality u (number, position)
               join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number) as columns
       from pg_catalog.pg_constraint k where k.contype = 'p' and k.conrelid = any ($1::oid[])`,
    [oids],
  );
  return rows;
}
