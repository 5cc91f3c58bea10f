import { syncedTablesError } from '../../core/errors.js';
import type { SourceTable } from '../../core/source-browser.js';
import { nearestName, sameButForCase } from '../../core/spelling.js';
import { readSyncedTables, type SyncedTableRecord } from '../../postgres/registry/api/synced-table-record.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';
import { type SourceSpelling, spellSource } from '../synced-tables/source-spelling.js';
import { type KnownCatalog, requireKnownCatalog } from './known-catalog.js';
import { findRegistered } from './registered-name.js';
import { type RelationFilter, type RelationRecord, readRelations, readSchemas } from './relation-record.js';
import { browse } from './source-table.js';

/** A table under the catalog that it was requested by. At least one of `synced` and `relation` is set. */
export interface KnownTable extends DatabasePlace {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
  /** Null for tables that are not synced. */
  readonly synced: SyncedTableRecord | null;
  /** Null for synced tables that are not loaded, and for those that the caller may not read. */
  readonly relation: RelationRecord | null;
}

/** The tables of a catalog that a caller may see, by schema and name. */
export async function readKnownTables(
  context: ApiContext,
  caller: Caller,
  catalog: KnownCatalog,
  filter: RelationFilter,
): Promise<KnownTable[]> {
  const found = new Map<string, KnownTable>();
  const add = (table: KnownTable) => {
    const key = `${table.schema}.${table.table}`;
    if (!found.has(key)) found.set(key, table);
  };
  const others = catalog.isRegistered ? [] : databasesOf(context, caller);
  for (const place of others) {
    for (const table of await readPlace(place, caller, { ...filter, catalog: catalog.name })) add(table);
  }
  for (const place of catalog.databases) {
    for (const table of await readPlace(place, caller, { ...filter, catalog: null })) {
      add({ ...table, catalog: catalog.name });
    }
  }
  const registered = catalog.isRegistered ? [] : await findRegistered(context, caller, catalog.name);
  for (const { relation, ...place } of registered) {
    const { schema, table } = relation;
    if ((filter.schema ?? schema) !== schema || (filter.table ?? table) !== table) continue;
    add({ ...place, schema, table, synced: null, relation });
  }
  return [...found.values()];
}

/** Given a catalog, only synced tables named in it. */
async function readPlace(
  place: DatabasePlace,
  caller: Caller,
  filter: RelationFilter & { readonly catalog: string | null },
): Promise<KnownTable[]> {
  const { database } = place;
  const { schema, table, catalog } = filter;
  const role = await database.roleNameOf(caller);
  return database.asService(async (client) => {
    const records = await readSyncedTables(client, role, {
      ...(schema === null ? {} : { schema }),
      ...(table === null ? {} : { table }),
      catalog,
    });
    if (catalog !== null && records.length === 0) return [];
    const relations = new Map((await readRelations(client, role, filter)).map((each) => [keyOf(each), each]));
    const synced: KnownTable[] = records.map((record) => ({
      ...place,
      catalog: catalog ?? database.name,
      schema: record.schema,
      table: record.table,
      synced: record,
      relation: relations.get(keyOf(record)) ?? null,
    }));
    if (catalog !== null) return synced;
    for (const record of records) relations.delete(keyOf(record));
    const plain = [...relations.values()].map((relation) => ({
      ...place,
      catalog: database.name,
      schema: relation.schema,
      table: relation.table,
      synced: null,
      relation,
    }));
    return [...synced, ...plain];
  });
}

function keyOf({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return JSON.stringify([schema, table]);
}

/**
 * The schemas of a catalog that a caller may see, but for those of sources: of its tables and databases, and for the
 * staging of pipelines.
 */
export async function readKnownSchemas(
  context: ApiContext,
  caller: Caller,
  catalog: KnownCatalog,
): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { database } of catalog.databases) {
    const role = await database.roleNameOf(caller);
    for (const name of await database.asService((client) => readSchemas(client, role))) names.add(name);
  }
  const tables = await readKnownTables(context, caller, catalog, { schema: null, table: null });
  for (const { schema } of tables) names.add(schema);
  for (const schema of catalog.stagingSchemas) names.add(schema);
  return names;
}

/** @throws CATALOG_DOES_NOT_EXIST, SCHEMA_DOES_NOT_EXIST */
export async function requireKnownSchema(
  context: ApiContext,
  caller: Caller,
  name: { readonly catalog: string; readonly schema: string },
): Promise<KnownCatalog> {
  const catalog = await requireKnownCatalog(context, caller, name.catalog);
  if ((await readKnownSchemas(context, caller, catalog)).has(name.schema)) return catalog;
  if (await browse(catalog, (source) => source.hasSchema(name.schema))) return catalog;
  throw syncedTablesError('SCHEMA_DOES_NOT_EXIST', { schema: `${name.catalog}.${name.schema}` });
}

/** A table that exists or will exist in Postgres, or one of a source catalog. */
export type FoundTable = { readonly known: KnownTable } | { readonly catalog: string; readonly source: SourceTable };

/**
 * Finds the table with a three-part name.
 * @param wants whether to ask a source for its columns too
 * @throws API_NAME_INVALID; CATALOG_DOES_NOT_EXIST, SCHEMA_DOES_NOT_EXIST or TABLE_DOES_NOT_EXIST, also for what the
 *   caller may not see; what source catalogs throw
 */
export async function findTable(
  context: ApiContext,
  caller: Caller,
  fullName: string,
  wants: { readonly columns: boolean },
): Promise<FoundTable> {
  const [catalogName = '', schema = '', table = '', ...rest] = fullName.split('.');
  if (table === '' || rest.length > 0) {
    const reason = `it has ${fullName.split('.').filter(Boolean).length} parts instead of 3`;
    throw syncedTablesError('API_NAME_INVALID', {
      what: 'Table name',
      name: fullName,
      form: 'catalog.schema.table',
      reason,
    });
  }
  const catalog = await requireKnownCatalog(context, caller, catalogName);
  const [known] = await readKnownTables(context, caller, catalog, { schema, table });
  if (known) return { known };
  const source = await browse(catalog, (browser) => browser.table(schema, table, wants));
  if (source) return { catalog: catalog.name, source };
  const { same, nearest } = await spell(context, caller, catalog, { schema, table });
  if (same !== undefined && same !== fullName) return findTable(context, caller, same, wants);
  if (nearest === undefined) await requireKnownSchema(context, caller, { catalog: catalog.name, schema });
  throw syncedTablesError('TABLE_DOES_NOT_EXIST', {
    table: fullName,
    meant: nearest === undefined || nearest === fullName ? '' : ` Did you mean "${nearest}"?`,
  });
}

/** What the name of a table stands for that is not there as it is written: one in Postgres, or a source. */
async function spell(
  context: ApiContext,
  caller: Caller,
  catalog: KnownCatalog,
  { schema, table }: { readonly schema: string; readonly table: string },
): Promise<SourceSpelling> {
  const known = await readKnownTables(context, caller, catalog, { schema: null, table: null });
  const names = known.map((each) => `${catalog.name}.${each.schema}.${each.table}`);
  const wanted = `${catalog.name}.${schema}.${table}`;
  const own = sameButForCase(wanted, names);
  if (own !== undefined) return { same: own, nearest: own };
  const source = catalog.source === null ? null : await spellSource(context, wanted).catch(() => null);
  return { same: source?.same, nearest: nearestName(wanted, names) ?? source?.nearest };
}
