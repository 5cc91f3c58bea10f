import { randomUUID } from 'node:crypto';
import { consoleAddress } from '../api/console/console-address.js';
import { type HttpServer, startHttpServer } from '../api/server/http-server.js';
import type { SyncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { openEngine } from '../lake/engine/duckdb-engine.js';
import type { Logger } from '../observability/logger.js';
import { newestKnownMigration } from '../postgres/install/migrate.js';
import type { Settings } from '../settings/settings-schema.js';
import { checkSource } from '../sync/source/check-source.js';
import { previewNewestRows } from '../sync/source/preview-rows.js';
import { sampleSource } from '../sync/source/sample-source.js';
import { SourceReports } from '../sync/source/source-reports.js';
import { WorkShares } from '../sync/task/work-shares.js';
import { DatabaseSet } from './database-set.js';
import { DatabaseWorker } from './database-worker.js';
import type { ManagedDatabase } from './managed-databases.js';
import { missingRoots } from './missing-roots.js';
import { openCatalogs } from './open-catalogs.js';
import type { SessionPlan } from './session-plan.js';

export interface SidecarOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Command line option that chooses another HTTP port, for the message when it is taken. */
  readonly portOption: string;
  /** The doctor, for calls that ask for it; it knows the sidecar, not the other way round. */
  readonly examine: (settings: Settings) => Promise<Finding[]>;
}

export interface Sidecar {
  /** Address of the HTTP server. */
  readonly url: string;
  /** Address of the web console; null if it is switched off. */
  readonly consoleUrl: string | null;
  /**
   * Fulfils with DATABASE_NEWER when a newer release has changed a database so that this one cannot go on with it: then
   * the sidecar has to be stopped.
   */
  readonly outdated: Promise<SyncedTablesError>;
  /** Stops all work: running updates return to the queue and leave nothing behind. */
  stop(): Promise<void>;
}

/**
 * Starts the process that keeps tables in sync: installs or checks the SQL side of every database, serves HTTP, and
 * works on the queues until stopped.
 */
export async function startSidecar({ settings, logger, portOption, examine }: SidecarOptions): Promise<Sidecar> {
  // Closed in reverse: the servers first, then the workers, then the engine that they read with.
  const closers: (() => PromiseLike<void>)[] = [];
  const stop = async () => {
    for (const close of closers.reverse()) await close();
  };
  logger.info({ instances: Object.keys(settings.instances) }, 'sidecar starting');
  try {
    const { memory_limit_mb: memoryLimitMb, threads, temporary_folder: temporaryFolder } = settings.engine;
    const engine = await openEngine({
      memoryLimitMb,
      threads,
      ...(temporaryFolder === undefined ? {} : { temporaryFolder }),
    });
    closers.push(() => engine[Symbol.asyncDispose]());
    const catalogs = openCatalogs(settings, engine, (retry) => logger.warn(retry, 'a request is repeated'));
    for (const missing of missingRoots(settings)) logger.warn(missing, 'the folder of this catalog does not exist');
    const reports = new SourceReports(catalogs);
    const holder = randomUUID();
    const knownMigration = await newestKnownMigration();
    let onOutdated: (error: SyncedTablesError) => void = () => {};
    const outdated = new Promise<SyncedTablesError>((resolve) => {
      onOutdated = resolve;
    });
    // Workers start first, and what they run may have to wait for the API.
    let onServing: (server: HttpServer) => void = () => {};
    const serving = new Promise<HttpServer>((resolve) => {
      onServing = resolve;
    });
    const shares = new WorkShares();
    const startWorker = (database: ManagedDatabase, plan: SessionPlan) =>
      new DatabaseWorker({
        database,
        plan,
        shares,
        holder,
        catalogs,
        engine,
        settings,
        logger,
        knownMigration,
        onOutdated,
        declareFromFiles: async (pipelineId) => (await serving).declareFromFiles({ ...database, pipelineId }),
      });
    const databases = new DatabaseSet({ settings, logger, startWorker });
    closers.push(() => databases.stop());
    await databases.start();
    const health = { notReady: () => databases.notReady(), degraded: () => databases.degraded() };
    const server = await startHttpServer({
      settings,
      logger,
      host: databases,
      sources: {
        browser: (name) => catalogs.browser(name),
        check: (request) => checkSource(catalogs, request),
        describe: (name) => reports.read(name),
        previewRows: (name, request) => previewNewestRows(catalogs, name, request),
        sample: (request) => sampleSource(catalogs, request),
      },
      sidecarId: holder,
      examine: () => examine(settings),
      health,
      portOption,
    });
    closers.push(() => server[Symbol.asyncDispose]());
    onServing(server);
    const consoleUrl = consoleAddress(settings, server.url);
    const console = consoleUrl === null ? {} : { console: consoleUrl };
    const { url, listens } = server;
    logger.info({ sidecar: holder, databases: databases.names(), url, listens, ...console }, 'sidecar started');
    return { url, consoleUrl, outdated, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
