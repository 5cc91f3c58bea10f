import type { FlowKind, FlowOptions } from './flow-options.js';

/** A pipeline of streaming tables, whether declared by a file, functions or a program. */
export interface PipelineDeclaration {
  readonly tables: readonly StreamingTableDeclaration[];
  readonly views: readonly ViewDeclaration[];
  readonly flows: readonly FlowDeclaration[];
}

export interface StreamingTableDeclaration {
  /** One part, or schema and table. */
  readonly name: readonly string[];
  /** The declared columns; null if they follow from the flow. */
  readonly columns: readonly { readonly name: string; readonly type: string }[] | null;
  readonly comment: string | null;
  /** Seconds after which state that only late events need may be discarded; null for the default. */
  readonly tombstoneSeconds: number | null;
}

export interface ViewDeclaration {
  readonly name: string;
  /** A query of the lakehouse engine. */
  readonly query: string;
}

export interface FlowDeclaration {
  readonly name: string;
  readonly kind: FlowKind;
  readonly target: readonly string[];
  readonly source: FlowSource;
  readonly options: FlowOptions;
}

/**
 * Where a flow reads. A name is that of a view of the pipeline, of a table of the lakehouse in three parts, or of a
 * table of the database. With `isChangeFeed`, the changes of a lakehouse table are read instead of its new rows.
 */
export type FlowSource =
  | { readonly kind: 'name'; readonly parts: readonly string[]; readonly isChangeFeed: boolean }
  | { readonly kind: 'query'; readonly query: string }
  /** Snapshots supplied by the program that declared the flow. */
  | { readonly kind: 'function' };
