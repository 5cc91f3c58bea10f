import type { AdoptRequest, DatabaseHost } from '../api/places/api-instance.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { quoteIdentifier } from '../core/names.js';
import type { Logger } from '../observability/logger.js';
import { requireEncodingOfNew } from '../postgres/install/encoding.js';
import { readInstalledSchema } from '../postgres/install/installed-schema.js';
import { migrateDatabase } from '../postgres/install/migrate.js';
import { noteAddedDatabase, readAddedDatabases } from '../postgres/registry/added-databases.js';
import { countFreeSessions } from '../postgres/session/free-sessions.js';
import { isPostgresError, openSession, SYNC_ROLE } from '../postgres/session/session.js';
import type { Settings } from '../settings/settings-schema.js';
import type { DatabaseWorker } from './database-worker.js';
import { databaseOf, homeDatabase, type ManagedDatabase, managedDatabases } from './managed-databases.js';
import { planSessions, type SessionPlan, sessionsOf } from './session-plan.js';
import { openSidecarSession } from './sidecar-session.js';
import { tryConnections } from './try-connections.js';

export interface DatabaseSetOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Starts serving the queue of a database that is ready. */
  readonly startWorker: (database: ManagedDatabase, plan: SessionPlan) => DatabaseWorker;
}

/** How often to look for databases added by another sidecar or by a command. */
const REFRESH_MS = 30_000;
const CREATE_TRIES_MAX = 5;

/**
 * The databases that this sidecar manages: those of the settings, and those added since, which are recorded in the home
 * database of their instance.
 */
