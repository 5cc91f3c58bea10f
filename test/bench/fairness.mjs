// @ts-check
// npm run bench:fairness [-- --floods N] [--slow N] [--delay-ms N] [--commits N] [--rounds N] [--major 15|18] [--json]
//
// How long a commit of one row takes to become visible in a quiet CONTINUOUS table: alone, and beside others that get
// commits of many rows all the time, or whose object store takes long for each answer. In turns, in one run: the ratio of
// the medians is what counts. While the quiet table is alone, those of the slow store are paused.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { CommitTimes } from './bench-commits.mjs';
import { writeBenchTable } from './bench-lake.mjs';
import { median, quantile, rounded, startBench } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    floods: { type: 'string', default: '10' },
    slow: { type: 'string', default: '0' },
    'delay-ms': { type: 'string', default: '1000' },
    commits: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    'rows-a-commit': { type: 'string', default: '100' },
    'commits-a-second': { type: 'string', default: '20' },
    'quiet-pause-ms': { type: 'string', default: '300' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const commits = Number(values.commits);
const floods = Array.from({ length: Number(values.floods) }, (_, n) => `flood${n}`);
const ROWS = 100_000;
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

const slow = Array.from({ length: Number(values.slow) }, (_, n) => `slow${n}`);
/** @type {typeof import('../support/s3-folder-server.js')} */
const { BUCKET, S3FolderServer } = (await runnerImport('/test/support/s3-folder-server.ts')).module;
/** @type {import('../support/s3-folder-server.js').S3FolderServer | null} */
let store = null;
const bench = await startBench({
  major: Number(values.major),
  async catalogsOf(lake) {
    store = await S3FolderServer.start(lake);
    return { store: { kind: 'path', root: `s3://${BUCKET}/`, storage: store.settings } };
  },
});

/** Each commit refers to the same file of changes: writing them takes little of the processor that is measured. */
async function prepareFlood(/** @type {string} */ name) {
  const root = join(bench.lake, 'bench', name);
  mkdirSync(join(root, '_change_data'));
  const path = '_change_data/cdc.parquet';
  await bench.connection.run(
    `copy (select *, _change_type from (select * from read_parquet('${root}/part-00000.parquet') limit ${values['rows-a-commit']}),
             (values ('update_preimage'), ('update_postimage')) t(_change_type)) to '${join(root, path)}' (format parquet)`,
  );
  const cdc = { path, partitionValues: {}, size: statSync(join(root, path)).size, dataChange: false };
  const text = `${JSON.stringify({ commitInfo: { operation: 'UPDATE' } })}\n${JSON.stringify({ cdc })}\n`;
  let version = 0;
  return () => {
    const log = join(root, '_delta_log', `${String(++version).padStart(20, '0')}.json`);
    writeFileSync(`${log}.tmp`, text);
    renameSync(`${log}.tmp`, log);
  };
}

try {
  for (const name of ['quiet', ...floods, ...slow]) {
    await writeBenchTable(bench.connection, bench.lake, ROWS, name);
    await bench.client.query(
      `call synced_tables.wait_for_update(synced_tables.create_synced_table($1, $2 || '.' || $1, array['id'],
         scheduling_policy => 'CONTINUOUS'), interval '10 minutes')`,
      [`bench.${name}`, slow.includes(name) ? 'store' : 'lake'],
    );
  }
  const writers = await Promise.all([...floods, ...slow].map(prepareFlood));
  const quiet = new CommitTimes(bench, ROWS, 'quiet');
  await quiet.start();
  for (let n = 0; n < 10; n++) await quiet.next();
  // From now on: loading took long enough.
  if (store !== null) store.delayMs = Number(values['delay-ms']);
  const took = { alone: /** @type {number[]} */ ([]), beside: /** @type {number[]} */ ([]) };
  let written = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const kind of /** @type {const} */ (['alone', 'beside'])) {
      const stop = new AbortController();
      const writing =
        kind === 'alone'
          ? []
          : writers.map(async (commit) => {
              while (!stop.signal.aborted) {
                commit();
                written++;
                await sleep(1000 / Number(values['commits-a-second']));
              }
            });
      for (const name of slow) {
        await bench.client.query(`select synced_tables.${kind === 'alone' ? 'pause' : 'resume'}_pipeline($1)`, [
          `bench.${name}`,
        ]);
      }
      await sleep(1000);
      for (let n = 0; n < commits; n++) {
        took[kind].push(await quiet.next());
        await sleep(Number(values['quiet-pause-ms']));
      }
      stop.abort();
      await Promise.all(writing);
      // What the floods have left is applied before the quiet table is alone again.
      await sleep(kind === 'beside' ? 5000 : 0);
    }
  }
  await quiet[Symbol.asyncDispose]();
  const result = {
    floods: floods.length,
    slow: slow.length,
    commits_of_others: written,
    alone_p50_ms: rounded(median(took.alone)),
    alone_p99_ms: rounded(quantile(took.alone, 0.99)),
    beside_p50_ms: rounded(median(took.beside)),
    beside_p99_ms: rounded(quantile(took.beside, 0.99)),
    ratio: rounded(median(took.beside) / median(took.alone)),
  };
  say(`alone: median ${result.alone_p50_ms} ms, p99 ${result.alone_p99_ms} ms`);
  say(
    `beside ${floods.length} floods and ${slow.length} tables of a slow store (${written} commits): median ${result.beside_p50_ms} ms, p99 ${result.beside_p99_ms} ms`,
  );
  say(`ratio of the medians: ${result.ratio}`);
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
}
