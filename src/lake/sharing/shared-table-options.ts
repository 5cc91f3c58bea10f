import type { Engine } from '../engine/duckdb-engine.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { Patience, StoreRetry } from '../storage/object-store.js';
import type { SharedTableApi } from './shared-table-api.js';

/** A table of which a sharing server gives the files one by one. */
export interface SharedTableOptions {
  readonly api: SharedTableApi;
  readonly engine: Engine;
  /** A URL that stands for the table: its files are named below. */
  readonly root: string;
  readonly tableName: string;
  /** Name of the catalog in the settings, for messages. */
  readonly catalog: string;
  readonly partitionTimeZone: string;
  readonly spool?: SpoolLimits;
  readonly patience: Patience;
  readonly onRetry?: ((retry: StoreRetry) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly rowsAtOnce?: number;
}
