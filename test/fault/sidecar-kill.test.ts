import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { type SidecarProcess, scratchFolders } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a sidecar killed at a random moment leaves a whole table, and nothing else once it runs again.

/** `npm run test:kill` is the long form. */
const KILLS = process.env.TEST_LONG === '1' ? 50 : 4;
const ROWS = 30_000;

/** Numbers from 0 to 1, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe.each(postgresServers())('a sidecar that is killed on $name', (server) => {
  const random = randomNumbers(propertySeed('kills of a sidecar'));
  let lake: SyncedLake;
  let source: DeltaWriter;
  let sidecar: SidecarProcess;
  let loadMs: number;
  const settings = { leaseSeconds: 1, connections: 2 };

  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    sidecar = await lake.spawnSidecar(settings);
    const columns = { id: 'long', version: 'integer', filler: 'string' };
    source = await lake.lake.createTable(
      'k.t',
      columns,
      `select i as id, 0 as version, repeat('x', 200) as filler from range(${ROWS}) t(i)`,
    );
    await source.append(
      `select i as id, 0 as version, repeat('y', 200) as filler from range(${ROWS}, ${2 * ROWS}) t(i)`,
    );
    await lake.load('k.t');
    await lake.admin.query('create index on k.t (version, id)');
    await lake.sync('k.t', true);
    const took = `select max(extract(epoch from finished_at - started_at)) * 1000 from synced_tables.updates`;
    loadMs = Number(await lake.value(took));
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const fingerprint = 'count(*), sum(id), sum(version), sum(length(filler))';

  it.each(Array.from({ length: KILLS }, (_, n) => n + 1))(
    'leaves a whole table, and nothing else once it runs again (%i)',
    async (version) => {
      await source.append(`select ${1_000_000 + version} as id, ${version} as version, 'later' as filler`);
      const update = await lake.requestSync('k.t');
      const delayMs = Math.round(random() * loadMs * 1.1);
      await sleep(delayMs);
      const phase = await lake.value(
        `select coalesce((select command from pg_stat_progress_copy where datname = current_database() limit 1), (select left(query, 30) from pg_stat_activity
         where datname = current_database() and application_name = 'synced-tables sidecar' and state <> 'idle' limit 1), 'idle')`,
      );
      await sidecar.kill();
      console.info(`${server.name}: killed after ${delayMs} of about ${Math.round(loadMs)} ms (${phase})`);
      const rows = Number(await lake.value('select count(*) from k.t'));
      expect([2 * ROWS + version - 1, 2 * ROWS + version]).toContain(rows);
      sidecar = await lake.spawnSidecar(settings);
      await lake.wait(update);
      expect(await lake.rows('k.t', ['count(*)', 'sum(id)', 'sum(version)', 'sum(length(filler))'])).toEqual(
        (await source.query(fingerprint)).map((row) => row.map(String)),
      );
      expect(await lake.status('k.t')).toMatchObject({
        synced_version: String(source.version),
        row_count: String(2 * ROWS + version),
      });
      await eventually(async () => (await lake.shadowTables()).length === 0, 'shadow tables are swept');
      expect(await lake.value(`select count(*) from synced_tables._updates where state <> 'COMPLETED'`)).toBe('0');
      expect(await lake.value(`select count(*) from pg_inherits where inhparent = 'k.t'::regclass`)).toBe('1');
      expect(scratchFolders(lake.folder).map((name) => name.split('-')[2])).toEqual([String(sidecar.pid)]);
    },
  );
});
