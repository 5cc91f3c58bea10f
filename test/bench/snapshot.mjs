// @ts-check
// npm run bench:snapshot [-- --rows N] [--connections N] [--rounds N] [--major 15|18] [--memory] [--json]
//
// Measures, interleaved in one run: COPY of a prepared CSV file, COPY of a prepared binary file, and a whole snapshot
// by the sidecar (load, key, ANALYZE, switch) of the same rows into the same kind of table. Prints medians and ratios;
// absolute figures belong to the machine. With --memory only the peak memory of one first load is measured.
import { chmodSync, createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { openDeltaTable } from '../../dist/lake/delta/delta-table.js';
import { openCopyStream } from '../../dist/lake/engine/copy-stream.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { copySelects } from '../../dist/lake/relation/table-read.js';
import { localFileStore } from '../../dist/lake/storage/local-file-store.js';
import { copyIn } from '../../dist/postgres/copy/copy-in.js';
import { writeBenchTable } from './bench-lake.mjs';
import { endSidecar, spawnSidecar, untilMigrated, untilUpdated } from './bench-sidecar.mjs';
import { openCopyOut } from './copy-out.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    connections: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    major: { type: 'string', default: '18' },
    memory: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const rounds = Math.max(3, Number(values.rounds));
const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
// The embedded server may run as another user, who has to get to its data.
chmodSync(folder, 0o755);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

const COLUMN_DEFINITIONS = `id bigint, name text, email text, score double precision, balance numeric(18,2),
  visits integer, is_active boolean, signup_date date, last_seen_local timestamp, last_seen timestamptz, tags jsonb,
  address jsonb`;

const median = (/** @type {number[]} */ list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const seconds = async (/** @type {() => Promise<unknown>} */ work) => {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
};

/** A prepared file as a source of COPY. */
function fileSource(/** @type {string} */ path) {
  const bytes = createReadStream(path, { highWaterMark: 256 * 1024 });
  const finished = new Promise((resolve, reject) => {
    bytes.once('end', () => resolve(0n)).once('close', () => reject(new Error('the file was not read to its end')));
  });
  finished.catch(() => {});
  return { bytes, finished };
}

async function prepareLake() {
  const engine = await openEngine();
  const connection = await engine.connect();
  await writeBenchTable(connection, join(folder, 'lake'), rows);
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
}

async function prepareFiles(/** @type {pg.Client} */ client) {
  const engine = await openEngine();
  const connection = await engine.connect();
  const table = openDeltaTable({
    engine,
    store: localFileStore,
    root: join(folder, 'lake', 'bench', 'customers'),
    tableName: 'lake.bench.customers',
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
  });
  const snapshot = await table.snapshot();
  const relation = await table.openRelation(snapshot, 1);
  const read = {
    columns: snapshot.columns,
    keyColumns: [],
    timeseriesKey: null,
    invalidCharacters: 'fail',
    format: 'csv',
  };
  const [select = ''] = copySelects(relation, /** @type {any} */ (read));
  const stream = await openCopyStream(connection, select, 'csv', engine.scratchFolder);
  const csv = join(folder, 'rows.csv');
  await Promise.all([pipeline(stream.bytes, createWriteStream(csv)), stream.finished]);
  await relation[Symbol.asyncDispose]();
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  await rawCopy(client, csv, 'format csv, header true');
  const binary = join(folder, 'rows.bin');
  await pipeline(openCopyOut(client, 'copy raw_rows to stdout (format binary)'), createWriteStream(binary));
  await client.query('drop table raw_rows');
  return { csv, binary };
}

async function rawCopy(/** @type {pg.Client} */ client, /** @type {string} */ file, /** @type {string} */ options) {
  await client.query(`drop table if exists raw_rows; create table raw_rows (${COLUMN_DEFINITIONS})`);
  await copyIn(client, `copy raw_rows from stdin (${options})`, /** @type {any} */ (fileSource(file)));
}

/** Reads one row by key again and again until it is told to stop; gives the longest wait in ms. */
async function hammer(/** @type {string} */ url, /** @type {AbortSignal} */ signal) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let longest = 0;
  for (let turn = 0; !signal.aborted; turn++) {
    const startedAt = performance.now();
    await client.query({
      name: 'point',
      text: 'select * from bench.customers where id = $1',
      values: [(turn * 7919) % rows],
    });
    longest = Math.max(longest, performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await client.end();
  return longest;
}

async function main() {
  const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h', fsync: 'on' };
  const postgres = await startEmbeddedPostgres({
    major: /** @type {15|18} */ (Number(values.major)),
    dataDir: join(folder, 'postgres'),
    settings,
  });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  say(
    `${rows} rows, ${values.connections} connection(s), ${rounds} rounds, PostgreSQL ${values.major}; preparing files`,
  );
  await prepareLake();
  const files = values.memory ? { csv: '', binary: '' } : await prepareFiles(client);
  if (!values.memory) {
    say(
      `CSV ${Math.round(statSync(files.csv).size / 1e6)} MB, binary ${Math.round(statSync(files.binary).size / 1e6)} MB`,
    );
  }
  const more = `sync: { connections: ${values.connections} }\nlog: { level: warn }`;
  const sidecar = spawnSidecar({ folder, url: postgres.url, more });
  /** @type {Record<'csv'|'csvKey'|'binary'|'load'|'whole'|'stall', number[]>} */
  const times = { csv: [], csvKey: [], binary: [], load: [], whole: [], stall: [] };
  try {
    await untilMigrated(client, sidecar);
    await client.query('listen synced_table_updates');
    if (values.memory) {
      const whole = await seconds(() =>
        client.query(
          `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers', array['id']))`,
        ),
      );
      const result = { rows, peak_rss_mb: peakRssMb(sidecar.pid ?? 0), whole_seconds: round(whole) };
      console.log(
        values.json ? JSON.stringify(result) : `peak memory ${result.peak_rss_mb} MB in ${result.whole_seconds} s`,
      );
      return;
    }
    for (let turn = 1; turn <= rounds; turn++) {
      const csv = await seconds(() => rawCopy(client, files.csv, 'format csv, header true'));
      const key = await seconds(() => client.query('alter table raw_rows add primary key (id)'));
      const binary = await seconds(() => rawCopy(client, files.binary, 'format binary'));
      await client.query('drop table raw_rows');
      const call =
        turn === 1
          ? `synced_tables.create_synced_table('bench.customers', 'lake.bench.customers', array['id'])`
          : `synced_tables.sync_now('bench.customers', full_refresh => true)`;
      const whole = await seconds(() => untilUpdated(client, call));
      const { rows: records } = await client.query(
        'select load_seconds, switch_ms from synced_tables.updates order by created_at desc limit 1',
      );
      const load = Number(records[0].load_seconds);
      times.csv.push(csv);
      times.csvKey.push(csv + key);
      times.binary.push(binary);
      times.load.push(load);
      times.whole.push(whole);
      say(
        `round ${turn}: csv ${csv.toFixed(1)} s, its key ${key.toFixed(1)} s, binary ${binary.toFixed(1)} s; ` +
          `ours: load ${load.toFixed(1)} s, whole ${whole.toFixed(1)} s, switch ${Number(records[0].switch_ms ?? 0).toFixed(0)} ms`,
      );
    }
    // A refresh of its own: the reader takes a part of the processor, which the prepared files do not share.
    const reading = new AbortController();
    const stall = hammer(postgres.url, reading.signal);
    await client.query(
      `call synced_tables.wait_for_update(synced_tables.sync_now('bench.customers', full_refresh => true))`,
    );
    reading.abort();
    times.stall.push(await stall);
    report(times, peakRssMb(sidecar.pid ?? 0));
  } finally {
    await endSidecar(sidecar);
    await client.end();
    await postgres.stop();
  }
}

/** The most memory that the process ever had, in MB (Linux). */
function peakRssMb(/** @type {number} */ pid) {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

function report(
  /** @type {Record<'csv'|'csvKey'|'binary'|'load'|'whole'|'stall', number[]>} */ times,
  /** @type {number} */ peak,
) {
  const rate = (/** @type {number[]} */ list) => `${Math.round(rows / median(list) / 1000)} k rows/s`;
  const result = {
    rows,
    connections: Number(values.connections),
    rounds,
    load_ratio_csv: round(median(times.csv) / median(times.load)),
    whole_ratio_csv: round(median(times.csvKey) / median(times.whole)),
    load_ratio_binary: round(median(times.binary) / median(times.load)),
    peak_rss_mb: peak,
    reader_stall_ms: round(Math.max(...times.stall)),
    rows_per_second: {
      csv: rows / median(times.csv),
      binary: rows / median(times.binary),
      load: rows / median(times.load),
      whole: rows / median(times.whole),
    },
  };
  say(
    `medians: csv ${rate(times.csv)}, binary ${rate(times.binary)}, our load ${rate(times.load)}, our whole snapshot ${rate(times.whole)}`,
  );
  say(
    `load / raw CSV ${result.load_ratio_csv}, load / raw binary ${result.load_ratio_binary}, whole / raw CSV with key ${result.whole_ratio_csv}`,
  );
  say(`peak memory of the sidecar ${peak} MB, longest reader stall ${result.reader_stall_ms} ms`);
  if (values.json) console.log(JSON.stringify(result));
}

const round = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
