import type pg from 'pg';
import { errorCatalogue } from '../../core/error-catalogue.js';
import type { SyncedTablesError } from '../../core/errors.js';
import type { PipelineKind, UpdateMode } from '../../core/update-outcome.js';
import { isTakenBy } from './known-catalogs.js';
import type { Lease } from './lease.js';
import { IS_VERIFICATION_DUE } from './verifications.js';

/** So long the sidecars with the smallest share have to claim what is due, before any other does. */
const OVERDUE_SECONDS = 15;

/** How many tables of a pipeline logs name. */
const LOGGED_TABLES_MAX = 20;

/** An update that this sidecar has claimed, with the lease of its pipeline. */
export interface ClaimedUpdate {
  readonly updateId: string;
  readonly lease: Lease;
  /** The kind of tables in its pipeline. */
  readonly kind: PipelineKind;
  /** CONTINUOUS: follows the sources until another update of its pipeline is requested. */
  readonly mode: UpdateMode;
  readonly isFullRefresh: boolean;
  /** Whether it only checks flows, and writes nothing. */
  readonly isValidation: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Tables of its pipeline, and catalogs of their sources, for logs: the first of many. */
  readonly tables: readonly string[];
  readonly sourceCatalogs: readonly string[];
}

export interface ClaimOptions {
  /** Id of the sidecar; it claims nothing unless its leases are in force. */
  readonly holder: string;
  /** Pipelines that this sidecar is still working on, even if only to abort after losing the lease: not claimed. */
  readonly running: readonly string[];
  readonly mode: UpdateMode;
  /** How many at most. */
  readonly limit: number;
  /** True to leave alone what others have not had the time to claim yet. */
  readonly onlyOverdue?: boolean;
  /** The only pipeline to look at, even if a program runs it itself; otherwise all except those run by programs. */
  readonly pipelineId?: string | undefined;
}

/**
 * Claims due updates together with the leases of their pipelines, the oldest first. An update that still counts as
 * running after its lease expired belonged to a dead sidecar, and goes first. A lease of ours for a pipeline that we do
 * not run is left over from a lost connection, and need not expire first.
 */
export async function claimUpdates(client: pg.Client, options: ClaimOptions): Promise<ClaimedUpdate[]> {
  const { rows } = await client.query<{
    update_id: string;
    pipeline_id: string;
    lease_epoch: string;
    kind: PipelineKind;
    mode: UpdateMode | 'VALIDATE' | 'CHANGE';
    full_refresh: boolean;
    attempt: number;
    tables: string[];
    source_catalogs: string[];
  }>(
    `with candidate as (
       select p.pipeline_id, u.update_id
         from synced_tables._updates u join synced_tables._pipelines p using (pipeline_id)
        where (u.state = 'RUNNING' or u.state = 'QUEUED' and coalesce(u.next_attempt_at, '-infinity') <= clock_timestamp()
                                    and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause))
          and (p.lease_holder is null or p.lease_holder = $1
               -- Not: without one in force. One that has just joined is not seen yet when the row is looked at again.
               or exists (select from synced_tables._sidecars s where s.holder = p.lease_holder and s.expires_at < statement_timestamp()))
          and exists (select from synced_tables._sidecars s where s.holder = $1 and s.expires_at >= statement_timestamp())
          and p.pipeline_id <> all ($2::uuid[]) and u.mode = any ($3::text[])
          and (u.state = 'RUNNING' or not exists (select from synced_tables._updates r where r.pipeline_id = u.pipeline_id and r.state = 'RUNNING'))
          and case when $4::uuid is null then not p.runs_in_program and ${isTakenBy('p', '$1')} else p.pipeline_id = $4 end
          and (not $5 or case u.state when 'QUEUED' then coalesce(u.next_attempt_at, u.created_at)
                                      else (select s.expires_at from synced_tables._sidecars s where s.holder = p.lease_holder)
                         end < statement_timestamp() - make_interval(secs => ${OVERDUE_SECONDS}))
        order by u.state = 'RUNNING' desc, u.created_at
        limit $6 for update of p, u skip locked
     ), leased as (
       update synced_tables._pipelines p
          set lease_holder = $1, lease_epoch = p.lease_epoch + 1
         from candidate c where p.pipeline_id = c.pipeline_id
       returning p.pipeline_id, p.lease_epoch, p.kind, c.update_id
     )
     update synced_tables._updates u
        set state = 'RUNNING', attempt = u.attempt + 1, next_attempt_at = null, message = null,
            started_at = coalesce(u.started_at, clock_timestamp())
       from leased l where u.update_id = l.update_id and u.state in ('QUEUED', 'RUNNING')
     returning u.update_id, u.pipeline_id, l.lease_epoch::text, l.kind, u.mode, u.full_refresh, u.attempt,
               array(select k.synced_table from synced_tables._known_tables k where k.pipeline_id = u.pipeline_id
                      order by k.synced_table limit ${LOGGED_TABLES_MAX}) as tables,
               array(select distinct substring(t.source_table_full_name from '^[^.]+') from synced_tables._tables t
                      where t.pipeline_id = u.pipeline_id limit ${LOGGED_TABLES_MAX}) as source_catalogs`,
    [
      options.holder,
      options.running,
      // Checks and changes take the places of updates with an end.
      options.mode === 'DEFAULT' ? ['DEFAULT', 'VALIDATE', 'CHANGE'] : [options.mode],
      options.pipelineId ?? null,
      options.onlyOverdue === true,
      options.limit,
    ],
  );
  return rows.map((row) => ({
    updateId: row.update_id,
    lease: { pipelineId: row.pipeline_id, holder: options.holder, epoch: BigInt(row.lease_epoch) },
    kind: row.kind,
    mode: row.mode === 'CONTINUOUS' ? 'CONTINUOUS' : 'DEFAULT',
    isFullRefresh: row.full_refresh,
    isValidation: row.mode === 'VALIDATE',
    attempt: row.attempt,
    tables: row.tables,
    sourceCatalogs: row.source_catalogs,
  }));
}

