// @ts-check
// npm run bench:compare [-- --rows N] [--wide N] [--rounds N] [--major 15|18] [--only NAME,…] [--markdown FILE] [--json]
//
// First load and refresh of one table, against what people would use instead, all in one run and in turn: time on the clock,
// and processor time of the server and of the tool, each with a primary key and ANALYZE. The table is written by the
// deltalake package, with the columns after the key N times. After each load the rows are compared. BENCH_PYTHON names a Python with test/bench/rivals/requirements.txt.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { copyIn } from '../../dist/postgres/copy/copy-in.js';
import { median, rounded, startBench, untilUpdated } from './bench-sidecar.mjs';
import { openCopyOut } from './copy-out.mjs';
import { MACHINE } from './machine.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    wide: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    major: { type: 'string', default: '18' },
    only: { type: 'string' },
    markdown: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const rounds = Math.max(3, Number(values.rounds));
const python = process.env.BENCH_PYTHON ?? 'python3';
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

const wide = Math.max(1, Number(values.wide));
const OTHERS = {
  name: 'text',
  email: 'text',
  score: 'double precision',
  balance: 'numeric(18,2)',
  visits: 'integer',
  is_active: 'boolean',
  signup_date: 'date',
  last_seen_local: 'timestamp',
  last_seen: 'timestamptz',
};
/** Names and types; those of repeated columns end in their number. */
const TYPES = new Map([['id', 'bigint']]);
for (let n = 1; n <= wide; n++) {
  for (const [name, type] of Object.entries(OTHERS)) TYPES.set(n === 1 ? name : `${name}_${n}`, type);
}
const DEFINITIONS = [...TYPES].map(([name, type]) => `${name} ${type}`).join(', ');
const COLUMNS = [...TYPES.keys()].join(', ');

/** @typedef {{ seconds: number, server: number, tool: number }} Figures seconds on the clock and of processor time */
/** @typedef {{ name: string, table: string, load: () => Promise<{ seconds: number, tool: number, version?: string }> }} Contender */

/** Clock ticks a second of /proc, the same on every Linux that Node runs on. */
const TICKS = 100;

/** Processor seconds of a process and of those of its children that have ended. */
function usedBy(/** @type {number} */ pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS;
}

