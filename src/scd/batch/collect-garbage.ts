import type pg from 'pg';
import { beginCollection, forgetFeedRows } from '../../postgres/registry/target-batches.js';
import type { TargetLayout } from '../target/target-layout.js';

/** Looking for old tombstones in every batch would cost more than keeping them. */
const COLLECT_SECONDS_MIN = 3_600;

/**
 * Removes tombstones, the truncate mark and feed rows beyond their retention, at most once an hour. Still later events
 * are applied as if what was removed had never existed; hidden events of SCD type 2 stay.
 */
export async function collectGarbage(client: pg.Client, layout: TargetLayout, targetId: string): Promise<void> {
  const { flow, storage, feed } = layout;
  const retentionSeconds = flow.tombstoneRetentionSeconds;
  if (!(await beginCollection(client, { targetId, retentionSeconds, pauseSeconds: COLLECT_SECONDS_MIN }))) return;
  const isTombstone = flow.scdType === 1 ? 'not __autocdc_visible' : '__autocdc_deletes';
  await client.query(
    `delete from ${storage} where ${isTombstone} and __autocdc_changed_at < clock_timestamp() - make_interval(secs => $1::float8)`,
    [flow.tombstoneRetentionSeconds],
  );
  if (flow.changeFeedRetentionSeconds === null) return;
  await forgetFeedRows(client, { targetId, feed, retentionSeconds: flow.changeFeedRetentionSeconds });
}
