import { describe, expect, it } from 'vitest';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { modelTable } from '../support/auto-cdc-model.js';
import { applyRows, makeTarget, rowText, visibleRows } from '../support/auto-cdc-run.js';
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
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';

const shuffles = process.env.TEST_LONG === '1' ? 200 : 50;

const isEvents = (batch: Vector['batches'][number]): batch is readonly Row[] => Array.isArray(batch);
const vectors = [...ownVectors, ...sharedVectors()].filter(
  (vector) => vector.order_sensitive === false && vector.batches.every(isEvents),
);

/** The flow of a vector with one more key column, so that many shuffles run side by side in one target. */
function multiplied(flow: AutoCdcFlow): AutoCdcFlow {
  return {
    ...flow,
    keyColumns: ['shuffle', ...flow.keyColumns],
    columns: [{ name: 'shuffle', postgresType: 'integer', struct: null }, ...flow.columns],
  };
}

// Goal: the result depends on the set of events alone. Truncates of one shuffle hit the others, too, which have the same ones.
describe.each(eitherPostgresServer(import.meta.url))('Auto CDC vectors in any order on $name', (server) => {
  it(`gives the table of every vector under ${shuffles} shuffles, splits and repeats`, async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const random = new Random(propertySeed('auto cdc shuffles'));
    for (const [place, vector] of vectors.entries()) {
      const flow = multiplied(flowOfVector(vector, `t${place}`));
      await makeTarget(client, flow);
      const events = vector.batches.filter(isEvents).flat();
      const batches: Row[][] = Array.from({ length: 1 + random.below(6) }, () => []);
      for (let shuffle = 0; shuffle < shuffles; shuffle++) {
        for (const event of events) {
          const staged = { ...stagedRow(vector, flow, event), shuffle };
          do random.pick(batches).push(staged);
          while (random.chance(0.2));
        }
      }
      for (const [nth, batch] of batches.entries()) {
        await applyRows(client, flow, random.shuffle(batch), BigInt(nth + 1));
      }
      const expected = Array.from({ length: shuffles }, (_, shuffle) =>
        vector.expected.map((row) => rowText({ ...row, shuffle })),
      );
      expect(await visibleRows(client, flow), vector.name).toEqual(expected.flat().sort());
    }
  }, 600_000);
});

describe('the reference model', () => {
  it.each(vectors)('agrees with vector $name', (vector) => {
    const flow = flowOfVector(vector);
    const events = vector.batches
      .filter(isEvents)
      .flat()
      .map((event) => stagedRow(vector, flow, event));
    expect(modelTable(flow, events).map(rowText).sort()).toEqual(vector.expected.map(rowText).sort());
  });
});
