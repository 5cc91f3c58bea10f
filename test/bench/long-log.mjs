// @ts-check
// npm run bench:log [-- --commits N] [--rows N] [--rounds N] [--major 15|18] [--json]
//
// A table to which a stream has added a small file with each of many commits, without a checkpoint: its first load, a
// TRIGGERED update that catches up with all of these commits, and one that takes one commit more. Time on the clock, and
// processor time of server and sidecar; beside it what the deltalake package needs to read the table, and its change feed,
// into memory (BENCH_PYTHON, test/bench/rivals/requirements.txt).
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBenchTable } from './bench-lake.mjs';
import { median, rounded, startBench, untilUpdated } from './bench-sidecar.mjs';
import { postmasterOf, processorSecondsOf, processorSecondsOfServer } from './processor-time.mjs';
import { hasModules, runRival } from './rivals.mjs';

const { values } = parseArgs({
  options: {
    commits: { type: 'string', default: '10000' },
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const commits = Number(values.commits);
const rows = Number(values.rows);
const rounds = Math.max(3, Number(values.rounds));
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
/** Rows that each commit adds. */
const ADDED = 10;
/** Parquet files that the engine writes at a time, each open meanwhile. */
const FILES_AT_ONCE = 500;

const bench = await startBench({ major: Number(values.major) });
const { client, connection, lake, pid } = bench;

/** Files of `ADDED` rows each, as the commits after the first one add them. */
async function writeFiles(/** @type {string} */ root, /** @type {number} */ count) {
  for (let first = 0; first < count; first += FILES_AT_ONCE) {
    const last = Math.min(first + FILES_AT_ONCE, count);
    await connection.run(
      `copy (select t.* replace (t.id + ${rows} + n * ${ADDED} as id), n
               from (from read_parquet('${root}/part-00000.parquet') order by id limit ${ADDED}) t, range(${first}, ${last}) r(n))
         to '${join(root, 'added')}' (format parquet, partition_by (n), overwrite_or_ignore)`,
    );
  }
}

/** The commit after `version`, with the file of that number. */
function commit(/** @type {string} */ root, /** @type {number} */ version) {
  const folder = `added/n=${version}`;
  // Which of its threads wrote it is part of the name.
  const path = `${folder}/${readdirSync(join(root, folder))[0]}`;
  const { size } = statSync(join(root, path));
  const stats = JSON.stringify({ numRecords: ADDED });
  const add = { path, partitionValues: {}, size, modificationTime: 0, dataChange: true, stats };
  const log = join(root, '_delta_log', `${String(version + 1).padStart(20, '0')}.json`);
  writeFileSync(
    `${log}.tmp`,
    `${JSON.stringify({ commitInfo: { operation: 'WRITE' } })}\n${JSON.stringify({ add })}\n`,
  );
  renameSync(`${log}.tmp`, log);
}

/** @typedef {{ seconds: number, server: number, sidecar: number }} Took seconds on the clock and of processor time */

try {
  say(`${commits} commits of ${ADDED} rows each after ${rows} rows, ${rounds} rounds, PostgreSQL ${values.major}`);
  const postmaster = await postmasterOf(client);
  const hasRival = hasModules('deltalake', 'pyarrow');
  await client.query('listen synced_table_updates');
  /** @returns {Promise<Took>} */
  const measure = async (/** @type {string} */ call) => {
    const used = { server: processorSecondsOfServer(postmaster), sidecar: processorSecondsOf(pid) };
    const startedAt = performance.now();
    await untilUpdated(client, call);
    return {
      seconds: (performance.now() - startedAt) / 1000,
      server: processorSecondsOfServer(postmaster) - used.server,
      sidecar: processorSecondsOf(pid) - used.sidecar,
    };
  };
  /** @type {Record<'first load' | 'catching up' | 'one more', Took[]>} */
  const took = { 'first load': [], 'catching up': [], 'one more': [] };
  /** @type {Record<'table' | 'feed', number[]>} */
  const theirs = { table: [], feed: [] };
  for (let round = 0; round < rounds; round++) {
    const [name, follower] = [`log${round}`, `follower${round}`];
    const root = join(lake, 'bench', name);
    await writeBenchTable(connection, lake, rows, name);
    mkdirSync(join(root, 'added'), { recursive: true });
    await writeFiles(root, commits + 1);
    const create = (/** @type {string} */ table) =>
      `synced_tables.create_synced_table('bench.${table}', 'lake.bench.${name}', array['id'], scheduling_policy => 'TRIGGERED')`;
    await untilUpdated(client, create(follower));
    for (let version = 0; version < commits; version++) commit(root, version);
    took['catching up'].push(await measure(`synced_tables.sync_now('bench.${follower}')`));
    took['first load'].push(await measure(create(name)));
    commit(root, commits);
    took['one more'].push(await measure(`synced_tables.sync_now('bench.${follower}')`));
    const { rows: found } = await client.query(
      `select (select count(*) from bench.${follower})::int as followed, (select count(*) from bench.${name})::int as loaded`,
    );
    const expected = rows + commits * ADDED;
    if (found[0].followed !== expected + ADDED || found[0].loaded !== expected) {
      throw new Error(
        `the tables have ${found[0].followed} and ${found[0].loaded} rows, not ${expected + ADDED} and ${expected}`,
      );
    }
    if (hasRival) {
      const { table, feed } = JSON.parse(await runRival('read_log.py', root, '1', String(commits)));
      theirs.table.push(table);
      theirs.feed.push(feed);
    }
    for (const table of [follower, name]) {
      await client.query(`select synced_tables.delete_synced_table('bench.${table}', purge => true)`);
    }
    for (const [what, times] of Object.entries(took)) {
      const last = times.at(-1);
      say(
        `round ${round + 1}: ${what}: ${last?.seconds.toFixed(2)} s; processor: server ${last?.server.toFixed(2)} s, sidecar ${last?.sidecar.toFixed(2)} s`,
      );
    }
  }
  const medians = Object.entries(took).map(([name, times]) => ({
    name,
    seconds: rounded(median(times.map((each) => each.seconds))),
    server: rounded(median(times.map((each) => each.server))),
    sidecar: rounded(median(times.map((each) => each.sidecar))),
  }));
  const result = {
    commits,
    rows,
    rounds,
    medians,
    ...(hasRival ? { deltalake_table_seconds: median(theirs.table), deltalake_feed_seconds: median(theirs.feed) } : {}),
  };
  say('');
  for (const { name, seconds, server, sidecar } of medians) {
    say(`${name}: ${seconds} s, processor: server ${server} s, sidecar ${sidecar} s`);
  }
  if (hasRival) {
    say(
      `deltalake, into memory: table ${result.deltalake_table_seconds} s, feed of all these commits ${result.deltalake_feed_seconds} s`,
    );
  }
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
}
