import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: loading a million rows stays within a fixed amount of memory, and reports its progress.

const ROWS = 1_000_000;
const PEAK_MB_MAX = 600;

/** Peak of the memory that the process had at once, as Linux counts it; null elsewhere. */
function peakMb(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kb === undefined ? null : Math.round(Number(kb) / 1024);
}

it(`stays within ${PEAK_MB_MAX} MB while a million rows are loaded, and tells how far it is`, async (context) => {
  const server = postgresServers().at(-1);
  if (!server) throw new Error('no server');
  await using lake = await SyncedLake.create(server);
  const sidecar = await lake.spawnSidecar();
  const before = peakMb(sidecar.pid);
  if (before === null) context.skip('the peak is only known on Linux');
  await lake.lake.createTable(
    'm.t',
    { id: 'long', a: 'string', b: 'string', c: 'double', d: 'timestamp', e: { type: 'array', elementType: 'long' } },
    `select i as id, 'text ' || hash(i) as a, repeat('b', 40) as b, random() as c, now() as d, [i, i + 1] as e from range(${ROWS}) t(i)`,
  );
  const update = await lake.create('m.t');
  await eventually(async () => Number((await lake.status('m.t')).rows_done) > 0, 'progress is told', 60_000);
  await lake.wait(update);
  const after = peakMb(sidecar.pid);
  console.info(`${server.name}: peak of ${after} MB (${before} MB before) for ${ROWS} rows`);
  expect(await lake.status('m.t')).toMatchObject({ row_count: String(ROWS), rows_done: null });
  expect(after).toBeLessThan(PEAK_MB_MAX);
});
