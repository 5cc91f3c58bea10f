import type pg from 'pg';
import { errorCatalogue } from '../../core/error-catalogue.js';
import type { SyncedTablesError } from '../../core/errors.js';
import { failingValues } from './table-update-record.js';

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

const DUE = `state in ('QUEUED', 'RUNNING') and (claim_expires_at is null or claim_expires_at < clock_timestamp())`;

/** True where `claimVerification` would find one. */
export const IS_VERIFICATION_DUE = `exists (select from synced_tables._verifications where ${DUE})`;

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
       select verification_id from synced_tables._verifications v
        where ${DUE}
          -- Left to a sidecar that can read the source. If none can, that is its outcome.
          and (split_part(v.source_table_full_name, '.', 1) = any ((select o.catalogs from synced_tables._sidecars o where o.holder = $1)::text[]) is not false
               or not exists (select from synced_tables._sidecars k
                               where k.serves_all and k.expires_at >= statement_timestamp()
                                 and split_part(v.source_table_full_name, '.', 1) = any (k.catalogs) is not false))
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

/** How many rows were compared and how many of them differ, as the registry keeps it. */
interface ComparedRows {
  readonly sourceRows: bigint;
  readonly targetRows: bigint;
  readonly missingRows: bigint;
  readonly extraRows: bigint;
  readonly differentRows: bigint;
  /** Examples, kept as JSON. */
  readonly differences: readonly object[];
}

/** What came of a comparison, in the words that are kept. */
export interface VerificationRecord {
  /** Null if the rows could not be compared. */
  readonly compared: ComparedRows | null;
  /** The version that was compared; null if there is none. */
  readonly version: bigint | null;
  /** Why it failed, or that the tables differ; null for a table that equals its source. */
  readonly error: SyncedTablesError | null;
  readonly message: string;
}

/** Ends a comparison with what came of it; false if it is no longer ours. */
export async function writeVerification(
  client: pg.Client,
  claim: ClaimedVerification,
  { compared, version, error, message }: VerificationRecord,
): Promise<boolean> {
  const written = await client.query(
    `update synced_tables._verifications
          set state = $3, finished_at = clock_timestamp(), claim_expires_at = null, synced_version = $4, source_rows = $5,
              target_rows = $6, missing_rows = $7, extra_rows = $8, different_rows = $9, differences = $10,
              error_code = $11, message = $12, remedy = $13, sql_state = $14, failing_column = $15, failing_keys = $16
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
      message,
      error?.remedy ?? null,
      error ? errorCatalogue[error.code].sqlState : null,
      ...failingValues(error),
    ],
  );
  return written.rowCount !== 0;
}

/** Forgets the values and keys of the table's other comparisons. */
export async function forgetOlderDifferences(client: pg.Client, claim: ClaimedVerification): Promise<void> {
  await client.query(
    `update synced_tables._verifications set differences = null, failing_column = null, failing_keys = null
        where table_id = $1 and verification_id <> $2 and (differences is not null or failing_keys is not null)`,
    [claim.tableId, claim.verificationId],
  );
}
