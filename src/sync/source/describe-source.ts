import { dataTypeText } from '../../core/data-type.js';
import { asSyncedTablesError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { canBeKey } from '../../core/postgres-type.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { DeclaredTable, LakeTable } from '../../lake/lake-table.js';
import type { SourceDetails } from '../../lake/source-details.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { planColumn } from './plan-target.js';
import { requireHistory, requireRecordedChanges } from './source-history.js';

/** A column of a source, and what becomes of it in Postgres. */
interface SourceColumnReport {
  readonly name: string;
  readonly sourceType: string;
  /** Null if the column cannot be synced. */
  readonly postgresType: string | null;
  /** Why it cannot be synced; null if it can. */
  readonly problem: SyncedTablesError | null;
  readonly nullable: boolean;
  /** Whether its type allows it in a primary key. */
  readonly canBeKey: boolean;
  /** Position among the partition columns, from 0; null for all others. */
  readonly partitionIndex: number | null;
  readonly comment: string | null;
}

/** Whether a source can be synced under one scheduling policy. */
export interface SourceMode {
  readonly policy: SyncedTable['policy'];
  /** Why not; null if it is possible. */
  readonly problem: SyncedTablesError | null;
  /** The same for a table that leaves out the columns that cannot be synced. */
  readonly problemOfHistory: SyncedTablesError | null;
  /** Whether it becomes possible by comparing files, which is slower than a change feed. */
  readonly byFileComparison: boolean;
}

/** All that can be said of a source table without reading its rows. */
export interface SourceReport {
  readonly name: string;
  readonly details: SourceDetails;
  readonly columns: readonly SourceColumnReport[];
  readonly modes: readonly SourceMode[];
  readonly declared: Pick<DeclaredTable, 'primaryKey' | 'timeseriesKey'> | null;
}

const POLICIES: readonly SyncedTable['policy'][] = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];

/**
 * Describes the newest version of a source table by its metadata alone; the report holds on to none of its files.
 * @throws what reading the metadata throws
 */
export async function describeSource(lakeTable: LakeTable): Promise<SourceReport> {
  const details = await lakeTable.details();
  const columns = reportColumns(lakeTable, details);
  const { snapshot } = details;
  const unreadable =
    columns.find(({ problem }) => problem !== null)?.problem ??
    (columns.length === 0 ? syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: snapshot.tableName }) : null);
  const declared = lakeTable.declared ?? null;
  return {
    name: lakeTable.name,
    details,
    columns,
    modes: await judgeModes(lakeTable, snapshot, unreadable),
    declared: declared && { primaryKey: declared.primaryKey, timeseriesKey: declared.timeseriesKey },
  };
}

function reportColumns({ declared }: LakeTable, details: SourceDetails): SourceColumnReport[] {
  const { snapshot, partitionColumns, comments } = details;
  return snapshot.columns.map((field, index) => {
    const { name, nullable, type } = field;
    const plan = planColumn(snapshot, field, index);
    const problem = plan instanceof SyncedTablesError ? plan : null;
    const partition = partitionColumns.indexOf(name);
    const comment = declared?.columns.find((column) => column.name === name)?.comment ?? comments.get(name) ?? null;
    return {
      name,
      sourceType: dataTypeText(type),
      postgresType: plan instanceof SyncedTablesError ? null : plan.postgresType,
      problem,
      nullable,
      canBeKey: problem === null && canBeKey(field),
      partitionIndex: partition < 0 ? null : partition,
      comment,
    };
  });
}

/**
 * The policies that a source can be synced under.
 * @param unreadable why it cannot be synced at all; null if it can
 */
export async function judgeModes(
  lakeTable: LakeTable,
  snapshot: SourceSnapshot,
  unreadable: SyncedTablesError | null = null,
): Promise<readonly SourceMode[]> {
  const notGiven = (await lakeTable.changeFeed?.refusal?.()) ?? null;
  return POLICIES.map((policy) => judgeMode({ policy, lakeTable, snapshot, unreadable, notGiven }));
}

function judgeMode(options: {
  readonly policy: SyncedTable['policy'];
  readonly lakeTable: LakeTable;
  readonly snapshot: SourceSnapshot;
  readonly unreadable: SyncedTablesError | null;
  /** Why its changes are not given. */
  readonly notGiven: SyncedTablesError | null;
}): SourceMode {
  const { policy, lakeTable, snapshot, unreadable, notGiven } = options;
  if (policy === 'SNAPSHOT') return { policy, problem: unreadable, problemOfHistory: null, byFileComparison: false };
  const noHistory = notGiven ?? refusalOf(() => requireHistory(lakeTable, lakeTable.name));
  const noFeed = refusalOf(() => requireRecordedChanges(snapshot, lakeTable.name));
  const problemOfHistory = noHistory ?? noFeed;
  const byFileComparison = noHistory === null && noFeed !== null;
  return { policy, problem: unreadable ?? problemOfHistory, problemOfHistory, byFileComparison };
}

/** What a check throws; null if it passes. */
function refusalOf(check: () => unknown): SyncedTablesError | null {
  try {
    check();
    return null;
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return known;
  }
}
