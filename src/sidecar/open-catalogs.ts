import { type Catalog, CatalogSet } from '../lake/catalog/catalog.js';
import { pathCatalog } from '../lake/catalog/path-catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import { localFileStore } from '../lake/storage/local-file-store.js';
import type { Settings } from '../settings/settings-schema.js';

/** The configured catalogs, all reading with one engine. */
export function openCatalogs(settings: Settings, engine: Engine): CatalogSet {
  const catalogs = Object.entries(settings.catalogs).map(([name, catalog]): [string, Catalog] => [
    name,
    pathCatalog({
      root: catalog.root,
      allowOutsidePaths: catalog.allow_outside_paths,
      partitionTimeZone: catalog.partition_time_zone,
      store: localFileStore,
      engine,
    }),
  ]);
  return new CatalogSet(new Map(catalogs));
}
