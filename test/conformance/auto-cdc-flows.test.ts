import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { declareBy, SURFACES } from '../support/flow-surfaces.js';
import { type FlowVector, flowVectors, normalized, type VectorBatch, type VectorRow } from '../support/flow-vectors.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the vectors of Auto CDC hold from end to end: declared in each way there is, events in a table of the database,
// one update a batch, a sidecar between them. TEST_LONG=1 takes all of them in all ways; else those of the seed and every
// fifth of the others, each in one way.

const known = flowVectors();
const isLong = process.env.TEST_LONG === '1';
const vectors = (known?.vectors ?? [])
  .filter((vector) => vector.api === 'apply_changes' && vector.expect_definition_error === undefined)
  .filter((vector, place) => isLong || vector.origin.startsWith('seed') || place % 5 === 0)
  .flatMap((vector, place) => {
    const surfaces = isLong ? SURFACES : SURFACES.filter((_, nth) => place % SURFACES.length === nth);
    return surfaces.map((surface) => ({ ...vector, surface, vector }));
  });

if (known === null) it.skip('the vectors lie beside the repository, which is not the case here', () => {});

describe.runIf(known !== null).each(eitherPostgresServer(import.meta.url))('vectors on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.admin.query('create schema src; create schema tgt');
    await lake.startSidecar();
  });
  afterAll(async () => {
    await lake[Symbol.asyncDispose]();
  });

  it.each(vectors)('$name by $surface', { timeout: 240_000 }, async ({ vector, surface }) => {
    const name = `${vector.name.replaceAll('-', '_')}_${surface}`;
    const source = `src.${name}`;
    const target = `tgt.${name}`;
    for (const type of structTypes(vector, name)) await lake.admin.query(type);
    await lake.admin.query(
      `create table ${source} (${vector.columns.map((column) => columnDefinition(column, name)).join(', ')})`,
    );
    await declareBy(surface, lake.admin, { target, source, options: vector.options });
    const run = async () => {
      const id = await lake.requestSync(target);
      await lake.wait(id);
      return (await lake.admin.query('select * from synced_tables.updates where update_id = $1', [id])).rows[0];
    };
    const [first] = vector.batches;
    // A change by hand needs a target, which the first update makes.
    if (first !== null && first !== undefined && 'dml' in first) await run();
    for (const [place, batch] of vector.batches.entries()) {
      if (batch === null) throw new Error('no snapshots here');
      if ('dml' in batch) {
        await lake.admin.query(dml(batch, target));
        continue;
      }
      await insert(source, batch as readonly VectorRow[], vector);
      if (vector.fails_at_batch === place) {
        await expect(run()).rejects.toMatchObject({ detail: `error code: ${vector.expect_error}` });
        break;
      }
      const update = await run();
      const expected = vector.expected_after_each_batch?.[place];
      if (expected !== undefined) expect(normalized(await targetRows(target))).toEqual(normalized(expected));
      const metrics = vector.expected_metrics_per_batch?.[place];
      if (metrics !== undefined) {
        expect(update).toMatchObject({
          num_upserted_rows: String(metrics.num_upserted_rows),
          num_deleted_rows: String(metrics.num_deleted_rows),
        });
      }
    }
    expect(normalized(await targetRows(target))).toEqual(normalized(vector.expected));
  });

  async function targetRows(target: string): Promise<VectorRow[]> {
    const { rows } = await lake.admin.query<{ row: VectorRow }>(`select to_jsonb(t) as row from ${target} t`);
    return rows.map(({ row }) => utcTexts(row));
  }

  async function insert(source: string, rows: readonly VectorRow[], vector: FlowVector): Promise<void> {
    const columns = vector.columns.map(([name]) => quoteIdentifier(name)).join(', ');
    await lake.admin.query(
      `insert into ${source} (${columns}) select ${columns} from jsonb_populate_recordset(null::${source}, $1)`,
      [JSON.stringify(rows)],
    );
  }
});

/** Structs are composite types of the database. */
function structTypes({ columns }: FlowVector, prefix: string): string[] {
  return columns.flatMap(([name, type]) => {
    const fields = /^struct<(.*)>$/.exec(type)?.[1];
    if (fields === undefined) return [];
    const members = fields.split(',').map((field) => field.trim().replace(':', ' '));
    return [`create type src.${prefix}_${name} as (${members.join(', ')})`];
  });
}

function columnDefinition([name, type]: readonly [string, string], prefix: string): string {
  return `${quoteIdentifier(name)} ${type.startsWith('struct') ? `src.${prefix}_${name}` : type}`;
}

/** Timestamps as the vectors print them. */
function utcTexts(row: VectorRow): VectorRow {
  const entries = Object.entries(row).map(([name, value]) => {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value);
    return [name, isTime ? value.replace('T', ' ').replace(/\+00:00$/, '') : value];
  });
  return Object.fromEntries(entries) as VectorRow;
}

function dml(step: Extract<VectorBatch, { dml: string }>, target: string): string {
  const pairs = (row: VectorRow | undefined, joint: string) =>
    Object.entries(row ?? {})
      .map(([name, value]) => `${quoteIdentifier(name)} = ${literal(value)}`)
      .join(joint);
  if (step.dml === 'delete') return `delete from ${target} where ${pairs(step.where, ' and ')}`;
  if (step.dml === 'update') return `update ${target} set ${pairs(step.set, ', ')} where ${pairs(step.where, ' and ')}`;
  const row = Object.entries(step.row ?? {});
  return `insert into ${target} (${row.map(([name]) => quoteIdentifier(name)).join(', ')}) values (${row.map(([, value]) => literal(value)).join(', ')})`;
}

function literal(value: unknown): string {
  return value === null ? 'null' : quoteLiteral(String(value));
}
