import type pg from 'pg';

/** A synced or streaming table, as far as calls about one table need it. */
export interface KnownTable {
  readonly tableId: string;
  readonly kind: 'SYNCED' | 'STREAMING';
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
  readonly schema: string;
  readonly table: string;
  readonly pipelineId: string;
  /** Columns of its primary key; those of all its flows, for a streaming table. */
  readonly keyColumns: readonly string[];
  /** Whether people can read it: false before its first load and once it was dropped. */
  readonly isServing: boolean;
  /** The catalog that it was named with over HTTP; null for others. */
  readonly catalog: string | null;
}

interface KnownTableRow {
  readonly table_id: string;
  readonly kind: KnownTable['kind'];
  readonly synced_table: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly pipeline_id: string;
  readonly key_columns: string[];
  readonly is_serving: boolean;
  readonly catalog_name: string | null;
}

const SELECT_KNOWN_TABLE = `
  select k.*, exists (select from pg_catalog.pg_class c where c.oid = k.relation) as is_serving
    from (select t.table_id, 'SYNCED' as kind, t.synced_table, t.schema_name, t.table_name, t.pipeline_id, t.created_by, t.relation,
                 t.primary_key_columns as key_columns, s.catalog_name
            from synced_tables._tables t left join synced_tables._table_specs s using (table_id)
          union all
          select t.table_id, 'STREAMING', t.synced_table, t.schema_name, t.table_name, t.pipeline_id, t.created_by, t.relation,
                 coalesce((select array_agg(distinct key.name) from synced_tables._flows f, jsonb_array_elements_text(f.options -> 'keys') key (name)
                            where f.table_id = t.table_id), array[]::text[]), null
            from synced_tables._streaming_tables t) k
   where k.schema_name = $2 and k.table_name = $3 and synced_tables_internal._role_may_see($1, k.created_by, k.relation)`;

/**
 * The synced or streaming table of that name; null if there is none that the role may see.
 * @param client a session with the sidecar's rights
 */
export async function readKnownTable(
  client: pg.ClientBase,
  role: string,
  name: { readonly schema: string; readonly table: string },
): Promise<KnownTable | null> {
  const { rows } = await client.query<KnownTableRow>(SELECT_KNOWN_TABLE, [role, name.schema, name.table]);
  const [row] = rows;
  if (!row) return null;
  return {
    tableId: row.table_id,
    kind: row.kind,
    sqlName: row.synced_table,
    schema: row.schema_name,
    table: row.table_name,
    pipelineId: row.pipeline_id,
    keyColumns: row.key_columns,
    isServing: row.is_serving,
    catalog: row.catalog_name,
  };
}
