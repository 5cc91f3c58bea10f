// @ts-check
// node test/bench/follow-by-hand.mjs TABLE_FOLDER TARGET URL
//
// The least that brings a commit of few changed rows from a local table to Postgres: hears of the file, reads its one change file with
// one statement of the engine, writes with one statement of the server, which announces the version too. Everything that following a
// table has to do besides is left out: no schema is compared, no fingerprint, no key, no lease, and nothing is written down.
import { readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';

const [root = '', target = '', url = ''] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
await client.connect();
const engine = await openEngine();
const connection = await engine.connect();
const columns = await client.query(
  'select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum',
  [target],
);
const assignments = columns.rows.map(({ attname }) => `${attname} = excluded.${attname}`).join(', ');
const upsert = `with written as (
  insert into ${target} select * from json_populate_recordset(null::${target}, $1)
    on conflict (id) do update set ${assignments} returning 1)
  select pg_notify('synced_table_updates', json_build_object('table', $2::text, 'version', $3::integer)::text) from written`;

/** @type {Promise<void>} */
let last = Promise.resolve();
const log = join(root, '_delta_log');
watch(log, (_event, name) => {
  if (name === null || !/^\d{20}\.json$/.test(name)) return;
  last = last.then(() => apply(name));
});
console.log('follows');

async function apply(/** @type {string} */ name) {
  const actions = readFileSync(join(log, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { path } = actions.find(({ cdc }) => cdc !== undefined).cdc;
  const found = await connection.runAndReadAll(
    `select to_json(list(r)) from (select * exclude (_change_type)
       from read_parquet('${join(root, path)}') where _change_type in ('insert', 'update_postimage')) r`,
  );
  const values = [found.getRowsJson()[0]?.[0], target, Number.parseInt(name, 10)];
  await client.query({ name: 'upsert', text: upsert, values });
}
