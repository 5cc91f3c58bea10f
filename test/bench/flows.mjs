// @ts-check
// npm run bench:flows [-- --events N] [--rows N] [--idle-seconds N] [--major 15|18] [--json]
//
// Measures how long it takes from the commit of one event until a reader sees it in a streaming table of a continuous
// pipeline, SCD type 1 and 2, from a table of the database and from a table of the lakehouse: from COMMIT, or the moment
// at which the commit's file has its name, to the end of a SELECT that returns the row, which another session sends when
// it hears of the update. Then, while nothing happens, what the sidecar and its sessions in the server use of one core,
// beside what they use without any pipeline (Linux).
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { idlePercents, median, quantile, rounded, startBench } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200' },
    rows: { type: 'string', default: '100000' },
    'idle-seconds': { type: 'string', default: '20' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const events = Number(values.events);
const rows = Number(values.rows);
const idleSeconds = Number(values['idle-seconds']);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
const MS_MAX = 60_000;
/** The first ones open files and plan statements for the first time. */
const WARM_UP = 10;
const SOURCES = ['table', 'lake'];
const SCD_TYPES = [1, 2];

const bench = await startBench({ major: Number(values.major) });
const root = join(bench.lake, 'bench', 'events');
let version = 0;

/** Writes a commit of the Delta table; what it names becomes visible when `publish` is called. */
async function prepareCommit(/** @type {string} */ query) {
  const path = `part-${version}.parquet`;
  await bench.connection.run(`copy (${query}) to '${join(root, path)}' (format parquet)`);
  const add = {
    path,
    partitionValues: {},
    size: statSync(join(root, path)).size,
    modificationTime: 0,
    dataChange: true,
  };
  const actions = version === 0 ? [...tableActions(), { add }] : [{ add }];
  const log = join(root, '_delta_log', `${String(version++).padStart(20, '0')}.json`);
  writeFileSync(`${log}.tmp`, actions.map((action) => JSON.stringify(action)).join('\n'));
  return () => renameSync(`${log}.tmp`, log);
}

function tableActions() {
  const fields = [
    ['id', 'long'],
    ['v', 'string'],
    ['seq', 'long'],
  ].map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  const format = { provider: 'parquet', options: {} };
  const schemaString = JSON.stringify({ type: 'struct', fields });
  return [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { metaData: { id: 'bench-events', format, schemaString, partitionColumns: [], configuration: {}, createdTime: 0 } },
  ];
}

/** The first `rows` events, one a key. */
const firstRows = `select i as id, 'value ' || i as v, 0 as seq`;

async function declareFlows() {
  mkdirSync(join(root, '_delta_log'), { recursive: true });
  (await prepareCommit(`${firstRows} from range(${rows}) r(i)`))();
  await bench.client.query(`create table public.events as ${firstRows} from generate_series(0, ${rows - 1}) i`);
  for (const source of SOURCES) {
    for (const type of SCD_TYPES) {
      const target = `public.${source}_scd${type}`;
      const name = source === 'lake' ? 'lake.bench.events' : 'public.events';
      await bench.client.query(`select synced_tables.create_streaming_table('${target}', continuous => true)`);
      await bench.client.query(
        `select synced_tables.apply_changes('${target}', '${name}', array['id'], 'seq', column_list => array['id', 'v'],
           stored_as_scd_type => ${type})`,
      );
    }
  }
  for (;;) {
    const {
      rows: [{ n }],
    } = await bench.client.query(
      `select count(*)::int as n from synced_tables.status where state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'`,
    );
    if (n === SOURCES.length * SCD_TYPES.length) return;
    await sleep(200);
  }
}

/** Milliseconds until the event is seen in both targets of a source, by target. */
async function measure(/** @type {string} */ source) {
  const reader = new pg.Client({ connectionString: bench.url });
  await reader.connect();
  /** @type {(table: string) => void} */
  let onUpdate = () => {};
  reader.on('notification', ({ payload }) => onUpdate(JSON.parse(payload ?? '{}').table));
  await reader.query('listen synced_table_updates');
  const times = new Map(SCD_TYPES.map((type) => [`public.${source}_scd${type}`, /** @type {number[]} */ ([])]));
  for (let nth = 1; nth <= events + WARM_UP; nth++) {
    const id = (nth * 7919) % rows;
    const value = `changed ${nth}`;
    const write =
      source === 'lake'
        ? await prepareCommit(`select ${id}::bigint as id, '${value}' as v, ${nth}::bigint as seq`)
        : () => bench.client.query('insert into public.events values ($1, $2, $3)', [id, value, nth]);
    const waiting = new Set(times.keys());
    let startedAt = 0;
    const isVisible = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`event ${nth} did not arrive in ${[...waiting]}`)), MS_MAX);
      onUpdate = async (table) => {
        if (!waiting.has(table)) return;
        const current = table.endsWith('2') ? ' and "__END_AT" is null' : '';
        const { rows: found } = await reader.query(`select v from ${table} where id = $1${current}`, [id]);
        if (found[0]?.v !== value || !waiting.delete(table)) return;
        if (nth > WARM_UP) times.get(table)?.push(performance.now() - startedAt);
        if (waiting.size > 0) return;
        clearTimeout(timer);
        resolve(null);
      };
    });
    await write();
    startedAt = performance.now();
    await isVisible;
    await sleep(nth % 40);
  }
  await reader.end();
  return times;
}

try {
  const [bare = 0, bareServer = 0] = await idlePercents(bench, idleSeconds);
  await declareFlows();
  say(`${events} events of one row to ${rows} rows, four continuous streaming tables, PostgreSQL ${values.major}`);
  /** @type {Record<string, unknown>} */
  const result = { events, rows, targets: {} };
  for (const source of SOURCES) {
    for (const [table, times] of await measure(source)) {
      const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => rounded(quantile(times, part)));
      Object.assign(/** @type {object} */ (result.targets), { [table]: { p50_ms: p50, p90_ms: p90, p99_ms: p99 } });
      say(`${table}: commit to visible: median ${rounded(median(times))} ms, p90 ${p90} ms, p99 ${p99} ms`);
    }
  }
  const [sidecar = 0, server = 0] = await idlePercents(bench, idleSeconds);
  Object.assign(result, {
    idle_cpu_percent: rounded(sidecar),
    idle_server_cpu_percent: rounded(server),
    bare_cpu_percent: rounded(bare),
    bare_server_cpu_percent: rounded(bareServer),
  });
  say(`idle: sidecar ${rounded(sidecar)} % of a core, its sessions ${rounded(server)} %`);
  say(`idle without pipelines: sidecar ${rounded(bare)} %, its sessions ${rounded(bareServer)} %`);
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
}
