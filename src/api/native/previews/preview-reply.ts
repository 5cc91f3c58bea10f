import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { findingOf } from '../sources/source-reply.js';
import type { PreviewDraft } from './preview-draft.js';
import { isCanceled, type PreviewJob, type VersionedRows } from './preview-jobs.js';
import type { PreviewReply } from './preview-schema.js';
import { findInRows } from './row-findings.js';

/** A preview from metadata alone. */
export function logReplyOf({ reply, findings }: PreviewDraft): PreviewReply {
  return {
    id: null,
    depth: 'log',
    state: 'DONE',
    steps_done: null,
    steps_total: null,
    failure: null,
    ...reply,
    ...findings,
    rows: null,
  };
}

/** A preview that reads rows, as far as it has come. */
export function jobReplyOf(job: PreviewJob<PreviewDraft>): PreviewReply {
  const { draft, result } = job;
  const base = {
    ...logReplyOf(draft),
    id: job.id,
    depth: 'rows' as const,
    state: stateOf(job),
    steps_done: job.step.done,
    steps_total: job.step.total,
    failure: failureOf(job),
  };
  if (result === null) return base;
  const found = findInRows(draft.report, draft.input, result);
  const { stops, warnings, hints } = draft.findings;
  return {
    ...base,
    likely_keys: result.keyCandidates === null ? base.likely_keys : [...result.keyCandidates],
    defaults: { ...base.defaults, primary_key_columns: defaultKey(base.defaults.primary_key_columns, result) },
    stops: [...stops, ...found.stops],
    warnings: [...warnings, ...found.warnings],
    hints: [...hints, ...found.hints],
    rows: rowsReplyOf(result),
  };
}

function stateOf(job: PreviewJob<PreviewDraft>): PreviewReply['state'] {
  if (job.endedAtMs === null) return 'RUNNING';
  if (job.result !== null) return 'DONE';
  return isCanceled(job) ? 'CANCELED' : 'FAILED';
}

/** A defect says nothing of itself to callers. */
function failureOf({ failure }: PreviewJob<PreviewDraft>): PreviewReply['failure'] {
  if (failure === null) return null;
  return findingOf(asSyncedTablesError(failure) ?? syncedTablesError('API_DEFECT', {}, failure));
}

/** The declared key, else the only column that can be one. */
function defaultKey(declared: readonly string[], { keyCandidates }: VersionedRows): string[] {
  if (declared.length > 0) return [...declared];
  return keyCandidates?.length === 1 ? [...keyCandidates] : [];
}

function rowsReplyOf(rows: VersionedRows): NonNullable<PreviewReply['rows']> {
  const { primaryKey: key, tiedKeys } = rows;
  return {
    version: exactNumberOf(rows.version),
    row_count: exactNumberOf(rows.rowCount),
    key_candidates: rows.keyCandidates && [...rows.keyCandidates],
    primary_key: key && {
      columns: [...key.columns],
      rows_with_null: exactNumberOf(key.rowsWithNull) ?? 0,
      duplicate_keys: exactNumberOf(key.duplicateKeys) ?? 0,
      duplicate_rows: exactNumberOf(key.duplicateRows) ?? 0,
      tied_keys: exactNumberOf(tiedKeys),
    },
    nul_columns: rows.nulColumns.map(({ column, rows: count }) => ({ column, rows: exactNumberOf(count) ?? 0 })),
  };
}
