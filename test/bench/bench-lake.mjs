// @ts-check
// The table of the benchmarks: 12 columns as in a serving table, about 150 bytes a row, written as a real Delta table.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROWS_PER_FILE = 1_000_000;

const COLUMNS = [
  ['id', 'long', 'i'],
  ['name', 'string', "'customer ' || (i * 7919 % 1000003)"],
  ['email', 'string', "'user' || i || '@example.com'"],
  ['score', 'double', 'i * 0.37'],
  ['balance', 'decimal(18,2)', '(i % 1000000 * 1.01)::decimal(18,2)'],
  ['visits', 'integer', '(i % 5000)::integer'],
  ['is_active', 'boolean', 'i % 3 = 0'],
  ['signup_date', 'date', "date '2015-01-01' + (i % 4000)::integer"],
  ['last_seen_local', 'timestamp_ntz', "timestamp '2024-01-01' + to_microseconds(i * 1000003 % 31536000000000)"],
  ['last_seen', 'timestamp', "timestamptz '2024-01-01 00:00:00+00' + to_microseconds(i * 1000003 % 31536000000000)"],
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

/**
 * Writes the table `<lake>/bench/customers` with `rows` rows in a shuffled key order.
 * @param {import('@duckdb/node-api').DuckDBConnection} connection
 * @param {string} lake
 * @param {number} rows
 */
export async function writeBenchTable(connection, lake, rows) {
  const root = join(lake, 'bench', 'customers');
  mkdirSync(join(root, '_delta_log'), { recursive: true });
  const actions = [
    {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['timestampNtz'],
        writerFeatures: ['timestampNtz'],
      },
    },
    {
      metaData: {
        id: 'bench-customers',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({
          type: 'struct',
          fields: COLUMNS.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
        }),
        partitionColumns: [],
        configuration: {},
      },
    },
  ];
  const select = COLUMNS.map(([name, , expression]) => `${expression} as ${name}`).join(', ');
  for (let first = 0, part = 0; first < rows; first += ROWS_PER_FILE, part++) {
    const last = Math.min(first + ROWS_PER_FILE, rows);
    const path = `part-${String(part).padStart(5, '0')}.parquet`;
    const file = join(root, path);
    await connection.run(
      `copy (select ${select} from range(${first}, ${last}) r(i)) to '${file.replaceAll("'", "''")}' (format parquet, compression snappy)`,
    );
    const size = statSync(file).size;
    actions.push({ add: { path, partitionValues: {}, size, modificationTime: 0, dataChange: true } });
  }
  const log = actions.map((action) => JSON.stringify(action)).join('\n');
  writeFileSync(join(root, '_delta_log', '00000000000000000000.json'), `${log}\n`);
}
