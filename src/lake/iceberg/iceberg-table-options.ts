import type { Engine } from '../engine/duckdb-engine.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import type { TableMetadata } from './metadata/table-metadata.js';

/** Where an Iceberg table is and how to read it. */
export interface IcebergTableOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  /** The table's folder: an absolute, decoded path of the store. */
  readonly root: string;
  readonly tableName: string;
  readonly allowOutsidePaths: boolean;
  /** Reads the newest metadata of the table. */
  readonly load: () => Promise<TableMetadata>;
  /** True if a file that appears among the metadata is a commit; absent where a catalog says what is committed. */
  readonly commitsByFile?: boolean;
  /** Read so few rows of a data file at once; by default as many as the engine likes. */
  readonly rowsAtOnce?: number;
  /** For stores whose files have to be fetched. */
  readonly spool?: SpoolLimits | undefined;
}
