import type { Field } from './data-type.js';

type SchedulingPolicy = 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';

/** The states of a synced table, under the names of the Databricks API (its misspelled last one included). */
export type SyncedTableState =
  | 'SYNCED_TABLE_PROVISIONING'
  | 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES'
  | 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'
  | 'SYNCED_TABLE_ONLINE'
  | 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'
  | 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'
  | 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE'
  | 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
  | 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED'
  | 'SYNCED_TABLE_OFFLINE_FAILED'
  | 'SYNCED_TABLED_OFFLINE';

/** A synced table as the registry knows it. */
export interface SyncedTable {
  readonly tableId: string;
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted where Postgres needs it: for messages. */
  readonly fullName: string;
  readonly source: string;
  readonly keyColumns: readonly string[];
  readonly timeseriesKey: string | null;
  readonly invalidCharacters: 'fail' | 'strip';
  readonly policy: SchedulingPolicy;
  /** Whether an update publishes the tables of its pipeline one by one, or all in one transaction. */
  readonly publish: 'separately' | 'together';
  /** OID of the Postgres table; null before the first load. Kept after the table was dropped by hand. */
  readonly relation: number | null;
  readonly syncedVersion: bigint | null;
  readonly sourceTableId: string | null;
  /** `ChangeRelation.bookmark` of the synced version; null for sources without a change feed. */
  readonly sourceBookmark: string | null;
  /** Rows in the table; null before the first load. */
  readonly rowCount: bigint | null;
  /** Whether file differences may be used where the source's change feed was off. */
  readonly allowFileDiff: boolean;
  /** What to do when the source has lost the history that the next update needs. */
  readonly onHistoryGap: 'fail' | 'refresh';
  /** Whether its last update failed with a permanent error. */
  readonly isFailed: boolean;
  /** Whether somebody else than a sidecar has written to it since its last copy: only another copy makes it equal. */
  readonly isChangedByHand: boolean;
  readonly createdBy: string;
  /** Columns stored as another Postgres type than their source type implies; null: a type that this database lacks. */
  readonly typeOverrides: ReadonlyMap<string, string | null>;
  /** The source columns that it has, in any order; null: all of them, also those that the source gets later. */
  readonly chosenColumns: readonly string[] | null;
  /** Which source rows it has, as an expression of the lakehouse's SQL over any columns of the source; null: all. */
  readonly rowFilter: string | null;
  readonly extraColumns: readonly ExtraColumn[];
  readonly extraIndexes: readonly ExtraIndex[];
  /** Whether full copies load over more connections. */
  readonly isAccelerated: boolean;
  /** Set while an update turns it into this table: settings are as they are to become, position and relation as they are. */
  readonly change?: TableChange;
}

/** A change of a synced table that somebody asked for. */
export interface TableChange {
  readonly updateId: string;
  /**
   * `copy`: its rows have to be others. `follow`: the source has to be one that can be followed. `settings`: nothing has
   * to be read.
   */
  readonly work: 'copy' | 'follow' | 'settings';
}

/**
 * A column that only Postgres has. Type and expression are SQL from the creator, checked to be self-contained
 * fragments.
 */
export interface ExtraColumn {
  readonly name: string;
  readonly postgresType: string;
  /** `generated`: computed from other columns of the row, and stored. `default`: the same for every row written. */
  readonly kind: 'generated' | 'default';
  readonly expression: string;
}

/** An index created with the first load; afterwards it is an ordinary index. */
export interface ExtraIndex {
  readonly name: string;
  /** The part of CREATE INDEX after the table's name. */
  readonly definition: string;
}

/** A column of the Postgres table with the source column that fills it. */
export interface TargetColumn {
  readonly field: Field;
  readonly postgresType: string;
}
