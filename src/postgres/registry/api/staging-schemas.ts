import type pg from 'pg';

/** A schema that a client has made to stage pipelines in. */
export interface StagingSchemaRecord {
  readonly catalog: string;
  readonly schema: string;
  readonly uid: string;
  /** As the client gave them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Privileges by principal. */
  readonly grants: Readonly<Record<string, readonly string[]>>;
  readonly createdBy: string;
  readonly updatedBy: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: bigint;
  readonly updatedAtMs: bigint;
}

interface Row {
  readonly catalog_name: string;
  readonly schema_name: string;
  readonly schema_uid: string;
  readonly settings: Record<string, unknown>;
  readonly grants: Record<string, string[]>;
  readonly created_by: string;
  readonly updated_by: string;
  readonly created_at_ms: string;
  readonly updated_at_ms: string;
}

const MS = (column: string) => `floor(extract(epoch from ${column}) * 1000)::bigint::text`;
const COLUMNS = `catalog_name, schema_name, schema_uid, settings, grants, created_by, updated_by,
  ${MS('created_at')} as created_at_ms, ${MS('updated_at')} as updated_at_ms`;

function toRecord(row: Row): StagingSchemaRecord {
  return {
    catalog: row.catalog_name,
    schema: row.schema_name,
    uid: row.schema_uid,
    settings: row.settings,
    grants: row.grants,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
    createdAtMs: BigInt(row.created_at_ms),
    updatedAtMs: BigInt(row.updated_at_ms),
  };
}

/**
 * The staging schemas of an instance, in whatever case they are asked for.
 * @param filter null for any
 */
export async function readStagingSchemas(
  client: pg.ClientBase,
  filter: { readonly catalog: string | null; readonly schema: string | null },
): Promise<StagingSchemaRecord[]> {
  const { rows } = await client.query<Row>(
    `select ${COLUMNS} from synced_tables._staging_schemas
      where ($1::text is null or lower(catalog_name) = lower($1)) and ($2::text is null or lower(schema_name) = lower($2))
      order by catalog_name, schema_name`,
    [filter.catalog, filter.schema],
  );
  return rows.map(toRecord);
}

/** Keeps a staging schema; null if its name is taken. */
export async function insertStagingSchema(
  client: pg.ClientBase,
  schema: { readonly catalog: string; readonly schema: string; readonly settings: object; readonly role: string },
): Promise<StagingSchemaRecord | null> {
  const { rows } = await client.query<Row>(
    `insert into synced_tables._staging_schemas (catalog_name, schema_name, settings, created_by, updated_by)
     values ($1, $2, $3, $4, $4) on conflict do nothing returning ${COLUMNS}`,
    [schema.catalog, schema.schema, JSON.stringify(schema.settings), schema.role],
  );
  return rows[0] ? toRecord(rows[0]) : null;
}

/** A staging schema, and the role that changes it. */
interface SchemaChange {
  readonly uid: string;
  readonly role: string;
}

/** Gives a staging schema other settings or grants; null if it is gone or the role may not control it. */
export async function changeStagingSchema(
  client: pg.ClientBase,
  change: SchemaChange & { readonly settings: object; readonly grants: object },
): Promise<StagingSchemaRecord | null> {
  const { rows } = await client.query<Row>(
    `update synced_tables._staging_schemas set settings = $3, grants = $4, updated_by = $2, updated_at = clock_timestamp()
      where schema_uid = $1 and synced_tables_internal._role_may_control($2, created_by) returning ${COLUMNS}`,
    [change.uid, change.role, JSON.stringify(change.settings), JSON.stringify(change.grants)],
  );
  return rows[0] ? toRecord(rows[0]) : null;
}

/** Removes a staging schema; false if it is gone or the role may not control it. */
export async function deleteStagingSchema(client: pg.ClientBase, { uid, role }: SchemaChange): Promise<boolean> {
  const { rowCount } = await client.query(
    `delete from synced_tables._staging_schemas
      where schema_uid = $1 and synced_tables_internal._role_may_control($2, created_by)`,
    [uid, role],
  );
  return rowCount !== 0;
}
