// @ts-check
// npm run bench:bloat [-- --rows N] [--updates N] [--part 0.01] [--pause-seconds N] [--fillfactor N] [--major 15|18] [--json]
//
// Measures what many small updates leave behind: a TRIGGERED table takes `updates` commits of which each changes `part`
// of its rows, at random keys, in columns that no index holds. Prints how much larger table and indexes are than after
// the first load, dead rows, and the WAL of one changed row. Autovacuum is as PostgreSQL has it: it looks around every
// minute, so that updates which follow each other at once outrun it; `--pause-seconds` gives it time.
// `--fillfactor` loads the table with that much of each page filled instead of all, to see what that would change.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeBenchTable } from './bench-lake.mjs';
import { median, rounded, startBench } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    updates: { type: 'string', default: '100' },
    part: { type: 'string', default: '0.01' },
    'pause-seconds': { type: 'string', default: '0' },
    fillfactor: { type: 'string', default: '100' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const updates = Number(values.updates);
const one = Math.max(1, Math.round(1 / Number(values.part)));
const fillfactor = Number(values.fillfactor);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

/** @typedef {Awaited<ReturnType<typeof startBench>>} Bench */

/** A commit that changes every row whose key falls to this version, as a MERGE on a table with a change feed writes it. */
async function commit(/** @type {Bench} */ { connection, lake }, /** @type {number} */ version) {
  const root = join(lake, 'bench', 'customers');
  mkdirSync(join(root, '_change_data'), { recursive: true });
  const path = `_change_data/cdc-${String(version).padStart(5, '0')}.parquet`;
  await connection.run(
    `copy (select * replace (visits + ${version} as visits, score * ${version} as score, last_seen + interval ${version} day as last_seen),
                  _change_type
             from read_parquet('${root}/part-*.parquet'), (values ('update_preimage'), ('update_postimage')) t(_change_type)
            where hash(id + ${version}) % ${one} = 0)
     to '${join(root, path)}' (format parquet, compression snappy)`,
  );
  const cdc = { path, partitionValues: {}, size: statSync(join(root, path)).size, dataChange: false };
  const log = join(root, '_delta_log');
  const lines = [{ commitInfo: { operation: 'MERGE' } }, { cdc }].map((action) => JSON.stringify(action));
  writeFileSync(join(log, `${String(readdirSync(log).length).padStart(20, '0')}.json`), `${lines.join('\n')}\n`);
}

/** Sizes in bytes and what the statistics say of the table's one partition. */
async function measure(/** @type {Bench} */ { client }) {
  const { rows: found } = await client.query(
    `select pg_table_size(inhrelid)::float8 as heap, pg_indexes_size(inhrelid)::float8 as indexes,
            pg_stat_get_dead_tuples(inhrelid)::float8 as dead_rows, pg_stat_get_autovacuum_count(inhrelid)::float8 as autovacuums,
            pg_stat_get_tuples_updated(inhrelid)::float8 as updated, pg_stat_get_tuples_hot_updated(inhrelid)::float8 as hot,
            pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal
       from pg_inherits where inhparent = 'bench.customers'::regclass`,
  );
  return found[0];
}

/** As if the product had loaded the table with another fill factor. */
async function refill(/** @type {Bench} */ { client }) {
  const { rows: found } = await client.query(
    `select inhrelid::regclass::text as partition from pg_inherits where inhparent = 'bench.customers'::regclass`,
  );
  await client.query('set databricks_auth.allow_ddl = on');
  await client.query(`alter table ${found[0].partition} set (fillfactor = ${fillfactor})`);
  await client.query(`vacuum (full, analyze) ${found[0].partition}`);
}

const bench = await startBench({ major: Number(values.major) });
try {
  const { client } = bench;
  await writeBenchTable(bench.connection, bench.lake, rows);
  await client.query(
    `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
       array['id'], scheduling_policy => 'TRIGGERED'), interval '30 minutes')`,
  );
  say(`${updates} updates of one in ${one} of ${rows} rows, PostgreSQL ${values.major}, fill factor ${fillfactor}`);
  if (fillfactor !== 100) await refill(bench);
  await client.query('checkpoint');
  const before = await measure(bench);
  await client.query('listen synced_table_updates');
  const seconds = [];
  for (let n = 1; n <= updates; n++) {
    await commit(bench, n);
    const startedAt = performance.now();
    const isDone = new Promise((resolve) => client.once('notification', resolve));
    await client.query(`select synced_tables.sync_now('bench.customers')`);
    await isDone;
    seconds.push((performance.now() - startedAt) / 1000);
    if (n % 20 === 0) {
      const now = await measure(bench);
      say(
        `${n}: table ${rounded(now.heap / before.heap)}, indexes ${rounded(now.indexes / before.indexes)} times as large`,
      );
    }
    await sleep(Number(values['pause-seconds']) * 1000);
  }
  const { rows: records } = await client.query(
    `select method, count(*)::int as n, sum(rows_written)::float8 as written from synced_tables.updates
      where method <> 'SNAPSHOT' group by method`,
  );
  if (records.length !== 1 || records[0].method !== 'CHANGES')
    throw new Error(`updates were ${JSON.stringify(records)}`);
  // Statistics of other sessions come a second later.
  await sleep(1_500);
  const after = await measure(bench);
  const result = {
    rows,
    updates,
    fillfactor,
    table_ratio: rounded(after.heap / before.heap),
    index_ratio: rounded(after.indexes / before.indexes),
    total_ratio: rounded((after.heap + after.indexes) / (before.heap + before.indexes)),
    table_mb_before: rounded(before.heap / 2 ** 20),
    dead_rows: after.dead_rows,
    dead_rows_part: rounded(after.dead_rows / rows),
    autovacuums: after.autovacuums,
    hot_part: rounded((after.hot - before.hot) / (after.updated - before.updated)),
    wal_bytes_per_row: Math.round((after.wal - before.wal) / records[0].written),
    p50_seconds: rounded(median(seconds)),
  };
  say(
    `table ${result.table_ratio}, indexes ${result.index_ratio}, both ${result.total_ratio} times as large; ` +
      `${result.dead_rows} dead rows, ${result.autovacuums} autovacuums; ${result.wal_bytes_per_row} bytes of WAL a row`,
  );
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await bench[Symbol.asyncDispose]();
}
