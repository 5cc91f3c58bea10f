import type { SyncedTablesError } from './errors.js';

/** How an update of a pipeline runs: to its end, or following its sources until another update is asked for. */
export type UpdateMode = 'DEFAULT' | 'CONTINUOUS';

/** What a pipeline keeps: synced tables, or streaming tables that flows fill. */
export type PipelineKind = 'SYNCED_TABLES' | 'FLOWS';

/**
 * How an update of a pipeline ended. `retry`: it failed with a transient error. `ended`: its end was recorded already,
 * by the update itself or by whatever removed its pipeline.
 */
export type UpdateOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'retry'; readonly delaySeconds: number }
  | { readonly kind: 'ended' };

/** A retry applies to the whole update; tables that are done will find their version unchanged. */
export function worstOutcome(outcomes: readonly UpdateOutcome[]): UpdateOutcome {
  const order = ['retry', 'failed', 'ended', 'completed'] as const;
  for (const kind of order) {
    const found = outcomes.find((outcome) => outcome.kind === kind);
    if (found) return found;
  }
  return { kind: 'ended' };
}