/**
 * How many of the pipelines that are followed, or wait for a sidecar that follows them, a sidecar should have, if each is
 * shared equally between the sidecars that have its catalogs. Programs that run a pipeline of their own do not count.
 */
export async function readFollowerShare(client: pg.Client, holder: string): Promise<number> {
  const { rows } = await client.query<{ share: number }>(
    `with sidecar as (
       select s.holder, s.catalogs from synced_tables._sidecars s where s.serves_all and s.expires_at >= clock_timestamp() or s.holder = $1
     ), followed as (
       select p.catalogs, count(*) as pipelines
         from synced_tables._updates u join synced_tables._pipelines p using (pipeline_id)
        where u.mode = 'CONTINUOUS' and u.state in ('QUEUED', 'RUNNING') and not p.runs_in_program
        group by p.catalogs
     )
     select coalesce(sum(case when t.with_all > 0 then t.has_all * f.pipelines::float8 / t.with_all
                              when t.with_some > 0 then t.has_some * f.pipelines::float8 / t.with_some end), 0) as share
       from followed f
      cross join lateral (
        select count(*) filter (where h.has_all) as with_all, count(*) filter (where h.has_all and s.holder = $1) as has_all,
               count(*) filter (where h.has_some) as with_some, count(*) filter (where h.has_some and s.holder = $1) as has_some
          from sidecar s
         cross join lateral (select coalesce(f.catalogs <@ s.catalogs, true) as has_all, f.catalogs && s.catalogs as has_some) h) t`,
    [holder],
  );
  // Sums of thirds are not whole.
  return Math.ceil((rows[0]?.share ?? 0) - 1e-6);
}

/** Ends a claimed update and gives its lease back. Does nothing if it is no longer ours: deleted, or taken over. */
export async function finishUpdate(
  client: pg.Client,
  claim: ClaimedUpdate,
  error: SyncedTablesError | null,
): Promise<void> {
  await client.query('select synced_tables_internal._finish_update($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
    claim.updateId,
    ...leaseValues(claim),
    error ? 'FAILED' : 'COMPLETED',
    error?.code ?? null,
    error?.message ?? null,
    error?.remedy ?? null,
    error ? errorCatalogue[error.code].sqlState : null,
  ]);
}

/**
 * Requeues a claimed update, with what it recorded about unfinished tables, and gives its lease back.
 * @param delaySeconds minimum wait before its next attempt
 * @param countsAsAttempt false if we gave it up for reasons of our own, such as shutting down
 * @param reason told in the status while it waits; its tables tell of their own failures
 */
export async function requeueUpdate(
  client: pg.Client,
  claim: ClaimedUpdate,
  delaySeconds: number,
  countsAsAttempt: boolean,
  reason: string | null = null,
): Promise<void> {
  await client.query('select synced_tables_internal._requeue_update($1, $2, $3, $4, $5, $6, $7)', [
    claim.updateId,
    ...leaseValues(claim),
    delaySeconds,
    countsAsAttempt,
    reason,
  ]);
}

/** Requeues updates that a sidecar gives up because it stops, and gives their leases back. */
export async function returnUpdates(client: pg.Client, claims: readonly ClaimedUpdate[]): Promise<void> {
  await client.query(
    `select count(synced_tables_internal._requeue_update(c.update_id, c.pipeline_id, c.holder, c.epoch, 0, false, null))
       from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) as c (update_id, pipeline_id, holder, epoch)`,
    [
      claims.map(({ updateId }) => updateId),
      claims.map(({ lease }) => lease.pipelineId),
      claims.map(({ lease }) => lease.holder),
      claims.map(({ lease }) => lease.epoch.toString()),
    ],
  );
}

