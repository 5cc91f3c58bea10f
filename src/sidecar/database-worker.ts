import { asSyncedTablesError, type SyncedTablesError } from '../core/errors.js';
import { Slots } from '../core/slots.js';
import type { UpdateOutcome } from '../core/update-outcome.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import type { Logger } from '../observability/logger.js';
import { RepeatedErrors } from '../observability/repeated-errors.js';
import type { VerificationOutcome } from '../postgres/compare-copies.js';
import { asRaisedError } from '../postgres/refusals/raised-error.js';
import type { ClaimedUpdate } from '../postgres/registry/update-queue.js';
import type { ClaimedVerification } from '../postgres/registry/verifications.js';
import { BatchSessions } from '../postgres/session/batch-sessions.js';
import { KeptSessions } from '../postgres/session/kept-sessions.js';
import {
  explainSessionEnd,
  openSession,
  type SessionOptions,
  SYNC_ROLE,
  sessionsUntil,
} from '../postgres/session/session.js';
import { SessionWatch } from '../postgres/session/session-watch.js';
import { SharedSession } from '../postgres/session/shared-session.js';
import type { RunSignals } from '../queue/run-leased.js';
import { runSchedules } from '../queue/schedules.js';
import { startVerificationWorker, type VerificationWorker } from '../queue/verification-worker.js';
import { startWorker, type Worker } from '../queue/worker.js';
import type { Settings } from '../settings/settings-schema.js';
import { failFlows } from '../sync/flows/end-flows.js';
import { followSources } from '../sync/follow-sources.js';
import { runUpdate } from '../sync/run-update.js';
import { LookRation } from '../sync/task/look-ration.js';
import type { WorkShares } from '../sync/task/work-shares.js';
import { runVerification } from '../sync/verify/run-verification.js';
import { Maintenance } from './maintenance.js';
import type { ManagedDatabase } from './managed-databases.js';
import { NoticeDelivery } from './notice-delivery.js';
import type { SessionPlan } from './session-plan.js';
import { SIDECAR_APPLICATION } from './sidecar-session.js';

const MAINTENANCE_SECONDS = 30;
/** A table locked by somebody must not hold up the others of its pipeline: it is retried later. */
const FOLLOWER_LOCK_MS = 2_000;
/** What tells of locks must not wait for them. */
const BESIDES_LOCK_MS = 500;
/** Minimum time that a query on the queue may take before its connection counts as broken. */
const CONTROL_SECONDS_MIN = 5;
/** How long a lost connection is told of after it was cut. */
const SILENCE_TOLD_MS = 60_000;
/** The same for a server without a free connection: while batches wait for one, they try at least every 10 seconds. */
const TAKEN_TOLD_MS = 20_000;

export interface DatabaseWorkerOptions {
  readonly database: ManagedDatabase;
  readonly holder: string;
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly plan: SessionPlan;
  /** Shared by the workers of all databases. */
  readonly shares: WorkShares;
  readonly logger: Logger;
  /** Number of the newest numbered file of this release. */
  readonly knownMigration: number;
  /** Called with DATABASE_NEWER when a newer release has made the schema one that this release cannot work with. */
  readonly onOutdated: (error: SyncedTablesError) => void;
  /** Declares a pipeline of flows anew if the files that it was declared from say something else by now. */
  readonly declareFromFiles: (pipelineId: string) => Promise<void>;
}

/** Something wrong that may pass, and until when it is told of unless it is seen again. */
interface Trouble {
  readonly error: SyncedTablesError;
  readonly until: number;
}

function current(trouble: Trouble | null): SyncedTablesError | null {
  return trouble !== null && performance.now() < trouble.until ? trouble.error : null;
}

