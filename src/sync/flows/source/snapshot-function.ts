import type { SnapshotVersion } from './snapshot-version.js';

/** Rows of a snapshot, in one of the forms that the engine reads. */
export type SnapshotRows =
  /** Parquet, CSV or JSON files; the format follows from the name unless given. Patterns such as `*.csv` work. */
  | { readonly files: string | readonly string[]; readonly format?: 'parquet' | 'csv' | 'json' }
  /** A lakehouse table, at a given version or the newest. */
  | { readonly table: string; readonly tableVersion?: bigint | number }
  /** Rows from the program itself; `columns` maps names to types in the lakehouse's SQL. */
  | { readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly columns: Readonly<Record<string, string>> };

export type Snapshot = SnapshotRows & { readonly version: SnapshotVersion };

/**
 * Returns the next snapshot after the last committed version (null if there is none), or null when there are no more.
 * Called until it returns null; each snapshot is committed before the next is requested.
 */
export type NextSnapshotAndVersion = (
  latestVersion: SnapshotVersion | null,
) => Promise<Snapshot | null> | Snapshot | null;
