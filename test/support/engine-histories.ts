import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { expect } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { identifierList } from '../../src/core/names.js';
import type { ChangeRelation, ChangesOptions } from '../../src/lake/changes/change-relation.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../src/lake/source-snapshot.js';
import { DeltaHistory } from './delta-history.js';
import { Random } from './random.js';

/** An engine that reads Delta tables in a folder. */
export interface TestedEngine {
  readonly connection: DuckDBConnection;
  /** Folder of the tables. */
  readonly folder: string;
  /** Opens the table in a folder below that, and of that name. */
  readonly open: (name: string) => Promise<LakeTable>;
  /** Changes that it refuses, and what the history may have done then. */
  readonly refused: RegExp;
}

/** What histories had. */
export interface HistoriesFound {
  readonly compared: number;
  readonly refused: number;
}

/**
 * Random histories of Delta tables: the rows that an engine gives of a version, with the changes that it gives applied, are
 * the rows that it gives of a later version, and those have the keys that the table must have.
 */
export async function checkEngineHistories(
  { connection, folder, open, refused }: TestedEngine,
  { seed, histories, commits }: { readonly seed: number; readonly histories: number; readonly commits: number },
): Promise<HistoriesFound> {
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
  const found = { compared: 0, refused: 0 };
  for (let run = 0; run < histories; run++) {
    const random = new Random(seed + run);
    const shape = {
      mapping: random.pick(['none', 'name'] as const),
      isPartitioned: random.chance(0.5),
      hasFeed: true,
      keyType: 'long' as const,
      hasStatistics: true,
      hasStoredVectors: true,
      hasAllChangeFiles: random.chance(0.8),
    };
    const name = `h${seed}_${run}`;
    const history = new DeltaHistory({ connection, folder: path.join(folder, name), random, shape });
    await history.create();
    const table = await open(name);
    const bookmarks = [await table.changeFeed?.bookmark()];
    while (history.version < commits) {
      await history.step();
      if (history.version < commits && random.chance(0.3)) continue;
      const to = history.version;
      const from = bookmarks.length - 1;
      const bookmark = bookmarks[from];
      bookmarks[to] = await table.changeFeed?.bookmark();
      const where = `seed ${seed}, run ${run}, ${JSON.stringify(shape)}, from ${from} to ${to}\n${history.log.join('\n')}`;
      const range = { from: BigInt(from), allowFileDiff: false, keyColumns: ['id'] };
      const changes = await changesOf(table, bookmark === undefined ? range : { ...range, bookmark });
      const done = history.log.slice(from + 1, to + 1).join('\n');
      if (typeof changes === 'string') {
        expect(refused.test(`${changes}\n${done}`), `${where}\n${changes}`).toBe(true);
        found.refused += 1;
        continue;
      }
      await using _ = changes;
      expect(changes.to, where).toBe(BigInt(to));
      if (changes.schemaChanges.length > 0) continue;
      const names = identifierList(changes.end.columns.map((column) => column.name));
      await using before = await wholeAt(table, range.from, names);
      await using after = await wholeAt(table, BigInt(to), names);
      const collapsed = await changes.collapse({ keyColumns: ['id'] });
      const applied = `select ${names} from (${before.select}) where id not in (select id from (${collapsed.select}))
        union all select ${names} from (${collapsed.select}) where _change_type = 'upsert'`;
      const wanted = await rows(`select * from (${after.select}) order by all`);
      expect(await rows(`select * from (${applied}) order by all`), where).toEqual(wanted);
      expect(
        (await rows(`select id from (${after.select}) order by id`)).map(([id]) => Number(id)),
        where,
      ).toEqual(history.keys());
      const [counts] = await rows(`select (select count(*) from (${before.select})) + ${collapsed.balance}`);
      expect(Number(counts?.[0]), where).toBe(wanted.length);
      found.compared += 1;
    }
  }
  return found;
}

/** The code and message of a refusal instead. */
async function changesOf(table: LakeTable, options: ChangesOptions): Promise<ChangeRelation | string> {
  try {
    const changes = await table.changeFeed?.changes(options);
    if (!changes) throw new Error('it has no changes');
    try {
      await changes.fetch();
      return changes;
    } catch (error) {
      await changes[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return `${known.code} ${known.message}`;
  }
}

async function wholeAt(table: LakeTable, version: bigint, names: string) {
  const snapshot: SourceSnapshot = await table.snapshot(version);
  const relation = await table.openRelation(snapshot, 1);
  const whole = await holdWhole(relation);
  return {
    select: `select ${names} from (${whole.select})`,
    async [Symbol.asyncDispose]() {
      await whole[Symbol.asyncDispose]();
      await relation[Symbol.asyncDispose]();
    },
  };
}
