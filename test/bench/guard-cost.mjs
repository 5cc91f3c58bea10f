// What the guard costs: DDL on unrelated tables by a manager of 1,000 synced tables, reads, and the sync's own writes;
// with its event triggers and write gates and without, in turns, so that a busy machine is unfair to neither.
// npm run bench:guard [-- [major] [tables] [rounds]]; without a major both on 15 and on 18.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';

const [onlyMajor, tables = 1000, rounds = 7] = process.argv.slice(2).map(Number);
/** Rows that one apply of the sync changes. */
const APPLIED_ROWS = 20_000;
/** The superuser's session on the server that is measured. */
let admin;
for (const major of onlyMajor === undefined ? [15, 18] : [onlyMajor]) await measureServer(major);

async function measureServer(major) {
  const folder = await mkdtemp(path.join(tmpdir(), 'guard-cost-'));
  await chmod(folder, 0o755); // the server may run as another user
  const server = await startEmbeddedPostgres({
    major,
    dataDir: path.join(folder, 'data'),
    settings: { fsync: 'off', max_locks_per_transaction: '4096', autovacuum: 'off' },
  });
  admin = new pg.Client({ connectionString: server.url });
  try {
    await admin.connect();
    await migrateDatabase(admin);
    await makeTables();
    const cases = benchCases();
    const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, { on: [], off: [] }]));
    for (let round = 0; round <= rounds; round++) {
      for (const state of round % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
        await setGuard(state === 'on');
        for (const [name, run] of Object.entries(cases)) {
          const ms = await run();
          if (round > 0) samples[name][state].push(ms); // the first round warms up
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

async function makeTables() {
  await admin.query(`create schema gold; create role bench_manager; create schema own authorization bench_manager;
    grant usage on schema gold to bench_manager; grant usage, create on schema gold to databricks_sync`);
  for (let n = 0; n < tables; n++) {
    await admin.query(`set role databricks_sync;
      create table __db_system.partition_${n} (id bigint primary key, note text);
      create table gold.t_${n} (id bigint primary key, note text) partition by range (id);
      alter table gold.t_${n} attach partition __db_system.partition_${n} default;
      select databricks_auth.register('gold.t_${n}'); reset role;
      select databricks_synced_table_add_manager('gold.t_${n}', 'bench_manager')`);
  }
  await admin.query(`set role databricks_sync; insert into gold.t_0 select n, 'row ' || n from generate_series(1, 100000) n;
    analyze gold.t_0; reset role; set role bench_manager; create table own.t (id int, note text); reset role`);
}

/** Event triggers, and the write gates of the table that is measured. */
async function setGuard(isOn) {
  const { rows } = await admin.query(`select evtname from pg_event_trigger where evtname like 'databricks%'`);
  for (const { evtname } of rows) {
    await admin.query(`alter event trigger ${evtname} ${isOn ? 'enable always' : 'disable'}`);
  }
  const state = (always) => (isOn ? `enable ${always}` : 'disable');
  await admin.query(`set databricks_auth.allow_ddl = on;
    alter table gold.t_0 ${state('always')} trigger databricks_write_guard;
    alter table __db_system.partition_0 ${state('always')} trigger databricks_write_guard;
    alter table __db_system.partition_0 ${state('replica')} trigger databricks_apply_guard;
    reset databricks_auth.allow_ddl`);
}

/** Each runs once and gives milliseconds a statement. */
function benchCases() {
  const manager = 'bench_manager';
  const sync = 'databricks_sync';
  const nested = (body, count) => `do $$ begin for i in 1..${count} loop ${body} end loop; end $$`;
  const index = 'create index bench_index on own.t (note); drop index own.bench_index;';
  const alter =
    'alter table own.t alter column note set statistics 10; alter table own.t alter column note set statistics 20;';
  const create = 'create table own.u (id int); drop table own.u;';
  const texts = (sql) => sql.split(';').filter((text) => text.trim() !== '');
  const rowsOf = (first) => `generate_series(${first}, ${first + APPLIED_ROWS - 1})`;
  return {
    'unrelated CREATE/DROP INDEX, nested': () => measure(manager, [nested(index, 100)], 200),
    'unrelated ALTER TABLE, nested': () => measure(manager, [nested(alter, 100)], 200),
    'unrelated CREATE/DROP TABLE, nested': () => measure(manager, [nested(create, 100)], 200),
    'unrelated CREATE/DROP INDEX, single': () => measure(manager, texts(index), 2, 25),
    'unrelated ALTER TABLE, single': () => measure(manager, texts(alter), 2, 25),
    'unrelated CREATE/DROP TABLE, single': () => measure(manager, texts(create), 2, 25),
    'SELECT of one row of a synced table': () => measure(sync, ['select * from gold.t_0 where id = 1'], 1, 200),
    'SELECT count(*) of 100,000 rows': () => measure(sync, ['select count(*) from gold.t_0'], 1, 5),
    'INSERT and DELETE of one row by the sync': () =>
      measure(sync, ['insert into gold.t_0 values (-1)', 'delete from gold.t_0 where id = -1'], 2, 100),
    'UPDATE of one row by the sync': () => measure(sync, [`update gold.t_0 set note = note where id = 5`], 1, 100),
    'INSERT of 20,000 rows by the sync': () =>
      measure(sync, [`insert into gold.t_0 select n, 'row' from ${rowsOf(200_000)} n`], 1),
    'UPDATE of 20,000 rows by the sync': () =>
      measure(sync, [`update gold.t_0 t set note = 'changed' from ${rowsOf(200_000)} n where t.id = n`], 1),
    'DELETE of 20,000 rows by the sync': () =>
      measure(sync, [`delete from gold.t_0 t using ${rowsOf(200_000)} n where t.id = n`], 1),
  };
}

async function measure(role, sql, statements, repeats = 1) {
  await admin.query(`set role ${role}`);
  const startedAt = performance.now();
  for (let n = 0; n < repeats; n++) for (const text of sql) await admin.query(text);
  const ms = (performance.now() - startedAt) / (statements * repeats);
  await admin.query('reset role');
  // What a round leaves must not slow the next one down.
  if (role === 'databricks_sync') await admin.query('vacuum gold.t_0');
  return ms;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function report(major, samples) {
  const load = loadavg().map((value) => value.toFixed(1));
  process.stdout.write(
    `PostgreSQL ${major}, ${tables} synced tables, medians of ${rounds} rounds in turns, load ${load.join(' ')}; ms a statement\n`,
  );
  process.stdout.write(`${''.padEnd(44)} with guard    without  difference  ratio\n`);
  for (const [name, { on, off }] of Object.entries(samples)) {
    const [guarded, plain] = [median(on), median(off)];
    // Both of a round ran under about the same load.
    const ratio = median(on.map((ms, round) => ms / off[round]));
    const cells = [guarded, plain, guarded - plain].map((ms) => ms.toFixed(3).padStart(10));
    process.stdout.write(`${name.padEnd(44)} ${cells.join(' ')}  ${ratio.toFixed(2).padStart(6)}\n`);
  }
}
