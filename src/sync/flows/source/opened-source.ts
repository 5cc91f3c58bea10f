import type { DuckDBConnection } from '@duckdb/node-api';
import type { DataType } from '../../../core/data-type.js';
import type { FlowSourceColumn } from '../../../flows/declare/resolve-flow.js';
import type { SourcePosition } from './source-position.js';

/** A column of an opened source, as expressions see it and as it is staged. */
export interface OpenedColumn extends FlowSourceColumn {
  /**
   * SQL over the rows (alias `r`) that gives what is staged, and its type: another thing than the column itself where
   * the text of a Postgres value goes through unchanged.
   */
  readonly staged: { readonly sql: string; readonly type: DataType };
}

/** Rows that a flow has not read yet, ready to be read. */
export interface OpenedSource extends AsyncDisposable {
  /** The connection that `select` belongs to. */
  readonly connection: DuckDBConnection;
  readonly columns: readonly OpenedColumn[];
  /** Gives the columns by name, in the engine's types. */
  readonly select: string;
  /** Where the next update goes on; JSON. */
  readonly position: SourcePosition;
  /** False if nothing can have come since the position that was given. */
  readonly hasNews: boolean;
  /** Rows that `select` gives, if the source has told: held against what was staged. */
  readonly rowCount: bigint | null;
}
