import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataType, Field } from '../../src/core/data-type.js';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { duckDbType } from '../../src/lake/engine/duckdb-type.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { DeltaHistory } from '../support/delta-history.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';

// Goal: whatever happened between two versions, the first version with the collapsed changes applied is the second
// version, cell by cell; and one row a key is all that it takes.

const seed = propertySeed('changes of random histories');
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? 20);
const COMMITS = 10;

let engine: Engine;
let connection: DuckDBConnection;
const folder = mkdtempSync(path.join(tmpdir(), 'delta-changes-'));
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function rows(sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
}

/** SQL of `value`, of an older form of a type, in the newer form: what a target does when its columns change. */
function asNewer(before: DataType, after: DataType, value: string): string {
  if (before.kind !== 'struct' || after.kind !== 'struct') return `cast(${value} as ${duckDbType(after)})`;
  const members = after.fields.map((field) => {
    const old = before.fields.find((candidate) => candidate.physicalName === field.physicalName);
    const member = old
      ? asNewer(old.type, field.type, `struct_extract(${value}, ${quoteLiteral(old.name)})`)
      : `cast(null as ${duckDbType(field.type)})`;
    return `${quoteIdentifier(field.name)} := ${member}`;
  });
  return `case when ${value} is null then null else struct_pack(${members.join(', ')}) end`;
}

function inColumns(before: readonly Field[], after: readonly Field[], source: string): string {
  const values = after.map((field) => {
    const old = before.find((candidate) => candidate.physicalName === field.physicalName);
    const value = old
      ? asNewer(old.type, field.type, `b.${quoteIdentifier(old.name)}`)
      : `cast(null as ${duckDbType(field.type)})`;
    return `${value} as ${quoteIdentifier(field.name)}`;
  });
  return `select ${values.join(', ')} from (${source}) b`;
}

async function checkHistory(run: number): Promise<void> {
  const random = new Random(seed + run);
  const shape = {
    mapping: random.pick(['none', 'name', 'id'] as const),
    isPartitioned: random.chance(0.5),
    hasFeed: random.chance(0.7),
    hasStatistics: random.chance(0.7),
  };
  const root = path.join(folder, String(run));
  const history = new DeltaHistory({ connection, folder: root, random, shape });
  await history.create();
  while (history.version < COMMITS) await history.step();
  const table = openDeltaTable({
    engine,
    store: localFileStore,
    root,
    tableName: 'lake.test.history',
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
  });
  const message = `seed ${seed}, run ${run}, ${JSON.stringify(shape)}\n${history.log.join('\n')}`;
  for (let pair = 0; pair < 4; pair++) {
    const from = BigInt(random.below(history.version));
    const to = pair === 0 ? BigInt(history.version) : from + 1n + BigInt(random.below(history.version - Number(from)));
    const allowFileDiff = !shape.hasFeed;
    const changes = await table.changeFeed?.changes({ from, to, allowFileDiff, schemaPolicy: 'follow' });
    if (!changes) throw new Error('no change feed');
    await using _ = changes;
    const where = `${message}\nfrom ${from} to ${to}`;
    const collapsed = await changes.collapse({ keyColumns: ['id'] });
    const snapshots = [await table.snapshot(from), await table.snapshot(to)] as const;
    await using before = await table.openRelation(snapshots[0], 1);
    await using after = await table.openRelation(snapshots[1], 1);
    const columns = snapshots[1].columns.map((column) => quoteIdentifier(column.name)).join(', ');
    const old = inColumns(snapshots[0].columns, snapshots[1].columns, before.parts[0] ?? '');
    const applied = `select ${columns} from (${old}) o where id not in (select id from (${collapsed.select}))
      union all select ${columns} from (${collapsed.select}) where _change_type = 'upsert'`;
    const wanted = await rows(`select ${columns} from (${after.parts[0]}) order by id`);
    expect(await rows(`select * from (${applied}) order by id`), where).toEqual(wanted);
    if (Number(to) === history.version) expect(wanted.length, where).toBe(history.keys().length);

    expect(await changes.contradictions(), where).toEqual([]);
    expect(collapsed.duplicateKeys, where).toEqual([]);
    const counts = await rows(`select count(*), count(distinct id) from (${collapsed.select})`);
    const total = String(collapsed.upserts + collapsed.deletes);
    expect(counts, where).toEqual([[total, total]]);
    // A key's rows before and its balance make one row after an upsert and none after a delete.
    const unbalanced = await rows(`select c.id from (${collapsed.select}) c join ${collapsed.keysTable} k on k.id = c.id
      left join (${before.parts[0]}) b on b.id = c.id
      where (case when b.id is null then 0 else 1 end) + k._touched_balance <> (case when _change_type = 'upsert' then 1 else 0 end)`);
    expect(unbalanced, where).toEqual([]);
    const [balance] = await rows(`select sum(_touched_balance)::bigint from ${collapsed.keysTable}`);
    expect(String(collapsed.balance), where).toBe(String(balance?.[0] ?? 0));
    expect(await rows(`select count(*) from (${changes.select})`), where).toEqual([
      [String(await changes.countRows())],
    ]);
  }
}

it(`${HISTORIES} random histories`, { timeout: 180_000 + HISTORIES * 10_000 }, async () => {
  for (let run = 0; run < HISTORIES; run++) await checkHistory(run);
});
