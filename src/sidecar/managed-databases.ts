import type { Settings } from '../settings/settings-schema.js';

/** One Postgres database that the sidecar looks after. */
export interface ManagedDatabase {
  /** `instance/database`, for logs and health. */
  readonly name: string;
  readonly instance: string;
  readonly url: string;
}

/** The databases of all configured instances: those listed, else the one in the connection string. */
export function managedDatabases(settings: Settings): ManagedDatabase[] {
  return Object.entries(settings.instances).flatMap(([instance, { url, databases }]) => {
    const inUrl = decodeURIComponent(new URL(url).pathname.slice(1)) || 'postgres';
    return (databases ?? [inUrl]).map((database) => {
      const databaseUrl = new URL(url);
      databaseUrl.pathname = `/${encodeURIComponent(database)}`;
      return { name: `${instance}/${database}`, instance, url: databaseUrl.href };
    });
  });
}
