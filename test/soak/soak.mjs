// @ts-check
// npm run test:soak -- [--minutes N] [--commits-a-minute N] [--major 15|18] [--json]
//
// A long run under kills (Linux). Two sidecars keep two CONTINUOUS tables, a TRIGGERED one and a SNAPSHOT in sync with a
// lake that takes inserts, merges, deletes, optimizes and checkpoints all the time; one of the two is killed with -9
// every 20 to 40 seconds, the other lives. A reader looks at the tables without a pause and must never see part of a
// commit. Prints every minute what the sidecar that lives needs, and in the end how much more of it an hour takes, as of
// the tenth minute (in runs of less than 20 minutes: of the second half). Then all tables must equal the lake, by
// `verify` and by a model in memory. Fails with 1 on any wrong read, on a failed table, and on any difference.
//
// SOAK_PYTHON=… names a Python that has `deltalake`, which then writes the lake instead of the writer of our own.
import { spawn } from 'node:child_process';
import { chmodSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { untilMigrated } from '../bench/bench-sidecar.mjs';
import { MEASURES, slopesPerHour, takeSample } from './measures.mjs';
import { startOwnWriter } from './own-writer.mjs';
import { startPythonWriter } from './python-writer.mjs';
import { TableModel } from './workload.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '25' },
    'commits-a-minute': { type: 'string', default: '170' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const runMs = Number(values.minutes) * 60_000;
const commitMs = 60_000 / Number(values['commits-a-minute']);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

/** Policies, and how long to rest between two requests for an update. That of a followed table moves its lease. */
const TABLES = [
  { name: 'soak.first', policy: 'CONTINUOUS', syncMs: 45_000 },
  { name: 'soak.second', policy: 'CONTINUOUS', syncMs: 70_000 },
  { name: 'soak.triggered', policy: 'TRIGGERED', syncMs: 3_000 },
  { name: 'soak.snapshot', policy: 'SNAPSHOT', syncMs: 10_000 },
];
const ROWS_AT_FIRST = 1_000;
const KILL_MS = { least: 20_000, spread: 20_000 };
const SAMPLE_MS = 5_000;
const READ_PAUSE_MS = 10;
const WARM_UP_MS = 600_000;
const CATCH_UP = '5 minutes';

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'synced-tables-soak-'));
// The embedded server may run as another user, who has to get to its data.
chmodSync(folder, 0o755);
const lake = join(folder, 'lake');
const scratch = join(folder, 'scratch');
const startedAt = performance.now();
const elapsedMs = () => performance.now() - startedAt;
const stopping = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => stopping.abort());

/** What is wrong; empty after a good run. @type {string[]} */
const wrong = [];
const counts = { commits: 0, reads: 0, kills: 0, syncs: 0 };
/** @type {Map<string, number>} */
const commitsByKind = new Map();
const complain = (/** @type {string} */ what) => {
  wrong.push(what);
  say(`WRONG: ${what}`);
};

/** Rests; false when the run is over. */
async function rest(/** @type {number} */ ms) {
  await sleep(Math.min(ms, Math.max(0, runMs - elapsedMs())), undefined, { signal: stopping.signal }).catch(() => {});
  return !stopping.signal.aborted && elapsedMs() < runMs;
}

/** @type {pg.Client[]} */
const clients = [];
async function connect() {
  const client = new pg.Client({ connectionString: postgres.url });
  clients.push(client);
  await client.connect();
  return client;
}

/** A sidecar in a process of its own, as `serve` starts it. */
function startSidecar(/** @type {string} */ config, /** @type {string} */ log) {
  const child = spawn(process.execPath, ['bin/synced-tables.cjs', 'serve', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(log, { flags: 'a' }));
  return child;
}

async function ended(
  /** @type {import('node:child_process').ChildProcess} */ child,
  /** @type {NodeJS.Signals} */ signal,
) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await new Promise((resolve) => child.once('exit', resolve));
}

