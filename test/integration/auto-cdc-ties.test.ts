import { describe, expect, it } from 'vitest';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { modelTable } from '../support/auto-cdc-model.js';
import { applyRows, makeTarget, rowText, visibleRows } from '../support/auto-cdc-run.js';
import type { Row } from '../support/auto-cdc-vectors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: an upsert and a delete with the same key and sequence end as documented, in every order and every division into
// batches: SCD type 1 keeps the row, type 2 ends it. If the sequence tells the two apart, both types agree.

/** Events of one key: before the tie, the tie, and after it. `mark` orders equals where the sequence includes it. */
const event = (kind: 'U' | 'D', at: number, v: string | null = null, w: string | null = null, mark = 0) => ({
  kind,
  at,
  v,
  w,
  mark,
});
type Event = ReturnType<typeof event>;
const BEFORE = event('U', 1, 'old', 'kept');
const TIED = [event('U', 5, 'a', null, 1), event('D', 5), event('U', 5, 'b', null, 1)];
const AFTER = event('U', 9, null, 'new');

/** Each way to apply events: for every order, the number of the batch of each event, from 0, without gaps. */
function everyWay<T>(items: readonly T[]): { readonly order: readonly T[]; readonly batches: readonly number[] }[] {
  const orders = permutations(items);
  const cuts = Array.from({ length: 2 ** (items.length - 1) }, (_, bits) => {
    let batch = 0;
    return items.map((_item, place) => {
      if (place > 0 && (bits >> (place - 1)) % 2 === 1) batch += 1;
      return batch;
    });
  });
  return orders.flatMap((order) => cuts.map((batches) => ({ order, batches })));
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, place) => permutations(items.toSpliced(place, 1)).map((rest) => [item, ...rest]));
}

function flowOf(scdType: 1 | 2, isPartial: boolean, isToldApart: boolean): AutoCdcFlow {
  const table = `t${scdType}${isPartial ? '_partial' : ''}${isToldApart ? '_marked' : ''}`;
  const at = { name: 'at', postgresType: 'integer' };
  const text = (name: string) => ({ name, postgresType: 'text', struct: null });
  return {
    flowName: 'flow',
    source: 'changes',
    schema: 'gold',
    table,
    fullName: `gold.${table}`,
    createdBy: 'databricks_sync',
    scdType,
    keyColumns: ['id'],
    columns: [{ name: 'id', postgresType: 'integer', struct: null }, text('v'), text('w')],
    sequence: isToldApart
      ? { kind: 'struct', fields: [at, { name: 'mark', postgresType: 'integer' }] }
      : { kind: 'column', fields: [at] },
    trackedColumns: scdType === 2 ? ['v', 'w'] : [],
    ignoreNullColumns: isPartial ? ['v', 'w'] : [],
    columnsToUpdate: false,
    sourceColumns: ['id', 'v', 'w'],
    tombstoneRetentionSeconds: 172_800,
    changeFeedRetentionSeconds: null,
  };
}

function staged({ sequence }: AutoCdcFlow, id: number, { kind, at, v, w, mark }: Event): Row {
  const own = { id, v, w, __autocdc_kind: kind, __autocdc_seq1: at };
  return sequence.kind === 'struct' ? { ...own, __autocdc_seq2: mark } : own;
}

const cases = [
  { events: [BEFORE, ...TIED], isPartial: false },
  { events: [...TIED, AFTER], isPartial: false },
  { events: [BEFORE, ...TIED], isPartial: true },
  { events: [...TIED, AFTER], isPartial: true },
];

/** The values of the row that is current after the events, as the documentation has it; null if there is none. */
function current(scdType: 1 | 2, isPartial: boolean, isToldApart: boolean, last: Event): string | null {
  const isKept = scdType === 1 || isToldApart;
  if (last === AFTER) return isPartial && isKept ? 'b new' : 'null new';
  return isKept ? 'b null' : null;
}

describe.each(postgresServers())('ties on $name', (server) => {
  it('end the same in every order and every division into batches', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    for (const isToldApart of [false, true]) {
      for (const scdType of [1, 2] as const) {
        for (const isPartial of [false, true]) {
          const flow = flowOf(scdType, isPartial, isToldApart);
          await makeTarget(client, flow);
          const ways = cases.filter((of) => of.isPartial === isPartial).flatMap(({ events }) => everyWay(events));
          const batches: Row[][] = [[], [], [], []];
          for (const [id, { order, batches: places }] of ways.entries()) {
            for (const [place, of] of order.entries()) batches[places[place] ?? 0]?.push(staged(flow, id, of));
          }
          for (const [nth, batch] of batches.entries()) await applyRows(client, flow, batch, BigInt(nth + 1));
          const visible = await visibleRows(client, flow);
          const expected = ways.flatMap(({ order }, id) =>
            modelTable(
              flow,
              order.map((of) => staged(flow, id, of)),
            ),
          );
          expect(visible, flow.table).toEqual(expected.map(rowText).sort());
          const shown = new Map(
            visible
              .map((row) => JSON.parse(row) as Row)
              .filter((row) => (row.__END_AT ?? null) === null)
              .map((row) => [row.id, `${row.v} ${row.w}`]),
          );
          for (const [id, { order }] of ways.entries()) {
            const last = order.includes(AFTER) ? AFTER : BEFORE;
            expect(shown.get(id) ?? null, `${flow.table} ${id}`).toBe(current(scdType, isPartial, isToldApart, last));
          }
        }
      }
    }
  }, 120_000);
});
