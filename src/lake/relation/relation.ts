import { asSyncedTablesError } from '../../core/errors.js';

/** A file with rows of a source. */
export interface SourceFile {
  /** As the source names it. */
  readonly path: string;
  /** Where the engine reads it on the local disk. */
  readonly data: string;
  /** Set for CSV and JSON; the others are Parquet. */
  readonly isText?: true;
}

/** What is read in place, where somebody may overwrite it meanwhile. */
export interface ReadInPlace {
  /**
   * To be called once the rows are read, before they count. Absent if what is read cannot change.
   * @throws SOURCE_FILE_CHANGED if a file is no longer what it was when it was opened
   */
  requireUnchanged?(): Promise<void>;
}

/** The rows of a source at one version, as SQL of the engine: the common form of all kinds of sources. */
export interface Relation extends ReadInPlace, AsyncDisposable {
  /**
   * SELECTs whose results together are the rows, each row in exactly one of them. Their columns are those of the
   * snapshot, by name and order, in the canonical types of `duckDbType`. Where `remote` is set, they can be run only
   * while a pass over the relation holds their files (see `beginPass`), and there may be many; else there is one for
   * each connection that reads. Empty where `remote.isStreamed`.
   */
  readonly parts: readonly string[];
  /** The number of rows in all parts; null if it is known only after reading. */
  readonly rowCount: bigint | null;
  /** The files that each part reads, in the order of `parts`; absent if they are unknown, or none are read. */
  readonly files?: readonly (readonly SourceFile[])[];
  /** Set if a pass reads the parts a few rows at a time. */
  readonly slices?: RowSlices;
  /** Set if the files of a part must be fetched for the engine; absent if they are on the local disk. */
  readonly remote?: RemoteParts;
  /** Set where files may have been left out because no row of theirs can be wanted. */
  readonly filesRead?: FilesRead;
}

/** How much of a table is read, where files that hold no wanted row are left out. */
export interface FilesRead {
  readonly files: number;
  /** Null if the size of a file is not known. */
  readonly bytes: bigint | null;
  readonly allFiles: number;
  readonly allBytes: bigint | null;
}

/**
 * How to read parts a few rows at a time: for values so large that the engine cannot hold as many as it likes to. The
 * parts have one column more, the number of the row in its file, counted from 0; only it is filtered by, so that the
 * engine skips other rows before it reads their values.
 */
export interface RowSlices {
  readonly rowNumber: string;
  readonly rowsAtOnce: number;
  /** Rows of the largest file. */
  readonly rowsMax: number;
}

/** Files of parts that are fetched and removed. */
export interface RemoteParts {
  /** Whether the files of all parts fit at once; true, too, where that shows only once they come. */
  readonly fitsSpool: boolean;
  /** Set where parts arise as rows arrive, so that only a pass knows them. */
  readonly isStreamed?: true;
  /**
   * Starts fetching the files of the parts, in order and ahead of the readers, as far as the spool has room.
   * @param holdsAll true if the reader keeps all parts until it has the last one
   */
  begin(signal?: AbortSignal, holdsAll?: boolean): PartPass;
  /** @throws SPOOL_TOO_SMALL unless `fitsSpool` */
  requireFit(): void;
}

/** One pass over the parts of a relation. Several readers may share it. */
export interface PartPass extends AsyncDisposable {
  /** The next part, its files on the disk; null after the last. A reader disposes of one before it requests another. */
  next(): Promise<HeldPart | null>;
}

/** A part that can be run until it is disposed. */
export interface HeldPart extends AsyncDisposable {
  readonly select: string;
  /** The files that it reads, present until then; none if they are unknown. */
  readonly files: readonly SourceFile[];
}

/** The error to report for a failed read: a file that changed meanwhile explains any other. */
export async function explainIfChanged(read: ReadInPlace, error: unknown): Promise<unknown> {
  // A disk that does not answer tells nothing of its files either.
  if (asSyncedTablesError(error)?.code === 'SOURCE_READ_TIMEOUT') return error;
  try {
    await read.requireUnchanged?.();
    return error;
  } catch (change) {
    return change;
  }
}

/** The parts as one SELECT; run it only while their files are present (see `holdWhole`). */
export function wholeRelation(relation: Pick<Relation, 'parts'>): string {
  return relation.parts.join('\nunion all\n');
}
