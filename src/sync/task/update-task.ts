import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import type { PipelineKind, UpdateMode } from '../../core/update-outcome.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { Lease } from '../../postgres/registry/lease.js';

/** An update of a pipeline that was claimed, and what it may work with. */
export interface UpdateTask {
  readonly updateId: string;
  readonly lease: Lease;
  readonly kind: PipelineKind;
  readonly mode: UpdateMode;
  /** Whether everything is copied again; of single tables the update's selection may say so too. */
  readonly isFullRefresh: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Opens another session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
  /** Connections that load a table at once. */
  readonly connections: number;
  /** Connections that load a table created with `accelerated_sync`. */
  readonly acceleratedConnections: number;
  /** How long a lock is waited for before a table fails for it; a minute if left out. */
  readonly switchPatienceMs?: number;
  /** How long locks are waited for that merging changes needs, if less. */
  readonly lockPatienceMs?: number;
  readonly signal: AbortSignal;
}

/** An update at work on a session of its own. */
export interface UpdateRun extends UpdateTask {
  readonly client: pg.Client;
}

/** A table that an update is to bring to the newest version of its source. */
export interface TableTask {
  readonly table: SyncedTable;
  /** Its source, if it is open already and known to have changed: its changes are then applied without further ado. */
  readonly lakeTable: LakeTable | null;
  /** Tells what this update makes for this table from what else it makes. */
  readonly place: number;
  readonly isFullRefresh: boolean;
}

/** An update that follows its sources. */
export interface FollowTask extends UpdateTask {
  /** Aborts when another update of the pipeline is asked for. */
  readonly yieldSignal: AbortSignal;
  /** How often sources are looked at, unless the pipeline has an interval of its own. */
  readonly triggerIntervalMs: number;
  /** How often the registry is looked at for tables that came or went. */
  readonly pollSeconds: number;
  /** Called with failures of our own, such as a lost connection; they are tried again. */
  readonly onError: (error: unknown) => void;
}
