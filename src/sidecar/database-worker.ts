import type pg from 'pg';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import type { Logger } from '../observability/logger.js';
import { maintainTables, pruneHistory } from '../postgres/maintain-tables.js';
import { readFailedFollowed } from '../postgres/registry.js';
import { KeptSessions } from '../postgres/session/kept-sessions.js';
import { REQUESTS_CHANNEL, startListener } from '../postgres/session/listener.js';
import { closeSession, openSession, SYNC_ROLE, sessionsUntil } from '../postgres/session/session.js';
import type { RunSignals, UpdateOutcome } from '../queue/run-leased.js';
import { runSchedules } from '../queue/schedules.js';
import type { ClaimedUpdate } from '../queue/update-queue.js';
import type { ClaimedVerification } from '../queue/verification-queue.js';
import { startVerificationWorker } from '../queue/verification-worker.js';
import { startWorker } from '../queue/worker.js';
import type { Settings } from '../settings/settings-schema.js';
import { followUpdate } from '../sync/follow-update.js';
import { lookAtFailedTables } from '../sync/look-at-failed-tables.js';
import { runUpdate } from '../sync/run-update.js';
import { runVerification } from '../sync/run-verification.js';
import type { ManagedDatabase } from './managed-databases.js';
import { SIDECAR_APPLICATION } from './sidecar-application.js';

const MAINTENANCE_SECONDS = 30;
const PRUNE_SECONDS = 3_600;
/** A table that somebody locks must not keep the others of its pipeline waiting: it is tried again later. */
const FOLLOWER_LOCK_MS = 2_000;
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
  const control = { ...session, lockTimeoutMs: controlMs / 2, queryTimeoutMs: controlMs };
  const openControlSession = () => openSession(control);
  const leaseSessions = new KeptSessions(control);
  const workSessions = new KeptSessions(session);

  const run = async (claim: ClaimedUpdate, { signal, yieldSignal }: RunSignals): Promise<UpdateOutcome> => {
    const { updateId, lease, mode, attempt } = claim;
    logger.info({ update: updateId, pipeline: lease.pipelineId, mode, attempt }, 'update started');
    const { connections, accelerated_connections: acceleratedConnections } = settings.sync;
    const { trigger_interval_ms: triggerIntervalMs, poll_seconds: pollSeconds } = settings.sync;
    const openFollower = sessionsUntil(signal, () => openSession({ ...session, lockTimeoutMs: FOLLOWER_LOCK_MS }));
    const work = { ...claim, catalogs, engine, connections, acceleratedConnections, signal };
    const onError = (error: unknown) => logger.warn({ error, update: updateId }, 'failed while following; goes on');
    const outcome = await (mode === 'CONTINUOUS'
      ? followUpdate({
          ...work,
          openSession: openFollower,
          yieldSignal,
          triggerIntervalMs,
          pollSeconds,
          lockPatienceMs: FOLLOWER_LOCK_MS,
          onError,
        })
      : runUpdate({ ...work, ...workSessions.until(signal) }));
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    logger[error ? 'error' : 'info']({ update: updateId, outcome: outcome.kind, error }, 'update ended');
    return outcome;
  };

  let prunedAt = Number.NEGATIVE_INFINITY;
  const stopping = new AbortController();
  let looking: Promise<void> = Promise.resolve();
  let isLooking = false;
  /** Beside the queue, which a store that does not answer must not hold up. */
  const lookAtFailed = async (client: pg.Client): Promise<void> => {
    const tables = isLooking ? [] : await readFailedFollowed(client);
    if (tables.length === 0) return;
    const { signal } = stopping;
    const look = async () => {
      const own = await sessionsUntil(signal, openControlSession)();
      await lookAtFailedTables({ client: own, catalogs, tables, signal }).finally(() => closeSession(own));
    };
    isLooking = true;
    looking = look()
      .catch((error: unknown) => signal.aborted || logger.warn({ error }, 'failed while looking at sources; goes on'))
      .then(() => {
        isLooking = false;
      });
  };
  const maintain = async (client: pg.Client): Promise<void> => {
    await maintainTables(client);
    await lookAtFailed(client);
    if (performance.now() - prunedAt < PRUNE_SECONDS * 1000) return;
    await pruneHistory(client, settings.sync.history_days);
    prunedAt = performance.now();
  };

  const worker = startWorker({
    holder,
    openSession: () => leaseSessions.open(),
    giveBack: (client) => leaseSessions.giveBack(client),
    runUpdate: run,
    maintain,
    runSchedules,
    concurrentUpdates: settings.sync.concurrent_updates,
    leaseSeconds: settings.sync.lease_seconds,
    pollSeconds: settings.sync.poll_seconds,
    maintenanceSeconds: MAINTENANCE_SECONDS,
    onError: (error, doing) => logger.warn({ error }, `failed while ${doing}; goes on`),
  });
  const verify = async (claim: ClaimedVerification, signal: AbortSignal) => {
    logger.info({ verification: claim.verificationId, table: claim.target }, 'verification started');
    const openWorkSession = sessionsUntil(signal, () => openSession(session));
    const outcome = await runVerification({ ...claim, openSession: openWorkSession, catalogs, signal });
    logger.info({ verification: claim.verificationId, outcome: outcome.kind }, 'verification ended');
    return outcome;
  };
  const verifier = startVerificationWorker({
    holder,
    openSession: openControlSession,
    verify,
    claimSeconds: settings.sync.lease_seconds,
    pollSeconds: settings.sync.poll_seconds,
    onError: (error, doing) => logger.warn({ error }, `failed while ${doing}; goes on`),
  });
  const listener = startListener({
    url: database.url,
    applicationName: `${SIDECAR_APPLICATION} (listener)`,
    channel: REQUESTS_CHANNEL,
    onWake: () => {
      worker.wake();
      verifier.wake();
    },
    onError: (error) => logger.warn({ error }, 'the listener lost its connection; polling goes on'),
  });
  return {
    isHealthy: () => worker.isHealthy(),
    async stop() {
      stopping.abort(new Error('the sidecar is stopping'));
      await Promise.all([listener.stop(), worker.stop(), verifier.stop()]);
      await looking;
      await Promise.all([leaseSessions[Symbol.asyncDispose](), workSessions[Symbol.asyncDispose]()]);
    },
  };
}