/** Processor seconds of a server: what has ended counts for the postmaster. */
function usedByServer(/** @type {number} */ postmaster) {
  let sum = usedBy(postmaster);
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = Number(
        readFileSync(`/proc/${entry}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[1],
      );
      if (parent === postmaster) sum += usedBy(Number(entry));
    } catch {
      // It ended between the two looks; the postmaster has its time.
    }
  }
  return sum;
}

/** Runs a program of test/bench/rivals; gives the last line of its output. */
async function runPython(/** @type {string} */ script, /** @type {string[]} */ ...args) {
  const child = spawn(python, [join('test/bench/rivals', script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (bytes) => {
    output += bytes;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${script} ${args[0]} ended with ${code}`);
  return output.trim().split('\n').at(-1) ?? '';
}

const bench = await startBench({ major: Number(values.major) });
try {
  await compare();
} finally {
  await bench[Symbol.asyncDispose]();
}

async function compare() {
  const { client, folder, lake, url, pid } = bench;
  const { rows: found } = await client.query(`select current_setting('data_directory') as data`);
  const postmaster = Number(readFileSync(join(found[0].data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const source = join(lake, 'bench', 'customers');
  mkdirSync(join(lake, 'bench'), { recursive: true });
  say(
    `${rows} rows of ${TYPES.size} columns, ${rounds} rounds, PostgreSQL ${values.major}; the deltalake package writes the table`,
  );
  await runPython('write_table.py', source, String(rows), String(wide));
  await client.query('create schema rivals; listen synced_table_updates');

  const make = (/** @type {string} */ table) =>
    client.query(`drop table if exists ${table}; create table ${table} (${DEFINITIONS})`);
  const finish = (/** @type {string} */ table) =>
    client.query(`alter table ${table} add primary key (id); analyze ${table}`);

  /** @param {() => Promise<unknown>} work in this process, which only passes bytes on */
  async function timed(work) {
    const used = process.cpuUsage();
    const startedAt = performance.now();
    await work();
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - startedAt) / 1000, tool: (user + system) / 1e6 };
  }

  /** A prepared file as a source of COPY. */
  function fileSource(/** @type {string} */ path) {
    const bytes = createReadStream(path, { highWaterMark: 256 * 1024 });
    const finished = new Promise((resolve, reject) => {
      bytes.once('end', () => resolve(0n)).once('close', () => reject(new Error('the file was not read to its end')));
    });
    finished.catch(() => {});
    return { bytes, finished };
  }

  /** @returns {Contender} COPY of a file that is there already: a limit, not a rival */
  function prepared(/** @type {'csv' | 'binary'} */ format) {
    const table = `rivals.${format}`;
    return {
      name: `COPY of a prepared ${format === 'csv' ? 'CSV' : 'binary'} file`,
      table,
      load: async () => {
        await make(table);
        return timed(async () => {
          const bytes = fileSource(join(folder, `rows.${format}`));
          await copyIn(client, `copy ${table} from stdin (format ${format})`, /** @type {any} */ (bytes));
          await finish(table);
        });
      },
    };
  }

  /** @returns {Contender} */
  function rival(/** @type {string} */ name, /** @type {string} */ tool, makesTable = false) {
    // dlt remembers beside its tables what it has made.
    const table = makesTable ? `rival_of_its_own.${tool}` : `rivals.${tool}`;
    return {
      name,
      table,
      load: async () => {
        if (makesTable) await client.query('drop schema if exists rival_of_its_own cascade');
        else await make(table);
        const { seconds, processor_seconds, version } = JSON.parse(
          await runPython('load.py', tool, source, url, table),
        );
        return { seconds, tool: processor_seconds, version };
      },
    };
  }

  const OURS = 'synced-tables, first load';
  /** @returns {Contender} */
  function ours(/** @type {string} */ name, /** @type {string} */ table, /** @type {boolean} */ isFirst) {
    const create = `synced_tables.create_synced_table('${table}', 'lake.bench.customers', array['id'])`;
    return {
      name,
      table,
      load: async () => {
        if (isFirst) {
          const { rowCount } = await client.query(`select from synced_tables.status where synced_table = '${table}'`);
          if (rowCount) await client.query(`select synced_tables.delete_synced_table('${table}', purge => true)`);
        }
        const before = usedBy(pid);
        const { seconds } = await timed(() =>
          untilUpdated(client, isFirst ? create : `synced_tables.sync_now('${table}', full_refresh => true)`),
        );
        return { seconds, tool: usedBy(pid) - before };
      },
    };
  }

  const contenders = [
    ours(OURS, 'served.loaded', true),
    ours('synced-tables, refresh', 'served.refreshed', false),
    prepared('csv'),
    prepared('binary'),
    rival('DuckDB writes CSV, COPY reads it', 'duckdb'),
    rival('ADBC (Arrow)', 'adbc'),
    rival('dlt, CSV files', 'dlt', true),
    rival('psycopg 3, binary COPY', 'psycopg'),
  ].filter(
    ({ name }) =>
      values.only === undefined || name === OURS || values.only.split(',').some((part) => name.includes(part)),
  );

  // What a refresh replaces, and the prepared files, from one load that is not timed.
  await untilUpdated(
    client,
    `synced_tables.create_synced_table('served.refreshed', 'lake.bench.customers', array['id'])`,
  );
  for (const format of /** @type {const} */ (['csv', 'binary'])) {
    const out = openCopyOut(client, `copy (select ${COLUMNS} from served.refreshed) to stdout (format ${format})`);
    await pipeline(out, createWriteStream(join(folder, `rows.${format}`)));
  }
  say(
    ['csv', 'binary']
      .map((format) => `${format} ${Math.round(statSync(join(folder, `rows.${format}`)).size / 1e6)} MB`)
      .join(', '),
  );

  /** Of all values, in any order of rows. */
  async function digest(/** @type {string} */ table, isKeysOnly = false) {
    const { rows: sums } = await client.query(
      `select count(*)::text || ' ' || sum(hashtextextended((${(isKeysOnly ? 'id, name, email, visits' : COLUMNS)
        .split(', ')
        .map((name) => `${name}::text`)
        .join(` || '|' || `)}), 0)::numeric)::text as digest from ${table}`,
    );
    return String(sums[0].digest);
  }

  /** @type {Map<string, Figures[]>} */
  const figures = new Map(contenders.map(({ name }) => [name, []]));
  /** @type {Map<string, string>} */
  const versions = new Map();
  const expected = await digest('served.refreshed');
  const expectedKeys = await digest('served.refreshed', true);
  for (let turn = 0; turn < rounds; turn++) {
    // Nobody is always the first, or always after the same one.
    for (const contender of [
      ...contenders.slice(turn % contenders.length),
      ...contenders.slice(0, turn % contenders.length),
    ]) {
      await client.query('checkpoint');
      const before = usedByServer(postmaster);
      const { seconds, tool, version } = await contender.load();
      const server = usedByServer(postmaster) - before;
      if (version !== undefined) versions.set(contender.name, version);
      // dlt chooses the types of its table, such as timestamptz for both kinds of time.
      const got = await digest(contender.table, contender.table.endsWith('.dlt'));
      const wanted = contender.table.endsWith('.dlt') ? expectedKeys : expected;
      if (got !== wanted) throw new Error(`${contender.name} has loaded other rows: ${got} instead of ${wanted}`);
      figures.get(contender.name)?.push({ seconds, server, tool });
      say(
        `round ${turn + 1}: ${contender.name}: ${seconds.toFixed(2)} s; processor: server ${server.toFixed(2)} s, tool ${tool.toFixed(2)} s`,
      );
      if (contender.table.startsWith('rivals.')) await client.query(`drop table ${contender.table}`);
    }
  }

  const medians = contenders.map(({ name }) => {
    const list = figures.get(name) ?? [];
    const of = (/** @type {(each: Figures) => number} */ pick) => rounded(median(list.map(pick)));
    return {
      name: versions.has(name) ? `${name} (${versions.get(name)})` : name,
      seconds: of((each) => each.seconds),
      server: of((each) => each.server),
      tool: of((each) => each.tool),
      processor: of((each) => each.server + each.tool),
    };
  });
  const [first] = medians;
  if (!first) throw new Error('nothing was measured');
  const ratio = (/** @type {number} */ value, /** @type {number} */ base) => (value / base).toFixed(2);
  const settings = `PostgreSQL ${values.major}, shared_buffers 1GB, max_wal_size 16GB, fsync on; ${rows} rows of ${TYPES.size} columns; medians of ${rounds} rounds`;
  const table = [
    '| | seconds | processor seconds | of these in the server | seconds, ours / theirs | processor, ours / theirs |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...medians.map(
      ({ name, seconds, processor, server }) =>
        `| ${name} | ${seconds.toFixed(2)} | ${processor.toFixed(2)} | ${server.toFixed(2)} | ${ratio(first.seconds, seconds)} | ${ratio(first.processor, processor)} |`,
    ),
  ].join('\n');
  say(`\n${MACHINE}\n${settings}\n\n${table}`);
  if (values.markdown) writeFileSync(values.markdown, `${MACHINE}\n\n${settings}\n\n${table}\n`);
  if (values.json) console.log(JSON.stringify({ machine: MACHINE, settings, medians }));
}
