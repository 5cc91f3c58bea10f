// Auto CDC into SCD type 1 and 2: events a second for shuffled events over keys, against the plain upsert of the final
// state, and what a batch costs with one times and ten times the history. Needs a build:
// npm run bench:auto-cdc -- [--events N] [--keys N] [--batch N] [--postgres 15|18] [--json]
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';
import { inTransaction } from '../../dist/postgres/session/session.js';
import { applyEventBatch } from '../../dist/scd/batch/apply-event-batch.js';
import { createStaging } from '../../dist/scd/event/create-staging.js';
import { createTarget } from '../../dist/scd/target/create-target.js';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '100000' },
    postgres: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const [events, keys, batchSize] = [values.events, values.keys, values.batch].map(Number);
/** Batches that are measured against two histories. */
const SMALL_BATCH = 1_000;

const folder = await mkdtemp(path.join(tmpdir(), 'auto-cdc-bench-'));
await chmod(folder, 0o755); // the server may run as another user
const server = await startEmbeddedPostgres({
  major: Number(values.postgres),
  dataDir: path.join(folder, 'data'),
  settings: { shared_buffers: '512MB', max_wal_size: '4GB', synchronous_commit: 'off' },
});
const client = new pg.Client({ connectionString: server.url });
try {
  await client.connect();
  await migrateDatabase(client);
  await client.query(`set role databricks_sync; set search_path = pg_catalog, pg_temp; set timezone = 'UTC'`);
  const result = { events, keys, batch: batchSize, postgres: Number(values.postgres) };
  await makeEvents();
  for (const scdType of [1, 2]) {
    const { seconds, plainSeconds, rows } = await measureFlow(scdType);
    result[`seconds_scd${scdType}`] = round(seconds);
    result[`events_per_second_scd${scdType}`] = Math.round(events / seconds);
    result[`rows_scd${scdType}`] = rows;
    result[`plain_upsert_seconds_scd${scdType}`] = round(plainSeconds);
    result[`ratio_to_plain_upsert_scd${scdType}`] = round(seconds / plainSeconds);
  }
  for (const scdType of [1, 2]) {
    result[`batch_ms_1x_history_scd${scdType}`] = round(await measureBatch(scdType, 1));
    result[`batch_ms_10x_history_scd${scdType}`] = round(await measureBatch(scdType, 10));
    result[`history_factor_scd${scdType}`] = round(
      result[`batch_ms_10x_history_scd${scdType}`] / result[`batch_ms_1x_history_scd${scdType}`],
    );
  }
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
} finally {
  await client.end();
  await server.stop('immediate');
  await rm(folder, { recursive: true, force: true });
}

function round(number) {
  return Math.round(number * 1000) / 1000;
}

function describe(result) {
  return `${Object.entries(result)
    .map(([name, value]) => `${name.padEnd(36)} ${value}`)
    .join('\n')}\n`;
}

function flow(scdType, table) {
  const columns = [
    { name: 'id', postgresType: 'bigint', struct: null },
    { name: 'name', postgresType: 'text', struct: null },
    { name: 'city', postgresType: 'text', struct: null },
    { name: 'amount', postgresType: 'numeric(12,2)', struct: null },
  ];
  return {
    flowName: 'bench',
    source: 'changes',
    schema: 'bench',
    table,
    fullName: `bench.${table}`,
    createdBy: 'databricks_sync',
    scdType,
    keyColumns: ['id'],
    columns,
    sequence: { kind: 'column', fields: [{ name: 'seq', postgresType: 'bigint' }] },
    trackedColumns: scdType === 2 ? ['name', 'city', 'amount'] : [],
    ignoreNullColumns: [],
    columnsToUpdate: false,
    sourceColumns: ['id', 'name', 'city', 'amount', 'seq'],
    tombstoneRetentionSeconds: 172_800,
    changeFeedRetentionSeconds: null,
  };
}

