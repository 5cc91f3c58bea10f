import type { SyncedTablesError } from '../../../core/errors.js';
import type { SourceReport } from '../../../sync/source/describe-source.js';
import { exactNumberOf, timeOf } from '../../wire/wire-fields.js';
import type { SourceReply } from './source-schema.js';

/** @param syncedTables how many synced tables come from it */
export function sourceReplyOf(report: SourceReport, syncedTables: number): SourceReply {
  const { details, declared } = report;
  const { snapshot } = details;
  return {
    name: report.name,
    format: details.format,
    location: details.location,
    position_word: details.positionWord,
    version: exactNumberOf(snapshot.version),
    committed_at: timeOf(snapshot.committedAtMs),
    row_count: exactNumberOf(details.statedRowCount),
    size_bytes: exactNumberOf(snapshot.sizeBytes ?? null),
    file_count: details.fileCount,
    features: [...details.features],
    properties: Object.fromEntries(details.properties),
    change_feed: snapshot.hasChangeFeed ?? null,
    alter_table: snapshot.hasChangeFeed === false ? changeFeedStatement(report.name) : null,
    columns: report.columns.map((column) => ({
      name: column.name,
      source_type: column.sourceType,
      postgres_type: column.postgresType,
      problem: findingOf(column.problem),
      nullable: column.nullable,
      can_be_key: column.canBeKey,
      partition_index: column.partitionIndex,
      comment: column.comment,
    })),
    declared_key: declared?.primaryKey
      ? { columns: [...declared.primaryKey], timeseries_key: declared.timeseriesKey }
      : null,
    modes: report.modes.map(({ policy, problem, problemOfHistory, byFileComparison }) => ({
      scheduling_policy: policy,
      is_possible: problem === null,
      problem: findingOf(problem),
      by_file_comparison: byFileComparison && problem === problemOfHistory,
    })),
    commits: details.commits.map(({ version, committedAtMs, operation }) => ({
      version: exactNumberOf(version) ?? 0,
      committed_at: timeOf(committedAtMs),
      operation,
    })),
    synced_tables: syncedTables,
  };
}

/** The statement of the lakehouse that turns the change feed of a table on. */
function changeFeedStatement(source: string): string {
  return `ALTER TABLE ${source} SET TBLPROPERTIES (delta.enableChangeDataFeed = true)`;
}

type Finding = { readonly error_code: string; readonly message: string; readonly remedy: string };

export function findingOf(error: SyncedTablesError): Finding;
export function findingOf(error: SyncedTablesError | null): Finding | null;
export function findingOf(error: SyncedTablesError | null): Finding | null {
  return error && { error_code: error.code, message: error.message, remedy: error.remedy };
}
