// What noticing writes by hand costs: bulk loads and point writes, of a sidecar and of a superuser, with the write gate that
// notes and with one that does not, in turns, so that a busy machine is unfair to neither.
// npm run bench:hand [-- [major] [rounds]]; without a major both on 15 and on 18.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';

const [onlyMajor, rounds = 15] = process.argv.slice(2).map(Number);
const LOADED_ROWS = 200_000;
const POINT_WRITES = 300;
const TABLES = 200;
for (const major of onlyMajor ? [onlyMajor] : [15, 18]) await measureServer(major);

async function measureServer(major) {
  const folder = await mkdtemp(path.join(tmpdir(), 'hand-writes-'));
  await chmod(folder, 0o755); // the server may run as another user
  const server = await startEmbeddedPostgres({
    major,
    dataDir: path.join(folder, 'data'),
    settings: { fsync: 'off', max_locks_per_transaction: '1024', autovacuum: 'off' },
  });
  const admin = new pg.Client({ connectionString: server.url });
  try {
    await admin.connect();
    await migrateDatabase(admin);
    await makeTables(admin);
    const gates = await readGates(admin);
    const cases = benchCases(admin);
    const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, { notes: [], plain: [] }]));
    for (let round = 0; round <= rounds; round++) {
      for (const kind of round % 2 === 0 ? ['notes', 'plain'] : ['plain', 'notes']) {
        await admin.query(gates[kind]);
        for (const [name, run] of Object.entries(cases)) {
          const ms = await run();
          if (round > 0) samples[name][kind].push(ms); // the first round warms up
        }
      }
    }
    report(major, samples);
  } finally {
    await admin.end();
    await server.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  }
}

/** Registered tables, since a statement by hand looks up which of them it is about. */
async function makeTables(admin) {
  await admin.query('create schema gold; grant usage, create on schema gold to databricks_sync');
  for (let n = 0; n < TABLES; n++) {
    await admin.query(`select synced_tables.create_synced_table('gold.t_${n}', 'a.b.t_${n}', array['id']);
      set role databricks_sync;
      create table __db_system.partition_${n} (id bigint primary key, note text);
      create table gold.t_${n} (id bigint primary key, note text) partition by range (id);
      alter table gold.t_${n} attach partition __db_system.partition_${n} default;
      select databricks_auth.register('gold.t_${n}');
      update synced_tables._tables set relation = 'gold.t_${n}'::regclass where synced_table = 'gold.t_${n}'; reset role`);
  }
}

/** The gate as it is, and the same one without its notes. */
async function readGates(admin) {
  const { rows } = await admin.query(
    `select pg_get_functiondef('databricks_auth.write_guard()'::regprocedure) as notes`,
  );
  const notes = rows[0].notes;
  const plain = notes.replaceAll('perform databricks_auth.note_hand_write(tg_relid, tg_op);', 'null;');
  if (plain === notes) throw new Error('the gate notes nothing');
  return { notes, plain };
}

/** Each gives milliseconds. */
function benchCases(admin) {
  const timed = async (work) => {
    const startedAt = performance.now();
    await work();
    return performance.now() - startedAt;
  };
  const load = (into) => `insert into ${into} select n, 'row ' || n from generate_series(1, ${LOADED_ROWS}) n`;
  const empty = (partition) => `set role databricks_sync; truncate ${partition}; reset role`;
  const points = async (into) => {
    for (let n = 0; n < POINT_WRITES; n++) await admin.query(`update ${into} set note = 'x' where id = ${n + 1}`);
  };
  return {
    [`a sidecar loads ${LOADED_ROWS} rows`]: async () => {
      await admin.query(`${empty('__db_system.partition_0')}; set role databricks_sync`);
      const ms = await timed(() => admin.query(load('__db_system.partition_0')));
      await admin.query('reset role');
      return ms;
    },
    [`a sidecar writes ${POINT_WRITES} times`]: async () => {
      await admin.query('set role databricks_sync');
      const ms = await timed(() => points('__db_system.partition_0'));
      await admin.query('reset role');
      return ms;
    },
    [`a superuser loads ${LOADED_ROWS} rows`]: async () => {
      await admin.query(empty('__db_system.partition_1'));
      return timed(() => admin.query(load('gold.t_1')));
    },
    [`a superuser writes ${POINT_WRITES} times, noted before`]: async () => timed(() => points('gold.t_0')),
    [`a superuser writes to ${TABLES / 2} tables for the first time`]: async () => {
      await admin.query('delete from synced_tables._hand_writes');
      const ms = await timed(async () => {
        for (let n = 2; n < 2 + TABLES / 2; n++) await admin.query(`update gold.t_${n} set note = 'x' where id = 1`);
      });
      return ms;
    },
  };
}

function report(major, samples) {
  process.stdout.write(`PostgreSQL ${major}, ${rounds} rounds in turns, load average ${loadavg()[0].toFixed(1)}\n`);
  for (const [name, { notes, plain }] of Object.entries(samples)) {
    const ratios = notes.map((ms, n) => ms / plain[n]);
    process.stdout.write(
      `  ${name}: ${median(plain).toFixed(1)} ms without, ${median(notes).toFixed(1)} ms with; ratio ${median(ratios).toFixed(3)}\n`,
    );
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}
