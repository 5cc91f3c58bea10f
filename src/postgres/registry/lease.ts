import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';

/** The right of one sidecar to run a pipeline until it expires. */
export interface Lease {
  readonly pipelineId: string;
  readonly holder: string;
  /** Grows with every holder: what a former holder still has in hand is recognised by it. */
  readonly epoch: bigint;
}

/**
 * Fencing: proves inside the committing transaction that the lease is still ours, and keeps anybody from taking it
 * until that transaction ends. The lock lets our own renewals pass: a merge may take longer than the lease lasts.
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

/** True while the lease is ours; unlike `requireLease` this holds nobody off. */
export async function isLeaseHeld(client: pg.Client, lease: Lease): Promise<boolean> {
  const held = await client.query(
    'select from synced_tables._pipelines where pipeline_id = $1 and lease_holder = $2 and lease_epoch = $3',
    [lease.pipelineId, lease.holder, lease.epoch.toString()],
  );
  return held.rowCount === 1;
}

/** Prolongs the lease; false if it is no longer ours. */
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
