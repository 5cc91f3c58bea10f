import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resetStreamingTarget } from '../../src/cdc/streaming-target.js';
import type { AutoCdcColumn, AutoCdcFlow } from '../../src/core/auto-cdc-flow.js';
import { modelTable } from '../support/auto-cdc-model.js';
import { applyRows, rowText, visibleRows } from '../support/auto-cdc-run.js';
import type { Row } from '../support/auto-cdc-vectors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';

const runs = process.env.TEST_LONG === '1' ? 300 : 12;

const field = (name: string, postgresType: string) => ({ name, postgresType, struct: null });
// Names that the SQL of the engine uses for its own ends.
const columns: AutoCdcColumn[] = [
  { name: 'id', postgresType: 'integer', struct: null },
  { name: 'name', postgresType: 'text', struct: null },
  { name: 'Nth', postgresType: 'numeric(10,2)', struct: null },
  {
    name: 'event',
    postgresType: 'jsonb',
    struct: [
      field('town', 'text'),
      { ...field('at', 'jsonb'), struct: [field('x', 'integer'), field('tags', 'jsonb')] },
    ],
  },
  { name: 'value', postgresType: 'jsonb', struct: null },
  { name: 'key', postgresType: 'boolean', struct: null },
];
const names = columns.map(({ name }) => name).slice(1);

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 2 });
const text = fc.constantFrom('', 'a', 'B', 'é', 'ab', '\u{1F600}', '\uFFFD');
const list = fc.array(fc.constantFrom(1, 10, 2, -1, 1.5, null, 'b', 'a'), { maxLength: 3 });
const values = fc.record({
  name: nullable(text),
  Nth: nullable(fc.constantFrom(1, 10, 2, -3, 0.25)),
  event: nullable(
    fc.record({
      town: nullable(text),
      at: nullable(fc.record({ x: nullable(fc.integer({ min: 0, max: 11 })), tags: nullable(list) })),
    }),
  ),
  value: nullable(list),
  key: nullable(fc.boolean()),
});

interface Sequence {
  readonly flow: AutoCdcFlow['sequence'];
  readonly value: fc.Arbitrary<readonly unknown[]>;
}

const sequences: Sequence[] = [
  {
    flow: { kind: 'column', fields: [{ name: 's', postgresType: 'bigint' }] },
    value: fc.tuple(fc.integer({ min: -3, max: 12 })),
  },
  {
    flow: { kind: 'column', fields: [{ name: 's', postgresType: 'text' }] },
    value: fc.tuple(fc.constantFrom('', 'a', 'B', 'b', '10', '9', 'é', 'z', '\u{1F600}', '\uFFFD')),
  },
  {
    flow: {
      kind: 'struct',
      fields: [
        { name: 'day', postgresType: 'integer' },
        { name: 'nth', postgresType: 'numeric' },
      ],
    },
    value: fc.tuple(nullable(fc.integer({ min: -1, max: 3 })), nullable(fc.integer({ min: 0, max: 3 }))),
  },
];

interface Case {
  readonly flow: AutoCdcFlow;
  readonly batches: readonly (readonly Row[])[];
}

/** A flow, and events of it in batches: a random multiset with repeats, in random order. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    scdType: fc.constantFrom<1 | 2>(1, 2),
    sequence: fc.constantFrom(...sequences),
    authorship: fc.constantFrom('whole', 'ignore-null', 'ignore-some', 'columns-to-update'),
    tracked: fc.oneof(fc.constant(names), fc.subarray(names)),
    ignored: fc.subarray(names, { minLength: 1 }),
  })
  .chain(({ scdType, sequence, authorship, tracked, ignored }) => {
    const flow: AutoCdcFlow = {
      flowName: 'flow',
      source: 'changes',
      schema: 'gold',
      table: 'random',
      fullName: 'gold.random',
      createdBy: 'databricks_sync',
      scdType,
      keyColumns: ['id'],
      columns,
      sequence: sequence.flow,
      trackedColumns: scdType === 2 ? tracked : [],
      ignoreNullColumns: authorship === 'ignore-null' ? names : authorship === 'ignore-some' ? ignored : [],
      columnsToUpdate: authorship === 'columns-to-update',
      sourceColumns: columns.map(({ name }) => name),
      tombstoneRetentionSeconds: 172_800,
      changeFeedRetentionSeconds: null,
    };
    const event = fc
      .record({
        id: fc.integer({ min: 1, max: 12 }),
        kind: fc.constantFrom('U', 'U', 'U', 'U', 'U', 'U', 'D'),
        at: sequence.value,
        row: values,
        authored: fc.option(fc.subarray(names), { nil: null, freq: 4 }),
      })
      .map(
        ({ id, kind, at, row, authored }): Row => ({
          id,
          ...row,
          __autocdc_kind: kind,
          ...Object.fromEntries(at.map((value, place) => [`__autocdc_seq${place + 1}`, value])),
          ...(flow.columnsToUpdate ? { __autocdc_authored: authored } : {}),
        }),
      );
    const truncate = sequence.value.map(
      (at): Row => ({
        __autocdc_kind: 'T',
        ...Object.fromEntries(at.map((value, place) => [`__autocdc_seq${place + 1}`, value])),
      }),
    );
    const truncates = scdType === 1 ? fc.array(truncate, { maxLength: 2 }) : fc.constant([]);
    return fc
      .record({ own: fc.array(event, { minLength: 20, maxLength: 120 }), truncates })
      .chain(({ own, truncates: marks }) => {
        const all = [...own, ...own.slice(0, 5), ...marks];
        return fc
          .record({
            order: fc.shuffledSubarray(all, { minLength: all.length }),
            sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
          })
          .map(({ order, sizes }) => ({ flow, batches: split(order, sizes) }));
      });
  });

function split(events: readonly Row[], sizes: readonly number[]): Row[][] {
  const batches: Row[][] = [];
  for (let from = 0, nth = 0; from < events.length; nth++) {
    const size = sizes[nth % sizes.length] ?? 1;
    batches.push(events.slice(from, from + size));
    from += size;
  }
  return batches;
}

// Goal: the target depends on the multiset of events alone, and is what the reference model says.
describe.each(postgresServers())('Auto CDC on $name', (server) => {
  it(`agrees with the reference model after random events in random batches`, async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const seed = propertySeed('auto cdc');
    await fc.assert(
      fc.asyncProperty(cases, async ({ flow, batches }) => {
        await resetStreamingTarget(client, flow);
        for (const [nth, batch] of batches.entries()) {
          await applyRows(client, flow, batch, BigInt(nth + 1));
          const expected = modelTable(flow, batches.slice(0, nth + 1).flat());
          expect(await visibleRows(client, flow)).toEqual(expected.map(rowText).sort());
        }
      }),
      { seed, numRuns: runs, ...(runs > 50 ? { endOnFailure: false } : {}) },
    );
  }, 3_600_000);
});
