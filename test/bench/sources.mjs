// @ts-check
// npm run bench:sources [-- --rows N] [--view-rows N] [--rounds N] [--major 15|18] [--json]
//
// The same rows as a Delta table, as an Iceberg table over the same Parquet files, as plain files, and as a table of another
// Postgres: whole refreshes of all four in turn. Then a view that sums up many rows. Prints seconds, processor time of the
// sidecar, its peak memory (Linux) and ratios; absolute figures belong to the machine.
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { writeBenchTable } from './bench-lake.mjs';
import { median, rounded, startBench, untilUpdated } from './bench-sidecar.mjs';
import { cpuSeconds } from './processor-time.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    'view-rows': { type: 'string', default: '20000000' },
    rounds: { type: 'string', default: '3' },
    major: { type: 'string', default: '18' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const viewRows = Number(values['view-rows']);
const rounds = Math.max(1, Number(values.rounds));
const say = (/** @type {string} */ line) => (values.json ? console.error(line) : console.log(line));

/** The writer of the tests, which is TypeScript. */
async function icebergWriter() {
  const outDir = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
  try {
    const entry = 'test/support/iceberg-writer.ts';
    await build({
      configFile: false,
      logLevel: 'error',
      build: { ssr: entry, outDir, rollupOptions: { output: { entryFileNames: 'writer.mjs' } } },
      ssr: { noExternal: true, external: ['@duckdb/node-api'] },
    });
    return (await import(pathToFileURL(join(outDir, 'writer.mjs')).href)).IcebergWriter;
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

/** Columns of `writeBenchTable`; its files have no ids, which a name mapping makes up for. */
const FIELDS = [
  { id: 1, name: 'id', type: 'long' },
  { id: 2, name: 'name', type: 'string' },
  { id: 3, name: 'email', type: 'string' },
  { id: 4, name: 'score', type: 'double' },
  { id: 5, name: 'balance', type: 'decimal(18, 2)' },
  { id: 6, name: 'visits', type: 'int' },
  { id: 7, name: 'is_active', type: 'boolean' },
  { id: 8, name: 'signup_date', type: 'date' },
  { id: 9, name: 'last_seen_local', type: 'timestamp' },
  { id: 10, name: 'last_seen', type: 'timestamptz' },
  {
    id: 11,
    name: 'tags',
    type: { type: 'list', 'element-id': 13, element: 'string', 'element-required': false },
    parts: [{ 'field-id': 13, names: ['element'] }],
  },
  {
    id: 12,
    name: 'address',
    type: {
      type: 'struct',
      fields: [
        { id: 14, name: 'city', type: 'string', required: false },
        { id: 15, name: 'zip', type: 'int', required: false },
      ],
    },
    parts: [
      { 'field-id': 14, names: ['city'] },
      { 'field-id': 15, names: ['zip'] },
    ],
  },
];

/** An Iceberg table over the files of the Delta table. */
async function writeIceberg(
  /** @type {import('@duckdb/node-api').DuckDBConnection} */ connection,
  /** @type {string} */ lake,
) {
  const IcebergWriter = await icebergWriter();
  const mapping = FIELDS.map(({ id, name, parts }) => ({
    'field-id': id,
    names: [name],
    ...(parts === undefined ? {} : { fields: parts }),
  }));
  const folder = join(lake, 'ice', 'customers');
  const writer = new IcebergWriter(connection, folder, {
    fields: FIELDS.map(({ id, name, type }) => ({ id, name, type })),
    properties: { 'schema.name-mapping.default': JSON.stringify(mapping) },
  });
  const source = join(lake, 'bench', 'customers');
  const files = readdirSync(source).filter((name) => name.endsWith('.parquet'));
  const added = [];
  for (const name of files) {
    const statedPath = `${folder}/data/${name}`;
    linkSync(join(source, name), statedPath);
    const counted = await connection.runAndReadAll(`select count(*)::integer from read_parquet('${statedPath}')`);
    added.push({ statedPath, rows: Number(counted.getRowsJson()[0]?.[0]), sizeBytes: statSync(statedPath).size });
  }
  await writer.commit(added);
}

const bench = await startBench({
  major: Number(values.major),
  catalogsOf: async (lake, url) => ({
    plain: { kind: 'files', root: lake, tables: { 'f.customers': { path: 'bench/customers', format: 'parquet' } } },
    marts: {
      kind: 'views',
      views: { 'v.sums': 'SELECT region, sum(amount) AS amount, count(*) AS n FROM lake.bench.facts GROUP BY region' },
    },
    other: { kind: 'postgres', url },
  }),
});

/** Runs one refresh, and says what it took. */
async function measure(/** @type {string} */ call) {
  writeFileSync(`/proc/${bench.pid}/clear_refs`, '5');
  const cpu = cpuSeconds(bench.pid) ?? 0;
  const startedAt = performance.now();
  await untilUpdated(bench.client, call);
  return {
    seconds: (performance.now() - startedAt) / 1000,
    cpu: (cpuSeconds(bench.pid) ?? 0) - cpu,
    peakMb: Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${bench.pid}/status`, 'utf8'))?.[1]) / 1024,
  };
}

/** @typedef {Awaited<ReturnType<typeof measure>>} Measured */
const SOURCES = {
  delta: 'lake.bench.customers',
  iceberg: 'lake.ice.customers',
  files: 'plain.f.customers',
  postgres: 'other.src.customers',
};

try {
  await writeBenchTable(bench.connection, bench.lake, rows);
  await writeIceberg(bench.connection, bench.lake);
  mkdirSync(join(bench.lake, 'bench', 'facts', '_delta_log'), { recursive: true });
  await bench.client.query('listen synced_table_updates');
  await bench.client.query('create schema src');
  say(`${rows} rows of 12 columns, ${rounds} rounds, PostgreSQL ${values.major}`);
  /** @type {Map<string, Measured[]>} */
  const taken = new Map(Object.keys(SOURCES).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, source] of Object.entries(SOURCES)) {
      const target = `bench.${name}`;
      const measured = await measure(
        round === 0
          ? `synced_tables.create_synced_table('${target}', '${source}', array['id'], create_database_objects_if_missing => true)`
          : `synced_tables.sync_now('${target}', full_refresh => true)`,
      );
      // The first load opens files for the first time, and Postgres gets its rows from it.
      if (round === 0 && name === 'delta')
        await bench.client.query(`create table src.customers as select * from ${target}`);
      else if (round > 0) taken.get(name)?.push(measured);
    }
  }
  const summary = Object.fromEntries(
    [...taken].map(([name, all]) => [
      name,
      {
        seconds: rounded(median(all.map(({ seconds }) => seconds))),
        sidecar_cpu_seconds: rounded(median(all.map(({ cpu }) => cpu))),
        peak_rss_mb: rounded(Math.max(...all.map(({ peakMb }) => peakMb))),
      },
    ]),
  );
  const delta = summary.delta;
  for (const [name, { seconds, sidecar_cpu_seconds: cpu, peak_rss_mb: peak }] of Object.entries(summary)) {
    const ratios =
      delta && name !== 'delta'
        ? `; to Delta ${rounded(seconds / delta.seconds)} in time, ${rounded(cpu / delta.sidecar_cpu_seconds)} in processor time`
        : '';
    say(`${name}: ${seconds} s, ${cpu} s of the sidecar's processor time, peak ${peak} MB${ratios}`);
  }

  await writeFacts();
  const view = await measure(
    `synced_tables.create_synced_table('bench.sums', 'marts.v.sums', array['region'], create_database_objects_if_missing => true)`,
  );
  const { rows: sums } = await bench.client.query('select sum(n)::bigint::text as n from bench.sums');
  if (sums[0].n !== String(viewRows)) throw new Error(`the view has seen ${sums[0].n} rows`);
  say(
    `view over ${viewRows} rows: ${rounded(view.seconds)} s, ${rounded(view.cpu)} s of processor time, peak ${rounded(view.peakMb)} MB`,
  );
  if (values.json) console.log(JSON.stringify({ rows, rounds, ...summary, view: { rows: viewRows, ...view } }));
} finally {
  await bench[Symbol.asyncDispose]();
}

/** A Delta table of three columns, of which the view needs two. */
async function writeFacts() {
  const root = join(bench.lake, 'bench', 'facts');
  const file = join(root, 'part-0.parquet');
  await bench.connection.run(
    `copy (select i as id, 'region ' || i % 50 as region, (i % 100000 * 0.01)::decimal(10,2) as amount from range(${viewRows}) t(i)) to '${file}' (format parquet)`,
  );
  const field = (/** @type {string} */ name, /** @type {string} */ type) => ({
    name,
    type,
    nullable: true,
    metadata: {},
  });
  const actions = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: 'facts',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({
          type: 'struct',
          fields: [field('id', 'long'), field('region', 'string'), field('amount', 'decimal(10,2)')],
        }),
        partitionColumns: [],
        configuration: {},
      },
    },
    {
      add: {
        path: 'part-0.parquet',
        partitionValues: {},
        size: statSync(file).size,
        modificationTime: 0,
        dataChange: true,
      },
    },
  ];
  writeFileSync(
    join(root, '_delta_log', `${'0'.repeat(20)}.json`),
    actions.map((action) => `${JSON.stringify(action)}\n`).join(''),
  );
}
