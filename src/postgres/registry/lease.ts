import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';

/** The right of one sidecar to run a pipeline until it expires. */
export interface Lease {
  readonly pipelineId: string;
  readonly holder: string;
  /** Increases with every holder, which exposes the work of a former one. */
  readonly epoch: bigint;
}

/**
 * Fencing: proves inside the committing transaction that the lease is still ours, and keeps others from taking it until
 * that transaction ends. The lock does not block our own renewals: a merge may outlast the lease.
 * @throws LEASE_LOST
 */
export async function requireLease(client: pg.Client, lease: Lease, target: string): Promise<void> {
  const held = await client.query(
    `select from synced_tables._pipelines
      where pipeline_id = $1 and lease_holder = $2 and lease_epoch = $3 for key share`,
    [lease.pipelineId, lease.holder, lease.epoch.toString()],
  );
  if (held.rowCount === 0) throw syncedTablesError('LEASE_LOST', { target });
}

/** True while the lease is ours; unlike `requireLease` this blocks nobody. */
export async function isLeaseHeld(client: pg.Client, lease: Lease): Promise<boolean> {
  const held = await client.query(
    'select from synced_tables._pipelines where pipeline_id = $1 and lease_holder = $2 and lease_epoch = $3',
    [lease.pipelineId, lease.holder, lease.epoch.toString()],
  );
  return held.rowCount === 1;
}

/** Extends the lease; false if it is no longer ours. */
export async function renewLease(client: pg.Client, lease: Lease, leaseSeconds: number): Promise<boolean> {
  const renewed = await client.query(
    `update synced_tables._pipelines set lease_expires_at = clock_timestamp() + make_interval(secs => $4)
      where pipeline_id = $1 and lease_holder = $2 and lease_epoch = $3`,
    [lease.pipelineId, lease.holder, lease.epoch.toString(), leaseSeconds],
  );
  return renewed.rowCount === 1;
}

/** Gives the lease back, if it is still ours; a CONTINUOUS pipeline then goes on following its sources. */
export async function releaseLease(client: pg.Client, lease: Lease): Promise<void> {
  await client.query('select synced_tables_internal._release_pipeline($1, $2, $3)', [
    lease.pipelineId,
    lease.holder,
    lease.epoch.toString(),
  ]);
}
