// @ts-check
// npm run bench:registry [-- --tables N] [--updates N] [--major 15|18] [--json]
//
// What people and monitors ask the registry, with many tables and a long history: status, lists over HTTP, metrics,
// doctor, and one step of pruning. Tables and history are written by SQL, not synced. Prints the median of five calls.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { examine } from '../../dist/doctor/examine.js';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';
import { pruneHistory } from '../../dist/postgres/maintain-tables.js';
import { settingsSchema } from '../../dist/settings/settings-schema.js';
import { endSidecar, median, rounded, spawnSidecar } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '1000' },
    updates: { type: 'string', default: '1000000' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const CALLS = 5;

const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'lake'));
const postgres = await startEmbeddedPostgres({
  major: /** @type {15|18} */ (Number(values.major)),
  dataDir: join(folder, 'postgres'),
  settings: { fsync: 'off', max_wal_size: '8GB' },
});
const client = new pg.Client({ connectionString: postgres.url });
await client.connect();
/** @type {import('node:child_process').ChildProcess | null} */
let sidecar = null;

/** Tables that were loaded, and updates that ended one after another, over thirty days. */
async function fill() {
  await migrateDatabase(client);
  await client.query('create schema r');
  for (let n = 0; n < Number(values.tables); n++) {
    await client.query(`select synced_tables.create_synced_table('r.t${n}', 'lake.r.t${n}', array['id'])`);
    await client.query(`create table r.t${n} (id bigint primary key)`);
  }
  // Without triggers, which would tell sidecars of each row.
  await client.query(`set session_replication_role = replica;
    update synced_tables._tables t set relation = ('r.' || t.table_name)::regclass, state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
           message = 'Equal.', synced_version = 1, source_version = 1, row_count = 1, last_sync_at = now();
    update synced_tables._updates set state = 'COMPLETED', started_at = now(), finished_at = now(), created_at = now();
    insert into synced_tables._updates (pipeline_id, state, requested_by, created_at, started_at, finished_at, attempt)
    select p.pipeline_id, case when i % 50 = 0 then 'FAILED' else 'COMPLETED' end, 'postgres', at, at, at + interval '1 s', 1
      from generate_series(1, ${Number(values.updates)}) i
      join (select pipeline_id, row_number() over () - 1 as n from synced_tables._pipelines) p on p.n = i % ${Number(values.tables)}
      cross join lateral (select now() - interval '35 days' * (1 - i / ${Number(values.updates)}::float8) as at) a;
    insert into synced_tables._table_updates (update_id, pipeline_id, requested_at, table_id, synced_table, source_table_full_name, state,
                                              method, rows_written, started_at, finished_at)
    select u.update_id, u.pipeline_id, u.created_at, t.table_id, t.synced_table, t.source_table_full_name, u.state, 'SNAPSHOT', 10, u.started_at, u.finished_at
      from synced_tables._updates u join synced_tables._tables t using (pipeline_id) order by u.created_at on conflict do nothing;
    insert into synced_tables._events (level, event_type, synced_table, pipeline_id, update_id, message, occurred_at)
    select 'INFO', 'table_synced', t.synced_table, u.pipeline_id, u.update_id, 'equals', u.finished_at
      from synced_tables._updates u join synced_tables._tables t using (pipeline_id) where u.finished_at is not null
     order by u.created_at;
    reset session_replication_role`);
  await client.query('vacuum analyze');
}

async function serve() {
  const more = 'sync: { history_days: 3650 }';
  const child = spawnSidecar({ folder, url: postgres.url, more, stderr: 'pipe' });
  sidecar = child;
  if (child.stderr === null) return;
  for await (const line of createInterface({ input: child.stderr })) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'sidecar started') return url;
  }
}

async function timed(/** @type {() => Promise<unknown>} */ call) {
  const times = [];
  for (let n = 0; n < CALLS; n++) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  return rounded(median(times));
}

try {
  await fill();
  const url = await serve();
  const get = async (/** @type {string} */ path) => {
    const response = await fetch(`${url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.text();
  };
  const settings = settingsSchema.parse({ instances: { local: { url: postgres.url } } });
  /** @type {Record<string, number>} */
  const result = {};
  const measure = async (/** @type {string} */ what, /** @type {() => Promise<unknown>} */ call) => {
    result[`${what}_ms`] = await timed(call);
    if (!values.json) console.log(`${what}: ${result[`${what}_ms`]} ms`);
  };
  await measure('status', () => client.query('select * from synced_tables.status'));
  await measure('status_of_one', () => client.query(`select * from synced_tables.status where synced_table = 'r.t7'`));
  await measure('schedules', () => client.query('select * from synced_tables.schedules'));
  await measure('events_of_one', () =>
    client.query(`select * from synced_tables.events where synced_table = 'r.t7' order by event_id desc limit 20`),
  );
  await measure('updates_of_one', () =>
    client.query(`select * from synced_tables.updates where synced_table = 'r.t7' order by created_at desc limit 20`),
  );
  await measure('newest_updates', () =>
    client.query('select * from synced_tables.updates order by created_at desc limit 20'),
  );
  await measure('newest_events', () =>
    client.query('select * from synced_tables.events order by event_id desc limit 20'),
  );
  await measure('metrics', () => get('/metrics'));
  await measure('pipelines', () => get('/api/2.0/pipelines?max_results=100'));
  await measure('tables', () => get('/api/2.0/synced-tables/tables'));
  await measure('tables_by_size', () => get('/api/2.0/synced-tables/tables?sort=size&descending=true'));
  await measure('all_tables', () => get('/api/2.0/synced-tables/tables?page_size=1000'));
  await measure('table', () => get('/api/2.0/synced-tables/tables/postgres.r.t7'));
  await measure('me', () => get('/api/2.0/synced-tables/me'));
  await measure('doctor', () => examine(settings));
  await measure('pruning_step', () => pruneHistory(client, 30));
  if (values.json) console.log(JSON.stringify(result));
} finally {
  if (sidecar) await endSidecar(sidecar);
  await client.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
