import type pg from 'pg';
import type { TargetLayout } from '../target/target-layout.js';

/** Looking for old tombstones in every batch would cost more than keeping them. */
const COLLECT_SECONDS_MIN = 3_600;

/**
 * Removes tombstones, the truncate mark and feed rows beyond their retention, at most once an hour. Still later events
 * are applied as if what was removed had never existed; hidden events of SCD type 2 stay.
 */
export async function collectGarbage(client: pg.Client, layout: TargetLayout, targetId: string): Promise<void> {
  const { flow, storage, feed } = layout;
  const due = await client.query(
    `update synced_tables._cdc_targets
        set collected_at = clock_timestamp(),
            truncated_before = case when truncated_at >= clock_timestamp() - make_interval(secs => $2::float8) then truncated_before end
      where target_id = $1 and collected_at < clock_timestamp() - make_interval(secs => least($2::float8, $3::float8))`,
    [targetId, flow.tombstoneRetentionSeconds, COLLECT_SECONDS_MIN],
  );
  if (due.rowCount === 0) return;
  const isTombstone = flow.scdType === 1 ? 'not __autocdc_visible' : '__autocdc_deletes';
  await client.query(
    `delete from ${storage} where ${isTombstone} and __autocdc_changed_at < clock_timestamp() - make_interval(secs => $1::float8)`,
    [flow.tombstoneRetentionSeconds],
  );
  if (flow.changeFeedRetentionSeconds === null) return;
  await client.query(
    `with gone as (delete from ${feed} where _commit_timestamp < clock_timestamp() - make_interval(secs => $1::float8) returning _commit_version)
     update synced_tables._cdc_targets set feed_starts_after = g.version
       from (select max(_commit_version) as version from gone) g where target_id = $2 and g.version > feed_starts_after`,
    [flow.changeFeedRetentionSeconds, targetId],
  );
}
