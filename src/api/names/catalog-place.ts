import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { isoTime } from '../wire/iso-time.js';

/** A registered database catalog. */
export interface CatalogPlace {
  readonly name: string;
  readonly uid: string;
  readonly instance: ApiInstance;
  /** The Postgres database that it represents. */
  readonly database: string;
  readonly createdBy: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
}

const SELECT_CATALOGS = `
  select c.catalog_name, c.database_name, c.catalog_uid, c.created_by, ${isoTime('c.created_at')} as created_at
    from synced_tables._catalogs c`;

interface CatalogRow {
  readonly catalog_name: string;
  readonly database_name: string;
  readonly catalog_uid: string;
  readonly created_by: string;
  readonly created_at: string;
}

/** The database catalog with that name; null if none of the caller's instances has it. */
export async function findCatalog(context: ApiContext, caller: Caller, name: string): Promise<CatalogPlace | null> {
  for (const instance of context.instances.of(caller)) {
    const { rows } = await instance.home.asService((client) =>
      client.query<CatalogRow>(`${SELECT_CATALOGS} where c.catalog_name = $1`, [name]),
    );
    if (rows[0]) return toPlace(instance, rows[0]);
  }
  return null;
}

/** The database catalogs of an instance, by name. */
export async function listCatalogs(instance: ApiInstance): Promise<CatalogPlace[]> {
  const { rows } = await instance.home.asService((client) =>
    client.query<CatalogRow>(`${SELECT_CATALOGS} order by c.catalog_name`),
  );
  return rows.map((row) => toPlace(instance, row));
}

function toPlace(instance: ApiInstance, row: CatalogRow): CatalogPlace {
  return {
    name: row.catalog_name,
    uid: row.catalog_uid,
    instance,
    database: row.database_name,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}

/** The catalog that lists show for objects without one: the first registered for the database, else its name. */
export async function catalogOfDatabase(instance: ApiInstance, database: string): Promise<string> {
  return (await listCatalogs(instance)).find((catalog) => catalog.database === database)?.name ?? database;
}
