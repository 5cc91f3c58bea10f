/** What a batch did to the visible table, compared by primary key before and after. */
export interface BatchMetrics {
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
export interface FlowPosition {
  /** Number of the last committed batch; 0 before the first. */
  readonly batchId: bigint;
  /** Whatever the stager needs to go on from there, JSON; null before the first batch. */
  readonly position: unknown;
  /** Last committed snapshot version, as Postgres prints it; null before the first and for change flows. */
  readonly snapshotVersion: string | null;
}
