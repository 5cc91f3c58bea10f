// @ts-check
// Goal: tables that other writers made read the same through real object stores as on the local disk: snapshots,
// changes, and what is wrong with them. `node test/interop/object-stores.mjs [s3 gcs azure]` after `npm run build`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openDeltaTable } from '../../dist/lake/delta/delta-table.js';
import { openCopyStream } from '../../dist/lake/engine/copy-stream.js';
import { openEngine } from '../../dist/lake/engine/duckdb-engine.js';
import { wholeCopy } from '../../dist/lake/relation/copy-parts.js';
import { openFileStore } from '../../dist/lake/storage/file-stores.js';
import { localFileStore } from '../../dist/lake/storage/local-file-store.js';
import { planColumns } from '../../dist/sync/source/plan-target.js';
import { objectStores } from './start-object-store.mjs';

const repository = path.resolve(import.meta.dirname, '../..');
/** So small that most tables do not fit. */
const SPOOL = { bytesMax: 16 * 1024, fetchesMax: 3 };

/** @returns {Map<string, string>} folders by name */
function findTables() {
  const fixtures = path.join(repository, 'test/fixtures/delta');
  const shared = path.resolve(repository, '../shared/data/delta');
  const tables = readdirSync(fixtures).map((name) => /** @type {const} */ ([name, path.join(fixtures, name, 'table')]));
  if (!existsSync(shared)) console.log(`note: ${shared} is missing, only the repository's own tables are read`);
  for (const name of existsSync(shared) ? readdirSync(shared) : []) {
    const folder = [name, `${name}/table`, `${name}/delta`]
      .map((one) => path.join(shared, one))
      .find((one) => existsSync(path.join(one, '_delta_log')));
    if (folder && !LOCAL_ONLY.has(name)) tables.push([name, folder]);
  }
  return new Map(tables);
}

/** Its log names one file by absolute paths of a local disk, which mean nothing, or others, in a bucket. */
const LOCAL_ONLY = new Set(['golden-canonicalized-paths-special-a']);

/** @param {string} error */
const withoutPlaces = (error) => error.replace(/(s3|gs|abfss):\/\/[^\s/]+|\/tmp\/\S*/g, '');

/**
 * @param {import('../../dist/lake/engine/duckdb-engine.js').Engine} engine
 * @param {import('../../dist/lake/storage/file-store.js').FileStore} store
 * @param {string} root
 */
async function readTable(engine, store, root) {
  const place = { engine, store, root, tableName: 'a.b.c', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
  const table = openDeltaTable({ ...place, spool: SPOOL });
  const rows = await outcome(async () => {
    const snapshot = await table.snapshot();
    const columns = planColumns(snapshot).map(({ field }) => field);
    const relation = await table.openRelation(snapshot, 2);
    const read = { columns, keyColumns: [], timeseriesKey: null, format: /** @type {const} */ ('text') };
    const connection = await engine.connect();
    try {
      const selects = wholeCopy(engine, relation, { ...read, invalidCharacters: 'strip' });
      const stream = await openCopyStream(connection, selects, 'text', engine.scratchFolder);
      const chunks = [];
      for await (const chunk of stream.bytes) chunks.push(chunk);
      const count = await stream.finished;
      return [`${count} ${relation.rowCount}`, ...Buffer.concat(chunks).toString().split('\n').sort()].join('\n');
    } finally {
      await relation[Symbol.asyncDispose]();
      connection.closeSync();
    }
  });
  const changes = await outcome(async () => {
    if (!table.changeFeed) throw new Error('no change feed');
    const found = await table.changeFeed.changes({ from: -1n, allowFileDiff: true, schemaPolicy: 'follow' });
    const connection = await engine.connect();
    try {
      const count = await found.countRows();
      await found.fetch();
      const sql = `select to_json(r)::varchar from (select * exclude (_commit_timestamp) from (${found.select})) r`;
      const result = await connection.runAndReadAll(sql);
      return [
        String(count),
        ...result
          .getRowsJson()
          .map(([row]) => String(row))
          .sort(),
      ].join('\n');
    } finally {
      await found[Symbol.asyncDispose]();
      connection.closeSync();
    }
  });
  return { rows, changes };
}

/** @param {() => Promise<string>} run */
async function outcome(run) {
  try {
    return await run();
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
    return `failed: ${code ?? ''} ${code ? '' : withoutPlaces(message)}`;
  }
}

/** @param {string} folder */
function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

const wanted = process.argv.slice(2);
const tables = findTables();
let failures = 0;
for (const [name, start] of Object.entries(objectStores)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  let store;
  try {
    store = await start();
  } catch (error) {
    console.log(`${name}: skipped, its server cannot be started here: ${/** @type {Error} */ (error).message}`);
    continue;
  }
  const engine = await openEngine();
  let same = 0;
  try {
    for (const [table, folder] of tables) {
      for (const file of filesOf(folder)) await store.put(`${table}/${file}`, readFileSync(path.join(folder, file)));
      const expected = await readTable(engine, localFileStore, folder);
      const root = `${store.url}/${table}`;
      const found = await readTable(engine, openFileStore(root, store.settings), root);
      for (const kind of /** @type {const} */ (['rows', 'changes'])) {
        if (found[kind] === expected[kind]) {
          same++;
          continue;
        }
        failures++;
        console.log(
          `${name}: ${table}, ${kind}: ${found[kind].slice(0, 300)}\n  expected: ${expected[kind].slice(0, 300)}`,
        );
      }
    }
  } finally {
    await engine[Symbol.asyncDispose]();
    await store.stop();
  }
  console.log(`${name}: ${same} of ${tables.size * 2} readings are those of the local disk`);
}
process.exitCode = failures === 0 ? 0 : 1;
