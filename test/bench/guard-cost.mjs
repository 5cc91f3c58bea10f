// What the guard costs: DDL on unrelated tables by a manager of 1,000 synced tables, reads, and the sync's own writes;
// with its event triggers and without. Needs a build: node test/bench/guard-cost.mjs [major] [tables]
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/migrate.js';

const [major = 18, tables = 1000] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(path.join(tmpdir(), 'guard-cost-'));
await chmod(folder, 0o755); // the server may run as another user
const server = await startEmbeddedPostgres({
  major,
  dataDir: path.join(folder, 'data'),
  settings: { fsync: 'off', max_locks_per_transaction: '4096' },
});
const admin = new pg.Client({ connectionString: server.url });
try {
  await admin.connect();
  await migrateDatabase(admin);
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
  const guarded = await measureAll();
  await setGuard('disable');
  const plain = await measureAll();
  await setGuard('enable always');
  process.stdout.write(
    `PostgreSQL ${major}, ${tables} synced tables, ms a statement: with guard / without / difference\n`,
  );
  for (const [name, ms] of Object.entries(guarded)) {
    process.stdout.write(
      `${name.padEnd(52)} ${ms.toFixed(3)} / ${plain[name].toFixed(3)} / ${(ms - plain[name]).toFixed(3)}\n`,
    );
  }
} finally {
  await admin.end();
  await server.stop('immediate');
  await rm(folder, { recursive: true, force: true });
}

async function setGuard(state) {
  const { rows } = await admin.query(`select evtname from pg_event_trigger where evtname like 'databricks%'`);
  for (const { evtname } of rows) await admin.query(`alter event trigger ${evtname} ${state}`);
  await admin.query(
    `set databricks_auth.allow_ddl = on; alter table gold.t_0 ${state === 'disable' ? 'disable' : 'enable always'} trigger databricks_write_guard; reset databricks_auth.allow_ddl`,
  );
}

async function measureAll() {
  const nested = (body, count) => `do $$ begin for i in 1..${count} loop ${body} end loop; end $$`;
  const index = 'create index bench_index on own.t (note); drop index own.bench_index;';
  const alter =
    'alter table own.t alter column note set statistics 10; alter table own.t alter column note set statistics 20;';
  const create = 'create table own.u (id int); drop table own.u;';
  await admin.query('set role bench_manager; create table if not exists own.t (id int, note text); reset role');
  const manager = 'bench_manager';
  return {
    'unrelated CREATE/DROP INDEX, nested': await measure(manager, nested(index, 300), 600),
    'unrelated ALTER TABLE, nested': await measure(manager, nested(alter, 200), 400),
    'unrelated CREATE/DROP TABLE, nested': await measure(manager, nested(create, 300), 600),
    'unrelated CREATE/DROP INDEX, single': await measure(manager, index.split(';').slice(0, 2), 2, 150),
    'unrelated ALTER TABLE, single': await measure(manager, alter.split(';').slice(0, 2), 2, 150),
    'SELECT of one row of a synced table': await measure(
      'databricks_sync',
      'select * from gold.t_0 where id = 1',
      1,
      1000,
    ),
    'INSERT and DELETE of the sync': await measure(
      'databricks_sync',
      ['insert into gold.t_0 values (1)', 'delete from gold.t_0'],
      2,
      500,
    ),
  };
}

/** Milliseconds a statement, the best of three rounds. */
async function measure(role, sql, statements, repeats = 1) {
  await admin.query(`set role ${role}`);
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const startedAt = performance.now();
    for (let n = 0; n < repeats; n++) for (const text of [sql].flat()) await admin.query(text);
    best = Math.min(best, (performance.now() - startedAt) / (statements * repeats));
  }
  await admin.query('reset role');
  return best;
}
