import type { Field } from '../../core/data-type.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import type { CollapsedChanges, CollapseOptions } from './collapse-changes.js';

/** What became of a source's columns between two versions. Nested columns are named `a.b`, `a.element`, `a.key`. */
export type SchemaChange = { readonly version: bigint; readonly column: string } & (
  | { readonly kind: 'added' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'renamed'; readonly to: string }
  | { readonly kind: 'widened' | 'retyped'; readonly from: string; readonly to: string }
);

/** How a change came to a row; as Delta names it. */
export const CHANGE_TYPES = ['insert', 'delete', 'update_preimage', 'update_postimage'] as const;

/** What every SELECT of changes delivers behind the columns of the table, in this order. */
export const changeFields: readonly Field[] = [
  metaField('_change_type', 'string'),
  metaField('_commit_version', 'long'),
  metaField('_commit_timestamp', 'timestamp'),
];

function metaField(name: string, kind: 'string' | 'long' | 'timestamp'): Field {
  return { name, type: { kind }, nullable: false, physicalName: name };
}

/**
 * The changes of a source after version `from` up to version `to`, as SQL of the engine. Nothing of them has been read
 * but footers.
 */
export interface ChangeRelation extends AsyncDisposable {
  readonly from: bigint;
  readonly to: bigint;
  /** The table at `to`: columns, commit time and id are those of that version. `rowCount` and `sizeBytes` are unknown. */
  readonly end: SourceSnapshot;
  /** Those that could be followed, in the order in which they happened. */
  readonly schemaChanges: readonly SchemaChange[];
  /** True if the source records its changes at all of these versions; else file differences stand in. */
  readonly isChangeFeed: boolean;
  /** Files that have to be read, and their bytes as far as the log tells. No file: nothing has changed. */
  readonly fileCount: number;
  readonly fileBytes: bigint;
  /** Identifies version `to` and what was in force there: keep it with the position, and give it back as `bookmark`. */
  readonly bookmark: string;
  /** One SELECT with every change: the columns of `end`, then `changeFields`. To be run after `fetch`. */
  readonly select: string;
  /** Brings changes to the engine whose files are far; nothing to do where they are on the local disk. */
  fetch(): Promise<void>;
  /** The number of its rows, from footers and deletion vectors. */
  countRows(): Promise<bigint>;
  /** The last state of every key, worked out by the engine in one pass; fetches. The result goes with this relation. */
  collapse(options: CollapseOptions): Promise<CollapsedChanges>;
}

export interface ChangesOptions {
  /** The version that the reader has; -1 before the first one. */
  readonly from: bigint;
  /** The newest one if left out. */
  readonly to?: bigint;
  /** `ChangeRelation.bookmark` of version `from`: saves reading the log before it, and proves that it is still the same. */
  readonly bookmark?: string;
  /** The id that the table had at `from`, if known. */
  readonly tableId?: string;
  /** Columns whose rename, drop or change of type is an error of its own. */
  readonly keyColumns?: readonly string[];
  /** Where the change feed was off, take the differences between the files instead of failing. */
  readonly allowFileDiff: boolean;
  /**
   * `stop` (the default): added columns and widened types are followed, all else is an error.
   * `follow`: so are renamed and dropped columns, where column mapping tells them apart.
   */
  readonly schemaPolicy?: 'stop' | 'follow';
}

/** How a source tells what has changed since a version. */
export interface ChangeFeed {
  /**
   * @throws CHANGE_RANGE_INVALID, DELTA_TRUNCATED_TRANSACTION_LOG, DELTA_CHANGE_FILE_MISSING,
   *   CHANGE_DATA_FEED_INCOMPLETE, CHANGE_TYPE_UNKNOWN, SOURCE_TABLE_REPLACED, SOURCE_HISTORY_REWRITTEN,
   *   CHANGED_PRIMARY_KEY, COLUMN_*_NOT_SUPPORTED, SOURCE_LAYOUT_CHANGED, and whatever reading a log can throw
   */
  changes(options: ChangesOptions): Promise<ChangeRelation>;
  /**
   * The newest version. With `after`, the last known one, it is looked for by name: one file's status if there is
   * nothing newer, never a listing unless that version itself is gone.
   */
  newestVersion(after?: bigint): Promise<bigint>;
  /**
   * False if the commit of a bookmark's version is no longer the one that was read. One file's status, unless it was
   * touched since it was last asked for. Unlike `changes`, true where that commit is gone: then nothing tells.
   */
  isSameCommit(bookmark: string): Promise<boolean>;
  /** When a version was committed, for people: the time of its file. Null if that is gone. */
  committedAtMs(version: bigint): Promise<number | null>;
  /** `ChangeRelation.bookmark` of a version, the newest one if left out: for the first copy of a table. */
  bookmark(version?: bigint): Promise<string>;
  /**
   * Calls `onHint` when something may have been committed. A hint only: polling has to go on.
   * Null where the storage cannot tell.
   */
  watch(onHint: () => void): Disposable | null;
}
