import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a sidecar survives a restart or crash of its Postgres server without losing or duplicating rows, and can be
// stopped while the server is down.

const columns = { id: 'long', name: 'string' };
const many = `select i as id, repeat('x', 300) as name from range(60000) t(i)`;
const isCopying = `select exists (select from pg_stat_progress_copy where datname = current_database())`;

/** A server of its own, which these tests stop and crash; it keeps its promises about the disk. */
const majors = process.env.TEST_LONG === '1' ? ([15, 18] as const) : ([18] as const);

describe.each(majors)('when its server goes down, a sidecar on PostgreSQL %i', (major) => {
  let folder: string;
  let server: EmbeddedPostgres;
  let lake: SyncedLake;
  const start = async (port?: number): Promise<void> => {
    server = await startEmbeddedPostgres({ major, dataDir: path.join(folder, 'data'), port });
  };
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'test-restart-'));
    await chmod(folder, 0o755); // the server may run as another user
    await start();
    lake = await SyncedLake.create({ name: `PostgreSQL ${major}`, major, url: server.url });
  });
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    await server?.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['fast', 'immediate', 'kill'] as const)('finishes its load after it came back (%s)', async (how) => {
    const log: string[] = [];
    await using _ = await lake.startSidecar({ leaseSeconds: 2, onLog: (line) => log.push(line) });
    const target = `p.${how}`;
    const source = await lake.lake.createTable(target, columns, many);
    await lake.load(target);
    await source.append(`select 1000000 as id, 'later' as name`);
    const update = await lake.requestSync(target);
    await eventually(async () => (await lake.value(isCopying)) === 'true', 'the load runs');
    const { port } = server;
    await (how === 'kill' ? server.kill() : server.stop(how));
    await sleep(500);
    await start(port);
    await lake.reconnect();
    expect(await lake.value(`select count(*) from ${target}`)).toBe('60000');
    await lake.wait(update);
    await lake.expectEqual(target, source, Object.keys(columns));
    await eventually(async () => (await lake.shadowTables()).length === 0, 'shadow tables are swept');
    expect(await lake.value(`select count(*) from synced_tables._pipelines where lease_holder is not null`)).toBe('0');
    expect(log.filter((line) => line.includes('POSTGRES_UNREACHABLE'))).not.toEqual([]);
    expect(log.filter((line) => /Connection terminated|Client (was|has)/.test(line))).toEqual([]);
  });

  it('stops when it is asked to although the server is away', async () => {
    const sidecar = await lake.spawnSidecar({ leaseSeconds: 2 });
    await lake.lake.createTable('p.away', columns, many);
    const update = await lake.create('p.away');
    await eventually(async () => (await lake.value(isCopying)) === 'true', 'the load runs');
    const { port } = server;
    await server.kill();
    await sleep(1_000);
    await sidecar.stop();
    await start(port);
    await lake.reconnect();
    await using _ = await lake.startSidecar({ leaseSeconds: 2 });
    await lake.wait(update);
    expect(await lake.value('select count(*) from p.away')).toBe('60000');
  });
});
