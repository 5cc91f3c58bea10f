// @ts-check
// npm run bench:many [-- --tables N] [--sidecars N] [--clients N] [--think-ms N] [--seconds N] [--commits-a-second N] [--major 15|18] [--json]
//
// Many CONTINUOUS tables in a PostgreSQL with its default settings, beside an application that keeps sessions busy all
// the time (Linux). Prints what sidecars and their sessions need while nothing happens, then with commits of one row to
// random tables, and how long it takes until all tables are followed again after one of several sidecars was killed. The
// application's times are measured before there is a sidecar, too.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { endSidecar, median, quantile, rounded, spawnSidecar, untilMigrated } from './bench-sidecar.mjs';
import { cpuSeconds } from './processor-time.mjs';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '1000' },
    sidecars: { type: 'string', default: '1' },
    clients: { type: 'string', default: '60' },
    'think-ms': { type: 'string', default: '20' },
    seconds: { type: 'string', default: '30' },
    'commits-a-second': { type: 'string', default: '10' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const tables = Number(values.tables);
const seconds = Number(values.seconds);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
const ROWS = 100;
/** The application rests for so long after each query. Its sessions shall not take a whole small machine. */
const thinkMs = Number(values['think-ms']);

const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
chmodSync(folder, 0o755);
const lake = join(folder, 'lake');
const postgres = await startEmbeddedPostgres({
  major: /** @type {15|18} */ (Number(values.major)),
  dataDir: join(folder, 'postgres'),
});
const admin = await connect('admin');
/** @type {import('node:child_process').ChildProcess[]} */
const sidecars = [];

async function connect(/** @type {string} */ name) {
  const client = new pg.Client({ connectionString: postgres.url, application_name: name });
  await client.connect();
  return client;
}

/** Sessions that read one row after another, each with a pause. */
async function startApplication() {
  await admin.query(`create table public.items as select i as id, 'item ' || i as name from generate_series(1, 10000) i;
    alter table public.items add primary key (id)`);
  const clients = await Promise.all(Array.from({ length: Number(values.clients) }, () => connect('application')));
  let times = /** @type {number[]} */ ([]);
  let isOver = false;
  const runs = clients.map(async (client) => {
    while (!isOver) {
      const startedAt = performance.now();
      await client.query('select name from public.items where id = $1', [1 + Math.floor(Math.random() * 10_000)]);
      times.push(performance.now() - startedAt);
      await sleep(thinkMs);
    }
    await client.end();
  });
  return {
    /** Times since the last call: median and 99 %, in milliseconds. */
    take() {
      const taken = { p50_ms: rounded(median(times)), p99_ms: rounded(quantile(times, 0.99)) };
      times = [];
      return taken;
    },
    async stop() {
      isOver = true;
      await Promise.all(runs);
    },
  };
}

const log = (/** @type {string} */ table, /** @type {number} */ version) =>
  join(lake, 'many', table, '_delta_log', `${String(version).padStart(20, '0')}.json`);
const nameOf = (/** @type {number} */ n) => `t${n}`;

async function writeLake() {
  const engine = await openEngine();

  const connection = await engine.connect();
  const file = join(folder, 'rows.parquet');
  await connection.run(
    `copy (select i::bigint as id, 0::bigint as v from range(${ROWS}) t(i)) to '${file}' (format parquet)`,
  );
  for (let n = 0; n < ROWS; n++) {
    await connection.run(
      `copy (select * from (values (${n}::bigint, 0::bigint, 'update_preimage'), (${n}, 1, 'update_postimage')) t(id, v, _change_type))
       to '${join(folder, `change-${n}.parquet`)}' (format parquet)`,
    );
  }
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  const field = (/** @type {string} */ name) => ({ name, type: 'long', nullable: true, metadata: {} });
  for (let n = 0; n < tables; n++) {
    const root = join(lake, 'many', nameOf(n));
    mkdirSync(join(root, '_delta_log'), { recursive: true });
    mkdirSync(join(root, '_change_data'));
    cpSync(file, join(root, 'rows.parquet'));
    const metaData = {
      id: nameOf(n),
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify({ type: 'struct', fields: [field('id'), field('v')] }),
      partitionColumns: [],
      configuration: { 'delta.enableChangeDataFeed': 'true' },
    };
    const actions = [
      { protocol: { minReaderVersion: 1, minWriterVersion: 4 } },
      { metaData },
      {
        add: {
          path: 'rows.parquet',
          partitionValues: {},
          size: statSync(file).size,
          modificationTime: 0,
          dataChange: true,
        },
      },
    ];
    writeFileSync(log(nameOf(n), 0), actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
  }
}

/** Changes one row of a table. */
function commit(/** @type {string} */ table, /** @type {number} */ version) {
  const path = `_change_data/cdc-${version}.parquet`;
  const change = join(folder, `change-${version % ROWS}.parquet`);
  cpSync(change, join(lake, 'many', table, path));
  const cdc = { path, partitionValues: {}, size: statSync(change).size, dataChange: false };
  const file = log(table, version);
  writeFileSync(
    `${file}.tmp`,
    `${JSON.stringify({ commitInfo: { operation: 'UPDATE' } })}\n${JSON.stringify({ cdc })}\n`,
  );
  renameSync(`${file}.tmp`, file);
}

async function startSidecar() {
  const sidecar = spawnSidecar({ folder, url: postgres.url });
  sidecars.push(sidecar);
  await untilMigrated(admin, sidecar);
}

async function value(/** @type {string} */ sql) {
  return Number((await admin.query({ text: sql, rowMode: 'array' })).rows[0]?.[0]);
}

async function until(/** @type {string} */ what, /** @type {() => Promise<boolean>} */ isSo, pauseMs = 500) {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > 1_200_000) throw new Error(`not within 20 minutes: ${what}`);
    await sleep(pauseMs);
  }
  return (performance.now() - startedAt) / 1000;
}

