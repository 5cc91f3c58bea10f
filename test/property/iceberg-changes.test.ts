import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChangeRelation } from '../../src/lake/changes/change-relation.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { IcebergHistory } from '../support/iceberg-history.js';
import { fetchedStore, icebergTable, readIcebergRows } from '../support/iceberg-rows.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';

// Goal: whatever a history of an Iceberg table does to its files, the changes between any two of its snapshots, added to the
// rows of the first, are the rows of the second: exactly, row by row, and by key.

const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 120 : 6));
const COMMITS = 14;
const folder = mkdtempSync(path.join(tmpdir(), 'iceberg-changes-'));
const seed = propertySeed('changes of Iceberg tables');
let engine: Engine;
let connection: DuckDBConnection;

beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 256 });
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
  await connection.run(`set TimeZone = 'UTC'`);
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Rows as texts, with how often each is there. */
class Rows {
  readonly #counts = new Map<string, number>();

  constructor(rows: readonly string[]) {
    for (const row of rows) this.add(row, 1);
  }

  add(row: string, times: number): void {
    const count = (this.#counts.get(row) ?? 0) + times;
    if (count === 0) this.#counts.delete(row);
    else this.#counts.set(row, count);
  }

  sorted(): string[] {
    return [...this.#counts].flatMap(([row, count]) => (count === 1 ? [row] : [`${row} ${count} times`])).sort();
  }
}

async function texts(select: string, columns: readonly string[]): Promise<{ row: string; change: string }[]> {
  const values = columns.map((name) => `coalesce("${name}"::varchar, '∅')`).join(`, '|', `);
  const reader = await engine.connect();
  try {
    const read = await reader.runAndReadAll(`select concat(${values}), _change_type from (${select})`);
    return read.getRowsJson().map(([row, change]) => ({ row: String(row), change: String(change) }));
  } finally {
    reader.closeSync();
  }
}

/** What the rows of before are with the changes, and the same by key. */
async function applied(changes: ChangeRelation, before: readonly string[]) {
  const columns = changes.end.columns.map(({ name }) => name);
  // Columns that were added since have no value in rows of before.
  const widened = before.map((row) =>
    [...row.split('|'), ...columns.slice(row.split('|').length).map(() => '∅')].join('|'),
  );
  const rows = new Rows(widened);
  const byKey = new Map(widened.map((row) => [row.split('|')[0], row]));
  await changes.fetch();
  for (const { row, change } of await texts(changes.select, columns)) rows.add(row, change === 'insert' ? 1 : -1);
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  for (const { row, change } of await texts(collapsed.select, columns)) {
    if (change === 'upsert') byKey.set(row.split('|')[0], row);
    else byKey.delete(row.split('|')[0]);
  }
  return { rows: rows.sorted(), byKey: [...byKey.values()].sort(), duplicates: collapsed.duplicateKeyCount };
}

it.each(Array.from({ length: HISTORIES }, (_, n) => n))(
  'history %i',
  async (n) => {
    const random = new Random(seed + n);
    const formatVersion = ([2, 3, 1] as const)[n % 3] ?? 2;
    const history = new IcebergHistory(connection, path.join(folder, `t${n}`), { random, formatVersion });
    const table = icebergTable({ engine, root: history.folder });
    const fetched = icebergTable({ engine, root: history.folder, store: fetchedStore() });
    await history.commit();
    let { snapshot, rows } = await readIcebergRows(table);
    expect(rows).toEqual(history.rows());
    const first = { snapshot, rows };
    for (let commits = 1; commits < COMMITS; ) {
      for (let more = 1 + random.below(3); more > 0; more--, commits++) await history.commit();
      const said = `seed ${seed}, history ${n}: ${history.log.join('; ')}`;
      const now = await readIcebergRows(table);
      expect(now.rows, said).toEqual(history.rows());
      const starts = commits >= COMMITS ? [{ snapshot, rows }, first] : [{ snapshot, rows }];
      for (const start of starts) {
        const source = random.chance(0.5) ? table : fetched;
        const changes = await source.changeFeed?.changes({
          from: start.snapshot.version ?? -1n,
          bookmark: start.snapshot.bookmark ?? '',
          tableId: start.snapshot.tableId,
          keyColumns: ['id'],
          allowFileDiff: true,
        });
        if (!changes) throw new Error('an Iceberg table has a history');
        await using _ = changes;
        const counted = await changes.countRows();
        const result = await applied(changes, start.rows);
        expect({ rows: result.rows, byKey: result.byKey }, said).toEqual({ rows: now.rows, byKey: now.rows });
        expect(result.duplicates, said).toBe(0n);
        expect(changes.bookmark, said).toBe(now.snapshot.bookmark);
        expect(await table.changeFeed?.isSameCommit(start.snapshot.bookmark ?? ''), said).toBe(
          start.snapshot.version !== now.snapshot.version || start.snapshot.bookmark === now.snapshot.bookmark,
        );
        const read = (await texts(changes.select, ['id'])).length;
        expect(counted >= BigInt(read), said).toBe(true);
      }
      ({ snapshot, rows } = now);
    }
  },
  120_000,
);
