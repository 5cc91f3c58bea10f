import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import type { Logger } from '../observability/logger.js';
import { REQUESTS_CHANNEL, startListener } from '../postgres/listener.js';
import { maintainTables } from '../postgres/maintain-tables.js';
import { openSession, SYNC_ROLE, sessionsUntil } from '../postgres/session.js';
import type { ClaimedUpdate } from '../queue/update-queue.js';
import { startWorker, type UpdateOutcome } from '../queue/worker.js';
import type { Settings } from '../settings/settings-schema.js';
import { runUpdate } from '../sync/run-update.js';
import type { ManagedDatabase } from './managed-databases.js';

/** How `pg_stat_activity` names sidecars; `synced-tables` commands look for it to tell whether one runs. */
export const SIDECAR_APPLICATION = 'synced-tables sidecar';

const MAINTENANCE_SECONDS = 30;
/** How long a query on the queue may take at least before its connection counts as broken. */
const CONTROL_SECONDS_MIN = 5;

export interface DatabaseWorker {
  isHealthy(): boolean;
  stop(): Promise<void>;
}

export interface DatabaseWorkerOptions {
  readonly database: ManagedDatabase;
  readonly holder: string;
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly logger: Logger;
}

/** Works on the queue of one database, woken by its notifications. */
export function startDatabaseWorker(options: DatabaseWorkerOptions): DatabaseWorker {
  const { database, holder, catalogs, engine, settings } = options;
  const logger = options.logger.child({ database: database.name });
  const session = { url: database.url, applicationName: SIDECAR_APPLICATION, role: SYNC_ROLE };
  const controlMs = Math.max(settings.sync.lease_seconds, CONTROL_SECONDS_MIN) * 1000;
  const openControlSession = () => openSession({ ...session, lockTimeoutMs: controlMs / 2, queryTimeoutMs: controlMs });

  const run = async (claim: ClaimedUpdate, signal: AbortSignal): Promise<UpdateOutcome> => {
    const { updateId, lease } = claim;
    logger.info({ update: updateId, pipeline: lease.pipelineId, attempt: claim.attempt }, 'update started');
    const { connections } = settings.sync;
    const openWorkSession = sessionsUntil(signal, () => openSession(session));
    const outcome = await runUpdate({ ...claim, openSession: openWorkSession, catalogs, engine, connections, signal });
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    logger[error ? 'error' : 'info']({ update: updateId, outcome: outcome.kind, error }, 'update ended');
    return outcome;
  };

  const worker = startWorker({
    holder,
    openSession: openControlSession,
    runUpdate: run,
    maintain: maintainTables,
    concurrentUpdates: settings.sync.concurrent_updates,
    leaseSeconds: settings.sync.lease_seconds,
    pollSeconds: settings.sync.poll_seconds,
    maintenanceSeconds: MAINTENANCE_SECONDS,
    onError: (error, doing) => logger.warn({ error }, `failed while ${doing}; goes on`),
  });
  const listener = startListener({
    url: database.url,
    applicationName: `${SIDECAR_APPLICATION} (listener)`,
    channel: REQUESTS_CHANNEL,
    onWake: () => worker.wake(),
    onError: (error) => logger.warn({ error }, 'the listener lost its connection; polling goes on'),
  });
  return {
    isHealthy: () => worker.isHealthy(),
    async stop() {
      await Promise.all([listener.stop(), worker.stop()]);
    },
  };
}
