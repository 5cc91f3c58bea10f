import type pg from 'pg';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { VerificationOutcome } from '../../postgres/compare-copies.js';
import { closeSession } from '../../postgres/session/session.js';
import { explainAnyError } from '../source/load-errors.js';
import { verifyTable } from './verify-table.js';

export interface RunVerificationOptions {
  /** Opens a session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly catalogs: CatalogSet;
  readonly tableId: string;
  /** Name of the synced table, for messages. */
  readonly target: string;
  readonly source: string;
  readonly signal: AbortSignal;
}

/** Compares a synced table with its source, in its own session. Never throws for failures that users can meet. */
export async function runVerification(options: RunVerificationOptions): Promise<VerificationOutcome> {
  const { catalogs, tableId, target, source, signal } = options;
  try {
    const client = await options.openSession();
    try {
      const openSource = (name: string) => catalogs.open(name);
      const verification = await verifyTable({ client, tableId, openSource, signal });
      const { version, leftOutRows, handChange, ...comparison } = verification;
      return { kind: 'compared', version, comparison, leftOutRows, handChange };
    } finally {
      await closeSession(client);
    }
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', error: explainAnyError(error, { fullName: target, source }) };
  }
}
