import type { FlowKind } from '../../core/flows/flow-options.js';

export type ColumnSelection =
  | { readonly kind: 'all' }
  | { readonly kind: 'include' | 'except'; readonly names: readonly string[] };

/** The options of a flow once they are consistent; they have not been checked against its source yet. */
export interface DeclaredFlow {
  /** For messages. */
  readonly name: string;
  readonly kind: FlowKind;
  readonly keys: readonly string[];
  /** Null for snapshots, which are ordered by version. */
  readonly sequenceBy: string | null;
  readonly applyAsDeletes: string | null;
  readonly applyAsTruncates: string | null;
  readonly columns: ColumnSelection;
  readonly scdType: 1 | 2;
  readonly trackHistory: ColumnSelection;
  /** Null: an event writes nulls like any other value. */
  readonly ignoreNull: ColumnSelection | null;
  readonly columnsToUpdate: string | null;
  readonly once: boolean;
}
