import type pg from 'pg';
import { countOf } from '../core/count-of.js';
import { explainDifference, type VerificationOutcome } from '../postgres/compare-copies.js';
import { readPipelineOf, recordEvent } from '../postgres/registry/synced-tables.js';
import {
  type ClaimedVerification,
  forgetOlderDifferences,
  writeVerification,
} from '../postgres/registry/verifications.js';
import { inTransaction } from '../postgres/session/session.js';

/** Records the result of a comparison, unless it is no longer ours. Row values go only into its own record. */
export async function finishVerification(
  client: pg.Client,
  claim: ClaimedVerification,
  outcome: VerificationOutcome,
): Promise<void> {
  const compared = outcome.kind === 'compared' ? outcome.comparison : null;
  const error =
    outcome.kind === 'compared' ? explainDifference(claim, outcome.comparison, outcome.handChange) : outcome.error;
  const version = outcome.kind === 'compared' ? outcome.version : null;
  const leftOut = outcome.kind === 'compared' ? (outcome.leftOutRows ?? 0n) : 0n;
  const proved = `${claim.target} equals ${claim.source}${version === null ? '' : ` at version ${version}`}: ${countOf(compared?.targetRows ?? 0n, 'row')} compared cell by cell${leftOut > 0n ? `, ${leftOut} left out for a null in the key` : ''}.`;
  const message = error?.message ?? proved;
  await inTransaction(client, async () => {
    if (!(await writeVerification(client, claim, { compared, version, error, message }))) return;
    // Row values are kept for the newest comparison only.
    await forgetOlderDifferences(client, claim);
    await recordEvent(client, {
      level: error ? 'ERROR' : 'INFO',
      type: compared ? 'table_verified' : 'table_verification_failed',
      syncedTable: claim.target,
      pipelineId: await readPipelineOf(client, claim.tableId),
      updateId: null,
      message,
      ...(error ? { details: { error_code: error.code, remedy: error.remedy } } : {}),
    });
  });
}
