// What can be seen of a source catalog's tables without reading their rows, in Unity Catalog's terms.

/** The type of a column as Unity Catalog names it. */
export interface UnityType {
  /** One of its type names, such as LONG. */
  readonly name: string;
  /** The SQL text of the type. */
  readonly text: string;
  /** The Spark JSON of the type. */
  readonly json: unknown;
  readonly precision?: number;
  readonly scale?: number;
}

export interface SourceColumn {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: UnityType;
  readonly comment: string | null;
  /** Position among the partition columns, from 0; null for all others. */
  readonly partitionIndex: number | null;
}

export interface SourceKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly timeseriesColumns: readonly string[];
}

/** A table of a source catalog. Facts unknown to the catalog are null. */
export interface SourceTable {
  readonly schema: string;
  readonly table: string;
  /** MANAGED, EXTERNAL, VIEW … */
  readonly type: string;
  /** DELTA, PARQUET … */
  readonly format: string | null;
  readonly location: string | null;
  /** Null if not requested or unreadable. */
  readonly columns: readonly SourceColumn[] | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly primaryKey: SourceKey | null;
  readonly id: string | null;
  readonly owner: string | null;
  readonly comment: string | null;
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number | null;
}

export interface BrowsePage {
  /** Maximum number of items; fewer may be returned although there are more. */
  readonly size: number;
  /** `next` of the previous page; null for the first. */
  readonly token: string | null;
}

export interface Browsed<Item> {
  readonly items: readonly Item[];
  /** Null after the last page. */
  readonly next: string | null;
}

/**
 * Browses one source catalog with the sidecar's credentials, so callers must decide who may see the results. Work per
 * call is bounded, however many tables there are. Every method throws what opening a table of the catalog throws for a
 * store or a server that does not answer.
 */
export interface SourceBrowser {
  schemas(page: BrowsePage): Promise<Browsed<string>>;
  hasSchema(schema: string): Promise<boolean>;
  tables(schema: string, page: BrowsePage & { readonly columns: boolean }): Promise<Browsed<SourceTable>>;
  /** Null if there is no next run. */
  table(schema: string, table: string, wants: { readonly columns: boolean }): Promise<SourceTable | null>;
}
