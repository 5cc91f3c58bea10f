import { z } from 'zod';
import { int64, maybe, text } from '../wire/wire-fields.js';

// The objects of docs/reference/databricks-api.md#unity-catalog.

export const UNITY_PATH = '/api/2.1/unity-catalog';

/** The page size is called max_results here; 0, which the SDK sends, means "as you like". */
const listQuery = z.object({
  max_results: z.coerce.number().int().min(0).max(1_000_000).optional(),
  page_token: z.string().max(2_000).optional(),
});

const flag = z.enum(['true', 'false', '']).optional();
const name = z.string().min(1).max(1_000);

export const catalogParams = z.object({ name });
export const fullNameParams = z.object({ full_name: name });
export const catalogListQuery = listQuery;
export const schemaListQuery = listQuery.extend({ catalog_name: name });
export const tableListQuery = listQuery.extend({
  catalog_name: name,
  schema_name: name,
  omit_columns: flag,
  omit_properties: flag,
});
export const summaryListQuery = listQuery.extend({
  catalog_name: name,
  schema_name_pattern: z.string().max(1_000).optional(),
  table_name_pattern: z.string().max(1_000).optional(),
});

const page = { next_page_token: z.string().optional() };

export const catalogInfo = z.object({
  name: z.string(),
  full_name: z.string(),
  catalog_type: z.enum(['MANAGED_ONLINE_CATALOG', 'MANAGED_CATALOG', 'FOREIGN_CATALOG']),
  securable_type: z.literal('CATALOG'),
  isolation_mode: z.literal('OPEN'),
  owner: z.string().optional(),
  comment: z.string().optional(),
});
export type CatalogInfo = z.infer<typeof catalogInfo>;
export const catalogList = z.object({ catalogs: z.array(catalogInfo), ...page });

/** What only schemas have that clients have made. */
const madeSchema = {
  comment: z.string().optional(),
  properties: z.record(z.string(), z.string()).optional(),
  storage_root: z.string().optional(),
};

export const schemaInfo = z.object({
  name: z.string(),
  catalog_name: z.string(),
  full_name: z.string(),
  catalog_type: catalogInfo.shape.catalog_type,
  ...madeSchema,
  schema_id: z.string().optional(),
  owner: z.string().optional(),
  created_at: int64.optional(),
  created_by: z.string().optional(),
  updated_at: int64.optional(),
  updated_by: z.string().optional(),
});

const properties = maybe(z.record(z.string().max(255), text));

export const createSchemaInput = z.object({
  name,
  catalog_name: name,
  comment: maybe(text),
  properties,
  storage_root: maybe(text),
});
export const updateSchemaInput = z.object({
  comment: maybe(text),
  properties,
  new_name: maybe(text),
  owner: maybe(text),
  enable_predictive_optimization: maybe(text),
});
export const deleteSchemaQuery = z.looseObject({ force: flag });

const privileges = maybe(z.array(z.string().max(100)).max(100));
export const grantsQuery = z.looseObject({ principal: z.string().max(1_000).optional() });
export const updateGrantsInput = z.object({
  changes: maybe(z.array(z.object({ principal: name, add: privileges, remove: privileges })).max(1_000)),
});
export const grantsReply = z.object({
  privilege_assignments: z.array(z.object({ principal: z.string(), privileges: z.array(z.string()) })),
});
export const schemaList = z.object({ schemas: z.array(schemaInfo), ...page });

const columnInfo = z.object({
  name: z.string(),
  position: z.int(),
  nullable: z.boolean(),
  /** For source columns, whatever type their catalog gives. */
  type_name: z.string(),
  type_text: z.string(),
  type_json: z.string(),
  type_precision: z.int(),
  type_scale: z.int(),
  partition_index: z.int().optional(),
  comment: z.string().optional(),
});
export type ColumnInfo = z.infer<typeof columnInfo>;

const primaryKeyConstraint = z.object({
  name: z.string(),
  child_columns: z.array(z.string()),
  timeseries_columns: z.array(z.string()).optional(),
});

export const tableInfo = z.object({
  name: z.string(),
  catalog_name: z.string(),
  schema_name: z.string(),
  full_name: z.string(),
  table_id: z.string().optional(),
  /** FOREIGN, VIEW or MATERIALIZED_VIEW in Postgres; for sources, what their catalog gives. */
  table_type: z.string(),
  data_source_format: z.string().optional(),
  storage_location: z.string().optional(),
  columns: z.array(columnInfo).optional(),
  table_constraints: z.array(z.object({ primary_key_constraint: primaryKeyConstraint })).optional(),
  properties: z.record(z.string(), z.string()).optional(),
  pipeline_id: z.string().optional(),
  owner: z.string().optional(),
  comment: z.string().optional(),
  created_at: int64.optional(),
  created_by: z.string().optional(),
  updated_at: int64.optional(),
});
export type TableInfo = z.infer<typeof tableInfo>;
export const tableList = z.object({ tables: z.array(tableInfo), ...page });
export const tableExists = z.object({ table_exists: z.boolean() });
export const tableSummaryList = z.object({
  tables: z.array(tableInfo.pick({ full_name: true, table_type: true })),
  ...page,
});

export const metastoreAssignment = z.object({
  metastore_id: z.string(),
  workspace_id: int64,
  default_catalog_name: z.string(),
});

export const metastoreSummary = z.object({
  metastore_id: z.string(),
  name: z.string(),
  global_metastore_id: z.string(),
  owner: z.string(),
  privilege_model_version: z.string(),
  external_access_enabled: z.boolean(),
});
