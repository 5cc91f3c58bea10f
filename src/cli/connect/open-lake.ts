import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { type Engine, openEngine } from '../../lake/engine/duckdb-engine.js';
import type { Settings } from '../../settings/settings-schema.js';
import { openCatalogs } from '../../sidecar/open-catalogs.js';

export interface Lake extends AsyncDisposable {
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
}

/** The configured catalogs with a new engine. */
export async function openLake(settings: Settings): Promise<Lake> {
  const { memory_limit_mb: memoryLimitMb, threads, temporary_folder: temporaryFolder } = settings.engine;
  const engine = await openEngine({
    memoryLimitMb,
    threads,
    ...(temporaryFolder === undefined ? {} : { temporaryFolder }),
  });
  return {
    catalogs: openCatalogs(settings, engine),
    engine,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
