import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { isUuid } from '../../core/uuid.js';
import { readSyncedTables } from '../../postgres/registry/api/synced-table-record.js';
import {
  type CreateParameters,
  insertTableSpec,
  registerSyncedTable,
} from '../../postgres/registry/api/synced-tables.js';
import type { SourceRequest } from '../../sync/source/check-source.js';
import { findCatalog } from '../names/catalog-place.js';
import { withReservedName } from '../names/reserved-name.js';
import { fullNameOf, sqlNameOf } from '../names/table-name.js';
import { findTakenName } from '../names/taken-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { ensureDatabase } from '../places/ensure-database.js';
import { checkCreateSource } from './check-create-source.js';
import { lookUpSyncedTable, type PlacedTable } from './synced-table-place.js';
import type { SyncedTableSpec } from './synced-table-schema.js';

export interface CreateRequest {
  readonly name: TableName;
  /** Instance and Postgres database, if the request names them. */
  readonly instance: ApiInstance | undefined;
  readonly database: string | undefined;
  readonly spec: SyncedTableSpec;
  /** Whether to create a missing schema if the request is silent. A missing database is created only on request. */
  readonly createsSchemaByDefault: boolean;
}

/**
 * Creates a synced table for a caller, in a database catalog or a standard one; used by both services.
 * @throws CATALOG_PLACE_MISSING, CATALOG_PLACE_DIFFERS, LOGICAL_DATABASE_NOT_FOUND, SYNCED_TABLE_EXISTS, and what
 *   checkCreateSource and create_synced_table raise
 */
export async function createSyncedTable(
  context: ApiContext,
  caller: Caller,
  request: CreateRequest,
): Promise<PlacedTable> {
  const { name } = request;
  const place = await choosePlace(context, caller, request);
  const fullName = fullNameOf(name);
  const create = async () => {
    if (place.isStandard) await requireFree(context, name);
    const existing = await lookUpSyncedTable(context, caller, name);
    if (existing) throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: fullName });
    await checkCreateSource(context, caller, sourceOf(request));
    return createAt(place, caller, request);
  };
  // A database catalog maps to one database, which itself keeps names unique.
  if (!place.isStandard) return create();
  const wanted = { name: `table ${fullName}`, instance: place.instance.name, database: place.database };
  return withReservedName(context, wanted, create);
}

async function requireFree(context: ApiContext, name: TableName): Promise<void> {
  const taken = await findTakenName(context, name);
  if (taken === 'synced') throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: fullNameOf(name) });
  if (taken === 'registered') throw syncedTablesError('REGISTERED_TABLE_EXISTS', { table: fullNameOf(name) });
}

function sourceOf({ spec }: CreateRequest): SourceRequest {
  return {
    source: spec.source_table_full_name ?? '',
    keyColumns: spec.primary_key_columns ?? [],
    timeseriesKey: spec.timeseries_key || null,
    policy: spec.scheduling_policy ?? 'SNAPSHOT',
  };
}

async function createAt(place: Place, caller: Caller, request: CreateRequest): Promise<PlacedTable> {
  const { name, spec } = request;
  const database = await ensureDatabase(caller, place, spec.create_database_objects_if_missing === true);
  const role = await database.roleNameOf(caller);
  const record = await database.asCaller(caller, async (client, asService) => {
    await registerSyncedTable(client, parametersOf(request));
    return asService(async () => {
      const [created] = await readSyncedTables(client, role, { schema: name.schema, table: name.table });
      if (!created) throw new SyncedTablesError('API_DEFECT', `${fullNameOf(name)} was created but is not there.`, '');
      await insertTableSpec(client, {
        tableId: created.tableId,
        catalog: place.isStandard ? name.catalog : null,
        spec,
      });
      return { ...created, spec: { ...spec }, catalog: place.isStandard ? name.catalog : null };
    });
  });
  return { fullName: fullNameOf(name), instance: place.instance, database, record };
}

interface Place {
  readonly instance: ApiInstance;
  readonly database: string;
  /** Whether the name's catalog is a standard one: then the name has to be stored. */
  readonly isStandard: boolean;
}

/** The database that the name and the request lead to (docs/reference/databricks-api.md#synced-tables). */
async function choosePlace(context: ApiContext, caller: Caller, request: CreateRequest): Promise<Place> {
  const { name, instance, database } = request;
  const catalog = await findCatalog(context, caller, name.catalog);
  if (catalog) {
    checkSame(name.catalog, 'instance', catalog.instance.name, instance?.name);
    checkSame(name.catalog, 'database', catalog.database, database);
    return { instance: catalog.instance, database: catalog.database, isStandard: false };
  }
  const missing = [
    ...(instance === undefined ? ['database_instance_name'] : []),
    ...(database === undefined ? ['logical_database_name'] : []),
  ];
  if (instance === undefined || database === undefined) {
    throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog: name.catalog, field: missing.join(' and ') });
  }
  return { instance, database, isStandard: true };
}

function checkSame(catalog: string, what: string, found: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw syncedTablesError('CATALOG_PLACE_DIFFERS', { catalog, what, found, wanted });
}

/** Passes the spec to create_synced_table: the only place where the two meet. */
function parametersOf({ name, spec, createsSchemaByDefault }: CreateRequest): CreateParameters {
  const json = (value: object | undefined) => (value === undefined ? undefined : JSON.stringify(value));
  return {
    synced_table: sqlNameOf(name),
    source_table_full_name: spec.source_table_full_name ?? '',
    primary_key_columns: spec.primary_key_columns ?? [],
    scheduling_policy: spec.scheduling_policy ?? '',
    timeseries_key: spec.timeseries_key === '' ? undefined : spec.timeseries_key,
    create_database_objects_if_missing: spec.create_database_objects_if_missing ?? createsSchemaByDefault,
    existing_pipeline_id: pipelineIdOf(spec.existing_pipeline_id),
    type_overrides: json(spec.type_overrides),
    extra_columns: json(spec.extra_columns),
    extra_index_definitions: json(spec.extra_index_definitions),
    accelerated_sync: spec.accelerated_sync === true ? true : undefined,
  };
}

function pipelineIdOf(given: string | undefined): string | undefined {
  if (given === undefined || given === '') return undefined;
  if (isUuid(given.toLowerCase())) return given;
  throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: given });
}
