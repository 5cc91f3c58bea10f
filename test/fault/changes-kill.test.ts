import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { CommitStream } from '../support/commit-stream.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { expectWholeLedger, keepPositionLedger } from '../support/position-ledger.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { type SidecarProcess, scratchFolders } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whatever is killed at whatever instant under a stream of commits, every version is applied exactly once and the
// table ends up equal to its source. `npm run test:kill` is the long form: 200 kills of each policy.

const KILLS = process.env.TEST_LONG === '1' ? 100 : 4;
const majors = process.env.TEST_LONG === '1' ? ([15, 18] as const) : ([18] as const);
/** The stream rests, and everything is compared, after so many kills. */
const KILLS_A_ROUND = process.env.TEST_LONG === '1' ? 10 : 2;
/** Generous: the aim is that it goes on at all, and machines that run tests may be busy with many. */
const GO_ON_MS_MAX = 240_000;
const ROUND_MS_MAX = KILLS_A_ROUND * 120_000;
/** Nobody writes checkpoints of this log: every update reads all of it, so thousands of commits would be what takes long. */
const PAUSE_MS_MAX = process.env.TEST_LONG === '1' ? 500 : 120;
const ROWS = 2_000;
const WAYS = ['sidecar', 'session', 'backend', 'server'] as const;
const columns = ['id', 'v', 'filler'];

const cases = majors.flatMap((major) => (['TRIGGERED', 'CONTINUOUS'] as const).map((policy) => ({ major, policy })));

