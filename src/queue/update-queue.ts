import type pg from 'pg';
import { errorCatalogue } from '../core/error-catalogue.js';
import type { SyncedTablesError } from '../core/errors.js';
import type { Lease } from '../postgres/lease.js';

/** An update that this sidecar has taken on, with the lease of its pipeline. */
export interface ClaimedUpdate {
  readonly updateId: string;
  readonly lease: Lease;
  readonly isFullRefresh: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
}

export interface ClaimOptions {
  /** Id of the sidecar. */
  readonly holder: string;
  readonly leaseSeconds: number;
  /** Pipelines that this sidecar is at work on, be it only to end what has lost its lease: not for it to take. */
  readonly running: readonly string[];
  /** The only pipeline to look at, whoever is meant to run it; else all but those that a program runs itself. */
  readonly pipelineId?: string;
}

/**
 * Takes the next update that is due, together with the lease of its pipeline; null if there is none. An update that
 * still counts as running although its lease has run out belonged to a sidecar that died: it goes first. A lease that
 * is ours although we do not run the pipeline is what a lost connection left behind; it need not run out.
 */
export async function claimUpdate(client: pg.Client, options: ClaimOptions): Promise<ClaimedUpdate | null> {
  const { rows } = await client.query<{
    update_id: string;
    pipeline_id: string;
    lease_epoch: string;
    full_refresh: boolean;
    attempt: number;
  }>(
    `with candidate as (
       select p.pipeline_id, u.update_id
         from synced_tables._updates u join synced_tables._pipelines p using (pipeline_id)
        where (u.state = 'RUNNING' or u.state = 'QUEUED' and coalesce(u.next_attempt_at, '-infinity') <= clock_timestamp())
          and (p.lease_holder is null or p.lease_expires_at < clock_timestamp() or p.lease_holder = $1)
          and p.pipeline_id <> all ($3::uuid[])
          and case when $4::uuid is null then not p.runs_in_program else p.pipeline_id = $4 end
        order by u.state = 'RUNNING' desc, u.created_at
        limit 1 for update of p, u skip locked
     ), leased as (
       update synced_tables._pipelines p
          set lease_holder = $1, lease_epoch = p.lease_epoch + 1,
              lease_expires_at = clock_timestamp() + make_interval(secs => $2)
         from candidate c where p.pipeline_id = c.pipeline_id
       returning p.pipeline_id, p.lease_epoch, c.update_id
     )
     update synced_tables._updates u
        set state = 'RUNNING', attempt = u.attempt + 1, next_attempt_at = null,
            started_at = coalesce(u.started_at, clock_timestamp())
       from leased l where u.update_id = l.update_id and u.state in ('QUEUED', 'RUNNING')
     returning u.update_id, u.pipeline_id, l.lease_epoch::text, u.full_refresh, u.attempt`,
    [options.holder, options.leaseSeconds, options.running, options.pipelineId ?? null],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    updateId: row.update_id,
    lease: { pipelineId: row.pipeline_id, holder: options.holder, epoch: BigInt(row.lease_epoch) },
    isFullRefresh: row.full_refresh,
    attempt: row.attempt,
  };
}

/** Ends a claimed update. Does nothing if it is no longer ours: deleted, or taken over by another sidecar. */
export async function finishUpdate(
  client: pg.Client,
  claim: ClaimedUpdate,
  error: SyncedTablesError | null,
): Promise<void> {
  await client.query(
    `update synced_tables._updates u
        set state = $2, finished_at = clock_timestamp(), error_code = $3, message = $4, remedy = $5, sql_state = $6
      where u.update_id = $1 and u.state = 'RUNNING' and ${isOurs(7)}`,
    [
      claim.updateId,
      error ? 'FAILED' : 'COMPLETED',
      error?.code ?? null,
      error?.message ?? null,
      error?.remedy ?? null,
      error ? errorCatalogue[error.code].sqlState : null,
      ...leaseValues(claim),
    ],
  );
}

/**
 * Puts a claimed update back, with what it noted about the tables that it had not finished.
 * @param delaySeconds how long it has to wait before its next try
 * @param countsAsAttempt false if it was given up for a reason of ours, such as shutting down
 */
export async function requeueUpdate(
  client: pg.Client,
  claim: ClaimedUpdate,
  delaySeconds: number,
  countsAsAttempt: boolean,
): Promise<void> {
  await client.query(
    `with requeued as (
       update synced_tables._updates u
          set state = 'QUEUED', attempt = u.attempt - $3::int,
              next_attempt_at = case when $2::float8 > 0 then clock_timestamp() + make_interval(secs => $2) end
        where u.update_id = $1 and u.state = 'RUNNING' and ${isOurs(4)}
       returning u.update_id
     )
     update synced_tables._table_updates t set state = 'QUEUED', started_at = null
       from requeued r where t.update_id = r.update_id and t.state = 'RUNNING'`,
    [claim.updateId, delaySeconds, countsAsAttempt ? 0 : 1, ...leaseValues(claim)],
  );
}

/** SQL that is true while the lease is ours; its three values start at parameter `first`. */
function isOurs(first: number): string {
  return `exists (select from synced_tables._pipelines p where p.pipeline_id = $${first}
                     and p.lease_holder = $${first + 1} and p.lease_epoch = $${first + 2})`;
}

function leaseValues(claim: ClaimedUpdate): string[] {
  return [claim.lease.pipelineId, claim.lease.holder, claim.lease.epoch.toString()];
}

/**
 * Milliseconds until the next update can be taken on that waits for its next try, or for the lease of another sidecar
 * to run out; null if there is none.
 */
export async function msUntilNextDue(client: pg.Client, holder: string): Promise<number | null> {
  const { rows } = await client.query<{ ms: number | null }>(
    `select extract(epoch from min(greatest(u.next_attempt_at, p.lease_expires_at)) - clock_timestamp())::float8 * 1000 as ms
       from synced_tables._updates u join synced_tables._pipelines p using (pipeline_id)
      where u.state in ('QUEUED', 'RUNNING') and p.lease_holder is distinct from $1`,
    [holder],
  );
  return rows[0]?.ms ?? null;
}
