// @ts-check
// npm run bench:latency [-- --commits N] [--idle-seconds N] [--major 15|18] [--json]
//
// Measures how long it takes from a commit of one row in a local lake until a reader sees it in a CONTINUOUS table: from
// the moment at which the commit's file has its name to the end of a SELECT that returns the row, which another session
// sends when it hears of the update. In turn with it, the limit: the same for a program that does nothing but read the file
// and write the row (follow-by-hand.mjs). Then, while nothing happens, what the sidecar and its sessions in the server use
// of one core (Linux).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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
/** The table of the limit. */
const BY_HAND = 'by_hand';

const bench = await startBench({ major: Number(values.major) });
try {
  await writeBenchTable(bench.connection, bench.lake, rows);
  await bench.client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id'], scheduling_policy => 'CONTINUOUS'), interval '10 minutes')`,
  );
  say(`${commits} commits of one row to ${rows} rows, PostgreSQL ${values.major}`);
  const byHand = await followByHand();
  const commit = new CommitTimes(bench, rows);
  const commitByHand = new CommitTimes(bench, rows, BY_HAND);
  await commit.start();
  await commitByHand.start();
  const times = [];
  const limits = [];
  for (let n = 0; n < WARM_UP + commits; n++) {
    times.push(await commit.next());
    limits.push(await commitByHand.next());
  }
  times.splice(0, WARM_UP);
  limits.splice(0, WARM_UP);
  await commit[Symbol.asyncDispose]();
  await commitByHand[Symbol.asyncDispose]();
  byHand.kill();
  const [sidecar = 0, server = 0] = await idlePercents(bench, Number(values['idle-seconds']));
  const result = {
    commits,
    p50_ms: rounded(median(times)),
    p90_ms: rounded(quantile(times, 0.9)),
    p99_ms: rounded(quantile(times, 0.99)),
    max_ms: rounded(Math.max(...times)),
    limit_p50_ms: rounded(median(limits)),
    limit_p99_ms: rounded(quantile(limits, 0.99)),
    ratio_to_limit_p50: rounded(median(times) / median(limits)),
    idle_cpu_percent: rounded(sidecar),
    idle_server_cpu_percent: rounded(server),
  };
  say(`commit to visible: median ${result.p50_ms} ms, p99 ${result.p99_ms} ms, longest ${result.max_ms} ms`);
  say(
    `the same, only read and written: median ${result.limit_p50_ms} ms, p99 ${result.limit_p99_ms} ms; ours takes ${result.ratio_to_limit_p50} times as long`,
  );
  say(`idle: sidecar ${result.idle_cpu_percent} % of a core, its sessions ${result.idle_server_cpu_percent} %`);
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
}

/** A table with the same rows and of the same form, and a process that follows it. */
async function followByHand() {
  const { client, connection, lake, url } = bench;
  await writeBenchTable(connection, lake, rows, BY_HAND);
  await client.query(`create table bench.${BY_HAND} (like bench.customers including all)`);
  await client.query(`insert into bench.${BY_HAND} select * from bench.customers`);
  await client.query(`analyze bench.${BY_HAND}`);
  const follower = 'test/bench/follow-by-hand.mjs';
  const args = [follower, join(lake, 'bench', BY_HAND), `bench.${BY_HAND}`, url];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
