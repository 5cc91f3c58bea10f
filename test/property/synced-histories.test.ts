import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { DeltaHistory, type HistoryShape } from '../support/delta-history.js';
import { HistoryTable } from '../support/history-table.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { randomChoice } from '../support/random-choice.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: whatever happens to a source, and whenever it is looked at, a table that follows its changes equals a whole
// copy of the version that it reflects, cell by cell; and so does one that follows chosen columns and rows.

const seed = propertySeed('histories of followed tables');
/** On all servers together; `npm run test:histories` is the nightly form. */
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 300 : 12));
/** With the seed, repeats one history. */
const ONLY = process.env.PROPERTY_RUN;
const COMMITS = 12;
const KEY_TYPES = ['integer', 'integer', 'long', 'string', 'decimal', 'date', 'timestamp', 'binary', 'double'] as const;

function randomShape(random: Random): HistoryShape {
  const feedToggles = random.chance(0.15);
  return {
    mapping: random.pick(['none', 'name', 'id'] as const),
    isPartitioned: random.chance(0.5),
    hasFeed: random.chance(0.7),
    keyType: random.pick(KEY_TYPES),
    isCompositeKey: random.chance(0.25),
    isWide: random.chance(0.4),
    hasNullKeys: random.chance(0.3),
    hasTimeseries: random.chance(0.3),
    repeatedKeys: random.pick([0, 0, 0.05, 0.4]),
    feedToggles,
    hasStatistics: random.chance(0.7),
  };
}

const servers = postgresServers();

describe.each(servers)('tables that follow random histories on $name', (server) => {
  let lake: SyncedLake;
  let engine: Engine;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    engine = await openEngine();
    connection = await engine.connect();
    await lake.startSidecar({ pollSeconds: 1, concurrentUpdates: 4 });
  });
  afterAll(async () => {
    connection?.closeSync();
    await engine?.[Symbol.asyncDispose]();
    await lake?.[Symbol.asyncDispose]();
  });

  const isOurs = (run: number) => run % servers.length === servers.indexOf(server);
  const runs = ONLY === undefined ? Array.from({ length: HISTORIES }, (_, run) => run).filter(isOurs) : [Number(ONLY)];

  it.each(runs)('equal copies of their versions (history %i)', { timeout: 1_800_000 }, async (run) => {
    const random = new Random(seed + run * 7919);
    const hasChoice = random.chance(0.4);
    // What a choice needs may be renamed or dropped where columns are mapped: chosen-rows.test.ts looks at that.
    const shape = { ...randomShape(random), ...(hasChoice ? { mapping: 'none' as const } : {}) };
    const source = `histories.h${run}`;
    const folder = path.join(lake.lake.root, ...source.split('.'));
    mkdirSync(folder, { recursive: true });
    const choice = hasChoice ? randomChoice(random, shape) : null;
    const fits = choice?.fits ?? (() => true);
    const history = new DeltaHistory({ connection, folder, random, shape, fits });
    await history.create();
    const policy = random.pick(['TRIGGERED', 'CONTINUOUS'] as const);
    const table = new HistoryTable({ lake, history, target: source, policy, choice });
    try {
      for (;;) {
        await table.bringUpToDate();
        await table.expectEqualToCopy();
        if (history.version >= COMMITS) break;
        for (let steps = random.below(3) + 1; steps > 0; steps--) await history.step();
      }
    } catch (error) {
      console.info(
        `PROPERTY_SEED=${seed} PROPERTY_RUN=${run}: ${policy} ${JSON.stringify({ shape, columns: choice?.columns, rowFilter: choice?.rowFilter })}\n${table.log.join('\n')}`,
      );
      throw error;
    }
    const told = await lake.value(
      `select string_agg(message, ' ') from synced_tables.events where event_type = 'change_feed_wrong'`,
    );
    expect(told, 'of feeds that tell everything').toBe(null);
    await table.purge();
  });
});
