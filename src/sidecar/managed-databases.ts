import { syncedTablesError } from '../core/errors.js';
import { withPasswordSource } from '../core/postgres-url.js';
import type { Settings } from '../settings/settings-schema.js';

/** A Postgres database that the sidecar manages. */
export interface ManagedDatabase {
  /** `instance/database`, for logs and health. */
  readonly name: string;
  readonly instance: string;
  readonly database: string;
  /** For everything that needs a session that stays. */
  readonly url: string;
  /** By way of a pooler, for short transactions; null if they take `url` too. */
  readonly pooledUrl: string | null;
}

type InstanceSettings = Settings['instances'][string];

/** The databases of all configured instances: those listed, otherwise the one in the connection string. */
export function managedDatabases(settings: Settings): ManagedDatabase[] {
  return Object.entries(settings.instances).flatMap(([instance, server]) => {
    const names = server.databases ?? [databaseIn(server.url)];
    return names.map((database) => placeDatabase(instance, server, database));
  });
}

/** The database that holds what concerns the whole instance: that of the url, or the first listed instead of it. */
export function homeDatabase(settings: Settings, instance: string): ManagedDatabase {
  const server = instanceSettings(settings, instance);
  const inUrl = databaseIn(server.url);
  const [first = inUrl] = server.databases ?? [];
  return placeDatabase(instance, server, server.databases?.includes(inUrl) === false ? first : inUrl);
}

/**
 * A database of an instance, whichever database its url names.
 * @throws INSTANCE_UNKNOWN
 */
export function databaseOf(settings: Settings, instance: string, database: string): ManagedDatabase {
  return placeDatabase(instance, instanceSettings(settings, instance), database);
}

function instanceSettings(settings: Settings, instance: string): InstanceSettings {
  const configured = Object.entries(settings.instances).find(([name]) => name === instance);
  if (configured) return configured[1];
  throw syncedTablesError('INSTANCE_UNKNOWN', { instance, configured: Object.keys(settings.instances).join(', ') });
}

function placeDatabase(instance: string, server: InstanceSettings, database: string): ManagedDatabase {
  const { url, direct_url: direct } = server;
  const place = (address: string) => withPasswordSource(withDatabase(address, database), server);
  return {
    name: `${instance}/${database}`,
    instance,
    database,
    url: place(direct ?? url),
    pooledUrl: direct === undefined ? null : place(url),
  };
}

function withDatabase(url: string, database: string): string {
  const address = new URL(url);
  address.pathname = `/${encodeURIComponent(database)}`;
  return address.href;
}

function databaseIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || 'postgres';
}
