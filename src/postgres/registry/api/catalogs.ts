import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** A registered database catalog. */
export interface CatalogRecord {
  readonly name: string;
  readonly uid: string;
  /** The Postgres database that it represents. */
  readonly database: string;
  readonly createdBy: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /** What the request said of creating the database; null for nothing. Clients compare it. */
  readonly createsDatabase: boolean | null;
}

const SELECT_CATALOGS = `
  select c.catalog_name, c.database_name, c.catalog_uid, c.created_by, c.creates_database, ${isoTime('c.created_at')} as created_at
    from synced_tables._catalogs c`;

interface CatalogRow {
  readonly catalog_name: string;
  readonly database_name: string;
  readonly catalog_uid: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly creates_database: boolean | null;
}

function toRecord(row: CatalogRow): CatalogRecord {
  return {
    name: row.catalog_name,
    uid: row.catalog_uid,
    database: row.database_name,
    createdBy: row.created_by,
    createdAt: row.created_at,
    createsDatabase: row.creates_database,
  };
}

/** The database catalog of that name, or the one whose name is the same but for its case; null if there is none. */
export async function readCatalog(client: pg.ClientBase, name: string): Promise<CatalogRecord | null> {
  const { rows } = await client.query<CatalogRow>(`${SELECT_CATALOGS} where lower(c.catalog_name) = lower($1)`, [name]);
  const exact = rows.find((row) => row.catalog_name === name);
  const found = exact ?? (rows.length === 1 ? rows[0] : undefined);
  return found ? toRecord(found) : null;
}

/** The database catalogs of an instance, by name. */
export async function readCatalogs(client: pg.ClientBase): Promise<CatalogRecord[]> {
  const { rows } = await client.query<CatalogRow>(`${SELECT_CATALOGS} order by c.catalog_name`);
  return rows.map(toRecord);
}

/** Whether a database catalog of that name, in whatever case, is registered on the instance. */
export async function isCatalogRegistered(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from synced_tables._catalogs where lower(catalog_name) = lower($1)', [
    name,
  ]);
  return rowCount !== 0;
}

/** Registers a database catalog; false if its name is taken. */
export async function insertCatalog(
  client: pg.ClientBase,
  catalog: {
    readonly name: string;
    readonly database: string;
    /** The role that registers it. */
    readonly role: string;
    readonly createsDatabase: boolean | null;
  },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into synced_tables._catalogs (catalog_name, database_name, created_by, creates_database) values ($1, $2, $3, $4)
       on conflict do nothing`,
    [catalog.name, catalog.database, catalog.role, catalog.createsDatabase],
  );
  return rowCount !== 0;
}

/** Keeps what a client now says of creating the database; false if the role may not change the catalog. */
export async function noteCreatesDatabase(
  client: pg.ClientBase,
  catalog: { readonly name: string; readonly role: string; readonly createsDatabase: boolean | null },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update synced_tables._catalogs set creates_database = $3
        where catalog_name = $1 and synced_tables_internal._role_may_control($2, created_by)`,
    [catalog.name, catalog.role, catalog.createsDatabase],
  );
  return rowCount !== 0;
}

/** Unregisters a database catalog; false if the role may not do that. */
export async function removeCatalog(client: pg.ClientBase, name: string, role: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `delete from synced_tables._catalogs
        where catalog_name = $1 and synced_tables_internal._role_may_control($2, created_by)`,
    [name, role],
  );
  return rowCount !== 0;
}
