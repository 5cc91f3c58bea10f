import type { ChangeFeed } from './change-relation.js';
import type { Engine } from './engine/duckdb-engine.js';
import type { Relation } from './relation.js';
import type { SourceSnapshot } from './source.js';

/** A source table, whatever its kind: what a catalog gives for a name. */
export interface LakeTable {
  /** Full name, catalog.schema.table. */
  readonly name: string;
  /** The version `version`, or the newest one. Reads the log, no rows. */
  snapshot(version?: bigint): Promise<SourceSnapshot>;
  /** Makes the rows of a snapshot of this table readable, spread over at most `parts` SELECTs. */
  openRelation(snapshot: SourceSnapshot, parts: number): Promise<Relation>;
  /**
   * Null for kinds of sources that keep no history. Whether the table records its changes is another question:
   * `SourceSnapshot.hasChangeFeed`. Keep the object while following a table: it remembers where it was.
   */
  readonly changeFeed: ChangeFeed | null;
  readonly engine: Engine;
}
