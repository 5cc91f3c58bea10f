import { randomUUID } from 'node:crypto';
import { startHttpServer } from '../api/http-server.js';
import { openEngine } from '../lake/engine/duckdb-engine.js';
import type { Logger } from '../observability/logger.js';
import { migrateDatabase } from '../postgres/migrate.js';
import { openSession } from '../postgres/session.js';
import type { Settings } from '../settings/settings-schema.js';
import { startDatabaseWorker } from './database-worker.js';
import { managedDatabases } from './managed-databases.js';
import { openCatalogs } from './open-catalogs.js';

export interface SidecarOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Option that chooses another HTTP port, for the message when it is taken. */
  readonly portOption: string;
}

export interface Sidecar {
  /** Address of the HTTP server. */
  readonly url: string;
  /** Ends what is at hand: running updates go back to the queue, nothing of them stays. */
  stop(): Promise<void>;
}

/**
 * Starts the process that keeps tables in sync: installs or checks the SQL side of every database, serves HTTP, and
 * works on the queues until it is stopped.
 */
export async function startSidecar({ settings, logger, portOption }: SidecarOptions): Promise<Sidecar> {
  // Closed in reverse: the doors first, then the workers, then the engine they read with.
  const closers: (() => PromiseLike<void>)[] = [];
  const stop = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const databases = managedDatabases(settings);
    for (const database of databases) await migrate(database.url, database.name, logger);
    const { memory_limit_mb: memoryLimitMb, threads, temporary_folder: temporaryFolder } = settings.engine;
    const engine = await openEngine({
      memoryLimitMb,
      threads,
      ...(temporaryFolder === undefined ? {} : { temporaryFolder }),
    });
    closers.push(() => engine[Symbol.asyncDispose]());
    const catalogs = openCatalogs(settings, engine);
    const holder = randomUUID();
    const workers = databases.map((database) => {
      const worker = startDatabaseWorker({ database, holder, catalogs, engine, settings, logger });
      closers.push(() => worker.stop());
      return { name: database.name, worker };
    });
    const notReady = () => workers.filter(({ worker }) => !worker.isHealthy()).map(({ name }) => name);
    const server = await startHttpServer({ ...settings.api, health: { notReady }, portOption });
    closers.push(() => server[Symbol.asyncDispose]());
    logger.info({ sidecar: holder, databases: databases.map(({ name }) => name), url: server.url }, 'sidecar started');
    return { url: server.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Installs the SQL side with the rights of the login role; a role without them is fine where all is installed. */
async function migrate(url: string, name: string, logger: Logger): Promise<void> {
  const client = await openSession({ url, applicationName: 'synced-tables migrate', role: null });
  try {
    const { applied } = await migrateDatabase(client);
    if (applied.length > 0) logger.info({ database: name, applied }, 'database migrated');
  } finally {
    await client.end();
  }
}