/** One commit after the other, each to a random table, at the wanted rate. */
async function commit(
  /** @type {import('./python-writer.mjs').Writer} */ writer,
  /** @type {Map<string, { model: TableModel, version: number }>} */ tables,
) {
  for (let n = 1; ; n++) {
    const { name } = TABLES[Math.floor(Math.random() * TABLES.length)] ?? TABLES[0];
    const table = tables.get(name);
    if (table === undefined) throw new Error(`there is no ${name}`);
    const what = table.model.next();
    table.version = await writer.commit(name, what);
    counts.commits += 1;
    commitsByKind.set(what.op, (commitsByKind.get(what.op) ?? 0) + 1);
    if (!(await rest(n * commitMs - elapsedMs()))) return;
  }
}

/** Asks for updates of one table. */
async function sync(/** @type {pg.Client} */ client, /** @type {string} */ name, /** @type {number} */ pauseMs) {
  while (await rest(pauseMs)) {
    await client.query('select synced_tables.sync_now($1)', [name]);
    counts.syncs += 1;
  }
}

/** Looks at all tables in turn: the values of each batch add up to 0, and no table is empty or failed. */
async function read(/** @type {pg.Client} */ client) {
  while (await rest(READ_PAUSE_MS)) {
    for (const { name } of TABLES) {
      const { rows } = await client.query(
        `select sum(count)::int as rows, count(*) filter (where total <> 0)::int as broken
           from (select count(*), sum(v) as total from ${name} group by batch) batches`,
      );
      counts.reads += 1;
      if (rows[0].broken !== 0 || !(rows[0].rows > 0)) complain(`${name} was read with ${JSON.stringify(rows[0])}`);
    }
  }
}

async function kill(/** @type {string} */ config, /** @type {string} */ log) {
  let victim = startSidecar(config, log);
  while (await rest(KILL_MS.least + Math.random() * KILL_MS.spread)) {
    await ended(victim, 'SIGKILL');
    counts.kills += 1;
    victim = startSidecar(config, log);
  }
  await ended(victim, 'SIGTERM');
}

/** @returns {Promise<{ ms: number, sample: import('./measures.mjs').Sample }[]>} */
async function measure(/** @type {Parameters<typeof takeSample>[0]} */ what) {
  const samples = [];
  let minute = 0;
  while (await rest(SAMPLE_MS)) {
    const sample = await takeSample(what);
    samples.push({ ms: elapsedMs(), sample });
    if (elapsedMs() < (minute + 1) * 60_000) continue;
    minute += 1;
    say(`${minute} min: ${JSON.stringify(counts)} ${described(sample)}`);
  }
  return samples;
}

const described = (/** @type {import('./measures.mjs').Sample} */ sample) =>
  MEASURES.map(({ name, unit, digits }) => `${name} ${sample[name]?.toFixed(digits)}${unit && ` ${unit}`}`).join(', ');

/** Every table reaches the last version of its source, and equals it and the model. */
async function compare(
  /** @type {pg.Client} */ client,
  /** @type {Map<string, { model: TableModel, version: number }>} */ tables,
) {
  for (const { name, policy } of TABLES) {
    const { model, version } = tables.get(name) ?? { model: new TableModel(), version: -1 };
    try {
      if (policy !== 'CONTINUOUS') await client.query('select synced_tables.sync_now($1)', [name]);
      await client.query(`call synced_tables.wait_for_version('${name}', ${version}, interval '${CATCH_UP}')`);
      await client.query(
        `call synced_tables.wait_for_verification(synced_tables.verify('${name}'), interval '${CATCH_UP}')`,
      );
    } catch (error) {
      complain(`${name} at version ${version}: ${error instanceof Error ? error.message : error}`);
    }
    const { rows } = await client.query(`select concat_ws(' ', id, v, batch, filler) as line from ${name} order by id`);
    const expected = model.lines();
    const at = expected.findIndex((line, n) => line !== rows[n]?.line);
    if (at >= 0 || rows.length !== expected.length) {
      complain(`${name} has ${rows.length} rows of ${expected.length}, and is another from row ${at}`);
    } else say(`${name}: ${rows.length} rows equal the lake at version ${version}`);
  }
  const { rows: failed } = await client.query(
    `select synced_table, state, message from synced_tables.status where state ~ 'FAILED|OFFLINE'`,
  );
  for (const { synced_table, state, message } of failed) complain(`${synced_table} is ${state}: ${message}`);
  const { rows: left } = await client.query(
    `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = '__db_system' and c.relkind = 'r' and not c.relispartition`,
  );
  for (const { relname } of left) complain(`shadow table ${relname} is left`);
}