function leaseValues(claim: ClaimedUpdate): string[] {
  return [claim.lease.pipelineId, claim.lease.holder, claim.lease.epoch.toString()];
}

/** The queue's state of a pipeline that is being worked on. */
export interface PipelineNews {
  readonly pipelineId: string;
  /** False if it was deleted, stopped or taken over. */
  readonly isOurs: boolean;
  /** True if an update was requested that can begin now. */
  readonly isAskedFor: boolean;
}

/** Reads the state of all these pipelines at once. */
export async function readPipelineNews(client: pg.Client, leases: readonly Lease[]): Promise<PipelineNews[]> {
  const { rows } = await client.query<{ pipeline_id: string; is_ours: boolean; is_asked_for: boolean }>(
    `select l.pipeline_id, p.pipeline_id is not null as is_ours,
            exists (select from synced_tables._updates u
                     where u.pipeline_id = l.pipeline_id and u.state = 'QUEUED' and u.mode in ('DEFAULT', 'CHANGE')
                       and not synced_tables_internal._waits_for_resume(p.paused_at, u.cause)
                       and coalesce(u.next_attempt_at, '-infinity') <= clock_timestamp()) as is_asked_for
       from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as l (pipeline_id, holder, epoch)
       left join synced_tables._pipelines p
         on p.pipeline_id = l.pipeline_id and p.lease_holder = l.holder and p.lease_epoch = l.epoch`,
    [
      leases.map((lease) => lease.pipelineId),
      leases.map((lease) => lease.holder),
      leases.map((lease) => lease.epoch.toString()),
    ],
  );
  return rows.map((row) => ({ pipelineId: row.pipeline_id, isOurs: row.is_ours, isAskedFor: row.is_asked_for }));
}

/**
 * For each of these pipelines a text that changes when those who follow it have to read the registry again: the pipeline
 * is changed, a table comes, goes, fails or is mended, or something is declared anew. That tables are synced changes
 * their rows all the time, and nothing for who follows them.
 */
export async function readRegistryMarks(
  client: pg.Client,
  pipelineIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ pipeline_id: string; mark: string }>(
    `select p.pipeline_id, md5(concat_ws('/', p.xmin,
              (select string_agg(concat_ws(' ', t.table_id, t.is_failed, t.relation, t.synced_table), ' ' order by t.table_id)
                 from synced_tables._tables t where t.pipeline_id = p.pipeline_id),
              (select string_agg(concat_ws(' ', s.table_id, s.is_failed, s.relation, s.declaration_hash), ' ' order by s.table_id)
                 from synced_tables._streaming_tables s where s.pipeline_id = p.pipeline_id),
              (select string_agg(f.xmin::text, ' ' order by f.flow_id) from synced_tables._flows f join synced_tables._streaming_tables s using (table_id)
                where s.pipeline_id = p.pipeline_id),
              (select string_agg(v.xmin::text, ' ' order by v.view_name) from synced_tables._pipeline_views v where v.pipeline_id = p.pipeline_id))) as mark
       from synced_tables._pipelines p where p.pipeline_id = any ($1)`,
    [pipelineIds],
  );
  return new Map(rows.map((row) => [row.pipeline_id, row.mark]));
}

/** What is left to do after a look at the queue. */
export interface Outlook {
  /**
   * Milliseconds until the next update can be claimed that waits for its next attempt, or for another sidecar's lease to
   * expire; null if there is none.
   */
  readonly dueMs: number | null;
  /** True if a comparison was requested, or abandoned. */
  readonly isVerificationDue: boolean;
}

/** @param onlyFollowers true if there is no room for others */
export async function readOutlook(client: pg.Client, holder: string, onlyFollowers = false): Promise<Outlook> {
  const { rows } = await client.query<Outlook>(
    `select extract(epoch from min(greatest(u.next_attempt_at, s.expires_at)) - clock_timestamp())::float8 * 1000 as "dueMs",
            ${IS_VERIFICATION_DUE} as "isVerificationDue"
       from synced_tables._updates u join synced_tables._pipelines p using (pipeline_id)
       left join synced_tables._sidecars s on s.holder = p.lease_holder
      where u.state in ('QUEUED', 'RUNNING') and p.lease_holder is distinct from $1 and (u.mode = 'CONTINUOUS' or not $2)
        and ${isTakenBy('p', '$1')}
        and not (u.state = 'QUEUED' and synced_tables_internal._waits_for_resume(p.paused_at, u.cause))`,
    [holder, onlyFollowers],
  );
  return rows[0] ?? { dueMs: null, isVerificationDue: false };
}
