// @ts-check
// npm run bench:latency [-- --commits N] [--idle-seconds N] [--major 15|18] [--json]
//
// Measures how long it takes from a commit of one row in a local lake until a reader sees it in a CONTINUOUS table: from
// the moment at which the commit's file has its name to the end of a SELECT that returns the row, which another session
// sends when it hears of the update. Then, while nothing happens, what the sidecar and its sessions in the server use of
// one core (Linux).
import { parseArgs } from 'node:util';
import { CommitTimes } from './bench-commits.mjs';
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
/** The first ones open files and plan statements for the first time. */
const WARM_UP = 10;

const bench = await startBench({ major: Number(values.major) });
try {
  await writeBenchTable(bench.connection, bench.lake, rows);
  await bench.client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id'], scheduling_policy => 'CONTINUOUS'), interval '10 minutes')`,
  );
  say(`${commits} commits of one row to ${rows} rows, PostgreSQL ${values.major}`);
  const commit = new CommitTimes(bench, rows);
  await commit.start();
  for (let n = 0; n < WARM_UP; n++) await commit.next();
  const times = [];
  for (let n = 0; n < commits; n++) times.push(await commit.next());
  await commit[Symbol.asyncDispose]();
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
