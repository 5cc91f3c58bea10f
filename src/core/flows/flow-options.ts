/**
 * The options of a flow, named as in the functions of Databricks. Every way of declaring a flow is translated to these,
 * and the registry stores them. Names of columns are SQL: `` `order id` `` for anything but letters, digits and
 * underscores; expressions are those of the lakehouse engine.
 */
export interface FlowOptions {
  readonly keys: readonly string[];
  readonly sequence_by?: string | { readonly struct: readonly string[] } | null;
  readonly ignore_null_updates?: boolean | null;
  readonly ignore_null_updates_column_list?: readonly string[] | null;
  readonly ignore_null_updates_except_column_list?: readonly string[] | null;
  readonly columns_to_update?: string | null;
  readonly apply_as_deletes?: string | null;
  readonly apply_as_truncates?: string | null;
  readonly column_list?: readonly string[] | null;
  readonly except_column_list?: readonly string[] | null;
  readonly stored_as_scd_type?: number | string | null;
  readonly track_history_column_list?: readonly string[] | null;
  readonly track_history_except_column_list?: readonly string[] | null;
  readonly once?: boolean | null;
}

/** How a flow gets its changes: from records of changes, or by comparing snapshots. */
export type FlowKind = 'changes' | 'snapshot';
