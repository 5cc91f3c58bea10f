import type { SnapshotVersion } from './snapshot-version.js';

/** Rows of a snapshot, in one of the forms that the engine reads. */
export type SnapshotRows =
  /** Parquet, CSV or JSON files; the format follows from the name unless it is said. Patterns such as `*.csv` count. */
  | { readonly files: string | readonly string[]; readonly format?: 'parquet' | 'csv' | 'json' }
  /** A table of the lakehouse, at one of its versions or the newest. */
  | { readonly table: string; readonly tableVersion?: bigint | number }
  /** Rows of the program itself; `columns` are names with types of the lakehouse's SQL. */
  | { readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly columns: Readonly<Record<string, string>> };

export type Snapshot = SnapshotRows & { readonly version: SnapshotVersion };

/**
 * Gives the next snapshot after the last committed version (null if there is none), or null when there is no more.
 * Called until it gives null; each snapshot is committed before the next one is asked for.
 */
export type NextSnapshotAndVersion = (
  latestVersion: SnapshotVersion | null,
) => Promise<Snapshot | null> | Snapshot | null;
