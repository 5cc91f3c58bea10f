/** What a batch did to the visible table, compared by primary key before and after. */
export interface BatchMetrics {
  readonly numUpsertedRows: bigint;
  readonly numDeletedRows: bigint;
  /**
   * Upserts with the same key and sequence value but different content: they violate the contract and deserve a
   * warning.
   */
  readonly ties: bigint;
  /** The batch was committed before; nothing was done. */
  readonly isReplay: boolean;
  /** Version of the target's change feed that the batch made; null if it changed nothing visible. */
  readonly commitVersion: bigint | null;
}

/** How far a flow has read. Stored with the target and written in the transaction that applies a batch. */
export interface FlowPosition {
  /** Number of the last committed batch; 0 before the first. */
  readonly batchId: bigint;
  /** Whatever the stager needs to continue from there, as JSON; null before the first batch. */
  readonly position: unknown;
  /** Last committed snapshot version, as Postgres prints it; null before the first and for change flows. */
  readonly snapshotVersion: string | null;
}
