import { countOf } from '../core/count-of.js';
import { asSyncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { describeServer } from '../core/postgres-url.js';
import { openEngine } from '../lake/engine/duckdb-engine.js';
import type { Settings } from '../settings/settings-schema.js';
import { openCatalogs } from '../sidecar/open-catalogs.js';
import { errorFinding, failureFinding, finding } from './finding.js';

/** Nobody waits long for a diagnosis, and a store that needs many attempts should be reported. */
const ATTEMPTS = 2;
const TIMEOUT_SECONDS_MAX = 10;

/** Whether each catalog answers: its folder, its store (with the client it needs), its server. */
export async function examineCatalogs(settings: Settings): Promise<Finding[]> {
  const configured = Object.entries(settings.catalogs);
  if (configured.length === 0) return [finding('CATALOGS_NONE', 'catalogs')];
  const storage = {
    ...settings.storage,
    attempts: ATTEMPTS,
    timeout_seconds: Math.min(settings.storage.timeout_seconds, TIMEOUT_SECONDS_MAX),
  };
  const { temporary_folder: temporaryFolder } = settings.engine;
  await using engine = await openEngine(temporaryFolder === undefined ? {} : { temporaryFolder });
  const failures = await openCatalogs({ ...settings, storage }, engine).probe();
  return configured.map(([name, catalog]) => {
    const subject = `catalog ${name}`;
    if (!failures.has(name)) {
      return finding('CATALOG_READY', subject, { place: placeOf(catalog) });
    }
    const error = failures.get(name);
    const known = asSyncedTablesError(error);
    return known ? errorFinding(known, subject) : failureFinding(error, subject);
  });
}

function placeOf(catalog: Settings['catalogs'][string]): string {
  switch (catalog.kind) {
    case 'path':
    case 'files':
      return catalog.root;
    case 'unity':
    case 'iceberg':
    case 'trino':
    case 'databricks':
      return catalog.uri;
    case 'delta_sharing':
      return catalog.endpoint ?? `The server of ${catalog.profile}`;
    case 'postgres':
      return describeServer(catalog.url);
    case 'views':
      return `Each of ${countOf(Object.keys(catalog.views).length, 'view')}`;
  }
}
