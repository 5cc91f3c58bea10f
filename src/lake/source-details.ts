import type { SourceSnapshot } from './source-snapshot.js';

/** A commit of a source's history. */
export interface SourceCommit {
  readonly version: bigint;
  /** Milliseconds since 1970; null if unknown. */
  readonly committedAtMs: number | null;
  /** WRITE, MERGE … as its writer says; null if it does not. */
  readonly operation: string | null;
}

/** What a source table tells people of itself, at its newest version; none of it is needed to read rows. */
export interface SourceDetails {
  readonly snapshot: SourceSnapshot;
  /** DELTA … */
  readonly format: string;
  /** Folder or URL. */
  readonly location: string;
  /** What positions in its history are called; null for sources without a history. */
  readonly positionWord: 'version' | null;
  /** Rows as its own records say, which may be wrong; null if they do not say. */
  readonly statedRowCount: bigint | null;
  readonly fileCount: number;
  /** Names of the format's features that the table uses. */
  readonly features: readonly string[];
  readonly properties: ReadonlyMap<string, string>;
  readonly partitionColumns: readonly string[];
  /** Comments by column. */
  readonly comments: ReadonlyMap<string, string>;
  /** The newest first; those before log clean-up are gone. */
  readonly commits: readonly SourceCommit[];
}
