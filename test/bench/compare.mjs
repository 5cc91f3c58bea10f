// @ts-check
// npm run bench:compare [-- --rows N] [--wide N] [--readers N] [--rounds N] [--major 15|18] [--only NAME,…] [--markdown FILE] [--json]
//
// First load and refresh of one table, against what people would use instead, all in one run and in turn: time on the clock,
// and processor time of the server and of the tool, each with a primary key and ANALYZE. The table is written by the
// deltalake package, with the columns after the key N times. After each load the rows are compared. With --readers, so many sessions read
// single rows of the table that is refreshed all the time, whoever is loading. BENCH_PYTHON names a Python with
// test/bench/rivals/requirements.txt; Spark takes part where it has requirements-spark.txt.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { copyIn } from '../../dist/postgres/copy/copy-in.js';
import { median, rounded, startBench, untilUpdated } from './bench-sidecar.mjs';
import { openCopyOut } from './copy-out.mjs';
import { MACHINE } from './machine.mjs';
import { postmasterOf, processorSecondsOf, processorSecondsOfServer } from './processor-time.mjs';
import { hasModules, runRival } from './rivals.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    wide: { type: 'string', default: '1' },
    readers: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    major: { type: 'string', default: '18' },
    only: { type: 'string' },
    markdown: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const rounds = Math.max(3, Number(values.rounds));
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

/** @typedef {{ reads: number, p50_ms: number, p99_ms: number, longest_ms: number }} Reads */
/** @typedef {{ seconds: number, server: number, tool: number, reads: Reads | null }} Figures seconds on the clock and of processor time */
/** @typedef {{ name: string, table: string, load: () => Promise<{ seconds: number, tool: number, version?: string }> }} Contender */

const hasSpark = hasModules('pyspark', 'delta');

/** Sessions that read single rows of a table all the time, until they are disposed of. */
function startReaders(/** @type {string} */ url, /** @type {string} */ table) {
  const child = spawn(process.execPath, ['test/bench/read-load.mjs', url, table, String(rows), values.readers], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** What they have seen since the last call. */
    async since() {
      child.stdin.write('\n');
      const { value, done } = await answers.next();
      if (done) throw new Error('the readers have ended');
      return /** @type {Reads} */ (JSON.parse(value));
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

const bench = await startBench({ major: Number(values.major) });
try {
  await compare();
} finally {
  await bench[Symbol.asyncDispose]();
}

async function compare() {
  const { client, folder, lake, url, pid } = bench;
  const postmaster = await postmasterOf(client);
  const source = join(lake, 'bench', 'customers');
  mkdirSync(join(lake, 'bench'), { recursive: true });
  say(
    `${rows} rows of ${TYPES.size} columns, ${rounds} rounds, PostgreSQL ${values.major}; the deltalake package writes the table`,
  );
  await runRival('write_table.py', source, String(rows), String(wide));
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
        const { seconds, processor_seconds, version } = JSON.parse(await runRival('load.py', tool, source, url, table));
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
        const before = processorSecondsOf(pid);
        const { seconds } = await timed(() =>
          untilUpdated(client, isFirst ? create : `synced_tables.sync_now('${table}', full_refresh => true)`),
        );
        return { seconds, tool: processorSecondsOf(pid) - before };
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
    ...(hasSpark ? [rival('Spark, JDBC', 'spark')] : []),
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
  const readers = Number(values.readers) > 0 ? startReaders(url, 'served.refreshed') : null;
  try {
    await takeTurns();
  } finally {
    await readers?.[Symbol.asyncDispose]();
  }
  report();

  async function takeTurns() {
    for (let turn = 0; turn < rounds; turn++) {
      // Nobody is always the first, or always after the same one.
      for (const contender of [
        ...contenders.slice(turn % contenders.length),
        ...contenders.slice(0, turn % contenders.length),
      ]) {
        await client.query('checkpoint');
        await readers?.since();
        const before = processorSecondsOfServer(postmaster);
        const { seconds, tool, version } = await contender.load();
        const server = processorSecondsOfServer(postmaster) - before;
        const reads = (await readers?.since()) ?? null;
        if (version !== undefined) versions.set(contender.name, version);
        // dlt chooses the types of its table, such as timestamptz for both kinds of time.
        const got = await digest(contender.table, contender.table.endsWith('.dlt'));
        const wanted = contender.table.endsWith('.dlt') ? expectedKeys : expected;
        if (got !== wanted) throw new Error(`${contender.name} has loaded other rows: ${got} instead of ${wanted}`);
        figures.get(contender.name)?.push({ seconds, server, tool, reads });
        say(
          `round ${turn + 1}: ${contender.name}: ${seconds.toFixed(2)} s; processor: server ${server.toFixed(2)} s, tool ${tool.toFixed(2)} s${reads === null ? '' : `; reads: ${reads.reads}, median ${reads.p50_ms} ms, p99 ${reads.p99_ms} ms, longest ${reads.longest_ms} ms`}`,
        );
        if (contender.table.startsWith('rivals.')) await client.query(`drop table ${contender.table}`);
      }
    }
  }

  function report() {
    const medians = contenders.map(({ name }) => {
      const list = figures.get(name) ?? [];
      const of = (/** @type {(each: Figures) => number} */ pick) => rounded(median(list.map(pick)));
      return {
        name: versions.has(name) ? `${name} (${versions.get(name)})` : name,
        seconds: of((each) => each.seconds),
        server: of((each) => each.server),
        tool: of((each) => each.tool),
        processor: of((each) => each.server + each.tool),
        ...(readers === null
          ? {}
          : {
              read_p50_ms: of((each) => each.reads?.p50_ms ?? 0),
              read_p99_ms: of((each) => each.reads?.p99_ms ?? 0),
              read_longest_ms: Math.max(...list.map((each) => each.reads?.longest_ms ?? 0)),
            }),
      };
    });
    const [first] = medians;
    if (!first) throw new Error('nothing was measured');
    const ratio = (/** @type {number} */ value, /** @type {number} */ base) => (value / base).toFixed(2);
    const reading = readers === null ? '' : `, ${values.readers} sessions reading single rows of the refreshed table`;
    const settings = `PostgreSQL ${values.major}, shared_buffers 1GB, max_wal_size 16GB, fsync on${reading}; ${rows} rows of ${TYPES.size} columns; medians of ${rounds} rounds`;
    const heads = [
      '',
      'seconds',
      'processor seconds',
      'of these in the server',
      'seconds, ours / theirs',
      'processor, ours / theirs',
      ...(readers === null ? [] : ['reads, median ms', 'p99 ms', 'longest ms']),
    ];
    const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
    const table = [
      line(heads),
      line(heads.map((_, n) => (n === 0 ? '---' : '---:'))),
      ...medians.map(({ name, seconds, processor, server, ...reads }) =>
        line([
          name,
          ...[seconds, processor, server].map((each) => each.toFixed(2)),
          ratio(first.seconds, seconds),
          ratio(first.processor, processor),
          ...('read_p50_ms' in reads ? [reads.read_p50_ms, reads.read_p99_ms, reads.read_longest_ms].map(String) : []),
        ]),
      ),
    ].join('\n');
    say(`\n${MACHINE}\n${settings}\n\n${table}`);
    if (values.markdown) writeFileSync(values.markdown, `${MACHINE}\n\n${settings}\n\n${table}\n`);
    if (values.json) console.log(JSON.stringify({ machine: MACHINE, settings, medians }));
  }
}
