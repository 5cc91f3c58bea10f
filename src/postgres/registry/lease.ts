import pg from 'pg';
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
  const held = await client.query(leaseProof(lease));
  if (held.rowCount === 0) throw leaseLost(target);
}

/** The statement of `requireLease`: it returns a row if the lease is ours. */
export function leaseProof({ pipelineId, holder, epoch }: Lease): string {
  return `select 1 from synced_tables._pipelines
           where pipeline_id = ${pg.escapeLiteral(pipelineId)} and lease_holder = ${pg.escapeLiteral(holder)} and lease_epoch = ${epoch}
             for key share`;
}

export function leaseLost(target: string): Error {
  return syncedTablesError('LEASE_LOST', { target });
}

/** True while the lease is ours; unlike `requireLease` this blocks nobody. */
export async function isLeaseHeld(client: pg.Client, lease: Lease): Promise<boolean> {
  const held = await client.query(
    'select from synced_tables._pipelines where pipeline_id = $1 and lease_holder = $2 and lease_epoch = $3',
    [lease.pipelineId, lease.holder, lease.epoch.toString()],
  );
  return held.rowCount === 1;
}

/** What a sidecar says of itself. */
export interface SidecarNote {
  /** What keeps it from its work at the moment, for the status of its tables. */
  readonly trouble: string | null;
  /** False for a program that runs a pipeline of its own only. */
  readonly servesAll: boolean;
  /** Names of the catalogs in its settings, whose updates it takes; null: it takes any. */
  readonly catalogs: readonly string[] | null;
}

const TAKES_ANY: SidecarNote = { trouble: null, servesAll: true, catalogs: null };

/**
 * Extends all leases of a sidecar, or lets a new one in.
 * @returns false if they had expired before: others may have taken pipelines over
 */
export async function renewLeases(
  client: pg.Client,
  holder: string,
  leaseSeconds: number,
  { trouble, servesAll, catalogs }: SidecarNote = TAKES_ANY,
): Promise<boolean> {
  const { rows } = await client.query<{ in_time: boolean }>(
    `with before as (select expires_at from synced_tables._sidecars where holder = $1)
     insert into synced_tables._sidecars as s (holder, expires_at, trouble, serves_all, catalogs)
     values ($1, clock_timestamp() + make_interval(secs => $2), $3, $4, $5)
     on conflict (holder) do update set expires_at = excluded.expires_at, trouble = excluded.trouble, catalogs = excluded.catalogs
     returning coalesce((select expires_at >= clock_timestamp() from before), false) as in_time`,
    [holder, leaseSeconds, trouble, servesAll, catalogs],
  );
  return rows[0]?.in_time ?? false;
}

/** Ends all leases of a sidecar that has stopped. */
export async function endLeases(client: pg.Client, holder: string): Promise<void> {
  await client.query('delete from synced_tables._sidecars where holder = $1', [holder]);
}

/** Forgets sidecars that ended without a word, long ago. */
export async function forgetSidecars(client: pg.Client): Promise<void> {
  await client.query(
    `delete from synced_tables._sidecars s where s.expires_at < clock_timestamp() - interval '1 hour'
        and not exists (select from synced_tables._pipelines p where p.lease_holder = s.holder)`,
  );
}

/** Gives the lease back, if it is still ours; a CONTINUOUS pipeline then goes on following its sources. */
export async function releaseLease(client: pg.Client, lease: Lease): Promise<void> {
  await client.query('select synced_tables_internal._release_pipeline($1, $2, $3)', [
    lease.pipelineId,
    lease.holder,
    lease.epoch.toString(),
  ]);
}