function report(/** @type {{ ms: number, sample: import('./measures.mjs').Sample }[]} */ samples) {
  const from = runMs >= 2 * WARM_UP_MS ? WARM_UP_MS : runMs / 2;
  const late = samples.filter(({ ms }) => ms >= from);
  const slopes = slopesPerHour(late);
  const [first, last] = [samples[0]?.sample, samples.at(-1)?.sample];
  say(
    `\n| measure | first | last | an hour, from minute ${Math.round(from / 60_000)} on |\n| --- | ---: | ---: | ---: |`,
  );
  const rows = MEASURES.map(({ name, unit, digits }, n) => {
    const text = (/** @type {number | undefined} */ value) => `${value?.toFixed(digits)} ${unit}`.trim();
    const slope = slopes[n] ?? 0;
    say(
      `| ${name} | ${text(first?.[name])} | ${text(last?.[name])} | ${slope > 0 ? '+' : ''}${slope.toFixed(2)} ${unit} |`,
    );
    return [name, { first: first?.[name], last: last?.[name], per_hour: slope }];
  });
  return Object.fromEntries(rows);
}

for (const part of [lake, scratch]) mkdirSync(part, { recursive: true });
const postgres = await startEmbeddedPostgres({
  major: /** @type {15|18} */ (Number(values.major)),
  dataDir: join(folder, 'postgres'),
});
const config = join(folder, 'synced-tables.yaml');
writeFileSync(
  config,
  `instances: { local: { url: "${postgres.url}" } }
catalogs: { lake: { kind: path, root: "${lake}" } }
engine: { temporary_folder: "${scratch}" }
api: { port: 0 }
`,
);
const log = join(folder, 'sidecar.log');
const sidecar = startSidecar(config, log);
const python = process.env.SOAK_PYTHON;
const writer = await (python === undefined ? startOwnWriter(lake) : startPythonWriter(python, lake));
try {
  const client = await connect();
  await untilMigrated(client, sidecar);
  /** @type {Map<string, { model: TableModel, version: number }>} */
  const tables = new Map();
  for (const { name, policy } of TABLES) {
    const model = new TableModel();
    const version = await writer.create(name, model.addBatch(ROWS_AT_FIRST / 2));
    tables.set(name, { model, version });
    await client.query(
      `call synced_tables.wait_for_update(synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'],
         scheduling_policy => '${policy}'), interval '5 minutes')`,
    );
  }
  say(`${values.minutes} minutes on PostgreSQL ${values.major}, written by ${python ? 'deltalake' : 'our own writer'}`);
  const sessions = await Promise.all(TABLES.map(() => connect()));
  const reader = await connect();
  const measured = measure({ client: await connect(), pid: sidecar.pid ?? 0, scratch, log });
  const [samples] = await Promise.all([
    measured,
    commit(writer, tables),
    read(reader),
    kill(config, join(folder, 'killed.log')),
    ...TABLES.map(({ name, syncMs }, n) => sync(/** @type {pg.Client} */ (sessions[n]), name, syncMs)),
  ]);
  if (sidecar.exitCode !== null || sidecar.signalCode !== null) complain('the sidecar that nobody kills has ended');
  await compare(client, tables);
  const measures = report(samples);
  say(`\n${JSON.stringify(counts)} ${JSON.stringify(Object.fromEntries(commitsByKind))}`);
  say(wrong.length === 0 ? 'every read was right, and all tables are equal' : `${wrong.length} wrong`);
  if (values.json) console.log(JSON.stringify({ ...counts, wrong, measures }));
} catch (error) {
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await writer[Symbol.asyncDispose]();
  await Promise.all(clients.map((client) => client.end()));
  await ended(sidecar, 'SIGTERM');
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(wrong.length === 0 ? 0 : 1);
