import { applyEventBatch, type EventBatch } from '../../cdc/apply-event-batch.js';
import { applySnapshot, type SnapshotBatch } from '../../cdc/apply-snapshot.js';
import type { AutoCdcMetrics } from '../../core/auto-cdc-engine.js';
import { inTransaction } from '../../postgres/session.js';
import type { FlowTarget } from './flow-target.js';

/**
 * Applies a staged batch of events, in a transaction of its own. One that was committed before changes nothing.
 * @throws DeclaredAnew, and what applying the batch throws
 */
export function commitEvents(target: FlowTarget, batch: EventBatch): Promise<AutoCdcMetrics> {
  return inTransaction(batch.client, async () => {
    const metrics = await applyEventBatch(batch);
    if (!metrics.isReplay) await target.record(metrics, metrics);
    return metrics;
  });
}

/**
 * Brings the target to a staged snapshot, in a transaction of its own.
 * @throws DeclaredAnew, and what applying the snapshot throws
 */
export function commitSnapshot(target: FlowTarget, batch: SnapshotBatch): Promise<AutoCdcMetrics> {
  return inTransaction(batch.client, async () => {
    const metrics = await applySnapshot(batch);
    await target.record(metrics, null);
    return metrics;
  });
}
