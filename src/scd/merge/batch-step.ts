import type pg from 'pg';
import type { TargetLayout } from '../target/target-layout.js';

/** Input to the merge of one batch: a locked target and checked, staged events. */
export interface BatchStep {
  readonly client: pg.Client;
  readonly layout: TargetLayout;
  /** Events of the batch from `stagedEvents`, a SELECT. */
  readonly events: string;
  /** Order columns, as SQL literals, below which everything is dead; null without a truncate mark. */
  readonly truncatedBefore: readonly string[] | null;
  /** The mark appeared or rose with this batch, so rows that no event touches may be dead too. */
  readonly isNewlyTruncated: boolean;
  /** Version of the batch if it changes anything visible; null without a change feed. */
  readonly feedVersion: bigint | null;
  /** Deleted keys are forgotten: the order of the source is certain. */
  readonly forgetsDeletes: boolean;
}

export interface StepCounts {
  readonly numUpsertedRows: bigint;
  readonly numDeletedRows: bigint;
  /** Upserts that tied with others of earlier batches. */
  readonly ties: bigint;
}

/** The counts that every merge selects at the end. */
export interface CountsRow {
  readonly upserted: string;
  readonly deleted: string;
  readonly ties: string;
}

export function countsOf(row: CountsRow | undefined): StepCounts {
  if (!row) throw new Error('the merge gave no counts');
  return {
    numUpsertedRows: BigInt(row.upserted),
    numDeletedRows: BigInt(row.deleted),
    ties: BigInt(row.ties),
  };
}
