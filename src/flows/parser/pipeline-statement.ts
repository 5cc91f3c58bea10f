/** What the grammar (pipeline-file.peggy) produces. Offsets count characters from the start of the file. */
export type PipelineStatement = StreamingTableStatement | FlowStatement | ViewStatement;

/** A piece of SQL as written in the file. */
interface SqlText {
  readonly text: string;
  readonly offset: number;
}

/** A name of one to three parts, without the `LIVE.` that refers to the pipeline itself. */
export interface ObjectName {
  readonly parts: readonly string[];
  readonly isLive: boolean;
  readonly offset: number;
}

/** An entry of a column list: `parts` is null for anything but a name. */
export interface ColumnReference extends SqlText {
  readonly parts: readonly string[] | null;
}

export interface StreamingTableStatement {
  readonly kind: 'streaming_table';
  readonly name: ObjectName;
  readonly ifNotExists: boolean;
  readonly schema: readonly TableItem[] | null;
  readonly clauses: readonly TableClause[];
  /** The combined form: the table and the flow that fills it. */
  readonly flow: { readonly once: boolean; readonly body: FlowBody; readonly offset: number } | null;
  readonly query: SqlText | null;
  readonly offset: number;
}

type TableItem =
  | {
      readonly kind: 'column';
      readonly name: string;
      readonly type: string;
      readonly comment: string | null;
      readonly offset: number;
    }
  | {
      readonly kind: 'expectation';
      readonly name: string;
      readonly condition: SqlText;
      readonly onViolation: 'keep' | 'drop' | 'fail';
      readonly offset: number;
    };

type TableClause =
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'properties'; readonly entries: readonly (readonly [string, string])[]; readonly offset: number }
  /** How the lakehouse would lay out the table: meaningless here. */
  | { readonly kind: 'layout' };

interface FlowStatement {
  readonly kind: 'flow';
  /** Null in the form APPLY CHANGES INTO. */
  readonly name: ObjectName | null;
  readonly ifNotExists: boolean;
  readonly comment: string | null;
  readonly once: boolean;
  readonly target: ObjectName;
  readonly body: FlowBody;
  readonly offset: number;
}

export type FlowBody =
  | {
      readonly kind: 'changes';
      /** Null where FROM was left out. */
      readonly source: { readonly name: ObjectName; readonly isStream: boolean; readonly offset: number } | null;
      readonly keys: readonly ColumnReference[];
      readonly clauses: readonly FlowClause[];
    }
  | {
      readonly kind: 'snapshot';
      readonly query: SqlText;
      readonly version: SqlText | null;
      readonly keys: readonly ColumnReference[];
      readonly clauses: readonly FlowClause[];
    };

export type ColumnChoice =
  | { readonly kind: 'all' }
  | { readonly kind: 'include' | 'except'; readonly columns: readonly ColumnReference[] };

export type FlowClause = { readonly offset: number } & (
  | { readonly kind: 'ignore_null'; readonly columns: ColumnChoice | null }
  | { readonly kind: 'deletes' | 'truncates' | 'sequence'; readonly expression: SqlText }
  | { readonly kind: 'columns'; readonly columns: ColumnChoice }
  | { readonly kind: 'scd_type'; readonly type: string }
  | { readonly kind: 'track_history'; readonly columns: ColumnChoice }
  | { readonly kind: 'columns_to_update'; readonly column: ColumnReference }
  | { readonly kind: 'unsupported'; readonly what: string }
);

export interface ViewStatement {
  readonly kind: 'view';
  readonly isMaterialized: boolean;
  readonly name: ObjectName;
  readonly comment: string | null;
  readonly query: SqlText;
  readonly offset: number;
}
