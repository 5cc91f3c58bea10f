import type { Field } from '../core/data-type.js';

/** A source table at one version: everything needed to plan a read, but no rows. */
export interface SourceSnapshot {
  /** Full name, catalog.schema.table; for messages. */
  readonly tableName: string;
  /** Delta version, Iceberg snapshot sequence (in its format version 1 the time in milliseconds); null for sources without versions. */
  readonly version: bigint | null;
  /** Commit time of that version in milliseconds since 1970, null if unknown. */
  readonly committedAtMs: number | null;
  /** An id that stays with the table and differs from that of another table in the same location. */
  readonly tableId: string;
  readonly columns: readonly Field[];
  /** Rows of the snapshot if known without reading data, else null. */
  readonly rowCount: bigint | null;
  /** Bytes of the data files of the snapshot; absent if unknown. */
  readonly sizeBytes?: bigint;
  /** Whether the source records its changes (Delta's change data feed); absent where the format has no such thing. */
  readonly hasChangeFeed?: boolean;
  /**
   * Tells this state of the table from any other under the same version: of an Iceberg table that was rolled back, or
   * whose columns changed without a snapshot, and of files that have only the time of the newest in common. Absent where the history tells (`ChangeFeed.isSameCommit`).
   */
  readonly bookmark?: string;
}

/** What a source table consists of, independent of its version. */
export type SourceDescription = Pick<SourceSnapshot, 'tableName' | 'tableId' | 'columns' | 'hasChangeFeed'>;
