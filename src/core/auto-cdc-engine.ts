/** What the engine of Auto CDC (src/cdc) takes and gives. The functions behind are listed at the end. */

/** What a batch did to the visible table, compared by primary key before and after (specification 4.3). */
export interface AutoCdcMetrics {
  readonly numUpsertedRows: bigint;
  readonly numDeletedRows: bigint;
  /** Upserts of one key and sequence value with different content: outside the contract, worth a warning. */
  readonly ties: bigint;
  /** The batch had been committed before; nothing was done. */
  readonly isReplay: boolean;
  /** Version of the target's change feed that the batch made; null if it changed nothing visible. */
  readonly commitVersion: bigint | null;
}

/** How far a flow is. Kept with the target and written in the transaction that applies a batch. */
export interface AutoCdcPosition {
  /** Number of the last committed batch; 0 before the first. */
  readonly batchId: bigint;
  /** Whatever the stager needs to go on from there, JSON; null before the first batch. */
  readonly position: unknown;
  /** Last committed snapshot version, as Postgres prints it; null before the first and for change flows. */
  readonly snapshotVersion: string | null;
}

/*
 * Functions (client: a session as the sidecar has it, acting as databricks_sync; no transaction open):
 *
 * src/cdc/streaming-target.ts
 *   createStreamingTarget(client, flow)     makes storage, view, change feed and rights; on one that is there: checks
 *                                           that its state suits the flow (AUTOCDC_INVALID_STATE.*). Safe to repeat;
 *                                           call it at the start of every update.
 *   resetStreamingTarget(client, flow)      full refresh: empties the target, forgets positions, takes the flow's shape
 *   dropStreamingTarget(client, {schema, table})
 *   readFlowPosition(client, flow)          -> AutoCdcPosition
 * src/cdc/stage-events.ts
 *   createStaging(client, flow)             -> name of a temporary table with stagingColumns(flow), emptied if it exists
 * src/cdc/apply-event-batch.ts
 *   applyEventBatch({client, flow, staging, batchId, position, finish?})  -> AutoCdcMetrics
 *       batchId: 1, 2, 3 … for each flow; one that is not above the committed one is a replay and changes nothing.
 *       finish(metrics): called inside the transaction, for the lease and the update's record; not for replays.
 * src/cdc/apply-snapshot.ts
 *   applySnapshot({client, flow, staging, version, position, finish?})   -> AutoCdcMetrics; version: text in the sequence's type
 *   requireSomeSnapshot(client, flow)       the source had no (more) snapshot: FIRST_SNAPSHOT_EMPTY if there never was one
 */
