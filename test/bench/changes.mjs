// @ts-check
// npm run bench:changes [-- --rows N] [--changes N,…] [--rounds N] [--major 15|18] [--only NAME,…] [--json]
//
// Measures, in turn and in one run: a TRIGGERED update that applies the changes of one MERGE (70 % updates, 20 % inserts,
// 10 % deletes at random keys), from the request to the committed position, everything in between; the same changes
// applied by DELETE and INSERT … ON CONFLICT in the order of the key to a table of the same rows, when they are in
// Postgres already; the same after COPY of a prepared binary file has brought them there; and what people would write instead,
// where BENCH_PYTHON has test/bench/rivals/requirements.txt: the change feed read by deltalake, and by Spark
// (requirements-spark.txt), staged and merged. Of so many changes that a copy takes less, ours is a copy. Several numbers of
// changes, the smallest first, share the tables. Time on the clock, and processor time of server and tool. Prints medians and
// ratios; absolute figures belong to the machine.
import { chmodSync, createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { copyIn } from '../../dist/postgres/copy/copy-in.js';
import { writeBenchMerge, writeBenchTable } from './bench-lake.mjs';
import { median, rounded, startBench, untilUpdated } from './bench-sidecar.mjs';
import { openCopyOut } from './copy-out.mjs';
import { postmasterOf, processorSecondsOf, processorSecondsOfServer } from './processor-time.mjs';
import { hasModules, runRival } from './rivals.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    changes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    major: { type: 'string', default: '18' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const sizes = values.changes.split(',').map(Number);
const rounds = Math.max(3, Number(values.rounds));
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

const OTHERS = `name email score balance visits is_active signup_date last_seen_local last_seen tags address`.split(
  ' ',
);
const list = (/** @type {string} */ alias) => OTHERS.map((name) => `${alias}.${name}`).join(', ');
const ASSIGNMENTS = OTHERS.map((name) => `${name} = excluded.${name}`).join(', ');

/** @typedef {{ seconds: number, tool: number, applying?: number, method?: string, version?: string }} Took seconds on the clock and of the tool's processor time */
/** @typedef {Map<string, (Took & { server: number })[]>} Figures by the name of the contender */
/** @typedef {{ name: string, table: string, apply: (version: number) => Promise<Took> }} Contender */

const bench = await startBench({ major: Number(values.major) });
const { client, connection, folder, lake, url, pid } = bench;
try {
  await main();
} finally {
  await bench[Symbol.asyncDispose]();
}

/** Work in the server alone: this process only waits. */
async function timed(/** @type {() => Promise<unknown>} */ work) {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** @returns {Contender} */
function ours() {
  return {
    name: 'synced-tables',
    table: 'bench.customers',
    apply: async () => {
      const before = processorSecondsOf(pid);
      const seconds = await timed(() => untilUpdated(client, `synced_tables.sync_now('bench.customers')`));
      const tool = processorSecondsOf(pid) - before;
      const { rows: records } = await client.query(
        'select method, load_seconds from synced_tables.updates order by created_at desc limit 1',
      );
      return { seconds, tool, applying: Number(records[0].load_seconds), method: records[0].method };
    },
  };
}

/** @returns {Contender} what a careful hand would write where the changes are in the server already */
function bareStatements() {
  const table = 'by_hand.bare';
  return {
    name: 'DELETE and INSERT of staged changes',
    table,
    apply: async () => {
      const seconds = await timed(async () => {
        await client.query('begin');
        await applyStaged(table, 'by_hand.changes');
        await client.query('commit');
      });
      return { seconds, tool: 0 };
    },
  };
}

/** @returns {Contender} the same where they have to be brought there: the limit of any tool */
function copiedStatements() {
  const table = 'by_hand.copied';
  return {
    name: 'COPY of a prepared binary file, DELETE and INSERT',
    table,
    apply: async () => {
      const path = join(folder, 'staged.binary');
      await pipeline(openCopyOut(client, 'copy by_hand.changes to stdout (format binary)'), createWriteStream(path));
      const before = processorSecondsOf(process.pid);
      const seconds = await timed(async () => {
        await client.query('begin');
        await client.query('create temporary table copied (like by_hand.changes) on commit drop');
        const bytes = createReadStream(path, { highWaterMark: 65_536 });
        await copyIn(client, 'copy copied from stdin (format binary)', { bytes, finished: Promise.resolve(0n) });
        await applyStaged(table, 'copied');
        await client.query('commit');
      });
      return { seconds, tool: processorSecondsOf(process.pid) - before };
    },
  };
}

async function applyStaged(/** @type {string} */ table, /** @type {string} */ staged) {
  await client.query(`delete from ${table} t using ${staged} s where s._change_type = 'delete' and t.id = s.id`);
  await client.query(
    `insert into ${table} as t (id, ${OTHERS.join(', ')}) select id, ${OTHERS.join(', ')} from ${staged}
      where _change_type <> 'delete' order by id
      on conflict (id) do update set ${ASSIGNMENTS} where (${list('t')}) is distinct from (${list('excluded')})`,
  );
}

/** @returns {Contender} */
function rival(/** @type {string} */ name, /** @type {string} */ tool) {
  const table = `by_hand.${tool}`;
  return {
    name,
    table,
    apply: async (version) => {
      const root = join(lake, 'bench', 'customers');
      const { processor_seconds, ...took } = JSON.parse(
        await runRival('apply_changes.py', tool, root, url, table, String(version)),
      );
      return { ...took, tool: processor_seconds };
    },
  };
}

/** Puts the last state of each key into Postgres, unmeasured. */
async function stage(/** @type {string} */ file) {
  const csv = join(folder, 'staged.csv');
  await connection.run(
    `copy (select * replace (to_json(tags) as tags, to_json(address) as address) from read_parquet('${file}')
            where _change_type <> 'update_preimage') to '${csv}' (format csv, header false)`,
  );
  chmodSync(csv, 0o644);
  await client.query(
    `drop table if exists by_hand.changes;
     create table by_hand.changes as select *, null::text as _change_type from bench.customers limit 0`,
  );
  await client.query(`copy by_hand.changes from '${csv}' (format csv)`);
  await client.query('analyze by_hand.changes');
}

/** Tables of the same rows, each with its key. */
async function prepare(/** @type {readonly Contender[]} */ others) {
  await client.query('create schema by_hand');
  for (const { table } of others) {
    await client.query(`create table ${table} (like bench.customers); insert into ${table} select * from bench.customers;
      alter table ${table} add primary key (id)`);
    await client.query(`vacuum (analyze) ${table}`);
  }
  await client.query('vacuum (analyze) bench.customers');
  await client.query('listen synced_table_updates');
}

async function main() {
  say(`${sizes.join(', ')} changes to ${rows} rows, ${rounds} rounds, PostgreSQL ${values.major}; preparing`);
  await writeBenchTable(connection, lake, rows);
  await client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id'], scheduling_policy => 'TRIGGERED'), interval '1 hour')`,
  );
  const postmaster = await postmasterOf(client);
  const rivals = [
    ...(hasModules('deltalake', 'duckdb', 'psycopg') ? [rival('deltalake, DuckDB and MERGE', 'cdf')] : []),
    ...(hasModules('deltalake', 'psycopg', 'pyspark', 'delta') ? [rival('Spark and MERGE', 'spark')] : []),
  ].filter(({ name }) => values.only?.split(',').some((part) => name.includes(part)) ?? true);
  const contenders = [ours(), bareStatements(), copiedStatements(), ...rivals];
  await prepare(contenders.slice(1));
  const medians = [];
  for (const [place, changes] of sizes.entries()) {
    const figures = await measure(contenders, { changes, after: place * (rounds + 1), postmaster });
    medians.push(...mediansOf(figures, changes));
  }
  for (const { name, table } of contenders.slice(1)) {
    const { rows: differences } = await client.query(
      `select count(*) as n from bench.customers a full join ${table} b using (id) where a is distinct from b`,
    );
    if (differences[0].n !== '0') throw new Error(`${name}: ${differences[0].n} rows differ`);
  }
  report(medians);
}

/**
 * @param {readonly Contender[]} contenders
 * @param {{ changes: number, after: number, postmaster: number }} options `after`: the version that there is already
 */
async function measure(contenders, { changes, after, postmaster }) {
  /** @type {Figures} */
  const figures = new Map(contenders.map(({ name }) => [name, []]));
  // The first round is for warming up: the pages of all tables get their first full images into the WAL alike.
  for (let round = 0; round <= rounds; round++) {
    const version = after + round + 1;
    const merge = { rows, changes, round: after + round, rounds: sizes.length * (rounds + 1), version };
    await stage(await writeBenchMerge(connection, lake, merge));
    const turn = round % contenders.length;
    const ordered = [...contenders.slice(turn), ...contenders.slice(0, turn)];
    // Nobody always comes after the same one, who may leave work behind.
    for (const { name, apply } of round % 2 === 0 ? ordered : ordered.toReversed()) {
      await client.query('checkpoint');
      await untilVacuumed();
      const before = processorSecondsOfServer(postmaster);
      const took = await apply(version);
      const server = processorSecondsOfServer(postmaster) - before;
      const parts = took.applying === undefined ? '' : `, of that reading and applying ${took.applying.toFixed(3)} s`;
      say(
        `${changes} changes, round ${round}: ${name}: ${took.seconds.toFixed(3)} s${parts}; processor: server ${server.toFixed(2)} s, tool ${took.tool.toFixed(2)} s`,
      );
      if (round > 0) figures.get(name)?.push({ ...took, server });
    }
  }
  return figures;
}

/** What others have left behind is cleaned by the server, whose processor time is measured. */
async function untilVacuumed() {
  for (let waits = 0; waits < 120; waits++) {
    const { rowCount } = await client.query(`select from pg_stat_activity where backend_type = 'autovacuum worker'`);
    if (rowCount === 0) return;
    await sleep(500);
  }
}

function mediansOf(/** @type {Figures} */ figures, /** @type {number} */ changes) {
  const [first] = figures.values();
  const applying = median((first ?? []).map((took) => took.applying ?? 0));
  const seconds = (/** @type {Took[]} */ took) => median(took.map((each) => each.seconds));
  return [...figures].map(([name, took]) => {
    const processor = median(took.map(({ server, tool }) => server + tool));
    const { version, method } = took.find((each) => each.version !== undefined || each.method !== undefined) ?? {};
    const more = method === 'CHANGES' ? undefined : (version ?? method?.toLowerCase());
    return {
      changes,
      name: more === undefined ? name : `${name} (${more})`,
      seconds: rounded(seconds(took)),
      changes_per_second: Math.round(changes / seconds(took)),
      processor: rounded(processor),
      server: rounded(median(took.map(({ server }) => server))),
      // Above 1: ours is faster.
      theirs_to_ours: rounded(seconds(took) / seconds(first ?? [])),
      theirs_to_applying_alone: rounded(seconds(took) / applying),
    };
  });
}

function report(/** @type {ReturnType<typeof mediansOf>} */ medians) {
  say('');
  for (const { changes, name, ...rest } of medians) {
    say(
      `${changes} changes, ${name}: ${rest.seconds} s, ${rest.changes_per_second} changes/s, processor ${rest.processor} s (server ${rest.server} s); ` +
        `theirs / ours ${rest.theirs_to_ours}, theirs / reading and applying alone ${rest.theirs_to_applying_alone}`,
    );
  }
  if (values.json) console.log(JSON.stringify({ rows, rounds, medians }));
}
