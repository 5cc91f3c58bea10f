import type pg from 'pg';
import type { CatalogSet } from '../../../lake/catalog/catalog.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import type { Lease } from '../../../postgres/registry/lease.js';
import type { RegisteredPipeline, StreamingTable } from '../../../postgres/registry/streaming-tables.js';
import type { NextSnapshotAndVersion } from '../source/snapshot-function.js';

/** What running the flows of one streaming table needs. */
export interface FlowTableOptions {
  readonly client: pg.Client;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly lease: Lease;
  readonly updateId: string;
  readonly isFullRefresh: boolean;
  /** Whether the flows are only checked against their sources. */
  readonly isValidation: boolean;
  readonly pipeline: RegisteredPipeline;
  readonly table: StreamingTable;
  /** The functions that return snapshots, by flow; only if the program that declared them runs the update. */
  readonly snapshotFunctions: ReadonlyMap<string, NextSnapshotAndVersion>;
  readonly signal: AbortSignal;
}

/** What an update did to a streaming table, for users. */
export interface FlowTableResult {
  readonly batches: number;
  readonly ties: bigint;
}
