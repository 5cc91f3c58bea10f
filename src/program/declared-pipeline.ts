import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { PipelineDeclaration } from '../core/flows/pipeline-declaration.js';
import { Slots } from '../core/slots.js';
import { registryDeclaration } from '../flows/declare/registry-declaration.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import { registerFlowPipeline } from '../postgres/registry/flow-pipelines.js';
import { BatchSessions } from '../postgres/session/batch-sessions.js';
import { closeSession, openSession, SYNC_ROLE, sessionsUntil } from '../postgres/session/session.js';
import { SessionWatch } from '../postgres/session/session-watch.js';
import { SharedSession } from '../postgres/session/shared-session.js';
import { startWorker } from '../queue/worker.js';
import type { Settings } from '../settings/settings-schema.js';
import type { NextSnapshotAndVersion } from '../sync/flows/source/snapshot-function.js';
import { followSources } from '../sync/follow-sources.js';
import { runUpdate } from '../sync/run-update.js';
import { LookRation } from '../sync/task/look-ration.js';
import { WorkShares } from '../sync/task/work-shares.js';

export interface DeclareOptions {
  /** A session of the login role, whose rights apply. */
  readonly client: pg.Client;
  readonly name: string;
  readonly pipeline: PipelineDeclaration;
  /** Schema of unqualified tables. */
  readonly defaultSchema: string;
  /** True if only this program can run it, because a source is one of its functions. */
  readonly runsInProgram: boolean;
  /** Whether sidecars keep its tables up to date automatically. */
  readonly isContinuous: boolean;
}

/**
 * Checks a pipeline and registers it, replacing any earlier pipeline with its name.
 * @returns its id
 * @throws the codes of the define phase (docs/reference/auto-cdc.md#when-errors-are-raised), PIPELINE_TABLE_UNKNOWN,
 *   PIPELINE_TABLE_ELSEWHERE, PERMISSION_DENIED
 */
export async function declarePipeline(options: DeclareOptions): Promise<string> {
  return registerFlowPipeline(options.client, { ...options, declaration: registryDeclaration(options.pipeline) });
}

export interface PipelineWorkerOptions {
  /** Connection string of the database. */
  readonly url: string;
  readonly pipelineId: string;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly settings: Pick<Settings, 'sync'>;
  readonly snapshotFunctions?: ReadonlyMap<string, NextSnapshotAndVersion>;
  readonly onError: (error: unknown, doing: string) => void;
}

const POLL_SECONDS = 1;

/** Runs the updates of one pipeline in this process, under a lease like a sidecar; a sidecar may take them too. */
export async function startPipelineWorker(options: PipelineWorkerOptions): Promise<{
  wake(): void;
  stop(): Promise<void>;
}> {
  const { url, engine, catalogs, settings } = options;
  const place = { url, applicationName: 'synced-tables pipeline' };
  // The update itself tells of a lost connection.
  const watch = new SessionWatch({ ...place, onSilent: () => {} });
  const open = () => openSession({ ...place, role: SYNC_ROLE, isGuest: true, watch });
  // Fail now if the login role may not act as the sidecar's role.
  await closeSession(await open());
  const batchSessions = new BatchSessions({ open, sessionsMax: 1 });
  const watcher = new SharedSession(open);
  const slots = new Slots(1);
  const worker = startWorker({
    holder: randomUUID(),
    openSession: open,
    openQueueSession: open,
    pipelineId: options.pipelineId,
    runUpdate: (claim, signals) => {
      const { signal } = signals;
      const work = {
        ...claim,
        openSession: sessionsUntil(signal, open),
        watcher,
        catalogs,
        engine,
        connections: settings.sync.connections,
        acceleratedConnections: settings.sync.accelerated_connections,
        signal,
      };
      const { trigger_interval_ms: triggerIntervalMs, poll_seconds: pollSeconds } = settings.sync;
      const onError = (error: unknown) => options.onError(error, 'following the sources');
      return claim.mode === 'CONTINUOUS'
        ? followSources({
            ...work,
            sessions: batchSessions.until(signal, claim.updateId),
            slots,
            ...signals,
            triggerIntervalMs,
            looks: new LookRation(),
            shares: new WorkShares(),
            pollSeconds,
            onError,
          })
        : runUpdate(work, { giveBack: closeSession, snapshotFunctions: options.snapshotFunctions });
    },
    maintain: async () => {},
    runSchedules: async () => null,
    slots,
    leaseSeconds: settings.sync.lease_seconds,
    pollSeconds: POLL_SECONDS,
    maintenanceSeconds: Number.POSITIVE_INFINITY,
    onError: options.onError,
  });
  return {
    wake: () => worker.wake(),
    async stop() {
      await worker.stop();
      await batchSessions[Symbol.asyncDispose]();
      await watcher[Symbol.asyncDispose]();
      await watch[Symbol.asyncDispose]();
    },
  };
}
