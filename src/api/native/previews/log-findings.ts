import { type SyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { SourceRequest } from '../../../sync/source/check-source.js';
import type { SourceReport } from '../../../sync/source/describe-source.js';
import { findTargetError } from '../../../sync/source/preview-source.js';
import { findingOf } from '../sources/source-reply.js';
import { fieldOfCode } from '../tables/create-fields.js';
import type { PreviewFinding, PreviewInput } from './preview-schema.js';

/** What a preview says, by how much it matters. */
export interface Findings {
  readonly stops: PreviewFinding[];
  readonly warnings: PreviewFinding[];
  readonly hints: PreviewFinding[];
}

export function previewFinding(
  error: SyncedTablesError,
  more: Partial<Pick<PreviewFinding, 'columns' | 'ways_out'>> = {},
): PreviewFinding {
  return { ...findingOf(error), field: fieldOfCode(error.code), columns: [], ways_out: [], ...more };
}

/**
 * What the metadata of a source says about a create request.
 * @param request the part of it that depends on the source
 */
export function findInLog(report: SourceReport, input: PreviewInput, request: SourceRequest): Findings {
  const isChosen = (name: string) => request.chosenColumns?.includes(name) ?? true;
  const stops = report.columns.flatMap(({ name, problem }) => {
    if (problem === null || !isChosen(name)) return [];
    const others = report.columns.filter((column) => column.problem === null && isChosen(column.name));
    return [previewFinding(problem, { columns: [name], ways_out: [{ columns: others.map((column) => column.name) }] })];
  });
  const hints: PreviewFinding[] = [];
  if (report.columns.length === 0) {
    stops.push(previewFinding(syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: report.name })));
  }
  if (request.keyColumns.length === 0) {
    stops.push(previewFinding(syncedTablesError('PRIMARY_KEY_MISSING', { target: input.name || 'to be' })));
  }
  const misfit = findTargetError(report.details.snapshot, request);
  if (misfit) stops.push(previewFinding(misfit, { columns: columnsOf(misfit, request) }));
  judgeMode(report, input, { stops, hints });
  return { stops, warnings: [], hints };
}

function columnsOf(error: SyncedTablesError, { keyColumns, timeseriesKey }: SourceRequest): string[] {
  const field = fieldOfCode(error.code);
  if (field === 'timeseries_key' && timeseriesKey !== null) return [timeseriesKey];
  return field === 'primary_key_columns' ? [...keyColumns] : [];
}

/** Whether the policy is possible; of a problem with a column the column itself tells. */
function judgeMode(report: SourceReport, input: PreviewInput, { stops, hints }: Omit<Findings, 'warnings'>): void {
  const policy = input.scheduling_policy ?? 'SNAPSHOT';
  const isUnreadable = stops.some(({ field }) => field === 'source_table_full_name');
  const mode = report.modes.find((each) => each.policy === policy);
  const problem = mode?.problemOfHistory ?? null;
  if (mode && problem && !isUnreadable) {
    const snapshot = { scheduling_policy: 'SNAPSHOT' };
    if (!mode.byFileComparison) stops.push(previewFinding(problem, { ways_out: [snapshot] }));
    else if (input.allow_file_diff !== true) {
      stops.push(previewFinding(problem, { ways_out: [{ allow_file_diff: true }, snapshot] }));
    } else {
      const message = `Source table ${report.name} has no change data feed: its changes are found by comparing files, which reads every file that was written since.`;
      hints.push({ ...previewFinding(problem), message });
    }
  }
  if (policy === 'SNAPSHOT' && report.details.snapshot.hasChangeFeed === false && !isUnreadable) {
    hints.push(previewFinding(syncedTablesError('CHANGE_DATA_FEED_OFF', { table: report.name })));
  }
}

const KEYS_PROPOSED_MAX = 3;
/** The stops of a request, where a missing key has ways out: columns that may be one. */
export function proposeKeys(stops: readonly PreviewFinding[], likelyKeys: readonly string[]): PreviewFinding[] {
  const ways_out = likelyKeys.slice(0, KEYS_PROPOSED_MAX).map((column) => ({ primary_key_columns: [column] }));
  return stops.map((stop) => (stop.error_code === 'PRIMARY_KEY_MISSING' ? { ...stop, ways_out } : stop));
}
