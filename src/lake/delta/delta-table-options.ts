import type { Engine } from '../engine/duckdb-engine.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import type { RatifiedLog } from './log/ratified-log.js';

/** Where a Delta table is and how to read it. */
export interface DeltaTableOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  /** Folder that holds `_delta_log`. */
  readonly root: string;
  readonly tableName: string;
  /** For tables whose commits a catalog ratifies: where `store` is that of this log. Without it they are refused. */
  readonly ratified?: RatifiedLog | undefined;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  /** Read so few rows of a data file at once; by default as many as the engine likes. */
  readonly rowsAtOnce?: number;
  /** For stores whose files have to be fetched. */
  readonly spool?: SpoolLimits;
}
