import { syncedTablesError } from '../../core/errors.js';
import type { SourceBrowser } from '../../core/source-browser.js';
import { didYouMean, sameButForCase } from '../../core/spelling.js';
import { readStagingSchemas, type StagingSchemaRecord } from '../../postgres/registry/api/staging-schemas.js';
import { readSyncedTables } from '../../postgres/registry/api/synced-table-record.js';
import { listCatalogs } from '../names/catalog-place.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';
import { maySeeSources } from '../synced-tables/source-rights.js';
import { findRegistered } from './registered-name.js';
import type { CatalogInfo } from './unity-catalog-schema.js';

/** A catalog of any kind that the sidecar knows. */
export interface KnownCatalog {
  readonly name: string;
  readonly type: CatalogInfo['catalog_type'];
  /** Databases of which it shows every table. */
  readonly databases: readonly DatabasePlace[];
  /** Whether it represents a single database: a registered database catalog. */
  readonly isRegistered: boolean;
  /** Browser of its sources; null if it has none that the caller may see. */
  readonly source: SourceBrowser | null;
  /** Schemas that clients have made in it to stage pipelines in, as far as the caller may see them. */
  readonly stagingSchemas: readonly string[];
  readonly owner: string | null;
  readonly comment: string;
}

/**
 * The catalogs that a caller finds: registered database catalogs; databases by name; standard catalogs in the names of
 * tables they may see; the configured source catalogs, if they may see those. A registered database catalog hides
 * others of the same name; a database, standard and source catalog of one name are merged.
 */
export async function readKnownCatalogs(context: ApiContext, caller: Caller): Promise<KnownCatalog[]> {
  const known = new Map<string, KnownCatalog>();
  const add = (catalog: KnownCatalog) => {
    if (!known.has(catalog.name)) known.set(catalog.name, catalog);
  };
  for (const instance of context.instances.of(caller)) {
    for (const { name, database, createdBy } of await listCatalogs(instance)) {
      const found = instance.database(database);
      const databases = found === null ? [] : [{ instance, database: found }];
      const comment = `Database ${database} of instance ${instance.name}.`;
      add({
        name,
        type: 'MANAGED_ONLINE_CATALOG',
        databases,
        isRegistered: true,
        source: null,
        stagingSchemas: [],
        owner: createdBy,
        comment,
      });
    }
  }
  const places = databasesOf(context, caller);
  for (const { database } of places) {
    const { name } = database;
    const databases = places.filter((place) => place.database.name === name);
    const comment = `Database ${name} of instance ${databases.map(({ instance }) => instance.name).join(', ')}.`;
    add({ ...UNREGISTERED, name, type: 'MANAGED_ONLINE_CATALOG', databases, comment });
  }
  const standard = { ...UNREGISTERED, type: 'MANAGED_CATALOG', databases: [] } as const;
  for (const name of await readStandardNames(context, caller)) {
    add({ ...standard, name, comment: 'Names of tables in Postgres.' });
  }
  if (!(await maySeeSources(context, caller))) return [...known.values()];
  for (const [name, { kind }] of Object.entries(context.settings.catalogs)) {
    const type = kind === 'unity' ? 'FOREIGN_CATALOG' : 'MANAGED_CATALOG';
    add({ ...standard, name, type, comment: 'Source of synced tables.' });
    const catalog = known.get(name);
    if (catalog && !catalog.isRegistered) known.set(name, { ...catalog, source: context.sources.browser(name) });
  }
  for (const { catalog: name, schema } of await readStaging(context, caller)) {
    const found = known.get(sameButForCase(name, [...known.keys()]) ?? name);
    const catalog = found ?? { ...standard, name, comment: 'Names of schemas for the staging of pipelines.' };
    known.set(catalog.name, { ...catalog, stagingSchemas: [...catalog.stagingSchemas, schema] });
  }
  return [...known.values()];
}

const UNREGISTERED = { isRegistered: false, source: null, stagingSchemas: [], owner: null } as const;

async function readStaging(context: ApiContext, caller: Caller): Promise<StagingSchemaRecord[]> {
  const lists = context.instances
    .of(caller)
    .map(({ home }) => home.asService((client) => readStagingSchemas(client, { catalog: null, schema: null })));
  return (await Promise.all(lists)).flat();
}

/**
 * The catalog of that name, in whatever case if only one fits.
 * @throws CATALOG_DOES_NOT_EXIST
 */
export async function requireKnownCatalog(context: ApiContext, caller: Caller, name: string): Promise<KnownCatalog> {
  const known = await readKnownCatalogs(context, caller);
  const names = known.map((each) => each.name);
  const found = sameButForCase(name, names);
  const catalog = known.find((each) => each.name === found);
  if (!catalog) throw syncedTablesError('CATALOG_DOES_NOT_EXIST', { catalog: name, meant: didYouMean(name, names) });
  return catalog;
}

/** Catalogs used in table names without being registered. */
async function readStandardNames(context: ApiContext, caller: Caller): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { database } of databasesOf(context, caller)) {
    const role = await database.roleNameOf(caller);
    const records = await database.asService((client) => readSyncedTables(client, role));
    for (const { catalog } of records) if (catalog !== null) names.add(catalog);
  }
  for (const { catalog } of await findRegistered(context, caller, null)) names.add(catalog);
  return names;
}
