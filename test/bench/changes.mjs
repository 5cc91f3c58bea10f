// @ts-check
// npm run bench:changes [-- --rows N] [--changes N] [--rounds N] [--major 15|18] [--json]
//
// Measures, interleaved in one run: a TRIGGERED update that applies the changes of one MERGE (70 % updates, 20 %
// inserts, 10 % deletes at random keys), from the request to the committed position, everything in between; and the
// same changes applied by DELETE and INSERT … ON CONFLICT in the order of the key to a table of the same rows, when
// they are in Postgres already. Prints medians and ratios; absolute figures belong to the machine.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { writeBenchMerge, writeBenchTable } from './bench-lake.mjs';
import { endSidecar, spawnSidecar, untilMigrated, untilUpdated } from './bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    changes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const changes = Number(values.changes);
const rounds = Math.max(3, Number(values.rounds));
const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
// The embedded server may run as another user, who has to get to its data.
chmodSync(folder, 0o755);
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));
const median = (/** @type {number[]} */ list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const seconds = async (/** @type {() => Promise<unknown>} */ work) => {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
};

const OTHERS = `name email score balance visits is_active signup_date last_seen_local last_seen tags address`.split(
  ' ',
);
const list = (/** @type {string} */ alias) => OTHERS.map((name) => `${alias}.${name}`).join(', ');
const ASSIGNMENTS = OTHERS.map((name) => `${name} = excluded.${name}`).join(', ');

/** The statements of `applyChanges`, or what a careful hand would write instead of them. */
async function applyByHand(/** @type {pg.Client} */ client) {
  await client.query('begin');
  await client.query(
    `delete from bench_reference t using bench_staged s where s._change_type = 'delete' and t.id = s.id`,
  );
  await client.query(
    `insert into bench_reference as t (id, ${OTHERS.join(', ')}) select id, ${OTHERS.join(', ')} from bench_staged
      where _change_type <> 'delete' order by id
      on conflict (id) do update set ${ASSIGNMENTS} where (${list('t')}) is distinct from (${list('excluded')})`,
  );
  await client.query('commit');
}

/** Puts the last state of each key into Postgres, unmeasured, by way of a synced table of the change file. */
async function stage(/** @type {pg.Client} */ client, /** @type {any} */ connection, /** @type {string} */ file) {
  const csv = join(folder, 'staged.csv');
  await connection.run(
    `copy (select * replace (to_json(tags) as tags, to_json(address) as address) from read_parquet('${file}')
            where _change_type <> 'update_preimage') to '${csv}' (format csv, header false)`,
  );
  chmodSync(csv, 0o644);
  await client.query(
    `drop table if exists bench_staged;
     create table bench_staged as select *, null::text as _change_type from bench_reference limit 0`,
  );
  await client.query(`copy bench_staged from '${csv}' (format csv)`);
  await client.query('analyze bench_staged');
}

async function main() {
  const settings = { shared_buffers: '1GB', max_wal_size: '16GB', checkpoint_timeout: '1h', fsync: 'on' };
  const postgres = await startEmbeddedPostgres({
    major: /** @type {15|18} */ (Number(values.major)),
    dataDir: join(folder, 'postgres'),
    settings,
  });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const lake = join(folder, 'lake');
  say(`${changes} changes to ${rows} rows, ${rounds} rounds, PostgreSQL ${values.major}; preparing`);
  const engine = await openEngine();
  const connection = await engine.connect();
  await writeBenchTable(connection, lake, rows);
  const sidecar = spawnSidecar({ folder, url: postgres.url });
  /** @type {Record<'ours'|'apply'|'hand', number[]>} */
  const times = { ours: [], apply: [], hand: [] };
  try {
    await untilMigrated(client, sidecar);
    await client.query(
      `call synced_tables.wait_for_update(synced_tables.create_synced_table('bench.customers', 'lake.bench.customers',
         array['id'], scheduling_policy => 'TRIGGERED'), interval '1 hour')`,
    );
    await client
      .query(
        `create table bench_reference (like bench.customers);
       insert into bench_reference select * from bench.customers; alter table bench_reference add primary key (id);
       vacuum analyze bench_reference`,
      )
      .catch(async () => {
        await client.query('create table bench_reference (like bench.customers)');
        await client.query('insert into bench_reference select * from bench.customers');
        await client.query('alter table bench_reference add primary key (id)');
      });
    await client.query('vacuum (analyze) bench_reference');
    await client.query('vacuum (analyze) bench.customers');
    await client.query('listen synced_table_updates');
    // The first round is for warming up: the pages of both tables get their first full images into the WAL alike.
    for (let round = 0; round <= rounds; round++) {
      const version = round + 1;
      const file = await writeBenchMerge(connection, lake, { rows, changes, round, rounds: rounds + 1, version });
      await stage(client, connection, file);
      await client.query('checkpoint');
      const ours = () => seconds(() => untilUpdated(client, `synced_tables.sync_now('bench.customers')`));
      const hand = () => seconds(() => applyByHand(client));
      const isOursFirst = round % 2 === 0;
      const first = await (isOursFirst ? ours() : hand());
      await client.query('checkpoint');
      const second = await (isOursFirst ? hand() : ours());
      const [our, their] = isOursFirst ? [first, second] : [second, first];
      const { rows: records } = await client.query(
        'select method, load_seconds, rows_written, rows_deleted from synced_tables.updates order by created_at desc limit 1',
      );
      if (records[0].method !== 'CHANGES') throw new Error(`the update was a ${records[0].method}`);
      const apply = Number(records[0].load_seconds);
      say(
        `round ${round}: ours ${our.toFixed(3)} s (of that reading and applying ${apply.toFixed(3)} s), by hand ${their.toFixed(3)} s`,
      );
      if (round === 0) continue;
      times.ours.push(our);
      times.apply.push(apply);
      times.hand.push(their);
    }
    const { rows: differences } = await client.query(
      `select (select count(*) from (table bench.customers except table bench_reference) d)
            + (select count(*) from (table bench_reference except table bench.customers) d) as n`,
    );
    if (differences[0].n !== '0') throw new Error(`${differences[0].n} rows differ from those applied by hand`);
    report(times);
  } finally {
    await endSidecar(sidecar);
    connection.closeSync();
    await engine[Symbol.asyncDispose]();
    await client.end();
    await postgres.stop();
  }
}

function report(/** @type {Record<'ours'|'apply'|'hand', number[]>} */ times) {
  const result = {
    rows,
    changes,
    rounds,
    ratio: round(median(times.hand) / median(times.ours)),
    apply_ratio: round(median(times.hand) / median(times.apply)),
    rows_per_second: Math.round(changes / median(times.ours)),
    rows_per_second_by_hand: Math.round(changes / median(times.hand)),
  };
  say(
    `medians: ours ${result.rows_per_second} changes/s, by hand ${result.rows_per_second_by_hand}; ` +
      `by hand / ours ${result.ratio}, by hand / reading and applying alone ${result.apply_ratio}`,
  );
  if (values.json) console.log(JSON.stringify(result));
}

const round = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
