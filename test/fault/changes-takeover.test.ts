import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CommitStream } from '../support/commit-stream.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { expectWholeLedger, keepPositionLedger } from '../support/position-ledger.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import type { SidecarProcess } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: two sidecars share the pipelines of a database under streams of commits and never do one's work twice; when one
// is killed, the other goes on with its pipelines within seconds.

const servers = postgresServers().slice(process.env.TEST_LONG === '1' ? 0 : -1);
const KILLS = process.env.TEST_LONG === '1' ? 10 : 2;
const TABLES = ['two.a', 'two.b', 'two.c'];
/** As users have it. */
const settings = { leaseSeconds: 6, pollSeconds: 10, concurrentUpdates: 4 };
/** The aim is 10 seconds; machines that run tests are slow. */
const TAKE_OVER_MS_MAX = 30_000;

describe.each(servers)('two sidecars on $name', (server) => {
  it('do no work twice, and one goes on with what the other was killed over', { timeout: 600_000 }, async () => {
    await using lake = await SyncedLake.create(server);
    const random = new Random(propertySeed('take-overs'));
    let sidecars: SidecarProcess[] = await Promise.all([lake.spawnSidecar(settings), lake.spawnSidecar(settings)]);
    const sources: DeltaWriter[] = [];
    for (const table of TABLES) {
      sources.push(
        await lake.lake.createTable(
          table,
          { id: 'long', v: 'integer', filler: 'string' },
          `select i as id, 0 as v, repeat('x', 200) as filler from range(1000) t(i)`,
        ),
      );
      const { rows } = await lake.admin.query<{ id: string }>(
        `select synced_tables.create_synced_table($1, $2, array['id'], scheduling_policy => 'CONTINUOUS',
                                                  allow_file_diff => true) as id`,
        [table, `lake.${table}`],
      );
      await lake.wait(rows[0]?.id ?? '');
    }
    await keepPositionLedger(lake);
    const position = async (table: string) => Number((await lake.status(table)).synced_version);
    const streams = sources.map((source) => new CommitStream(source, random));
    for (const stream of streams) stream.start();
    const tookMs: number[] = [];
    for (let n = 0; n < KILLS; n++) {
      await sleep(2_000 + random.below(1_000));
      const [victim, ...others] = random.shuffle(sidecars);
      await victim?.kill();
      const killedAt = performance.now();
      const versions = sources.map((source) => source.version);
      await eventually(
        async () => {
          for (const [index, table] of TABLES.entries()) {
            if ((await position(table)) <= (versions[index] ?? 0)) return false;
          }
          return true;
        },
        'the other sidecar follows all tables',
        TAKE_OVER_MS_MAX,
      );
      tookMs.push(Math.round(performance.now() - killedAt));
      sidecars = [...others, await lake.spawnSidecar(settings)];
    }
    console.info(`${server.name}: taken over after ${tookMs.join(', ')} ms`);
    for (const [index, table] of TABLES.entries()) {
      await streams[index]?.stop();
      const source = sources[index];
      if (!source) throw new Error(`${table} has no source`);
      await eventually(async () => (await position(table)) === source.version, `${table} arrives`, 60_000);
      await lake.expectEqual(table, source, ['id', 'v', 'filler']);
      const steps = await expectWholeLedger(lake, table, 0, source.version);
      expect((await lake.status(table)).row_count).toBe(await lake.value(`select count(*) from ${table}`));
      console.info(`${server.name}: ${table}: ${source.version} versions in ${steps} transactions`);
    }
    // Each pipeline has one follower that was never doubled.
    expect(
      await lake.value(`select count(*) from synced_tables._updates where mode = 'CONTINUOUS' and state = 'RUNNING'`),
    ).toBe(String(TABLES.length));
  });
});
