import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { identifierList } from '../../src/core/names.js';
import type { ChangeRelation } from '../../src/lake/changes/change-relation.js';
import { chooseRows } from '../../src/lake/choice/choose-rows.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { DeltaHistory } from '../support/delta-history.js';
import { fetchedStore } from '../support/iceberg-rows.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { type RandomChoice, randomChoice } from '../support/random-choice.js';
import { rowsAt } from '../support/rows-at.js';

// Goal: whatever happens to a source, the chosen rows of a version with the chosen changes applied are the chosen rows of
// the next version; and a snapshot of the chosen rows has exactly the rows that fulfil the filter.

const seed = propertySeed('chosen rows of random histories');
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 200 : 8));
const COMMITS = 10;

let engine: Engine;
let connection: DuckDBConnection;
const folder = mkdtempSync(path.join(tmpdir(), 'chosen-rows-'));
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

/** Changes that cannot be followed, and what the history did then. */
const STOPPING: Readonly<Record<string, RegExp>> = {
  CHOSEN_COLUMN_CHANGED: /rename|drop/,
  COLUMN_RENAME_NOT_SUPPORTED: /rename/,
  COLUMN_DROP_NOT_SUPPORTED: /drop/,
  CHANGED_PRIMARY_KEY: /rename|drop/,
};

/** The chosen changes of one range; null if the source has done what stops them. */
async function openChanges(
  table: LakeTable,
  range: { from: bigint; to: bigint; allowFileDiff: boolean },
  { log, where }: { log: readonly string[]; where: string },
): Promise<ChangeRelation | null> {
  try {
    return (await table.changeFeed?.changes({ ...range, keyColumns: ['id'] })) ?? null;
  } catch (error) {
    const code = asSyncedTablesError(error)?.code ?? String(error);
    const done = log.slice(Number(range.from) + 1, Number(range.to) + 1).join('\n');
    expect(done, `${where}\n${code}`).toMatch(STOPPING[code] ?? /never/);
    return null;
  }
}

async function checkHistory(run: number): Promise<{ compared: number; fitting: number }> {
  const random = new Random(seed + run);
  const shape = {
    mapping: random.pick(['none', 'none', 'name', 'id'] as const),
    isPartitioned: random.chance(0.6),
    hasFeed: random.chance(0.7),
    hasStatistics: random.chance(0.7),
  };
  const choice: RandomChoice = randomChoice(random, shape);
  const isFetched = random.chance(0.4);
  const root = path.join(folder, String(run));
  const history = new DeltaHistory({ connection, folder: root, random, shape });
  const whole = openDeltaTable({
    engine,
    store: isFetched ? fetchedStore() : localFileStore,
    root,
    tableName: 'lake.test.history',
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
  });
  const { columns, rowFilter, fits } = choice;
  const chosen = chooseRows(whole, { columns, rowFilter, besides: [] });
  let compared = 0;
  let fitting = 0;
  for (await history.create(); ; await history.step()) {
    const version = BigInt(history.version);
    const from = BigInt(random.below(history.version));
    const where = `seed ${seed}, run ${run}, ${JSON.stringify({ shape, isFetched, columns, rowFilter })}\n${history.log.join('\n')}\nfrom ${from}`;
    // From here on the choice fits the table no more.
    const names = (await whole.snapshot()).columns.map(({ name }) => name);
    if (!names.includes('v') || columns?.some((name) => !names.includes(name))) break;
    if (history.version < COMMITS && random.chance(0.5)) continue;

    const wanted = await rowsAt(connection, chosen, version);
    const ids = new Set(
      history
        .rows()
        .filter(fits)
        .map((row) => Number(row.id)),
    );
    const place = columns === null ? names.indexOf('id') : names.filter((name) => columns.includes(name)).indexOf('id');
    expect(wanted.map((row) => Number(row[place])).sort(), where).toEqual([...ids].sort());
    fitting += ids.size;

    const allowFileDiff = !shape.hasFeed;
    const changes = await openChanges(chosen, { from, to: version, allowFileDiff }, { log: history.log, where });
    // The oracle of schema changes is the other test: here columns of both versions have to be the same.
    if (changes !== null) {
      await using _ = changes;
      if (changes.schemaChanges.length === 0) {
        await expectApplied(chosen, changes, { wanted, where });
        compared += 1;
      }
    }
    if (history.version >= COMMITS) break;
  }
  return { compared, fitting };
}

async function expectApplied(
  chosen: LakeTable,
  changes: ChangeRelation,
  { wanted, where }: { wanted: unknown[][]; where: string },
): Promise<void> {
  await using relation = await chosen.openRelation(await chosen.snapshot(changes.from), 1);
  await using before = await holdWhole(relation);
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  const names = identifierList(changes.end.columns.map(({ name }) => name));
  const applied = `select ${names} from (${before.select}) where id not in (select id from (${collapsed.select}))
    union all select ${names} from (${collapsed.select}) where _change_type = 'upsert'`;
  expect(await rows(`select * from (${applied}) order by all`), where).toEqual(wanted);
  expect(await changes.contradictions(), where).toEqual([]);
  const [counts] = await rows(`select (select count(*) from (${before.select})) + ${collapsed.balance}`);
  expect(Number(counts?.[0]), where).toBe(wanted.length);
  expect(await rows(`select count(*) from (${changes.select})`), where).toEqual([[String(await changes.countRows())]]);
}

it(`${HISTORIES} random histories`, { timeout: 180_000 + HISTORIES * 10_000 }, async () => {
  const found = { compared: 0, fitting: 0 };
  for (let run = 0; run < HISTORIES; run++) {
    const { compared, fitting } = await checkHistory(run);
    found.compared += compared;
    found.fitting += fitting;
  }
  // Filters that nothing fulfils, or that stop at once, would prove nothing.
  expect(found.compared).toBeGreaterThan(HISTORIES);
  expect(found.fitting).toBeGreaterThan(HISTORIES);
});
