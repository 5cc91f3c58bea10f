import { syncedTablesError } from '../../core/errors.js';
import {
  changeStagingSchema,
  deleteStagingSchema,
  insertStagingSchema,
  readStagingSchemas,
  type StagingSchemaRecord,
} from '../../postgres/registry/api/staging-schemas.js';
import { findCatalog } from '../names/catalog-place.js';
import { withReservedName } from '../names/reserved-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { databasesOf } from '../places/database-place.js';
import { maySeeSources, requireSeesSources } from '../synced-tables/source-rights.js';
import { readKnownCatalogs } from './known-catalog.js';
import { readKnownSchemas } from './known-table.js';
import { browse } from './source-table.js';

// Declarative tools make schemas for pipelines to stage their data in (storage_schema of new_pipeline_spec). Nothing is
// staged in schemas here: they are names that are kept, given back and deleted.

/** A staging schema, and where it is kept. */
export interface StagingSchema {
  readonly record: StagingSchemaRecord;
  readonly instance: ApiInstance;
}

/**
 * The staging schemas that a caller may see: all, for those who may create synced tables.
 * @param filter null for any
 */
export async function listStagingSchemas(
  context: ApiContext,
  caller: Caller,
  filter: { readonly catalog: string | null; readonly schema: string | null },
): Promise<StagingSchema[]> {
  const found: StagingSchema[] = [];
  for (const instance of context.instances.of(caller)) {
    const records = await instance.home.asService((client) => readStagingSchemas(client, filter));
    for (const record of records) found.push({ record, instance });
  }
  return found.length > 0 && (await maySeeSources(context, caller)) ? found : [];
}

/** The staging schema of that name; null if there is none that the caller may see. */
export async function findStagingSchema(
  context: ApiContext,
  caller: Caller,
  name: { readonly catalog: string; readonly schema: string },
): Promise<StagingSchema | null> {
  return (await listStagingSchemas(context, caller, name))[0] ?? null;
}

/**
 * Keeps a staging schema, for callers who may create synced tables.
 * @throws ACCESS_DENIED, SCHEMA_EXISTS; NOT_IMPLEMENTED in a catalog that stands for a database
 */
export async function createStagingSchema(
  context: ApiContext,
  caller: Caller,
  wanted: { readonly catalog: string; readonly schema: string; readonly settings: object },
): Promise<StagingSchema> {
  await requireSeesSources(context, caller);
  const { catalog, schema } = wanted;
  const fullName = `${catalog}.${schema}`;
  const isDatabase =
    (await findCatalog(context, caller, catalog)) !== null ||
    databasesOf(context, caller).some(({ database }) => database.name.toLowerCase() === catalog.toLowerCase());
  if (isDatabase) throw refuseDatabaseSchema('Creating', catalog);
  const [instance] = context.instances.of(caller);
  if (instance === undefined) throw syncedTablesError('ACCESS_DENIED', { reason: 'the caller has no instance' });
  const place = { instance: instance.name, database: instance.home.name };
  return withReservedName(context, { name: `schema ${fullName}`, ...place }, async () => {
    if (await isTaken(context, caller, { catalog, schema }))
      throw syncedTablesError('SCHEMA_EXISTS', { schema: fullName });
    const role = await instance.home.roleNameOf(caller);
    const record = await instance.home.asService((client) => insertStagingSchema(client, { ...wanted, role }));
    if (record === null) throw syncedTablesError('SCHEMA_EXISTS', { schema: fullName });
    return { record, instance };
  });
}

async function isTaken(
  context: ApiContext,
  caller: Caller,
  name: { readonly catalog: string; readonly schema: string },
): Promise<boolean> {
  const lower = name.catalog.toLowerCase();
  const catalog = (await readKnownCatalogs(context, caller)).find((each) => each.name.toLowerCase() === lower);
  if (catalog === undefined) return false;
  const names = await readKnownSchemas(context, caller, catalog);
  if ([...names].some((each) => each.toLowerCase() === name.schema.toLowerCase())) return true;
  return (await browse(catalog, (source) => source.hasSchema(name.schema))) === true;
}

/**
 * Gives a staging schema other settings or grants.
 * @throws ACCESS_DENIED
 */
export async function editStagingSchema(
  { record, instance }: StagingSchema,
  caller: Caller,
  change: { readonly settings?: object; readonly grants?: object },
): Promise<StagingSchema> {
  const role = await instance.home.roleNameOf(caller);
  const { uid, settings, grants } = record;
  const changed = await instance.home.asService((client) =>
    changeStagingSchema(client, { uid, role, settings, grants, ...change }),
  );
  if (changed === null) throw notTheirs(record);
  return { record: changed, instance };
}

/** @throws ACCESS_DENIED */
export async function removeStagingSchema({ record, instance }: StagingSchema, caller: Caller): Promise<void> {
  const role = await instance.home.roleNameOf(caller);
  if (await instance.home.asService((client) => deleteStagingSchema(client, { uid: record.uid, role }))) return;
  throw notTheirs(record);
}

function notTheirs({ catalog, schema, createdBy }: StagingSchemaRecord) {
  return syncedTablesError('ACCESS_DENIED', { reason: `schema ${catalog}.${schema} was created by ${createdBy}` });
}

/** What is said of a schema that only Postgres, or the owner of a source, can change. */
export function refuseDatabaseSchema(doing: string, catalog: string) {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: `${doing} a schema in catalog ${catalog}`,
    reason: 'only schemas for the staging of pipelines are kept here',
    alternative:
      'Make and change schemas of a database in Postgres, or with create_database_objects_if_missing of a synced table; those of a source where it is written.',
  });
}
