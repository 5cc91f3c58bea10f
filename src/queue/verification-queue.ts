import type pg from 'pg';
import { countOf } from '../core/count-of.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { Comparison, VerificationOutcome } from '../postgres/compare-copies.js';
import { recordEvent } from '../postgres/registry/synced-tables.js';
import { inTransaction } from '../postgres/session/session.js';

/** A comparison of a synced table with its source that this sidecar has claimed. */
export interface ClaimedVerification {
  readonly verificationId: string;
  readonly tableId: string;
  /** Name of the synced table, for messages. */
  readonly target: string;
  readonly source: string;
  /** Id of the sidecar. */
  readonly holder: string;
  /** 1 for the first try. */
  readonly attempt: number;
}

export interface VerificationClaimOptions {
  readonly holder: string;
  /** How long the claim lasts unless renewed. */
  readonly claimSeconds: number;
}

/** Claims the oldest comparison that was requested, or that a sidecar abandoned; null if there is none. */
export async function claimVerification(
  client: pg.Client,
  { holder, claimSeconds }: VerificationClaimOptions,
): Promise<ClaimedVerification | null> {
  const { rows } = await client.query<{
    verification_id: string;
    table_id: string;
    synced_table: string;
    source_table_full_name: string;
    attempt: number;
  }>(
    `with candidate as (
       select verification_id from synced_tables._verifications
        where state in ('QUEUED', 'RUNNING') and (claim_expires_at is null or claim_expires_at < clock_timestamp())
        order by created_at limit 1 for update skip locked)
     update synced_tables._verifications v
        set state = 'RUNNING', claimed_by = $1, claim_expires_at = clock_timestamp() + make_interval(secs => $2),
            attempt = v.attempt + 1, started_at = coalesce(v.started_at, clock_timestamp())
       from candidate c where v.verification_id = c.verification_id
     returning v.verification_id, v.table_id, v.synced_table, v.source_table_full_name, v.attempt`,
    [holder, claimSeconds],
  );
  const [row] = rows;
  if (!row) return null;
  return {
    verificationId: row.verification_id,
    tableId: row.table_id,
    target: row.synced_table,
    source: row.source_table_full_name,
    holder,
    attempt: row.attempt,
  };
}

/** Extends the claim; false if it is no longer ours, or the table was deleted. */
export async function renewVerification(
  client: pg.Client,
  claim: ClaimedVerification,
  claimSeconds: number,
): Promise<boolean> {
  const renewed = await client.query(
    `update synced_tables._verifications set claim_expires_at = clock_timestamp() + make_interval(secs => $3)
      where verification_id = $1 and claimed_by = $2 and state = 'RUNNING'`,
    [claim.verificationId, claim.holder, claimSeconds],
  );
  return renewed.rowCount === 1;
}

/**
 * Requeues a comparison.
 * @param delaySeconds minimum wait before its next attempt
 * @param countsAsAttempt false if we gave it up for reasons of our own, such as shutting down
 */
export async function requeueVerification(
  client: pg.Client,
  claim: ClaimedVerification,
  delaySeconds: number,
  countsAsAttempt: boolean,
): Promise<void> {
  await client.query(
    `update synced_tables._verifications
        set state = 'QUEUED', claimed_by = null, attempt = attempt - $4::int,
            claim_expires_at = case when $3::float8 > 0 then clock_timestamp() + make_interval(secs => $3) end
      where verification_id = $1 and claimed_by = $2 and state = 'RUNNING'`,
    [claim.verificationId, claim.holder, delaySeconds, countsAsAttempt ? 0 : 1],
  );
}

/** TABLES_DIFFER if rows differ; null for a table that equals its source. */
function differenceError(claim: ClaimedVerification, comparison: Comparison): SyncedTablesError | null {
  const { missingRows, extraRows, differentRows } = comparison;
  if (missingRows + extraRows + differentRows === 0n) return null;
  return syncedTablesError('TABLES_DIFFER', {
    target: claim.target,
    table: claim.source,
    missing: missingRows,
    extra: extraRows,
    different: differentRows,
  });
}

/** Records the result of a comparison, unless it is no longer ours. Row values go only into its own record. */
export async function finishVerification(
  client: pg.Client,
  claim: ClaimedVerification,
  outcome: VerificationOutcome,
): Promise<void> {
  const compared = outcome.kind === 'compared' ? outcome.comparison : null;
  const error = outcome.kind === 'compared' ? differenceError(claim, outcome.comparison) : outcome.error;
  const version = outcome.kind === 'compared' ? outcome.version : null;
  const proved = `${claim.target} equals ${claim.source}${version === null ? '' : ` at version ${version}`}: ${countOf(compared?.targetRows ?? 0n, 'row')} compared cell by cell.`;
  await inTransaction(client, async () => {
    const written = await client.query(
      `update synced_tables._verifications
          set state = $3, finished_at = clock_timestamp(), claim_expires_at = null, synced_version = $4, source_rows = $5,
              target_rows = $6, missing_rows = $7, extra_rows = $8, different_rows = $9, differences = $10,
              error_code = $11, message = $12, remedy = $13, sql_state = $14
        where verification_id = $1 and claimed_by = $2 and state = 'RUNNING'`,
      [
        claim.verificationId,
        claim.holder,
        compared ? 'COMPLETED' : 'FAILED',
        version?.toString() ?? null,
        compared?.sourceRows.toString() ?? null,
        compared?.targetRows.toString() ?? null,
        compared?.missingRows.toString() ?? null,
        compared?.extraRows.toString() ?? null,
        compared?.differentRows.toString() ?? null,
        compared ? JSON.stringify(compared.differences) : null,
        error?.code ?? null,
        error?.message ?? proved,
        error?.remedy ?? null,
        error ? errorCatalogue[error.code].sqlState : null,
      ],
    );
    if (written.rowCount === 0) return;
    // Row values are kept for the newest comparison only.
    await client.query(
      `update synced_tables._verifications set differences = null
        where table_id = $1 and verification_id <> $2 and differences is not null`,
      [claim.tableId, claim.verificationId],
    );
    await recordEvent(client, {
      level: error ? 'ERROR' : 'INFO',
      type: compared ? 'table_verified' : 'table_verification_failed',
      syncedTable: claim.target,
      pipelineId: await pipelineOf(client, claim),
      updateId: null,
      message: error?.message ?? proved,
      ...(error ? { details: { error_code: error.code, remedy: error.remedy } } : {}),
    });
  });
}

async function pipelineOf(client: pg.Client, claim: ClaimedVerification): Promise<string | null> {
  const { rows } = await client.query<{ pipeline_id: string }>(
    'select pipeline_id from synced_tables._tables where table_id = $1',
    [claim.tableId],
  );
  return rows[0]?.pipeline_id ?? null;
}
