import type { Field } from '../../core/data-type.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { DeclaredTable } from '../lake-table.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import type { FoundFile } from './find-files.js';

type TextFormat = 'csv' | 'json';

/** What a table that is nothing but files is made of. */
export interface FilesDefinition {
  /** Below the root of the catalog; see `FilePlace.path`. */
  readonly path: string;
  readonly format: 'parquet' | TextFormat;
  /** Exactly these columns of these types; null for all that the files have, in the types that their values show. */
  readonly columns: readonly Field[] | null;
  /** How texts of CSV files are written; what is left out is found out from the files. */
  readonly csv: CsvOptions;
}

export interface CsvOptions {
  readonly header?: boolean | undefined;
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  readonly escape?: string | undefined;
  /** The text that stands for null; default: nothing at all. */
  readonly null?: string | undefined;
}

export interface FilesTableOptions extends FilesDefinition {
  readonly tableName: string;
  readonly engine: Engine;
  readonly store: FileStore;
  readonly root: string;
  readonly spool: SpoolLimits;
  readonly partitionTimeZone: string;
  readonly rowsAtOnce?: number;
  readonly declared?: DeclaredTable;
}

/** The files at one moment. */
export interface FilesSnapshot extends SourceSnapshot {
  readonly files: readonly FoundFile[];
  readonly partitionFields: readonly Field[];
}

/** Whether two columns have one name: case does not matter. */
export function isSameName(one: Field, other: Field): boolean {
  return one.name.toLowerCase() === other.name.toLowerCase();
}
