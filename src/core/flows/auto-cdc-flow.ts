/**
 * The interface between the two halves of Auto CDC: a flow as the analysis resolved it, and the rows staged for it.
 *
 * The surfaces (SQL files, psql functions, TypeScript API) check the options, resolve names and types, evaluate
 * conditions and expressions in the lakehouse engine, and stage events: src/flows and src/sync/flows. From there
 * src/scd takes the staged events to the target, in Postgres alone.
 */

/** A column of the target, in target order. Keys are among them. */
export interface AutoCdcColumn {
  /** As the target shows it. */
  readonly name: string;
  readonly postgresType: string;
  /** The fields of a struct (`postgresType` jsonb); null for every other type, including arrays, maps and variants. */
  readonly struct: readonly AutoCdcField[] | null;
}

/** A field of a struct. Under ignore-null each field without subfields keeps a separate latest author. */
export interface AutoCdcField {
  readonly name: string;
  /** The Postgres type that a column of the field's type would have. */
  readonly postgresType: string;
  readonly struct: readonly AutoCdcField[] | null;
}

/** What events are ordered by. A struct has the types of its fields; a nested struct cannot be ordered here. */
export interface AutoCdcSequence {
  readonly kind: 'column' | 'struct';
  /** One field for a column (its name does not matter); the fields of a struct in order. Never jsonb. */
  readonly fields: readonly { readonly name: string; readonly postgresType: string }[];
}

/** A flow into a target, resolved: every list names existing columns in their own spelling. */
export interface AutoCdcFlow {
  /** Unique among the flows of the target; positions are kept under it. */
  readonly flowName: string;
  /** Whether staged rows are events or whole snapshots. */
  readonly source: 'changes' | 'snapshots';
  readonly schema: string;
  readonly table: string;
  /** `schema.table`, quoted where Postgres needs it: for messages. */
  readonly fullName: string;
  /** The role that gets SELECT and DML on the target, with grant option; nobody if the role does not exist. */
  readonly createdBy: string;
  readonly scdType: 1 | 2;
  readonly keyColumns: readonly string[];
  /** The selected columns, keys among them. */
  readonly columns: readonly AutoCdcColumn[];
  /** Type of SEQUENCE BY; for snapshots the one type of their versions. */
  readonly sequence: AutoCdcSequence;
  /** SCD type 2: selected non-key columns whose changes begin a new row. Empty for type 1. */
  readonly trackedColumns: readonly string[];
  /** Selected non-key columns in which null means "not said". Excludes `columnsToUpdate`. */
  readonly ignoreNullColumns: readonly string[];
  /** Whether events name the columns that they author (staged as AUTHORED_COLUMN). */
  readonly columnsToUpdate: boolean;
  /** Every column of the source: other names in AUTHORED_COLUMN reject the batch. */
  readonly sourceColumns: readonly string[];
  /** Seconds after which tombstones may be removed, by wall clock: `pipelines.cdc.tombstoneGCThresholdInSeconds`. */
  readonly tombstoneRetentionSeconds: number;
  /** Seconds for which the change feed keeps its rows; null for no change feed. */
  readonly changeFeedRetentionSeconds: number | null;
}

/** Two days: how late an event may arrive by default. */
export const TOMBSTONE_RETENTION_SECONDS = 172_800;
/** A week, as long as a Delta table keeps the files of its change feed. */
export const CHANGE_FEED_RETENTION_SECONDS = 604_800;

/**
 * Staged events: one row per event, first the selected columns under their own names (values of D and T events are
 * ignored), then these. `createStaging` creates the staging table; stagers fill it in this order.
 *
 * The kind: U upsert, D delete, T truncate. T is tested before D, and a condition that is null counts as false.
 */
export const KIND_COLUMN = '__autocdc_kind';
/** Field n of the sequence, from 1. A null sequence: all null, and for a struct SEQUENCE_IS_NULL_COLUMN true. */
export const sequenceColumn = (place: number): string => `__autocdc_seq${place}`;
/** Only for struct sequences: true if the struct itself is null; a struct whose fields are null is legal. */
export const SEQUENCE_IS_NULL_COLUMN = '__autocdc_seq_is_null';
/** Only with `columnsToUpdate`: the names that the event authors, as spelled in the source; null for all. */
export const AUTHORED_COLUMN = '__autocdc_authored';

/**
 * Columns of the staged rows in order, with their Postgres types. Snapshots are staged as the selected columns alone.
 *
 * Values are checked later, when the staged rows are applied: null sequences and keys, names in AUTHORED_COLUMN that
 * the source does not have, and for snapshots their version and duplicate keys.
 */
export function stagingColumns(flow: AutoCdcFlow): { readonly name: string; readonly postgresType: string }[] {
  const selected = flow.columns.map(({ name, postgresType }) => ({ name, postgresType }));
  if (flow.source === 'snapshots') return selected;
  const { fields, kind } = flow.sequence;
  return [
    ...selected,
    { name: KIND_COLUMN, postgresType: 'text' },
    ...fields.map((field, index) => ({ name: sequenceColumn(index + 1), postgresType: field.postgresType })),
    ...(kind === 'struct' ? [{ name: SEQUENCE_IS_NULL_COLUMN, postgresType: 'boolean' }] : []),
    ...(flow.columnsToUpdate ? [{ name: AUTHORED_COLUMN, postgresType: 'text[]' }] : []),
  ];
}