/** Serves the queues of one database, woken by its notifications, until stopped. */
export class DatabaseWorker {
  readonly #options: DatabaseWorkerOptions;
  readonly #logger: Logger;
  readonly #repeated = new RepeatedErrors();
  readonly #watch: SessionWatch;
  readonly #looks = new LookRation();
  #taken: Trouble | null = null;
  #silence: Trouble | null = null;
  /** Sessions that do the work of updates. */
  readonly #session: SessionOptions;
  readonly #workSessions: KeptSessions;
  readonly #batchSessions: BatchSessions;
  /** For what is done beside the work of updates. */
  readonly #besides: SharedSession;
  /** For updates with an end, and for copies of followed tables. */
  readonly #slots: Slots;
  /** Sessions for short queries, where an unanswered one must not block the rest. */
  readonly #control: SessionOptions;
  readonly #maintenance: Maintenance;
  /** Null without a webhook. */
  readonly #delivery: NoticeDelivery | null;
  readonly #updates: Worker;
  readonly #verifications: VerificationWorker;

  constructor(options: DatabaseWorkerOptions) {
    const { database, catalogs, settings } = options;
    this.#options = options;
    this.#logger = options.logger.child({ database: database.name });
    const place = { url: database.url, applicationName: SIDECAR_APPLICATION, isGuest: true };
    this.#watch = new SessionWatch({ ...place, onSilent: (error) => this.#noteSilence(error) });
    this.#session = { ...place, role: SYNC_ROLE, watch: this.#watch };
    const controlMs = Math.max(settings.sync.lease_seconds, CONTROL_SECONDS_MIN) * 1000;
    this.#control = { ...this.#session, lockTimeoutMs: controlMs / 2, queryTimeoutMs: controlMs };
    this.#workSessions = new KeptSessions(this.#session);
    this.#batchSessions = new BatchSessions({
      open: () => openSession({ ...this.#session, lockTimeoutMs: FOLLOWER_LOCK_MS }),
      sessionsMax: options.plan.concurrentBatches,
      onTaken: (error) => this.#noteTaken(error),
    });
    this.#slots = new Slots(options.plan.concurrentUpdates);
    this.#besides = new SharedSession(() => openSession({ ...this.#control, lockTimeoutMs: BESIDES_LOCK_MS }));
    this.#maintenance = new Maintenance({
      session: this.#besides,
      catalogs,
      lagSecondsMax: settings.notices.lag_seconds,
      historyDays: settings.sync.history_days,
      onError: (error, doing) => this.#goOn(error, doing),
      knownMigration: options.knownMigration,
      onOutdated: options.onOutdated,
    });
    const { webhook } = settings.notices;
    this.#delivery =
      webhook === undefined
        ? null
        : new NoticeDelivery({
            webhook,
            database,
            session: this.#besides,
            onError: (error, doing) => this.#goOn(error, doing),
          });
    this.#updates = this.#startUpdates();
    this.#verifications = this.#startVerifications();
  }

  isHealthy(): boolean {
    return this.#updates.isHealthy();
  }

  /** What was wrong with its connections a moment ago and is being tried again; null if nothing was. */
  trouble(): SyncedTablesError | null {
    return current(this.#taken) ?? current(this.#silence);
  }

  #noteSilence(error: SyncedTablesError): void {
    this.#logger.warn({ error }, 'a connection fell silent; its work is tried again');
    this.#silence = { error, until: performance.now() + SILENCE_TOLD_MS };
    void this.#workSessions.dropIdle();
    void this.#besides.drop();
    void this.#batchSessions.dropIdle();
  }

  /** The server has no connection free for batches, or has again. */
  #noteTaken(error: SyncedTablesError | null): void {
    this.#taken = error && { error, until: performance.now() + TAKEN_TOLD_MS };
    if (error !== null) this.#goOn(error, 'applying batches');
  }

  /** Returns work in progress to the queues. */
  async stop(): Promise<void> {
    this.#maintenance.stop();
    await Promise.all([this.#updates.stop(), this.#verifications.stop()]);
    await this.#maintenance.settled();
    await this.#delivery?.stop();
    const sessions = [this.#batchSessions, this.#workSessions, this.#besides];
    await Promise.all(sessions.map((each) => each[Symbol.asyncDispose]()));
    await this.#watch[Symbol.asyncDispose]();
  }

  #startUpdates(): Worker {
    const { holder, settings, catalogs } = this.#options;
    return startWorker({
      holder,
      catalogs: catalogs.names(),
      openSession: () => openSession(this.#control),
      openQueueSession: () => openSession({ ...this.#control, applicationName: `${SIDECAR_APPLICATION} (listener)` }),
      onVerificationDue: () => this.#verifications.wake(),
      runUpdate: (claim, signals) => this.#runUpdate(claim, signals),
      trouble: () => current(this.#taken)?.message ?? null,
      maintain: (client) => this.#maintenance.run(client),
      runSchedules,
      slots: this.#slots,
      leaseSeconds: settings.sync.lease_seconds,
      pollSeconds: settings.sync.poll_seconds,
      maintenanceSeconds: MAINTENANCE_SECONDS,
      onError: (error, doing) => this.#goOn(error, doing),
    });
  }

  #startVerifications(): VerificationWorker {
    const { holder, settings } = this.#options;
    return startVerificationWorker({
      holder,
      openSession: () => openSession(this.#control),
      verify: (claim, signal) => this.#verify(claim, signal),
      claimSeconds: settings.sync.lease_seconds,
      onError: (error, doing) => this.#goOn(error, doing),
    });
  }

  async #runUpdate(claim: ClaimedUpdate, signals: RunSignals): Promise<UpdateOutcome> {
    const { updateId, lease, mode, attempt, tables, sourceCatalogs: catalogs } = claim;
    const ids = { update: updateId, pipeline: lease.pipelineId, tables, catalogs };
    this.#logger.info({ ...ids, mode, attempt }, 'update started');
    const outcome = await (mode === 'CONTINUOUS'
      ? this.#follow(claim, signals)
      : this.#runToEnd(claim, signals.signal));
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    this.#logger[error ? 'error' : 'info']({ ...ids, outcome: outcome.kind, error }, 'update ended');
    return outcome;
  }

  async #runToEnd(claim: ClaimedUpdate, signal: AbortSignal): Promise<UpdateOutcome> {
    const sessions = this.#workSessions.until(signal);
    const task = { ...claim, ...this.#resources(), openSession: sessions.openSession, signal };
    if (claim.kind === 'FLOWS') {
      try {
        await this.#options.declareFromFiles(claim.lease.pipelineId);
      } catch (error) {
        const known = asSyncedTablesError(error) ?? asRaisedError(error);
        if (known === null) throw error;
        return failFlows(task, known);
      }
    }
    return runUpdate(task, sessions);
  }

  #follow(claim: ClaimedUpdate, signals: RunSignals): Promise<UpdateOutcome> {
    const { signal } = signals;
    const { trigger_interval_ms: triggerIntervalMs, poll_seconds: pollSeconds } = this.#options.settings.sync;
    return followSources({
      ...claim,
      ...this.#resources(),
      openSession: sessionsUntil(signal, () => openSession({ ...this.#session, lockTimeoutMs: FOLLOWER_LOCK_MS })),
      sessions: this.#batchSessions.until(signal, claim.lease.pipelineId),
      slots: this.#slots,
      lockPatienceMs: FOLLOWER_LOCK_MS,
      triggerIntervalMs,
      pollSeconds,
      ...signals,
      looks: this.#looks,
      shares: this.#options.shares,
      onError: (error) => this.#goOn(error, 'following sources'),
    });
  }

  #resources() {
    const { catalogs, engine, plan } = this.#options;
    const { connections, acceleratedConnections } = plan;
    return { catalogs, engine, connections, acceleratedConnections, watcher: this.#besides };
  }

  async #verify(claim: ClaimedVerification, signal: AbortSignal): Promise<VerificationOutcome> {
    const [catalog] = claim.source.split('.');
    const ids = { verification: claim.verificationId, table: claim.target, catalog };
    this.#logger.info(ids, 'verification started');
    const openWorkSession = sessionsUntil(signal, () => openSession(this.#session));
    const { catalogs } = this.#options;
    const outcome = await runVerification({ ...claim, openSession: openWorkSession, catalogs, signal });
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    this.#logger[error ? 'error' : 'info']({ ...ids, outcome: outcome.kind, error }, 'verification ended');
    return outcome;
  }

  #goOn(failure: unknown, doing: string): void {
    const error = explainSessionEnd(failure, this.#options.database.url);
    const untold = this.#repeated.note(error, doing);
    if (untold === null) return;
    this.#logger.warn(untold === 0 ? { error } : { error, again: untold }, `failed while ${doing}; goes on`);
  }
}