/** One event in ten deletes; each sequence value occurs once. */
function eventSelect(from, to, of = keys) {
  return `select (hashint8(n) & 2147483647) % ${of} as id, 'name ' || n as name, 'city ' || n % 1000 as city, (n % 100000) / 100.0 as amount,
                 case when n % 10 = 0 then 'D' else 'U' end as kind, n as seq
            from generate_series(${from}::bigint, ${to}::bigint) n`;
}

async function makeEvents() {
  await client.query('reset role; create schema bench authorization databricks_sync; set role databricks_sync');
  await client.query(
    `create unlogged table bench.events as
     select (row_number() over (order by hashint8(seq * 7919 + 17)) - 1) / ${batchSize} as batch, e.* from (${eventSelect(1, events)}) e`,
  );
  await client.query('create index on bench.events (batch)');
  await client.query('analyze bench.events');
}

/** What a job costs that knows the final state already, with rows in no order; and how many rows that are. */
async function measurePlainUpsert(target) {
  const key = target.scdType === 1 ? 'id' : 'id, "__START_AT"';
  await client.query(
    `create unlogged table bench.final as select * from bench.${target.table} order by hashint8(id * 31)`,
  );
  await client.query(`create table bench.plain (like bench.final, primary key (${key}))`);
  const startedAt = performance.now();
  const { rowCount } = await client.query(
    `insert into bench.plain select * from bench.final on conflict (${key}) do update
       set name = excluded.name, city = excluded.city, amount = excluded.amount`,
  );
  const plainSeconds = (performance.now() - startedAt) / 1000;
  await client.query('drop table bench.plain, bench.final');
  return { plainSeconds, rows: rowCount };
}

/** As the product does it: by the SQL side, which has the rights to. */
async function dropTarget(target) {
  await client.query('reset role');
  await client.query(
    `select synced_tables_internal._drop_cdc_target($1, t) from synced_tables._cdc_targets t where t.table_name = $2`,
    [target.fullName, target.table],
  );
  await client.query('set role databricks_sync');
}

async function stage(target, select) {
  const staging = await createStaging(client, target);
  await client.query(`insert into ${staging} ${select}`);
  return staging;
}

async function apply(target, staging, batchId) {
  await inTransaction(client, () => applyEventBatch({ client, flow: target, staging, batchId, position: null }));
}

/** Without the time that staging takes. */
async function measureFlow(scdType) {
  const target = flow(scdType, `scd${scdType}`);
  await inTransaction(client, () => createTarget(client, target));
  let seconds = 0;
  for (let batch = 0; batch * batchSize < events; batch++) {
    const staging = await stage(
      target,
      `select id, name, city, amount, kind, seq from bench.events where batch = ${batch}`,
    );
    const startedAt = performance.now();
    await apply(target, staging, BigInt(batch + 1));
    seconds += (performance.now() - startedAt) / 1000;
  }
  const plain = await measurePlainUpsert(target);
  await dropTarget(target);
  return { seconds, ...plain };
}

/** The median of several small batches, half of them late, on keys with `depth` times ten events each. */
async function measureBatch(scdType, depth) {
  const target = flow(scdType, `history_${scdType}_${depth}`);
  await inTransaction(client, () => createTarget(client, target));
  const few = Math.round(keys / 10);
  const history = few * 10 * depth;
  const first = await stage(target, eventSelect(1, history, few).replaceAll('n as seq', 'n * 2 as seq'));
  await apply(target, first, 1n);
  await client.query(`analyze bench.__apply_changes_storage_history_${scdType}_${depth}`);
  const times = [];
  for (let nth = 0; nth < 15; nth++) {
    const sequence = `case when n % 2 = 0 then ${history * 2} + n else (hashint8(n) & 2147483647) % ${history * 2} end as seq`;
    const from = history + nth * SMALL_BATCH + 1;
    const staging = await stage(
      target,
      eventSelect(from, from + SMALL_BATCH - 1, few).replaceAll('n as seq', sequence),
    );
    const startedAt = performance.now();
    await apply(target, staging, BigInt(nth + 2));
    times.push(performance.now() - startedAt);
  }
  await dropTarget(target);
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
