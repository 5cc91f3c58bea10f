import { type SyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { PreviewStep, RowPreview } from '../../../sync/source/preview-rows.js';
import type { Caller } from '../../places/caller.js';
import type { PreviewDraft } from './preview-draft.js';

/** What the rows of a source said, and of which version. */
export type VersionedRows = RowPreview & { readonly version: bigint | null };

/** Rows of a source table that this process reads for a caller. */
export interface PreviewJob {
  readonly id: string;
  readonly owner: string;
  /** What was asked for. */
  readonly draft: PreviewDraft;
  /** Fulfils when nothing is read any more, and what became of it has been noted. */
  end: Promise<void>;
  isOver: boolean;
  step: PreviewStep;
  result: VersionedRows | null;
  /** Why it ended without a result. */
  failure: unknown;
  readonly canceled: AbortController;
}

/** Whether it ended because that was asked for. */
export function isCanceled({ canceled }: PreviewJob): boolean {
  return canceled.signal.aborted && (canceled.signal.reason as SyncedTablesError).code === 'PREVIEW_CANCELED';
}

/** Makes a job end soon. */
export function cancelJob({ canceled }: PreviewJob, reason: string): void {
  canceled.abort(syncedTablesError('PREVIEW_CANCELED', { reason }));
}

/** Who may be told of a job. Callers of different kinds may have the same name. */
export function ownerOf({ kind, name }: Caller): string {
  return `${kind} ${name}`;
}
