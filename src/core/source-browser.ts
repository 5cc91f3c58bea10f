// What can be seen of the tables of a source catalog without reading a row of them, in the words of Unity Catalog.

/** The type of a column as Unity Catalog names it. */
export interface UnityType {
  /** One of its type names, such as LONG. */
  readonly name: string;
  /** As SQL says it. */
  readonly text: string;
  /** As the JSON of Spark says it. */
  readonly json: unknown;
  readonly precision?: number;
  readonly scale?: number;
}

export interface SourceColumn {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: UnityType;
  readonly comment: string | null;
  /** Place among the columns that the table is partitioned by, from 0; null for all others. */
  readonly partitionIndex: number | null;
}

export interface SourceKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly timeseriesColumns: readonly string[];
}

/** A table of a source catalog. What a catalog does not know is null. */
export interface SourceTable {
  readonly schema: string;
  readonly table: string;
  /** MANAGED, EXTERNAL, VIEW … */
  readonly type: string;
  /** DELTA, PARQUET … */
  readonly format: string | null;
  readonly location: string | null;
  /** Null where they were not asked for or cannot be read. */
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
  /** How many items are wanted at most; less may come although there are more. */
  readonly size: number;
  /** `next` of the page before; null for the first. */
  readonly token: string | null;
}

export interface Browsed<Item> {
  readonly items: readonly Item[];
  /** Null after the last page. */
  readonly next: string | null;
}

/**
 * Looks around in one source catalog, with the credentials of the sidecar: whoever hands on what it tells decides who may
 * hear it. Work is bounded for each call, however many tables there are. Every method throws what opening a table of the
 * catalog throws of a store or a server that does not answer.
 */
export interface SourceBrowser {
  schemas(page: BrowsePage): Promise<Browsed<string>>;
  hasSchema(schema: string): Promise<boolean>;
  tables(schema: string, page: BrowsePage & { readonly columns: boolean }): Promise<Browsed<SourceTable>>;
  /** Null if there is none. */
  table(schema: string, table: string, wants: { readonly columns: boolean }): Promise<SourceTable | null>;
}
