// @ts-check
// A server, a sidecar in a process of its own and a session, as the benchmarks of changes use them.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { cpuSeconds } from './processor-time.mjs';

/** How often to look whether an update has failed, of which nobody is told. */
const SECOND_LOOK_MS = 5_000;

/**
 * Starts a sidecar for the lake in `folder`. By default it writes to the terminal, and only of what is wrong.
 * @param {{ folder: string, url: string, more?: string, catalogs?: object, stderr?: 'inherit' | 'pipe' }} options `more`
 * lines of settings, and `catalogs` besides the one of the folder
 */
export function spawnSidecar({ folder, url, more = 'log: { level: warn }', catalogs = {}, stderr = 'inherit' }) {
  const config = join(folder, 'synced-tables.yaml');
  writeFileSync(
    config,
    `instances: { local: { url: "${url}" } }
catalogs: ${JSON.stringify({ lake: { kind: 'path', root: join(folder, 'lake') }, ...catalogs })}
api: { port: 0 }
${more}
`,
  );
  return spawn(process.execPath, ['bin/synced-tables.cjs', 'serve', '--config', config], {
    stdio: ['ignore', 'inherit', stderr],
  });
}

/**
 * @param {{ major: number, settings?: Record<string, string>, catalogsOf?: (lake: string, url: string) => Promise<object> }} options
 * `settings` of the server; `catalogsOf` gives the sidecar's catalogs besides `lake`, whose folder it gets, and the server's URL
 */
export async function startBench({ major, settings = {}, catalogsOf = async () => ({}) }) {
  const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
  // The embedded server may run as another user, who has to get to its data.
  chmodSync(folder, 0o755);
  const postgres = await startEmbeddedPostgres({
    major: /** @type {15|18} */ (major),
    dataDir: join(folder, 'postgres'),
    settings: { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h', fsync: 'on', ...settings },
  });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const engine = await openEngine();
  const connection = await engine.connect();
  const lake = join(folder, 'lake');
  const sidecar = spawnSidecar({ folder, url: postgres.url, catalogs: await catalogsOf(lake, postgres.url) });
  await untilMigrated(client, sidecar);
  return {
    folder,
    lake,
    client,
    connection,
    url: postgres.url,
    pid: sidecar.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await endSidecar(sidecar);
      connection.closeSync();
      await engine[Symbol.asyncDispose]();
      await client.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Calls a function that asks for an update, and hears when it is done: asking again and again would take the processor that
 * is measured. The session listens to synced_table_updates.
 */
export async function untilUpdated(/** @type {import('pg').Client} */ client, /** @type {string} */ call) {
  const isTold = new Promise((resolve) => client.once('notification', () => resolve(true)));
  const { rows } = await client.query(`select ${call} as id`);
  while (!(await Promise.race([isTold, sleep(SECOND_LOOK_MS, false)]))) {
    const { rows: updates } = await client.query(
      'select state, message from synced_tables.updates where update_id = $1',
      [rows[0].id],
    );
    if (updates[0]?.state === 'FAILED') throw new Error(updates[0].message);
  }
}

/** Waits until the SQL side is installed: its functions come last. */
export async function untilMigrated(
  /** @type {pg.Client} */ client,
  /** @type {import('node:child_process').ChildProcess} */ sidecar,
) {
  for (;;) {
    if (hasEnded(sidecar)) throw new Error(`the sidecar ended: ${sidecar.exitCode ?? sidecar.signalCode}`);
    const { rows } = await client.query(`select to_regclass('synced_tables._schema') as found`);
    if (rows[0].found) {
      const installed = await client.query(`select from synced_tables._schema where layer_hash <> ''`);
      if (installed.rowCount === 1) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @param {import('node:child_process').ChildProcess} sidecar */
export async function endSidecar(sidecar) {
  // One that crashed says so here; nobody would tell of its end again.
  if (hasEnded(sidecar)) console.error(`the sidecar had ended: ${sidecar.exitCode ?? sidecar.signalCode}`);
  else {
    sidecar.kill('SIGTERM');
    await new Promise((resolve) => sidecar.once('exit', resolve));
  }
}

const hasEnded = (/** @type {import('node:child_process').ChildProcess} */ child) =>
  child.exitCode !== null || child.signalCode !== null;

/**
 * What the sidecar and its sessions in the server use of one core while nothing happens, in per cent (Linux).
 * @param {Awaited<ReturnType<typeof startBench>>} bench
 * @param {number} seconds
 */
export async function idlePercents(bench, seconds) {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const { rows: sessions } = await bench.client.query(
    `select pid from pg_stat_activity where application_name like 'synced-tables%'`,
  );
  const pids = [bench.pid, ...sessions.map(({ pid }) => pid)];
  const before = pids.map((pid) => cpuSeconds(pid) ?? 0);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  // Sessions that the sidecar keeps for the next update end after a while.
  const [sidecar = 0, ...server] = pids.map((pid, n) => (cpuSeconds(pid) ?? before[n] ?? 0) - (before[n] ?? 0));
  return [sidecar, server.reduce((sum, used) => sum + used, 0)].map((used) => (used / seconds) * 100);
}

export const median = (/** @type {number[]} */ list) => quantile(list, 0.5);

export function quantile(/** @type {number[]} */ list, /** @type {number} */ part) {
  return [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * part))] ?? 0;
}

export const rounded = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;
