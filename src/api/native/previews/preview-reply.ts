import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { isNamedLikeKey } from '../../../core/likely-key.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { findingOf } from '../sources/source-reply.js';
import { proposeKeys } from './log-findings.js';
import type { PreviewDraft } from './preview-draft.js';
import { isCanceled, type PreviewJob, type VersionedRows } from './preview-job.js';
import type { PreviewReply } from './preview-schema.js';
import { findInRows } from './row-findings.js';

/**
 * A preview from metadata alone.
 * @param rows that were read for it earlier
 */
export function logReplyOf(draft: PreviewDraft, rows: VersionedRows | null = null): PreviewReply {
  const base = {
    id: null,
    depth: 'log' as const,
    state: 'DONE' as const,
    steps_done: null,
    steps_total: null,
    failure: null,
    ...draft.reply,
    ...draft.findings,
    stops: proposeKeys(draft.findings.stops, draft.reply.likely_keys),
    rows: null,
  };
  return rows === null ? base : { ...base, ...withRows(draft, rows) };
}

/** A preview that reads rows, as far as it has come. */
export function jobReplyOf(job: PreviewJob): PreviewReply {
  return {
    ...logReplyOf(job.draft, job.result),
    id: job.id,
    depth: 'rows',
    state: stateOf(job),
    steps_done: job.step.done,
    steps_total: job.step.total,
    failure: failureOf(job),
  };
}

/** What is told of a preview whose sidecar has gone without a word. */
export function lostReplyOf(reply: PreviewReply): PreviewReply {
  return {
    ...reply,
    state: 'FAILED',
    failure: findingOf(syncedTablesError('PREVIEW_LOST', { table: reply.source.name })),
  };
}

type OfRows = Pick<PreviewReply, 'likely_keys' | 'defaults' | 'stops' | 'warnings' | 'hints' | 'rows'>;

function withRows({ report, input, reply, findings }: PreviewDraft, rows: VersionedRows): OfRows {
  const found = findInRows(report, input, rows);
  const likelyKeys = rows.keyCandidates === null ? reply.likely_keys : [...rows.keyCandidates];
  return {
    likely_keys: likelyKeys,
    defaults: { ...reply.defaults, primary_key_columns: defaultKey(reply.defaults.primary_key_columns, rows) },
    stops: proposeKeys([...findings.stops, ...found.stops], likelyKeys),
    warnings: [...findings.warnings, ...found.warnings],
    hints: [...findings.hints, ...found.hints],
    rows: rowsReplyOf(rows),
  };
}

function stateOf(job: PreviewJob): PreviewReply['state'] {
  if (!job.isOver) return 'RUNNING';
  if (job.result !== null) return 'DONE';
  return isCanceled(job) ? 'CANCELED' : 'FAILED';
}

/** A defect says nothing of itself to callers. */
function failureOf({ failure }: PreviewJob): PreviewReply['failure'] {
  if (failure === null) return null;
  return findingOf(asSyncedTablesError(failure) ?? syncedTablesError('API_DEFECT', {}, failure));
}

/** The declared key, else the only column that can be one, or the only one of those that is named like one. */
function defaultKey(declared: readonly string[], { keyCandidates }: VersionedRows): string[] {
  if (declared.length > 0 || keyCandidates === null) return [...declared];
  const named = keyCandidates.filter(isNamedLikeKey);
  const [only, ...others] = keyCandidates.length === 1 ? keyCandidates : named;
  return only === undefined || others.length > 0 ? [] : [only];
}

function rowsReplyOf(rows: VersionedRows): NonNullable<PreviewReply['rows']> {
  const { primaryKey: key, tiedKeys } = rows;
  return {
    version: exactNumberOf(rows.version),
    row_count: exactNumberOf(rows.rowCount),
    files_read: filesReplyOf(rows),
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

function filesReplyOf({ filesRead }: VersionedRows): NonNullable<PreviewReply['rows']>['files_read'] {
  if (filesRead === undefined) return null;
  const { files, bytes, allFiles, allBytes } = filesRead;
  return { files, bytes: exactNumberOf(bytes), of_files: allFiles, of_bytes: exactNumberOf(allBytes) };
}
