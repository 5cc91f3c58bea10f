import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';

/** A target whose row nobody else changes until the transaction ends. */
export interface LockedTargetRow {
  readonly targetId: string;
  readonly commitVersion: bigint;
  readonly snapshotVersion: string | null;
  /** Texts of the order columns. */
  readonly truncatedBefore: readonly string[] | null;
}

/**
 * Locks a target for applying a batch.
 * @throws AUTOCDC_TARGET_NOT_FOUND
 */
export async function lockTargetRow(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'schema' | 'table' | 'fullName'>,
): Promise<LockedTargetRow> {
  const { rows } = await client.query<{
    target_id: string;
    version: string;
    snapshot_version: string | null;
    truncated_before: string[] | null;
  }>(
    `select target_id, commit_version::text as version, snapshot_version, truncated_before
       from synced_tables._cdc_targets where schema_name = $1 and table_name = $2 for update`,
    [flow.schema, flow.table],
  );
  const found = rows[0];
  if (!found) throw syncedTablesError('AUTOCDC_TARGET_NOT_FOUND', { target: flow.fullName });
  return {
    targetId: found.target_id,
    commitVersion: BigInt(found.version),
    snapshotVersion: found.snapshot_version,
    truncatedBefore: found.truncated_before,
  };
}

/**
 * Keeps the relations of a target as they are until the transaction ends, and checks that they are what was made.
 * @throws AUTOCDC_TARGET_CHANGED
 */
export async function holdTarget(client: pg.Client, targetId: string): Promise<void> {
  await client.query('select synced_tables_internal._hold_target($1)', [targetId]);
}

/** Whether a batch of a flow, or a later one, was applied before. */
export async function isBatchApplied(
  client: pg.Client,
  batch: { readonly targetId: string; readonly flowName: string; readonly batchId: bigint },
): Promise<boolean> {
  const done = await client.query(
    'select from synced_tables._cdc_positions where target_id = $1 and flow_name = $2 and batch_id >= $3',
    [batch.targetId, batch.flowName, batch.batchId.toString()],
  );
  return done.rowCount !== 0;
}

/** Notes the order below which events and rows are dead, by the texts of the order columns. */
export async function writeTruncateMark(client: pg.Client, targetId: string, mark: readonly string[]): Promise<void> {
  await client.query(
    'update synced_tables._cdc_targets set truncated_before = $2, truncated_at = clock_timestamp() where target_id = $1',
    [targetId, JSON.stringify(mark)],
  );
}

/** Notes which snapshot a target was brought to. */
export async function writeSnapshotVersion(client: pg.Client, targetId: string, version: string): Promise<void> {
  await client.query('update synced_tables._cdc_targets set snapshot_version = $2::text where target_id = $1', [
    targetId,
    version,
  ]);
}

/** Notes the version of a target that the transaction at hand makes. */
export async function writeTargetVersion(client: pg.Client, targetId: string, version: bigint): Promise<void> {
  await client.query(
    'update synced_tables._cdc_targets set commit_version = $2, changed_by = pg_current_xact_id() where target_id = $1',
    [targetId, version.toString()],
  );
}

/** Notes how far a flow is, in the transaction that applies its batch. */
export async function writeFlowPosition(
  client: pg.Client,
  batch: {
    readonly targetId: string;
    readonly flowName: string;
    readonly batchId: bigint;
    /** Kept as JSON. */
    readonly position: unknown;
  },
): Promise<void> {
  await client.query(
    `insert into synced_tables._cdc_positions (target_id, flow_name, batch_id, position) values ($1, $2, $3, $4)
     on conflict on constraint _cdc_positions_pk do update
       set batch_id = excluded.batch_id, position = excluded.position, committed_at = now()`,
    [batch.targetId, batch.flowName, batch.batchId.toString(), JSON.stringify(batch.position ?? null)],
  );
}

/**
 * Drops the truncate mark if it is older than the retention of tombstones, and notes that what is old is cleared away
 * now.
 * @param pauseSeconds how long to wait after the last time; less for a shorter retention
 * @returns false if that was done not long ago: then nothing is changed
 */
export async function beginCollection(
  client: pg.Client,
  target: { readonly targetId: string; readonly retentionSeconds: number; readonly pauseSeconds: number },
): Promise<boolean> {
  const due = await client.query(
    `update synced_tables._cdc_targets
        set collected_at = clock_timestamp(),
            truncated_before = case when truncated_at >= clock_timestamp() - make_interval(secs => $2::float8) then truncated_before end
      where target_id = $1 and collected_at < clock_timestamp() - make_interval(secs => least($2::float8, $3::float8))`,
    [target.targetId, target.retentionSeconds, target.pauseSeconds],
  );
  return due.rowCount !== 0;
}

/**
 * Removes rows of a change feed that are older than its retention, and notes where it begins since then.
 * @param target `feed` as SQL names it
 */
export async function forgetFeedRows(
  client: pg.Client,
  target: { readonly targetId: string; readonly feed: string; readonly retentionSeconds: number },
): Promise<void> {
  await client.query(
    `with gone as (delete from ${target.feed} where _commit_timestamp < clock_timestamp() - make_interval(secs => $1::float8) returning _commit_version)
     update synced_tables._cdc_targets set feed_starts_after = g.version
       from (select max(_commit_version) as version from gone) g where target_id = $2 and g.version > feed_starts_after`,
    [target.retentionSeconds, target.targetId],
  );
}
