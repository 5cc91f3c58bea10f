import type { DuckDBConnection } from '@duckdb/node-api';
import type { FlowSourceColumn } from '../../../flows/declare/resolve-flow.js';
import type { ReadInPlace, SourceFile } from '../../../lake/relation/relation.js';
import type { SourcePosition } from './source-position.js';
import type { StagedValue } from './staged-value.js';

/** A column of an opened source, as seen by expressions and as staged. */
export interface OpenedColumn extends FlowSourceColumn {
  /**
   * SQL over the rows (alias `r`) for the staged value, and its type: different from the column itself if the text of a
   * Postgres value is passed through unchanged.
   */
  readonly staged: StagedValue;
}

/** Rows that a flow has not read yet, ready to be read. */
export interface OpenedSource extends ReadInPlace, AsyncDisposable {
  /** The connection that `select` belongs to. */
  readonly connection: DuckDBConnection;
  readonly columns: readonly OpenedColumn[];
  /** Returns the columns by name, in the engine's types. */
  readonly select: string;
  /** Whether its dates and timestamps may be infinite, as in Postgres. */
  readonly hasInfinities: boolean;
  /** The local files that it reads, as far as they are known. */
  readonly files?: readonly SourceFile[];
  /** Where the next update continues; JSON. */
  readonly position: SourcePosition;
  /** False if nothing can have been added since the given position. */
  readonly hasNews: boolean;
  /** Number of rows that `select` returns, if the source knows: checked against what was staged. */
  readonly rowCount: bigint | null;
}
