import type { BatchMetrics } from '../../../core/flows/flow-progress.js';
import { inTransaction } from '../../../postgres/session/session.js';
import { applyEventBatch, type EventBatch } from '../../../scd/batch/apply-event-batch.js';
import { applySnapshot, type SnapshotBatch } from '../../../scd/batch/apply-snapshot.js';
import type { UpdateTarget } from './update-target.js';

/**
 * Applies a staged batch of events in a transaction of its own. A batch that was committed before changes nothing.
 * @throws DeclaredAnew, and errors of applying the batch
 */
export function commitEvents(target: UpdateTarget, batch: EventBatch): Promise<BatchMetrics> {
  return inTransaction(batch.client, async () => {
    const metrics = await applyEventBatch(batch);
    if (!metrics.isReplay) await target.record(metrics, metrics);
    return metrics;
  });
}

/**
 * Brings the target to a staged snapshot in a transaction of its own.
 * @throws DeclaredAnew, and errors of applying the snapshot
 */
export function commitSnapshot(target: UpdateTarget, batch: SnapshotBatch): Promise<BatchMetrics> {
  return inTransaction(batch.client, async () => {
    const metrics = await applySnapshot(batch);
    await target.record(metrics, null);
    return metrics;
  });
}
