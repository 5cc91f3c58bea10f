import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import type { BatchMetrics } from '../../src/core/flows/flow-progress.js';
import { readFlowPosition } from '../../src/postgres/registry/targets.js';
import { inTransaction } from '../../src/postgres/session/session.js';
import { applySnapshot, requireSomeSnapshot } from '../../src/scd/batch/apply-snapshot.js';
import {
  applyDml,
  applyRows,
  commitVersion,
  feedRows,
  makeTarget,
  rowText,
  stageRows,
  visibleRows,
} from '../support/auto-cdc-run.js';
import {
  flowOfVector,
  ownVectors,
  type Row,
  sharedVectors,
  stagedRow,
  type Vector,
} from '../support/auto-cdc-vectors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer } from '../support/postgres.js';

// Goal: Auto CDC gives the expected table, metrics, change feed and error for every test vector.

const shared = sharedVectors().filter((vector) => vector.expect_definition_error === undefined);
const vectors = [...ownVectors, ...shared];
if (shared.length === 0) console.info('the shared Auto CDC vectors are not here: skipped');

const sorted = (rows: readonly Row[]) => rows.map(rowText).sort();

/** Runs batch `place` of a vector; null for what has no metrics. */
async function runBatch(
  client: pg.Client,
  flow: AutoCdcFlow,
  vector: Vector,
  place: number,
): Promise<BatchMetrics | null> {
  const batch = vector.batches[place];
  if (batch === null || batch === undefined) {
    requireSomeSnapshot(await readFlowPosition(client, flow), flow.fullName);
    return null;
  }
  if ('dml' in batch) {
    await applyDml(client, flow, batch);
    return null;
  }
  if ('version' in batch) {
    const staging = await stageRows(client, flow, batch.rows);
    return inTransaction(client, () =>
      applySnapshot({ client, flow, staging, version: String(batch.version), position: place }),
    );
  }
  const events = batch.map((event) => stagedRow(vector, flow, event));
  return applyRows(client, flow, events, BigInt(place + 1));
}

describe.each(eitherPostgresServer(import.meta.url))('Auto CDC vectors on $name', (server) => {
  it('gives table, metrics, change feed and error of every vector', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    for (const [place, vector] of vectors.entries()) {
      const flow = flowOfVector(vector, `t${place}`);
      await makeTarget(client, flow);
      for (let nth = 0; nth < vector.batches.length; nth++) {
        const label = `${vector.name}, batch ${nth}`;
        const before = await commitVersion(client, flow);
        if (vector.fails_at_batch === nth) {
          const error = await runBatch(client, flow, vector, nth).catch((thrown: unknown) => thrown);
          expect(asSyncedTablesError(error)?.code ?? error, label).toBe(vector.expect_error);
          break;
        }
        const metrics = await runBatch(client, flow, vector, nth);
        const expected = vector.expected_metrics_per_batch?.[nth];
        if (metrics && expected) {
          expect([Number(metrics.numUpsertedRows), Number(metrics.numDeletedRows)], label).toEqual([
            expected.num_upserted_rows,
            expected.num_deleted_rows,
          ]);
        }
        const rows = vector.expected_after_each_batch?.[nth];
        if (rows) expect(await visibleRows(client, flow), label).toEqual(sorted(rows));
        const changes = vector.expected_change_feed_per_batch?.[nth];
        const after = await commitVersion(client, flow);
        if (changes) expect(await feedRows(client, flow, before + 1n, after), label).toEqual(sorted(changes));
      }
      expect(await visibleRows(client, flow), vector.name).toEqual(sorted(vector.expected));
    }
  }, 300_000);
});
