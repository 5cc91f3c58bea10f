import type pg from 'pg';
import type { News } from '../../core/news.js';
import type { Slots } from '../../core/slots.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { PipelineKind, UpdateMode } from '../../core/update-outcome.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { Lease } from '../../postgres/registry/lease.js';
import type { BorrowedSessions } from '../../postgres/session/batch-sessions.js';
import type { SharedSession } from '../../postgres/session/shared-session.js';
import type { LookRation } from './look-ration.js';
import type { WorkShares } from './work-shares.js';

/** A claimed update of a pipeline, and its resources. */
export interface UpdateTask {
  readonly updateId: string;
  readonly lease: Lease;
  readonly kind: PipelineKind;
  readonly mode: UpdateMode;
  /** Whether everything is copied again; the update's selection may say the same of single tables. */
  readonly isFullRefresh: boolean;
  /** Whether it only checks flows, and writes nothing. */
  readonly isValidation: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Opens another session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  /** For looking at what its sessions wait for: one for all updates. */
  readonly watcher: SharedSession;
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
  /** Number of connections that load a table in parallel. */
  readonly connections: number;
  /** The same for a table created with `accelerated_sync`. */
  readonly acceleratedConnections: number;
  /** How long to wait for a lock before the table fails; a minute if left out. */
  readonly switchPatienceMs?: number;
  /** How long to wait for the locks of merging changes, if less. */
  readonly lockPatienceMs?: number;
  readonly signal: AbortSignal;
}

/** A running update with a session of its own. */
export interface UpdateRun extends UpdateTask {
  readonly client: pg.Client;
}

/** A table that an update brings to the newest version of its source. */
export interface TableTask {
  readonly table: SyncedTable;
  /** Its source, if already open and known to have changed: its changes are then applied directly. */
  readonly lakeTable: LakeTable | null;
  /** The version of that source that was found a moment ago, so that nobody asks for it again; absent if it may be old. */
  readonly newestVersion?: bigint | null;
  /** Distinguishes what this update creates for this table from what it creates for others. */
  readonly place: number;
  readonly isFullRefresh: boolean;
}

/** An update that follows its sources. */
export interface FollowTask extends UpdateTask {
  /** For batches: nothing is held while there is nothing to do. Copies open sessions of their own. */
  readonly sessions: BorrowedSessions;
  /** Places for updates with an end and for copies of followed tables, which are as long as those. */
  readonly slots: Slots;
  /** Aborts when another update of the pipeline is asked for. */
  readonly yieldSignal: AbortSignal;
  /** How often to check sources, unless the pipeline has its own interval. */
  readonly triggerIntervalMs: number;
  /** Shared by all that are followed at once. */
  readonly looks: LookRation;
  /** Shared by all that one process follows. */
  readonly shares: WorkShares;
  /** Whether the registry has changed: tables may have been added, removed or failed. */
  readonly registryNews: News;
  /** How often to look at sources that give no hints, or tell nothing of themselves. */
  readonly pollSeconds: number;
  /** Called with failures of our own, such as a lost connection; they are retried. */
  readonly onError: (error: unknown) => void;
}