const isFollowed = async () =>
  (await value(`select count(*) from synced_tables_internal._leases`)) === tables &&
  (await value(`select count(*) from synced_tables._updates where mode = 'CONTINUOUS' and state = 'RUNNING'`)) ===
    tables;

/** Processor time of sidecars and of their sessions, memory, and sessions by name. */
async function usage() {
  const { rows: sessions } = await admin.query(
    `select pid, application_name as name from pg_stat_activity where application_name like 'synced-tables%'`,
  );
  const alive = sidecars.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const rss = alive.map(
    ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  );
  return {
    sidecars: alive.map(({ pid }) => cpuSeconds(pid ?? 0) ?? 0),
    server: new Map(sessions.map(({ pid }) => [pid, cpuSeconds(pid) ?? 0])),
    sessions: sessions.length,
    rss: rss.reduce((sum, mb) => sum + mb, 0),
  };
}

async function percents(/** @type {() => Promise<void>} */ during) {
  const before = await usage();
  const startedAt = performance.now();
  await during();
  const took = (performance.now() - startedAt) / 1000;
  const after = await usage();
  const used = after.sidecars.reduce((sum, cpu, n) => sum + cpu - (before.sidecars[n] ?? 0), 0);
  let server = 0;
  for (const [pid, cpu] of after.server) server += cpu - (before.server.get(pid) ?? 0);
  return {
    sidecar_cpu_percent: rounded((used / took) * 100),
    server_cpu_percent: rounded((server / took) * 100),
    sessions: after.sessions,
    rss_mb: rounded(after.rss),
  };
}

const application = await startApplication();
try {
  await sleep(seconds * 500);
  const alone = application.take();
  say(`application alone: ${JSON.stringify(alone)}`);
  await writeLake();
  for (let n = 0; n < Number(values.sidecars); n++) await startSidecar();
  const base = await usage();
  await admin.query('create schema many');
  for (let n = 0; n < tables; n++) {
    await admin.query(`select synced_tables.create_synced_table('many.${nameOf(n)}', 'lake.many.${nameOf(n)}', array['id'],
      scheduling_policy => 'CONTINUOUS')`);
  }
  const loaded = await until('all tables are followed', isFollowed);
  say(`${tables} tables loaded and followed in ${rounded(loaded)} s`);
  await sleep(15_000);
  application.take();
  const idle = { ...(await percents(() => sleep(seconds * 1000))), application: application.take() };
  say(`idle: ${JSON.stringify(idle)}; ${rounded((idle.rss_mb - base.rss) / tables)} MB a table`);

  const listener = await connect('bench');
  /** @type {Map<string, { version: number, at: number }>} */
  const pending = new Map();
  const times = /** @type {number[]} */ ([]);
  listener.on('notification', ({ payload }) => {
    const { table, version } = JSON.parse(payload ?? '{}');
    const wanted = pending.get(table);
    if (wanted === undefined || version < wanted.version) return;
    times.push(performance.now() - wanted.at);
    pending.delete(table);
  });
  await listener.query('listen synced_table_updates');
  const versions = new Map();
  const stream = async (/** @type {number} */ forSeconds) => {
    const startedAt = performance.now();
    const intervalMs = 1000 / Number(values['commits-a-second']);
    // By the clock: what a commit takes, and a late timer, shall not make fewer of them.
    for (let n = 0; n * intervalMs < forSeconds * 1000; n++) {
      await sleep(Math.max(0, startedAt + n * intervalMs - performance.now()));
      const name = nameOf(Math.floor(Math.random() * tables));
      const table = `many.${name}`;
      if (!pending.has(table)) {
        const version = (versions.get(name) ?? 0) + 1;
        versions.set(name, version);
        pending.set(table, { version, at: performance.now() });
        commit(name, version);
      }
    }
    await until('all commits are visible', async () => pending.size === 0, 20);
  };
  const takeTimes = () => {
    const taken = {
      commits: times.length,
      p50_ms: rounded(median(times)),
      p99_ms: rounded(quantile(times, 0.99)),
      max_ms: rounded(Math.max(...times)),
    };
    times.length = 0;
    return taken;
  };
  const busy = { ...(await percents(() => stream(seconds))), ...takeTimes(), application: application.take() };
  say(`with commits: ${JSON.stringify(busy)}`);

  let takeover = null;
  if (sidecars.length > 1) {
    const held = await admin.query(
      `select lease_holder, count(*)::int as leases from synced_tables_internal._leases group by 1 order by 2`,
    );
    say(`leases of each sidecar: ${held.rows.map(({ leases }) => leases).join(', ')}`);
    sidecars[0]?.kill('SIGKILL');
    await sleep(100);
    const holders = () => value('select count(distinct lease_holder) from synced_tables_internal._leases');
    const isTakenOver = async () => (await holders()) === sidecars.length - 1 && (await isFollowed());
    const followedAgain = until('all tables are followed again', isTakenOver, 100);
    await stream(seconds);
    takeover = { followed_again_s: rounded(await followedAgain), ...takeTimes(), application: application.take() };
    say(`after a kill: ${JSON.stringify(takeover)}`);
  }
  await listener.end();
  if (values.json) console.log(JSON.stringify({ tables, sidecars: sidecars.length, alone, idle, busy, takeover }));
} finally {
  await application.stop();
  for (const sidecar of sidecars) await endSidecar(sidecar);
  await admin.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
