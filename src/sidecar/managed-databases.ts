import { syncedTablesError } from '../core/errors.js';
import type { Settings } from '../settings/settings-schema.js';

/** A Postgres database that the sidecar manages. */
export interface ManagedDatabase {
  /** `instance/database`, for logs and health. */
  readonly name: string;
  readonly instance: string;
  readonly database: string;
  readonly url: string;
}

/** The databases of all configured instances: those listed, otherwise the one in the connection string. */
export function managedDatabases(settings: Settings): ManagedDatabase[] {
  return Object.entries(settings.instances).flatMap(([instance, { url, databases }]) => {
    const names = databases ?? [databaseIn(url)];
    return names.map((database) => placeDatabase(instance, url, database));
  });
}

/** The database that holds what concerns the whole instance: that of the url, or the first listed instead of it. */
export function homeDatabase(settings: Settings, instance: string): ManagedDatabase {
  const configured = Object.entries(settings.instances).find(([name]) => name === instance);
  if (!configured) {
    throw syncedTablesError('INSTANCE_UNKNOWN', { instance, configured: Object.keys(settings.instances).join(', ') });
  }
  const [, { url, databases }] = configured;
  const inUrl = databaseIn(url);
  const [first = inUrl] = databases ?? [];
  return placeDatabase(instance, url, databases?.includes(inUrl) === false ? first : inUrl);
}

/** A database on the server of `url`, whichever database the url names. */
export function placeDatabase(instance: string, url: string, database: string): ManagedDatabase {
  const databaseUrl = new URL(url);
  databaseUrl.pathname = `/${encodeURIComponent(database)}`;
  return { name: `${instance}/${database}`, instance, database, url: databaseUrl.href };
}

function databaseIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || 'postgres';
}
