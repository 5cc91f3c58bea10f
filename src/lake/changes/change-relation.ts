import type { Field } from '../../core/data-type.js';
import type { SyncedTablesError } from '../../core/errors.js';
import type { ReadInPlace, SourceFile } from '../relation/relation.js';
import type { Watch } from '../relation/watch.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import type { CollapsedChanges, CollapseOptions } from './collapse-changes.js';

/** How a source's columns changed between two versions. Nested columns are named `a.b`, `a.element`, `a.key`. */
export type SchemaChange = { readonly version: bigint; readonly column: string } & (
  | { readonly kind: 'added' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'renamed'; readonly to: string }
  | { readonly kind: 'widened' | 'retyped'; readonly from: string; readonly to: string }
);

/** Kinds of changes, as Delta names them. */
export const CHANGE_TYPES = ['insert', 'delete', 'update_preimage', 'update_postimage'] as const;

/** What every SELECT of changes returns after the columns of the table, in this order. */
export const changeFields: readonly Field[] = [
  metaField('_change_type', 'string'),
  metaField('_commit_version', 'long'),
  metaField('_commit_timestamp', 'timestamp'),
];

function metaField(name: string, kind: 'string' | 'long' | 'timestamp'): Field {
  return { name, type: { kind }, nullable: false, physicalName: name };
}

/** A version whose recorded changes add up to another number of rows than its files gained or lost. */
export interface FeedContradiction {
  readonly version: bigint;
  /** Rows that the table has more after this version, as its recorded changes say. */
  readonly inFeed: bigint;
  /** The same as its files say. */
  readonly inFiles: bigint;
}

/**
 * The changes of a source after version `from` up to version `to`, as SQL of the engine. Only footers have been read so
 * far.
 */
export interface ChangeRelation extends ReadInPlace, AsyncDisposable {
  readonly from: bigint;
  readonly to: bigint;
  /** The table at `to`: columns, commit time and id are those of that version. `rowCount` and `sizeBytes` are unknown. */
  readonly end: SourceSnapshot;
  /** The changes that could be followed, in the order in which they happened. */
  readonly schemaChanges: readonly SchemaChange[];
  /**
   * Why rows that are in none of these changes have other values now; absent if none have. Only a copy brings them.
   */
  readonly copyReason?: string;
  /** True if the source records its changes at all of these versions; otherwise file differences are used instead. */
  readonly isChangeFeed: boolean;
  /** Files that must be read, and their bytes as far as the log says. No files: nothing has changed. */
  readonly fileCount: number;
  readonly fileBytes: bigint;
  /**
   * Identifies version `to` and the metadata in force there: store it with the position, and pass it back as
   * `bookmark`.
   */
  readonly bookmark: string;
  /** The files on the local disk that `select` reads; none once they were fetched into the engine. */
  readonly files: readonly SourceFile[];
  /** One SELECT with every change: the columns of `end`, then `changeFields`. Run it after `fetch`. */
  readonly select: string;
  /** Whether `select` can be run at once, and gives the changes of one version, of few bytes. */
  readonly isFew?: boolean;
  /**
   * Fetches changes whose files are remote, and looks at what kinds of changes there are.
   * @throws CHANGE_TYPE_UNKNOWN, as all that fetch
   */
  fetch(): Promise<void>;
  /** The number of its rows, from footers and deletion vectors unless there are few. */
  countRows(): Promise<bigint>;
  /**
   * The versions whose recorded changes leave rows out, or have some twice, in the order of the versions; fetches.
   * Versions are passed over where that would take more than the log and a few footers to find out.
   * @param balance inserted minus deleted rows of all changes, if that is known and they are few (see `isFew`): then nothing is fetched
   */
  contradictions(balance?: bigint): Promise<readonly FeedContradiction[]>;
  /**
   * The last state of every key, computed by the engine in one pass; fetches. The result is disposed with this
   * relation.
   */
  collapse(options: CollapseOptions): Promise<CollapsedChanges>;
}

export interface ChangesOptions {
  /** The version that the reader already has; -1 before the first one. */
  readonly from: bigint;
  /** Default: the newest version. */
  readonly to?: bigint;
  /**
   * `ChangeRelation.bookmark` of version `from`: avoids reading the log before it, and proves that the history is
   * unchanged.
   */
  readonly bookmark?: string;
  /** The id that the table had at `from`, if known. */
  readonly tableId?: string;
  /** Columns for which a rename, drop or type change is a separate error. */
  readonly keyColumns?: readonly string[];
  /**
   * Names, in any case, of the columns that are needed; absent for all. What happens to others is passed over, and `end` and `select`
   * may leave them out.
   */
  readonly neededColumns?: readonly string[];
  /** Names, in any case, of columns that no copy can do without: a rename or drop of one is a separate error. */
  readonly requiredColumns?: readonly string[];
  /** Where the change feed was off, use the differences between files instead of failing. */
  readonly allowFileDiff: boolean;
  /** Versions whose recorded changes are passed over: the differences between files are used instead. */
  readonly byFiles?: ReadonlySet<bigint>;
  /**
   * `stop` (the default): added columns and widened types are followed, everything else is an error. `follow`: renamed
   * and dropped columns are followed too, where column mapping identifies them.
   */
  readonly schemaPolicy?: 'stop' | 'follow';
  /** Once it is aborted, a server that gives the changes is told to stop. */
  readonly signal?: AbortSignal;
}

/** How a source reports what has changed since a version. */
export interface ChangeFeed {
  /**
   * Why the changes of this table cannot be had, although those of others of its kind can; null if they can. Absent where
   * only `SourceSnapshot.hasChangeFeed` decides.
   */
  refusal?(): Promise<SyncedTablesError | null>;
  /**
   * @throws CHANGE_RANGE_INVALID, DELTA_TRUNCATED_TRANSACTION_LOG, DELTA_CHANGE_FILE_MISSING,
   *   CHANGE_DATA_FEED_INCOMPLETE, SOURCE_TABLE_REPLACED, SOURCE_COMMIT_GREW, SOURCE_HISTORY_REWRITTEN,
   *   CHANGES_NOT_RECORDED, ICEBERG_HISTORY_EXPIRED, REMOTE_CHANGES_GONE, CHANGED_PRIMARY_KEY, CHOSEN_COLUMN_CHANGED, COLUMN_*_NOT_SUPPORTED, SOURCE_LAYOUT_CHANGED, and whatever reading a log can throw
   */
  changes(options: ChangesOptions): Promise<ChangeRelation>;
  /**
   * The newest version. With `after`, the last known version, it is looked up by name: one file status if there is
   * nothing newer, and no listing unless that version itself is gone.
   */
  newestVersion(after?: bigint): Promise<bigint>;
  /**
   * False if the commit of a bookmark's version is no longer the one that was read. One file status, unless the file
   * was touched since the last call. Unlike in `changes`, true if that commit is gone, because then nothing can be
   * compared.
   */
  isSameCommit(bookmark: string): Promise<boolean>;
  /**
   * What tells the commit of a version from any other under the same number, for as long as this object is kept; at the
   * cost of `isSameCommit`. Null if that commit is gone.
   */
  commitIdentity(version: bigint): Promise<string | null>;
  /** When a version was committed, for display: its file's time. Null if the file is gone. */
  committedAtMs(version: bigint): Promise<number | null>;
  /** `ChangeRelation.bookmark` of a version, by default the newest: for the first copy of a table. */
  bookmark(version?: bigint): Promise<string>;
  /**
   * Calls `onHint` when something may have been committed. Only a hint: keep polling. Null if the storage cannot watch.
   */
  watch(onHint: () => void): Promise<Watch | null>;
}
