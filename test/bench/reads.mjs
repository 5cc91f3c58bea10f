// @ts-check
// npm run bench:reads [-- --rows N] [--reads N] [--rounds N] [--clients N,…] [--major 15|18] [--json]
//
// What reading a synced table costs against a plain table of the same rows, in turns: single rows by key, prepared and
// planned anew each time, a range of a hundred keys, and a sum over all rows; by one client and by several. Time on the
// clock of one read, and processor time of the server. A synced table is a partitioned one with a single partition, which
// the planner has to get through.
import { parseArgs } from 'node:util';
import pg from 'pg';
import { writeBenchTable } from './bench-lake.mjs';
import { median, rounded, startBench } from './bench-sidecar.mjs';
import { postmasterOf, processorSecondsOfServer } from './processor-time.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    reads: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '1,4,16' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const reads = Number(values.reads);
const rounds = Math.max(3, Number(values.rounds));
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
/** Reads of all rows take as long as thousands of single ones. */
const SUMS = 5;

/** @typedef {{ name: string, times: number, isPrepared: boolean, text: (table: string) => string, values: () => unknown[] }} Case */
const anyKey = () => Math.floor(Math.random() * (rows - 100));
/** @type {Case[]} */
const CASES = [
  {
    name: 'one row by key, prepared',
    times: reads,
    isPrepared: true,
    text: (table) => `select * from ${table} where id = $1`,
    values: () => [anyKey()],
  },
  {
    name: 'one row by key',
    times: reads,
    isPrepared: false,
    text: (table) => `select * from ${table} where id = $1`,
    values: () => [anyKey()],
  },
  {
    name: 'a hundred rows by key',
    times: reads / 10,
    isPrepared: true,
    text: (table) => `select * from ${table} where id >= $1 order by id limit 100`,
    values: () => [anyKey()],
  },
  {
    name: 'a sum over all rows',
    times: SUMS,
    isPrepared: false,
    text: (table) => `select sum(visits) from ${table}`,
    values: () => [],
  },
];
const TABLES = { synced: 'bench.customers', plain: 'plain.customers' };

const bench = await startBench({ major: Number(values.major) });
try {
  await main();
} finally {
  await bench[Symbol.asyncDispose]();
}

/** Milliseconds of one read, and of the server's processor time. */
async function measure(
  /** @type {Case} */ { name, times, isPrepared, text, values: valuesOf },
  /** @type {string} */ table,
  /** @type {pg.Client[]} */ clients,
  /** @type {number} */ postmaster,
) {
  const each = Math.ceil(times / clients.length);
  const query = { text: text(table), ...(isPrepared ? { name: `${name} ${table}` } : {}) };
  const used = processorSecondsOfServer(postmaster);
  const startedAt = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < each; n++) await client.query({ ...query, values: valuesOf() });
    }),
  );
  const ms = (performance.now() - startedAt) / each;
  return { ms, processor: ((processorSecondsOfServer(postmaster) - used) * 1000) / (each * clients.length) };
}

async function main() {
  const { client, connection, lake, url } = bench;
  say(`${rows} rows, ${rounds} rounds, PostgreSQL ${values.major}; preparing`);
  await writeBenchTable(connection, lake, rows);
  await client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id']), interval '1 hour')`,
  );
  await client.query(`create schema plain; create table plain.customers (like bench.customers);
    insert into plain.customers select * from bench.customers; alter table plain.customers add primary key (id)`);
  await client.query('vacuum (analyze) plain.customers');
  await client.query('vacuum (analyze) bench.customers');
  const postmaster = await postmasterOf(client);
  const results = [];
  for (const count of values.clients.split(',').map(Number)) {
    const clients = await Promise.all(
      Array.from({ length: count }, async () => {
        const session = new pg.Client({ connectionString: url });
        await session.connect();
        return session;
      }),
    );
    for (const each of CASES) {
      const took = { synced: /** @type {any[]} */ ([]), plain: /** @type {any[]} */ ([]) };
      for (let round = 0; round <= rounds; round++) {
        const order = /** @type {const} */ (round % 2 === 0 ? ['synced', 'plain'] : ['plain', 'synced']);
        for (const table of order) {
          const figures = await measure(each, TABLES[table], clients, postmaster);
          // The first round reads pages for the first time.
          if (round > 0) took[table].push(figures);
        }
      }
      const of = (/** @type {'synced' | 'plain'} */ table, /** @type {'ms' | 'processor'} */ figure) =>
        median(took[table].map((one) => one[figure]));
      results.push({
        name: each.name,
        clients: count,
        synced_ms: rounded(of('synced', 'ms')),
        plain_ms: rounded(of('plain', 'ms')),
        ratio: rounded(of('synced', 'ms') / of('plain', 'ms')),
        synced_processor_ms: rounded(of('synced', 'processor')),
        plain_processor_ms: rounded(of('plain', 'processor')),
        processor_ratio: rounded(of('synced', 'processor') / of('plain', 'processor')),
      });
      const last = results.at(-1);
      say(
        `${last?.name}, ${count} client(s): ${last?.synced_ms} ms, plain ${last?.plain_ms} ms, ratio ${last?.ratio}; ` +
          `processor ${last?.synced_processor_ms} ms, plain ${last?.plain_processor_ms} ms, ratio ${last?.processor_ratio}`,
      );
    }
    await Promise.all(clients.map((session) => session.end()));
  }
  if (values.json) console.log(JSON.stringify({ rows, rounds, results }));
}
