// @ts-check
// npm run bench:verify [-- --rows N] [--major 15|18] [--json]
//
// Measures how long synced_tables.verify takes and what the sidecar needs for it, and, interleaved, three ways of
// comparing two copies inside Postgres. Absolute figures belong to the machine.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { writeBenchTable } from './bench-lake.mjs';
import { endSidecar, spawnSidecar, untilMigrated, untilUpdated } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
// The embedded server may run as another user, who has to get to its data.
chmodSync(folder, 0o755);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

const COLUMNS = [
  ...['id', 'name', 'email', 'score', 'balance', 'visits', 'is_active'],
  ...['signup_date', 'last_seen_local', 'last_seen', 'tags', 'address'],
];
const list = (/** @type {string} */ side) => COLUMNS.map((column) => `${side}.${column}`).join(', ');
const joined = (/** @type {string} */ isDifferent) =>
  `select count(*) filter (where s.id is null), count(*) filter (where t.id is null), count(*) filter (where ${isDifferent})
     from source_copy s full join target_copy t on s.id = t.id`;
const WAYS = {
  'EXCEPT ALL, both ways': `select (select count(*) from (select * from source_copy except all select * from target_copy) d),
     (select count(*) from (select * from target_copy except all select * from source_copy) d)`,
  'join, IS DISTINCT FROM': joined(`(${list('s')}) is distinct from (${list('t')})`),
  'join, stored bytes': joined(`row(${list('s')})::record *<> row(${list('t')})::record`),
};

const seconds = async (/** @type {() => Promise<unknown>} */ work) => {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
};

/** The most memory that the process ever had, in MB (Linux). */
function peakRssMb(/** @type {number} */ pid) {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

async function writeLake() {
  const engine = await openEngine();
  const connection = await engine.connect();
  await writeBenchTable(connection, join(folder, 'lake'), rows);
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
}

async function main() {
  const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h', fsync: 'on' };
  const major = /** @type {15|18} */ (Number(values.major));
  const postgres = await startEmbeddedPostgres({ major, dataDir: join(folder, 'postgres'), settings });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await writeLake();
  const start = () => spawnSidecar({ folder, url: postgres.url });
  let sidecar = start();
  try {
    await untilMigrated(client, sidecar);
    const create = `synced_tables.create_synced_table('bench.customers', 'lake.bench.customers', array['id'])`;
    await client.query('listen synced_table_updates');
    const load = await seconds(() => untilUpdated(client, create));
    say(`${rows} rows, PostgreSQL ${major}: first load ${load.toFixed(1)} s`);
    // A process of its own: the peak is that of the comparison alone.
    await endSidecar(sidecar);
    sidecar = start();
    // Its pauses are at most a hundredth of the time waited.
    const verify = `call synced_tables.wait_for_verification(synced_tables.verify('bench.customers'))`;
    const proof = await seconds(() => client.query(verify));
    const peak = peakRssMb(sidecar.pid ?? 0);
    say(`verify ${proof.toFixed(1)} s (${Math.round(rows / proof / 1000)} k rows/s), peak of the sidecar ${peak} MB`);
    const ways = await compareWays(client);
    if (values.json)
      console.log(JSON.stringify({ rows, verify_seconds: proof, load_seconds: load, peak_rss_mb: peak, ways }));
  } finally {
    await endSidecar(sidecar);
    await client.end();
    await postgres.stop();
  }
}

async function compareWays(/** @type {pg.Client} */ client) {
  const copy = (/** @type {string} */ name) =>
    client.query(`create temporary table ${name} as select * from bench.customers`);
  const copying = await seconds(() => copy('source_copy'));
  await copy('target_copy');
  await client.query(`analyze source_copy; analyze target_copy; set work_mem = '64MB'`);
  say(`copying the rows aside ${copying.toFixed(1)} s`);
  /** @type {Record<string, number>} */
  const medians = {};
  /** @type {Record<string, number[]>} */
  const times = {};
  for (let round = 0; round < 3; round++) {
    for (const [way, sql] of Object.entries(WAYS)) {
      times[way] = [...(times[way] ?? []), await seconds(() => client.query(sql))];
    }
  }
  for (const [way, list] of Object.entries(times)) {
    medians[way] = list.sort((a, b) => a - b)[1] ?? 0;
    say(`${way}: ${medians[way]?.toFixed(1)} s`);
  }
  return medians;
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
