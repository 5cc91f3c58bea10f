import type { AvroValue } from '../avro/avro-reader.js';
import type { PartitionSpec } from '../metadata/table-metadata.js';

/** What files of a table hold. */
export type FileContent = 'rows' | 'positionDeletes' | 'equalityDeletes';

/** A live file of a snapshot. */
export interface ContentFile {
  readonly content: FileContent;
  /** What the metadata calls it; deletes of rows name it so. */
  readonly statedPath: string;
  /** Path of the store. */
  readonly path: string;
  /** PARQUET, or PUFFIN for deletion vectors. */
  readonly format: string;
  readonly sizeBytes: number;
  /** Rows, or of a deletion vector its positions. */
  readonly recordCount: bigint;
  /** Data sequence number: deletes concern rows by it. */
  readonly sequenceNumber: bigint;
  /** The partitioning that it was written under, which need not be the table's. */
  readonly spec: PartitionSpec;
  /** The values of its partition by the ids of the spec's fields. */
  readonly partition: ReadonlyMap<number, AvroValue>;
  /** Fields that equality deletes compare. */
  readonly equalityIds: readonly number[];
  /** The file, as the metadata calls it, that a deletion vector is about. */
  readonly referencedDataFile: string | null;
  /** Where a deletion vector lies in its file. */
  readonly blob: { readonly offset: number; readonly length: number } | null;
  /** What is stated of the values of fields, by their ids; absent unless it was asked for. */
  readonly metrics?: ReadonlyMap<number, FieldMetrics>;
}

/** What a manifest states of the values that a field has in a file. */
export interface FieldMetrics {
  /** Bounds in the form of their type; null if they are not stated. */
  readonly least: Buffer | null;
  readonly greatest: Buffer | null;
  readonly nulls: bigint | null;
}