export class DatabaseSet implements DatabaseHost {
  readonly #options: DatabaseSetOptions;
  readonly #workers = new Map<string, { readonly database: ManagedDatabase; readonly worker: DatabaseWorker }>();
  /** One at a time: two concurrent creations would get in each other's way. */
  #adopting: Promise<unknown> = Promise.resolve();
  /** Databases of the settings that can never be used, with the reason. */
  readonly #refused = new Map<string, SyncedTablesError>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: DatabaseSetOptions) {
    this.#options = options;
  }

  get instances(): DatabaseHost['instances'] {
    const { settings } = this.#options;
    return Object.keys(settings.instances).map((name) => {
      const { url, pooledUrl, database } = homeDatabase(settings, name);
      return { name, url: pooledUrl ?? url, directUrl: pooledUrl === null ? null : url, home: database };
    });
  }

  databases(instance: string): string[] {
    const managed = [...this.#workers.values()].map(({ database }) => database);
    return managed.filter((database) => database.instance === instance).map(({ database }) => database);
  }

  /** `instance/database` of all. */
  names(): string[] {
    return [...this.#workers.keys()];
  }

  /** Names of those that are unusable at the moment. */
  notReady(): string[] {
    return [...this.#workers.values()].filter(({ worker }) => !worker.isHealthy()).map(({ database }) => database.name);
  }

  /** Databases that were refused, and what was wrong with connections a moment ago and is being tried again. */
  degraded(): { readonly database: string; readonly error_code: string }[] {
    const refused = [...this.#refused].map(([database, { code }]) => ({ database, error_code: code }));
    const troubled = [...this.#workers.values()].flatMap(({ database, worker }) => {
      const error = worker.trouble();
      return error === null ? [] : [{ database: database.name, error_code: error.code }];
    });
    return [...refused, ...troubled];
  }

  /** Migrates all databases and starts their workers. */
  async start(): Promise<void> {
    const { settings, logger } = this.#options;
    for (const database of managedDatabases(settings)) {
      try {
        await this.#makeReady(database);
      } catch (error) {
        const known = asSyncedTablesError(error);
        // The others need not suffer from what nobody can mend in place.
        if (known?.code !== 'DATABASE_ENCODING_UNSUPPORTED') throw error;
        this.#refused.set(database.name, known);
        logger.error({ error, database: database.name }, 'cannot be looked after');
      }
    }
    const [refused] = this.#refused.values();
    if (refused && this.#workers.size === 0) throw refused;
    for (const { name } of this.instances) await this.#takeUpAdded(name, true);
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
  }

  async #refresh(): Promise<void> {
    for (const { name } of this.instances) {
      await this.#oneByOne(() => this.#takeUpAdded(name, false)).catch((error: unknown) => {
        this.#options.logger.warn({ error, instance: name }, 'cannot look for added databases; tries again');
      });
    }
  }

  /** Starts managing what the home database lists and is not managed yet. */
  async #takeUpAdded(instance: string, isStart: boolean): Promise<void> {
    const added = await this.#readAdded(instance);
    for (const name of added) {
      const database = this.#place(instance, name);
      if (this.#isStopped || this.#workers.has(database.name)) continue;
      try {
        await this.#makeReady(database);
      } catch (error) {
        // A database that was dropped, or that a superuser has to migrate first, must not hold up the others.
        this.#options.logger[isStart ? 'error' : 'debug']({ error, database: database.name }, 'cannot be looked after');
      }
    }
  }

  async #readAdded(instance: string): Promise<string[]> {
    const home = homeDatabase(this.#options.settings, instance);
    if (this.#refused.has(home.name)) return [];
    const client = await openSidecarSession(home.url, SYNC_ROLE);
    try {
      return await readAddedDatabases(client);
    } finally {
      await client.end();
    }
  }

  async adopt(request: AdoptRequest): Promise<void> {
    await this.#oneByOne(async () => {
      const database = this.#place(request.instance, request.database);
      if (this.#workers.has(database.name)) return;
      if (request.owner === null) await this.#checkMigrated(request);
      else await this.#create(request, request.owner);
      await this.#makeReady(database);
      await this.#note(request);
    });
  }

  /** Without an owner who may set it up, a database has to be ready already. */
  async #checkMigrated({ instance, database }: AdoptRequest): Promise<void> {
    const missing = (cause?: unknown) => syncedTablesError('LOGICAL_DATABASE_NOT_FOUND', { database, instance }, cause);
    const { url } = this.#place(instance, database);
    const client = await openSidecarSession(url, null).catch((error: unknown) => {
      throw asSyncedTablesError(error)?.code === 'POSTGRES_DATABASE_MISSING' ? missing(error) : error;
    });
    try {
      if ((await readInstalledSchema(client)) === null) throw missing();
    } finally {
      await client.end();
    }
  }

  /** Creates the database unless it exists. */
  async #create(request: AdoptRequest, owner: string): Promise<void> {
    const home = homeDatabase(this.#options.settings, request.instance);
    const client = await openSidecarSession(home.url, null);
    try {
      const isThere = 'select from pg_catalog.pg_database where datname = $1';
      for (let attempt = 1; (await client.query(isThere, [request.database])).rowCount === 0; attempt += 1) {
        await requireEncodingOfNew(client, request.database);
        try {
          await client.query(`create database ${quoteIdentifier(request.database)} owner ${quoteIdentifier(owner)}`);
        } catch (error) {
          // Someone else was faster, or the template is in use for a moment: check again.
          const code = isPostgresError(error) ? error.code : undefined;
          if (attempt >= CREATE_TRIES_MAX || !['42P04', '23505', '55006'].includes(code ?? '')) throw error;
        }
      }
    } finally {
      await client.end();
    }
  }

  async #note({ instance, database, owner }: AdoptRequest): Promise<void> {
    const home = homeDatabase(this.#options.settings, instance);
    const client = await openSidecarSession(home.url, SYNC_ROLE);
    try {
      await noteAddedDatabase(client, database, owner);
    } finally {
      await client.end();
    }
  }

  /** Installs the SQL side with the login role's rights, which are needed only if something is missing. */
  async #makeReady(database: ManagedDatabase): Promise<void> {
    if (this.#isStopped) throw syncedTablesError('DATABASE_UNAVAILABLE', { reason: 'the sidecar is stopping' });
    const { settings, logger, startWorker } = this.#options;
    const session = { url: database.url, applicationName: 'synced-tables migrate', role: null, isGuest: true };
    await this.#tryConnections(database);
    const client = await openSession(session);
    let plan: SessionPlan;
    try {
      const { applied } = await migrateDatabase(client);
      if (applied.length > 0) logger.info({ database: database.name, applied }, 'database migrated');
      const sessionsMax = sessionsOf(settings.sync, await countFreeSessions(client), this.#databasesWith(database));
      plan = planSessions(sessionsMax, settings.sync);
      logger.debug({ database: database.name, sessionsMax, ...plan }, 'sessions are planned');
    } finally {
      await client.end();
    }
    this.#workers.set(database.name, { database, worker: startWorker(database, plan) });
  }

  /**
   * Whether its connections are as all else needs them. A pooler that cannot be reached now keeps nobody from syncing.
   * @throws POSTGRES_SESSION_NOT_KEPT, POSTGRES_URLS_DIFFER, and what connecting throws
   */
  async #tryConnections(database: ManagedDatabase): Promise<void> {
    const unreachable = await tryConnections(database, 'synced-tables migrate');
    if (unreachable === null) return;
    this.#options.logger.warn({ error: unreachable, database: database.name }, 'requests cannot go through the pooler');
  }

  /** How many databases of its server are looked after, this one included. */
  #databasesWith({ instance, name }: ManagedDatabase): number {
    const listed = managedDatabases(this.#options.settings).filter((each) => each.instance === instance);
    const started = [...this.#workers.values()].filter(({ database }) => database.instance === instance);
    return new Set([name, ...listed.map((each) => each.name), ...started.map(({ database }) => database.name)]).size;
  }

  #place(instance: string, database: string): ManagedDatabase {
    return databaseOf(this.#options.settings, instance, database);
  }

  #oneByOne<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#adopting.then(work);
    this.#adopting = done.catch(() => {});
    return done;
  }

  /** Stops all work: running updates return to the queue. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#adopting;
    await Promise.all([...this.#workers.values()].map(({ worker }) => worker.stop()));
  }
}