describe.each(cases)('a $policy table on PostgreSQL $major', ({ major, policy }) => {
  const random = new Random(propertySeed(`kills under a stream of commits (${policy})`));
  let folder: string;
  let server: EmbeddedPostgres;
  let lake: SyncedLake;
  let source: DeltaWriter;
  let stream: CommitStream;
  let sidecar: SidecarProcess;
  const settings = { leaseSeconds: 1, pollSeconds: 1 };

  const start = async (port?: number): Promise<void> => {
    server = await startEmbeddedPostgres({ major, dataDir: path.join(folder, 'data'), port });
  };
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'test-kills-'));
    await chmod(folder, 0o755); // the server may run as another user
    await start();
    lake = await SyncedLake.create({ name: `PostgreSQL ${major}`, major, url: server.url });
    sidecar = await lake.spawnSidecar(settings);
    source = await lake.lake.createTable(
      'k.t',
      { id: 'long', v: 'integer', filler: 'string' },
      `select i as id, 0 as v, repeat('x', 200) as filler from range(${ROWS}) t(i)`,
    );
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('k.t', 'lake.k.t', array['id'], scheduling_policy => $1,
                                                allow_file_diff => true) as id`,
      [policy],
    );
    await lake.wait(rows[0]?.id ?? '');
    await keepPositionLedger(lake);
    stream = new CommitStream(source, random, PAUSE_MS_MAX);
  });
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    await server?.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  });

  /** A session of the tests' own after the server was away. */
  async function reconnect(): Promise<void> {
    await eventually(
      () =>
        lake.reconnect().then(
          () => true,
          () => false,
        ),
      'the server answers',
      60_000,
    );
  }

  /** Asks for updates all the time, also of a server that is away. */
  async function requestSyncs(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await lake.requestSync('k.t').catch(() => {});
      await sleep(random.below(100));
    }
  }

  async function orTell(wait: Promise<void>): Promise<void> {
    await wait.catch(async (error: unknown) => {
      const end = await Promise.race([sidecar.exited, sleep(0, 'the sidecar is alive')]);
      console.info(end, JSON.stringify(await lake.status('k.t')), sidecar.log.slice(-10).join('\n'));
      const { rows } = await lake.admin.query(
        `select to_jsonb(p) from synced_tables._pipelines p
         union all select to_jsonb(u) from synced_tables._updates u where state in ('QUEUED', 'RUNNING')
         union all select to_jsonb(a) - array['query'] || jsonb_build_object('q', left(query, 80)) from pg_stat_activity a
          where backend_type = 'client backend'`,
      );
      console.info(rows.map((row) => JSON.stringify(row)).join('\n'));
      throw error;
    });
  }

  async function position(): Promise<number> {
    return Number(await lake.value(`select synced_version from synced_tables.status where synced_table = 'k.t'`));
  }

  async function sidecarBackends(): Promise<number[]> {
    const { rows } = await lake.admin.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name like 'synced-tables%'
        order by state = 'active' desc, xact_start nulls last`,
    );
    return rows.map((row) => row.pid);
  }

  const kill = {
    sidecar: async () => {
      await sidecar.kill();
      sidecar = await lake.spawnSidecar(settings);
    },
    session: async () => {
      for (const pid of await sidecarBackends()) await lake.value('select pg_terminate_backend($1)', [pid]);
    },
    // The server takes this for a crash: it ends all its processes and recovers from its log.
    backend: async () => {
      const [busiest] = await sidecarBackends();
      if (busiest === undefined) return;
      process.kill(busiest, 'SIGKILL');
      const isCut = () =>
        lake.value('select 1').then(
          () => false,
          () => true,
        );
      await eventually(isCut, 'the server ends our session too', 60_000);
      await reconnect();
    },
    server: async () => {
      const { port } = server;
      await server.kill();
      await start(port);
      await reconnect();
    },
  };

  const rounds = Array.from({ length: KILLS / KILLS_A_ROUND }, (_, round) => round * KILLS_A_ROUND);

  it.each(rounds)(
    'takes every version once, whatever is killed (from kill %i)',
    { timeout: ROUND_MS_MAX },
    async (first) => {
      const versionBefore = source.version;
      stream.start();
      const requests = new AbortController();
      const requesting = policy === 'TRIGGERED' ? requestSyncs(requests.signal) : null;
      let slowestMs = 0;
      for (let n = first; n < first + KILLS_A_ROUND; n++) {
        // Every kill meets a pipeline at work: it has gone on since the one before.
        const before = await position();
        const startedAt = performance.now();
        await orTell(
          eventually(async () => (await position()) > before, 'it goes on after the kill before', GO_ON_MS_MAX),
        );
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        await sleep(random.below(500));
        // Each way once before chance decides, so that the short form has them all.
        const way = WAYS[n] ?? random.pick(WAYS);
        await kill[way]().catch((error: unknown) => {
          // Without it nothing would go on, and the next kill would wait in vain.
          if (way === 'sidecar') throw error;
          // A query of ours that the kill before cut short; the server is there again.
          console.info(`kill ${n} (${way}): ${error instanceof Error ? error.message : error}`);
          return reconnect();
        });
      }
      requests.abort();
      await requesting;
      await stream.stop();
      expect(source.version, 'commits of this round').toBeGreaterThan(versionBefore);
      const isThere = async () => (await lake.status('k.t')).synced_version === String(source.version);
      if (policy === 'TRIGGERED') await lake.requestSync('k.t');
      await orTell(eventually(isThere, `version ${source.version} arrives`, GO_ON_MS_MAX));
      await lake.expectEqual('k.t', source, columns);
      expect((await lake.status('k.t')).row_count).toBe(await lake.value('select count(*) from k.t'));
      const steps = await expectWholeLedger(lake, 'k.t', 0, source.version);
      console.info(
        `${policy}, ${first + KILLS_A_ROUND} kills: ${source.version} versions came in ${steps} transactions; ` +
          `it went on after ${Math.round(slowestMs)} ms at most`,
      );
      await expectNothingLeft();
    },
  );

  async function expectNothingLeft(): Promise<void> {
    const done = policy === 'TRIGGERED' ? `('QUEUED', 'RUNNING')` : `('QUEUED')`;
    await eventually(
      async () => (await lake.value(`select count(*) from synced_tables._updates where state in ${done}`)) === '0',
      'no update is open',
      60_000,
    );
    await eventually(async () => (await lake.shadowTables()).length === 0, 'shadow tables are swept', 60_000);
    expect(await lake.value(`select count(*) from pg_inherits where inhparent = 'k.t'::regclass`)).toBe('1');
    expect(scratchFolders(lake.folder).map((name) => name.split('-')[2])).toEqual([String(sidecar.pid)]);
    expect(await lake.value(`select count(*) from synced_tables._updates where state = 'FAILED'`)).toBe('0');
  }
});
