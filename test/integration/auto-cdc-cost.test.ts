import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { inTransaction } from '../../src/postgres/session/session.js';
import { applyEventBatch } from '../../src/scd/batch/apply-event-batch.js';
import { createStaging } from '../../src/scd/event/create-staging.js';
import { makeTarget } from '../support/auto-cdc-run.js';
import { flowOfVector, ownVectors } from '../support/auto-cdc-vectors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

const keys = 400;
const eventsPerKey = 60;
const batch = 40;

/** Applies events `select id, job, desk, kind, seq`; returns how many stored rows were read for it. */
async function apply(client: pg.Client, flow: AutoCdcFlow, batchId: bigint, select: string): Promise<number> {
  const staging = await createStaging(client, flow);
  await client.query(`insert into ${staging} ${select}`);
  return inTransaction(client, async () => {
    await applyEventBatch({ client, flow, staging, batchId, position: null });
    const { rows } = await client.query<{ read: string }>(
      `select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::text as read
         from pg_stat_xact_user_tables where relname = '__apply_changes_storage_' || $1`,
      [flow.table],
    );
    return Number(rows[0]?.read);
  });
}

// Goal: what a batch costs depends on its events, not on how long the history of their keys or of others is.
describe.each(postgresServers())('the cost of an Auto CDC batch on $name', (server) => {
  it.each([
    ['SCD type 1', 1, []],
    ['SCD type 1 of partial events', 1, ['job', 'desk']],
    ['SCD type 2', 2, []],
  ] as const)('reads a few stored rows an event, %s', async (_, scdType, ignoreNullColumns) => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const [vector] = ownVectors;
    if (!vector) throw new Error('there is no vector');
    const tracked = scdType === 2 ? ['job', 'desk'] : [];
    const flow = { ...flowOfVector(vector, 'people'), scdType, ignoreNullColumns, trackedColumns: tracked };
    await makeTarget(client, flow);
    const total = keys * eventsPerKey;
    await apply(
      client,
      flow,
      1n,
      `select n % ${keys}, 'job ' || n, null, case when n % 7 = 0 then 'D' else 'U' end, n * 2 from generate_series(1, ${total}) n`,
    );
    await client.query('analyze gold.__apply_changes_storage_people');
    // Half of the events are late, each for a key of its own.
    const late = `case when n % 2 = 0 then (hashint4(n) & 65535) % ${total * 2} + 1 else ${total * 3} + n end`;
    const read = await apply(
      client,
      flow,
      2n,
      `select n * 7 % ${keys}, 'late ' || n, 'd', 'U', ${late} from generate_series(1, ${batch}) n`,
    );
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(batch * 12);
  });
});
