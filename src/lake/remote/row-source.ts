import type { Field } from '../../core/data-type.js';
import type { SourceDetails } from '../source-details.js';

/** A column of a table that a server reads for us. */
export interface RemoteColumn {
  readonly field: Field;
  readonly comment: string | null;
  /** In the SQL of the server: what is asked for, so that it arrives without a loss. */
  readonly asked: string;
  /** SQL of the engine for the value in the type of the field, given SQL of what arrived, as text. */
  readonly value: (arrived: string) => string;
}

/** A table of a server at one moment; see `SourceSnapshot`. */
export interface RemoteState {
  readonly tableId: string;
  readonly columns: readonly RemoteColumn[];
  readonly version: bigint | null;
  readonly committedAtMs: number | null;
  readonly bookmark?: string;
  readonly sizeBytes?: bigint;
  /** Null if the server does not say. */
  readonly primaryKey: readonly string[] | null;
  /** Why its changes cannot be had, as the end of a sentence; null if they can. Absent if the source has no `history`. */
  readonly withoutChanges?: string | null;
}

/** Takes rows as they come from a server. */
export interface RowSink {
  /**
   * Appends whole rows; waits while the spool is full.
   * @param longest bytes of the longest of them, or a bound for it
   */
  append(rows: Uint8Array, longest: number): Promise<void>;
}

/** Gives rows to a sink until there are none left. */
export type RowProducer = (sink: RowSink, signal: AbortSignal) => Promise<void>;

/** How rows are written into a file: what stands before the first append, between two, and after the last. */
export interface RowFormat {
  readonly opening: string;
  readonly between: string;
  readonly closing: string;
  /**
   * SQL that reads such a file, its columns being texts named `raw0`, `raw1` …
   * @param columns their number
   * @param longest bytes of the longest row
   */
  read(file: string, columns: number, longest: number): string;
}

/** Rows of one state of a table, which can be read as often as one likes until it is disposed. */
export interface RowScan extends AsyncDisposable {
  readonly format: RowFormat;
  /** Each gives some of the rows, all together each row once. They run side by side. */
  begin(): readonly RowProducer[];
}

/** One table of a server that runs SQL. */
export interface RowSource {
  /** The newest state, or the given version where there are versions. */
  state(version?: bigint): Promise<RemoteState>;
  /**
   * Prepares reading some columns of a state.
   * @param producersMax how many connections may read at once
   */
  scan(state: RemoteState, columns: readonly RemoteColumn[], producersMax: number): Promise<RowScan>;
  readonly details: Pick<SourceDetails, 'format' | 'location'>;
  /** Absent for servers that never tell what has changed. */
  readonly history?: RowHistory;
}

/** What made a version of a table. */
export interface RemoteCommit {
  readonly version: bigint;
  readonly committedAtMs: number | null;
  /** The word of the table format, such as MERGE. */
  readonly operation: string;
  /** Tells it from any other commit under the same version; the same whenever the commit is the first of `commits`, or `newest`. */
  readonly identity: string;
}

/** The versions after `from` up to `to`. */
export interface VersionRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** What a server tells of the past of a table. */
export interface RowHistory {
  /** Null if the table has none. */
  newest(): Promise<RemoteCommit | null>;
  /** The commits from one version to another, in order, without those that are forgotten. */
  commits(first: bigint, last: bigint): Promise<readonly RemoteCommit[]>;
  /** Whether the server gives exactly what an operation changed. */
  isExact(operation: string): boolean;
  /** The columns of a version. @throws REMOTE_QUERY_FAILED */
  columns(version: bigint): Promise<readonly RemoteColumn[]>;
  /** Prepares reading some columns of the changes, and behind them the change fields. */
  changes(range: VersionRange, columns: readonly RemoteColumn[]): Changes;
  /** The number of rows of a version. */
  countRows(version: bigint): Promise<bigint>;
  /** Set if the rows of a commit that only inserted may come twice. */
  readonly repeatsInserts?: true;
}

/** Changes to be read. */
export interface Changes {
  readonly columns: readonly RemoteColumn[];
  readonly scan: RowScan;
  /** Their number; the server is told to stop once the signal is aborted. */
  count(signal?: AbortSignal): Promise<bigint>;
}
