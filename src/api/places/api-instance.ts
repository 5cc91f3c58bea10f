import { syncedTablesError } from '../../core/errors.js';
import { serverPlace } from '../../core/postgres-url.js';
import { ApiDatabase } from './api-database.js';
import type { Caller } from './caller.js';

/** What the API knows about the Postgres servers and can ask of the surrounding sidecar. */
export interface DatabaseHost {
  /** The configured instances. */
  readonly instances: readonly InstancePlace[];
  /** Names of an instance's databases that are managed now. */
  databases(instance: string): readonly string[];
  /**
   * Manages a database of an instance from now on. Safe to repeat and to call concurrently.
   * @throws LOGICAL_DATABASE_NOT_FOUND, MIGRATION_NOT_ALLOWED
   */
  adopt(request: AdoptRequest): Promise<void>;
}

interface InstancePlace {
  readonly name: string;
  /** Connection string of `home`; that of clients, perhaps by way of a pooler. */
  readonly url: string;
  /** Another one for sessions that have to stay; null if `url` is for those too. */
  readonly directUrl: string | null;
  /** The database that holds what concerns the whole instance. */
  readonly home: string;
}

export interface AdoptRequest {
  readonly instance: string;
  readonly database: string;
  /** Role that owns the database if it has to be created; null: it has to exist and be migrated. */
  readonly owner: string | null;
}

/** One configured Postgres server. */
export class ApiInstance {
  readonly name: string;
  readonly #url: URL;
  readonly #directUrl: URL | null;
  readonly #host: DatabaseHost;
  readonly #databases = new Map<string, ApiDatabase>();
  readonly #home: string;

  constructor(host: DatabaseHost, place: InstancePlace) {
    this.#host = host;
    this.#home = place.home;
    this.name = place.name;
    this.#url = new URL(place.url);
    this.#directUrl = place.directUrl === null ? null : new URL(place.directUrl);
  }

  /** Where clients connect to. */
  get address(): { readonly host: string; readonly port: number } {
    return serverPlace(this.#url);
  }

  /** The database that holds what concerns the whole instance. */
  get home(): ApiDatabase {
    return this.#open(this.#home);
  }

  /** The managed databases. */
  databases(): ApiDatabase[] {
    return this.#host.databases(this.name).map((name) => this.#open(name));
  }

  /** A managed database; null if there is none with that name. */
  database(name: string): ApiDatabase | null {
    return this.#host.databases(this.name).includes(name) ? this.#open(name) : null;
  }

  /** See DatabaseHost.adopt. */
  async adopt(database: string, owner: string | null): Promise<ApiDatabase> {
    await this.#host.adopt({ instance: this.name, database, owner });
    return this.#open(database);
  }

  #open(name: string): ApiDatabase {
    const open = this.#databases.get(name);
    if (open) return open;
    const directUrl = this.#directUrl && withDatabase(this.#directUrl, name);
    const database = new ApiDatabase({ instance: this.name, name, url: withDatabase(this.#url, name), directUrl });
    this.#databases.set(name, database);
    return database;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#databases.values()].map((database) => database.close()));
  }
}

function withDatabase(server: URL, name: string): string {
  const url = new URL(server);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** The instances, filtered by caller. */
export class InstanceSet {
  readonly #instances: readonly ApiInstance[];

  constructor(host: DatabaseHost) {
    this.#instances = host.instances.map((place) => new ApiInstance(host, place));
  }

  /** All of them, whoever the caller is: for authentication. */
  all(): readonly ApiInstance[] {
    return this.#instances;
  }

  /** Those on which the caller has a role. */
  of(caller: Caller): ApiInstance[] {
    return this.#instances.filter(({ name }) => caller.roleOn(name) !== undefined);
  }

  /** @throws API_INSTANCE_NOT_FOUND */
  find(caller: Caller, name: string): ApiInstance {
    const instance = this.of(caller).find((each) => each.name === name);
    if (!instance) throw syncedTablesError('API_INSTANCE_NOT_FOUND', { instance: name });
    return instance;
  }

  async close(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.close()));
  }
}
