// @ts-check
// The table of the benchmarks: 12 columns as in a serving table, about 150 bytes a row, written as a real Delta table.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROWS_PER_FILE = 1_000_000;

/** Name, Delta type, and the value in row `i`; in a changed row, `v` is another number than `i`. */
const COLUMNS = [
  ['id', 'long', 'i'],
  ['name', 'string', "'customer ' || (i * 7919 % 1000003)"],
  ['email', 'string', "'user' || i || '@example.com'"],
  ['score', 'double', '(v * 0.37)::double'],
  ['balance', 'decimal(18,2)', '(v % 1000000 * 1.01)::decimal(18,2)'],
  ['visits', 'integer', '(v % 5000)::integer'],
  ['is_active', 'boolean', 'i % 3 = 0'],
  ['signup_date', 'date', "date '2015-01-01' + (i % 4000)::integer"],
  ['last_seen_local', 'timestamp_ntz', "timestamp '2024-01-01' + to_microseconds(i * 1000003 % 31536000000000)"],
  ['last_seen', 'timestamp', "timestamptz '2024-01-01 00:00:00+00' + to_microseconds(v * 1000003 % 31536000000000)"],
  ['tags', { type: 'array', elementType: 'string', containsNull: true }, "['tag' || i % 7, 'tag' || i % 11]"],
  [
    'address',
    {
      type: 'struct',
      fields: [
        { name: 'city', type: 'string', nullable: true, metadata: {} },
        { name: 'zip', type: 'integer', nullable: true, metadata: {} },
      ],
    },
    "struct_pack(city := 'city ' || i % 1000, zip := (i % 90000)::integer)",
  ],
];

const VALUES = COLUMNS.map(([name, , expression]) => `${expression} as ${name}`).join(', ');

/**
 * Writes the table `<lake>/bench/<name>` with `rows` rows in a shuffled key order.
 * @param {import('@duckdb/node-api').DuckDBConnection} connection
 * @param {string} lake
 * @param {number} rows
 * @param {string} [name]
 */
export async function writeBenchTable(connection, lake, rows, name = 'customers') {
  const root = join(lake, 'bench', name);
  mkdirSync(join(root, '_delta_log'), { recursive: true });
  const actions = [
    {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['timestampNtz'],
        writerFeatures: ['timestampNtz', 'changeDataFeed'],
      },
    },
    {
      metaData: {
        id: `bench-${name}`,
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({
          type: 'struct',
          fields: COLUMNS.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
        }),
        partitionColumns: [],
        configuration: { 'delta.enableChangeDataFeed': 'true' },
      },
    },
  ];
  for (let first = 0, part = 0; first < rows; first += ROWS_PER_FILE, part++) {
    const last = Math.min(first + ROWS_PER_FILE, rows);
    const path = `part-${String(part).padStart(5, '0')}.parquet`;
    const file = join(root, path);
    await connection.run(
      `copy (select ${VALUES} from (select i, i as v from range(${first}, ${last}) r(i))) to '${file.replaceAll("'", "''")}' (format parquet, compression snappy)`,
    );
    actions.push({ add: dataFile(root, path, last - first) });
  }
  const log = actions.map((action) => JSON.stringify(action)).join('\n');
  writeFileSync(join(root, '_delta_log', '00000000000000000000.json'), `${log}\n`);
}

/** @param {string} root @param {string} path @param {number} rows */
function dataFile(root, path, rows) {
  const { size } = statSync(join(root, path));
  const stats = JSON.stringify({ numRecords: rows });
  return { path, partitionValues: {}, size, modificationTime: 0, dataChange: true, stats };
}

/**
 * Writes the files and the commit of one MERGE: of `changes` rows 70 % are updated, 20 % inserted and 10 % deleted, at
 * random keys that no other round touches. The data is written anew, in one file.
 * @param {import('@duckdb/node-api').DuckDBConnection} connection
 * @param {string} lake
 * @param {{ rows: number, changes: number, round: number, rounds: number, version: number }} merge
 * @returns the change file
 */
export async function writeBenchMerge(connection, lake, { rows, changes, round, rounds, version }) {
  const root = join(lake, 'bench', 'customers');
  mkdirSync(join(root, '_change_data'), { recursive: true });
  const updates = Math.round(changes * 0.7);
  const inserts = Math.round(changes * 0.2);
  const deletes = changes - updates - inserts;
  const path = `_change_data/cdc-${String(version).padStart(5, '0')}.parquet`;
  const file = join(root, path);
  await connection.run(
    `create or replace temp table chosen as
       select i, row_number() over (order by hash(i + ${version})) as n
         from (select i from range(${rows}) r(i) where i % ${rounds} = ${round} order by hash(i + ${version}) limit ${updates + deletes})`,
  );
  const next = rows + version * inserts;
  await connection.run(
    `copy (select ${VALUES}, _change_type from (
       select i, i as v, 'update_preimage' as _change_type from chosen where n <= ${updates}
       union all select i, i + 7 * ${version}, 'update_postimage' from chosen where n <= ${updates}
       union all select i, i, 'delete' from chosen where n > ${updates}
       union all select i, i, 'insert' from range(${next}, ${next + inserts}) r(i)))
     to '${file.replaceAll("'", "''")}' (format parquet, compression snappy)`,
  );
  const old = readdirSync(root).filter((name) => name.startsWith(version === 1 ? 'part-' : `merged-${version - 1}.`));
  const merged = `merged-${version}.parquet`;
  const lists = old.map((name) => `'${join(root, name).replaceAll("'", "''")}'`);
  const changed = `read_parquet('${file.replaceAll("'", "''")}')`;
  const copied = await connection.runAndReadAll(
    `copy (select * from read_parquet([${lists}]) where id not in (select id from ${changed})
       union all
       select * exclude (_change_type) from ${changed} where _change_type in ('insert', 'update_postimage'))
     to '${join(root, merged).replaceAll("'", "''")}' (format parquet, compression snappy)`,
  );
  const cdc = { path, partitionValues: {}, size: statSync(file).size, dataChange: false };
  const actions = [
    { commitInfo: { operation: 'MERGE' } },
    { cdc },
    ...old.map((name) => ({ remove: { path: name, partitionValues: {}, deletionTimestamp: 0, dataChange: true } })),
    { add: dataFile(root, merged, Number(copied.getRowsJson()[0]?.[0])) },
  ];
  const lines = actions.map((action) => JSON.stringify(action));
  const log = join(root, '_delta_log', `${String(version).padStart(20, '0')}.json`);
  writeFileSync(log, `${lines.join('\n')}\n`, { flag: 'wx' });
  return file;
}
