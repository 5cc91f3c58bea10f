import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { type FlowVector, flowVectors, normalized, type VectorBatch, type VectorRow } from '../support/flow-vectors.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the vectors of Auto CDC hold from end to end: declared in psql, events in a table of the database, one update a
// batch, a sidecar between them. TEST_LONG=1 takes all of them; else those of the seed, and every fifth of the others.

const known = flowVectors();
const vectors = (known?.vectors ?? []).filter(
  (vector, place) =>
    vector.api === 'apply_changes' &&
    vector.expect_definition_error === undefined &&
    // A table of the database has no structs: what is kept by their members is for tables of the lakehouse.
    vector.columns.every(([, type]) => !type.startsWith('struct')) &&
    (process.env.TEST_LONG === '1' || vector.origin.startsWith('seed') || place % 5 === 0),
);

if (known === null) it.skip('the vectors lie beside the repository, which is not the case here', () => {});

describe.runIf(known !== null).each(postgresServers())('vectors on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.admin.query('create schema src; create schema tgt');
    await lake.startSidecar();
  });
  afterAll(async () => {
    await lake[Symbol.asyncDispose]();
  });

  it.each(vectors)('$name', { timeout: 240_000 }, async (vector) => {
    const source = `src.${quoteIdentifier(vector.name)}`;
    const target = `tgt.${quoteIdentifier(vector.name.replaceAll('-', '_'))}`;
    await lake.admin.query(`create table ${source} (${vector.columns.map(columnDefinition).join(', ')})`);
    await lake.admin.query('select synced_tables.create_streaming_table($1)', [target]);
    await lake.admin.query(declaration(vector, target, source));
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

function columnDefinition([name, type]: readonly [string, string]): string {
  return `${quoteIdentifier(name)} ${type.startsWith('struct') ? 'jsonb' : type}`;
}

/** Timestamps as the vectors print them. */
function utcTexts(row: VectorRow): VectorRow {
  const entries = Object.entries(row).map(([name, value]) => {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value);
    return [name, isTime ? value.replace('T', ' ').replace(/\+00:00$/, '') : value];
  });
  return Object.fromEntries(entries) as VectorRow;
}

function declaration(vector: FlowVector, target: string, source: string): string {
  const { mode: _, ...options } = vector.options;
  const parameters = Object.entries(options).map(([name, value]) => `${name} => ${sqlValue(value)}`);
  return `select synced_tables.apply_changes(target => ${quoteLiteral(target)}, source => ${quoteLiteral(source)}, ${parameters.join(', ')})`;
}

function sqlValue(value: unknown): string {
  if (Array.isArray(value)) return `array[${value.map((item) => quoteLiteral(String(item))).join(', ')}]::text[]`;
  if (typeof value === 'object' && value !== null && 'struct' in value) {
    return quoteLiteral(`struct(${(value.struct as string[]).join(', ')})`);
  }
  return typeof value === 'string' ? quoteLiteral(value) : String(value);
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
