import type { FileBounds } from '../../data-files/stated-bounds.js';

/** Where the bytes of a deletion vector are: relative file, absolute path, or inline (protocol: "Deletion Vectors"). */
type DeletionVectorStorage = 'u' | 'p' | 'i';

export interface DeletionVectorDescriptor {
  readonly storageType: DeletionVectorStorage;
  readonly pathOrInlineDv: string;
  /** Start of the vector in its file in bytes; null means 0. */
  readonly offset: number | null;
  /** Length of the serialised bitmap in bytes, without framing. */
  readonly sizeInBytes: number;
  /** Number of dead rows. */
  readonly cardinality: bigint;
}

/** Texts of the log by physical column name, as written: an empty string is kept as an empty string here. */
export type PartitionTexts = ReadonlyMap<string, string | null>;

export interface ProtocolAction {
  readonly kind: 'protocol';
  readonly minReaderVersion: number;
  readonly readerFeatures: readonly string[] | null;
  /** Names only: no reader ever depends on them. Absent if the log lists none. */
  readonly writerFeatures?: readonly string[];
}

export interface MetadataAction {
  readonly kind: 'metaData';
  readonly id: string;
  readonly formatProvider: string;
  /** JSON of the schema; null for a table without columns. */
  readonly schemaString: string | null;
  readonly partitionColumns: readonly string[];
  readonly configuration: ReadonlyMap<string, string>;
}

export interface FileAction {
  readonly kind: 'add' | 'remove';
  /** The URI reference as written; `resolveLogPath` resolves it to a file. */
  readonly path: string;
  readonly sizeBytes: number | null;
  /** Null if the log does not say, which removes may do. */
  readonly partitionValues: PartitionTexts | null;
  readonly deletionVector: DeletionVectorDescriptor | null;
  readonly dataChange: boolean;
  /** Rows of the file, dead ones included, as its statistics say; null if there are none. Not read from checkpoints. */
  readonly rowCount: number | null;
  /** What its statistics state of the columns that they were read for; absent if they were not read. */
  readonly bounds?: FileBounds | null;
}

export interface ChangeFileAction {
  readonly kind: 'cdc';
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly partitionValues: PartitionTexts | null;
}

interface CommitInfoAction {
  readonly kind: 'commitInfo';
  /** Milliseconds since 1970, as the writer says. */
  readonly timestampMs: number | null;
  readonly inCommitTimestampMs: number | null;
  /** WRITE, MERGE … as the writer says; null if it does not. */
  readonly operation: string | null;
}

interface SidecarAction {
  readonly kind: 'sidecar';
  readonly path: string;
}

/** The actions of a Delta log that a reader needs; all others are dropped while parsing. */
export type Action = ProtocolAction | MetadataAction | FileAction | ChangeFileAction | CommitInfoAction | SidecarAction;
