import type { SyncedTablesError } from '../core/errors.js';
import type { ChangeFeed } from './changes/change-relation.js';
import type { Engine } from './engine/duckdb-engine.js';
import type { WhileAnswering } from './engine/watched-engine.js';
import type { ReadHint } from './read-hint.js';
import type { Relation } from './relation/relation.js';
import type { SourceDetails } from './source-details.js';
import type { SourceDescription, SourceSnapshot } from './source-snapshot.js';

/** What a catalog says about a table, apart from its files. */
export interface DeclaredTable {
  /** Columns of the declared primary key without its time series columns; null if none is declared. */
  readonly primaryKey: readonly string[] | null;
  /** The column of the declared key that distinguishes rows of one key by time; null if there is none. */
  readonly timeseriesKey: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly columns: readonly { readonly name: string; readonly type: string | null; readonly comment: string | null }[];
}

/** A source table of any kind: what a catalog returns for a name. */
export interface LakeTable {
  /** Full name, catalog.schema.table. */
  readonly name: string;
  /** The given version, or the newest one. Reads the log but no rows. */
  snapshot(version?: bigint): Promise<SourceSnapshot>;
  /** What the newest version consists of, without its files: fast, however many there are. */
  describe(): Promise<SourceDescription>;
  /** What the newest version tells people of itself. Reads the log, and of it more than `snapshot`, but no rows. */
  details(): Promise<SourceDetails>;
  /**
   * Makes the rows of a snapshot of this table readable, spread over at most `parts` SELECTs. With a hint, columns and
   * files may be missing, and `Relation.rowCount` is that of the files that are read.
   */
  openRelation(snapshot: SourceSnapshot, parts: number, hint?: ReadHint): Promise<Relation>;
  /** The same table, whose rows another engine reads, `rowsAtOnce` of a file at a time. */
  readBy(engine: Engine, rowsAtOnce: number): LakeTable;
  /**
   * Null for kinds of sources that keep no history. Whether the table records its changes is a separate question:
   * `SourceSnapshot.hasChangeFeed`. Keep the object while following a table: it remembers its position.
   */
  readonly changeFeed: ChangeFeed | null;
  /** Why there is no `changeFeed`, although others of its kind have one; absent if none has. */
  readonly whyWithoutChanges?: () => SyncedTablesError;
  /** Its connections fail by name when the disk that holds the table stops answering. */
  readonly engine: Engine;
  /** The same for connections of another engine that read this table; absent if it is on no disk. */
  readonly whileAnswering?: WhileAnswering | undefined;
  /** Absent if the catalog knows only names. */
  readonly declared?: DeclaredTable;
}
