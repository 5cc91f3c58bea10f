// @ts-check
// npm run bench:latency [-- --commits N] [--idle-seconds N] [--major 15|18] [--json]
//
// Measures how long it takes from a commit of one row in a local lake until a reader sees it in a CONTINUOUS table: from
// the moment at which the commit's file has its name to the end of a SELECT that returns the row, which another session
// sends when it hears of the update. Then, while nothing happens, what the sidecar and its sessions in the server use of
// one core (Linux).
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { writeBenchTable } from './bench-lake.mjs';
import { idlePercents, median, quantile, rounded, startBench } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    commits: { type: 'string', default: '500' },
    rows: { type: 'string', default: '100000' },
    'idle-seconds': { type: 'string', default: '20' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const commits = Number(values.commits);
const rows = Number(values.rows);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
const MS_MAX = 60_000;
/** The first ones open files and plan statements for the first time. */
const WARM_UP = 10;

/** @param {Awaited<ReturnType<typeof startBench>>} bench */
async function measureCommits(bench) {
  const root = join(bench.lake, 'bench', 'customers');
  const reader = new pg.Client({ connectionString: bench.url });
  await reader.connect();
  /** @type {(version: number) => void} */
  let onVersion = () => {};
  reader.on('notification', ({ payload }) => onVersion(JSON.parse(payload ?? '{}').version));
  await reader.query('listen synced_table_updates');
  mkdirSync(join(root, '_change_data'), { recursive: true });
  const times = [];
  for (let version = 1; version <= commits + WARM_UP; version++) {
    const id = (version * 7919) % rows;
    const path = `_change_data/cdc-${version}.parquet`;
    await bench.connection.run(
      `copy (select * replace (${version} as visits), _change_type from read_parquet('${root}/part-00000.parquet'),
               (values ('update_preimage'), ('update_postimage')) t(_change_type) where id = ${id})
       to '${join(root, path)}' (format parquet)`,
    );
    const cdc = { path, partitionValues: {}, size: statSync(join(root, path)).size, dataChange: false };
    const log = join(root, '_delta_log', `${String(version).padStart(20, '0')}.json`);
    writeFileSync(
      `${log}.tmp`,
      `${JSON.stringify({ commitInfo: { operation: 'UPDATE' } })}\n${JSON.stringify({ cdc })}\n`,
    );
    const isVisible = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`version ${version} did not arrive`)), MS_MAX);
      onVersion = async (found) => {
        if (found < version) return;
        clearTimeout(timer);
        const seen = await reader.query({
          name: 'point',
          text: 'select visits from bench.customers where id = $1',
          values: [id],
        });
        if (seen.rows[0]?.visits === version) resolve(null);
        else reject(new Error(`version ${version} was announced, but its row is ${JSON.stringify(seen.rows[0])}`));
      };
    });
    renameSync(`${log}.tmp`, log);
    const startedAt = performance.now();
    await isVisible;
    if (version > WARM_UP) times.push(performance.now() - startedAt);
    await sleep(version % 40);
  }
  await reader.end();
  return times;
}

const bench = await startBench({ major: Number(values.major) });
try {
  await writeBenchTable(bench.connection, bench.lake, rows);
  await bench.client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id'], scheduling_policy => 'CONTINUOUS'), interval '10 minutes')`,
  );
  say(`${commits} commits of one row to ${rows} rows, PostgreSQL ${values.major}`);
  const times = await measureCommits(bench);
  const [sidecar = 0, server = 0] = await idlePercents(bench, Number(values['idle-seconds']));
  const result = {
    commits,
    p50_ms: rounded(median(times)),
    p90_ms: rounded(quantile(times, 0.9)),
    p99_ms: rounded(quantile(times, 0.99)),
    max_ms: rounded(Math.max(...times)),
    idle_cpu_percent: rounded(sidecar),
    idle_server_cpu_percent: rounded(server),
  };
  say(`commit to visible: median ${result.p50_ms} ms, p99 ${result.p99_ms} ms, longest ${result.max_ms} ms`);
  say(`idle: sidecar ${result.idle_cpu_percent} % of a core, its sessions ${result.idle_server_cpu_percent} %`);
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
}
