import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DeltaWriter, TestLake } from '../support/delta-writer.js';
import { runCli, runCliJson } from '../support/run-cli.js';

// Goal: `preview` tells, without Postgres, what a sync would give and everything it would meet.

let lake: TestLake;
let environment: Record<string, string>;

beforeAll(async () => {
  lake = await TestLake.create();
  environment = { SYNCED_TABLES_LAKE: lake.root };
});
afterAll(async () => {
  await lake[Symbol.asyncDispose]();
});

interface Preview {
  readonly row_count: number;
  readonly size_bytes: number;
  readonly columns: readonly object[];
  readonly key_candidates: readonly string[];
  readonly primary_key: object | null;
  readonly scheduling_policies: readonly object[];
  readonly warnings: readonly { error_code: string; message: string; remedy: string }[];
}

async function preview(...args: string[]): Promise<Preview> {
  return (await runCliJson(['preview', ...args], environment)) as Preview;
}

/** Adds a commit that changes the metadata, as `ALTER TABLE` does. */
function alter(table: DeltaWriter, change: (metaData: Record<string, unknown>) => void): void {
  const log = path.join(table.folder, '_delta_log');
  const names = readdirSync(log).sort();
  const actions = names.flatMap((name) => readFileSync(path.join(log, name), 'utf8').trim().split('\n'));
  const { metaData } = actions.map((line) => JSON.parse(line)).findLast((action) => action.metaData);
  change(metaData);
  const next = `${String(names.length).padStart(20, '0')}.json`;
  writeFileSync(path.join(log, next), `${JSON.stringify({ metaData })}\n`);
}

it('shows columns with their types, size, version and key candidates', async () => {
  const columns = {
    id: 'long',
    code: 'string',
    amount: 'decimal(10,2)',
    tags: { type: 'array', elementType: 'string' },
  } as const;
  const table = await lake.createTable(
    'gold.plain',
    columns,
    `select i as id, 'c' || i as code, (i % 7)::decimal(10,2) as amount, ['a'] as tags from range(1000) t(i)`,
  );
  const found = await preview('lake.gold.plain');
  expect(found).toMatchObject({
    source_table_full_name: 'lake.gold.plain',
    version: 0,
    row_count: 1000,
    columns: [
      { name: 'id', source_type: 'long', postgres_type: 'bigint', nullable: true },
      { name: 'code', source_type: 'string', postgres_type: 'text', nullable: true },
      { name: 'amount', source_type: 'decimal(10,2)', postgres_type: 'numeric(10,2)', nullable: true },
      { name: 'tags', source_type: 'array<string>', postgres_type: 'jsonb', nullable: true },
    ],
    key_candidates: ['id', 'code'],
    primary_key: null,
    scheduling_policies: [
      { scheduling_policy: 'SNAPSHOT', is_possible: true, by_file_comparison: false, problem: null },
      ...['TRIGGERED', 'CONTINUOUS'].map((policy) => ({
        scheduling_policy: policy,
        is_possible: false,
        by_file_comparison: true,
        problem: expect.objectContaining({ error_code: 'CHANGE_DATA_FEED_OFF' }),
      })),
    ],
  });
  const files = readdirSync(table.folder).filter((name) => name.endsWith('.parquet'));
  const sizes = files.map((name) => readFileSync(path.join(table.folder, name)).length);
  expect(found.size_bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
});

it('looks at the chosen columns and rows alone', async () => {
  const rows = `select i // 2 as id, i as n, i % 2 as half from range(10) t(i)`;
  await lake.createTable('gold.part', { id: 'long', n: 'long', half: 'long' }, rows, {
    'delta.enableChangeDataFeed': 'true',
  });
  const half = ['--columns', 'id', '--row-filter', 'half = 1', '--primary-key', 'id'];
  expect(await preview('lake.gold.part', ...half)).toMatchObject({
    row_count: 5,
    columns: [{ name: 'id' }],
    key_candidates: ['id'],
    primary_key: { columns: ['id'], is_unique: true },
    warnings: [],
  });
  const whole = await preview('lake.gold.part', '--columns', 'n,half', '--primary-key', 'id');
  expect(whole).toMatchObject({ row_count: 10, warnings: [{ error_code: 'COLUMNS_WITHOUT_KEY' }] });
  const refused = await runCli(['preview', 'lake.gold.part', '--row-filter', 'halve = 1'], environment);
  expect(refused).toMatchObject({ end: 1, stderr: expect.stringMatching(/^ROW_FILTER_INVALID: .*\(at character 1\)/) });
});

it('finds every unique column of a small table, whatever the estimate says', async () => {
  // The engine takes these three values for two.
  await lake.createTable('gold.few', { v: 'long', n: 'long' }, `select 1 as v, unnest([22, 44, 66]) as n`);
  expect((await preview('lake.gold.few')).key_candidates).toEqual(['n']);
});

it('finds a unique column of a large table behind many that are nearly unique', async () => {
  const nearly = Array.from({ length: 24 }, (_, n) => `c${n}`);
  const columns = Object.fromEntries([...nearly, 'n'].map((name) => [name, 'long']));
  const rows = `${nearly.map((name) => `greatest(i, 1) as ${name}`).join(', ')}, i * 11 as n`;
  await lake.createTable('gold.many', columns, `select ${rows} from range(120000) t(i)`);
  expect((await preview('lake.gold.many')).key_candidates).toEqual(['n']);
});

it('names the statement that turns the change data feed on, and only while it is off', async () => {
  const table = await lake.createTable('gold.feed', { id: 'long' }, 'select 1 as id');
  const warning = {
    error_code: 'CHANGE_DATA_FEED_OFF',
    message: expect.stringMatching(/TRIGGERED and CONTINUOUS need; SNAPSHOT works without one/),
    remedy: expect.stringContaining('ALTER TABLE lake.gold.feed SET TBLPROPERTIES (delta.enableChangeDataFeed = true)'),
  };
  expect((await preview('lake.gold.feed')).warnings).toEqual([warning]);
  alter(table, (metaData) => {
    metaData.configuration = { 'delta.enableChangeDataFeed': 'true' };
  });
  expect((await preview('lake.gold.feed')).warnings).toEqual([]);
});

it('names every column that cannot be synced, and still looks at the rows of the others', async () => {
  const table = await lake.createTable('gold.odd', { id: 'long' }, 'select i as id from range(5) t(i)');
  alter(table, (metaData) => {
    const schema = JSON.parse(String(metaData.schemaString));
    const field = (name: string, type: unknown) => ({ name, type, nullable: true, metadata: {} });
    schema.fields.push(field('shape', 'geometry(OGC:CRS84)'), field('ctid', 'long'));
    schema.fields.push(field('shapes', { type: 'array', elementType: 'geography', containsNull: true }));
    metaData.schemaString = JSON.stringify(schema);
  });
  const found = await preview('lake.gold.odd');
  const warnings = found.warnings.map(({ error_code: code, message }) => [code, /"(\w+)"/.exec(message)?.[1]]);
  expect(warnings.slice(0, 3)).toEqual([
    ['COLUMN_TYPE_UNSUPPORTED', 'shape'],
    ['COLUMN_NAME_UNSUPPORTED', 'ctid'],
    ['COLUMN_TYPE_UNSUPPORTED', 'shapes'],
  ]);
  expect(found).toMatchObject({ row_count: 5, key_candidates: ['id'] });
  expect(found.columns).toContainEqual(expect.objectContaining({ name: 'shape', postgres_type: null }));
});

it('counts the rows with NUL characters, by column', async () => {
  await lake.createTable(
    'gold.nul',
    { id: 'long', clean: 'string', text: 'string', list: { type: 'array', elementType: 'string' } },
    `select i as id, 'a' as clean, case when i < 3 then 'x' || chr(0) else 'x' end as text,
            case when i = 7 then [chr(0)] else ['y'] end as list from range(10) t(i)`,
  );
  const { warnings } = await preview('lake.gold.nul');
  const nul = warnings.filter(({ error_code: code }) => code === 'CHARACTER_NOT_IN_REPERTOIRE');
  expect(nul.map(({ message }) => message)).toEqual([
    expect.stringMatching(/Column "text" .* in 3 rows\.$/),
    expect.stringMatching(/Column "list" .* in 1 row\.$/),
  ]);
});

it('judges the primary key that it is asked about', async () => {
  await lake.createTable(
    'gold.keys',
    { a: 'long', b: 'string', c: { type: 'array', elementType: 'long' } },
    `select * from (values (1, 'x', [1]), (1, 'y', [1]), (2, 'x', [1]), (2, 'x', [1]), (2, 'x', [1]), (null, 'x', [1]), (3, null, [1])) t(a, b, c)`,
  );
  const found = await preview('lake.gold.keys', '--primary-key', 'a,b');
  expect(found.key_candidates).toEqual([]);
  expect(found.primary_key).toEqual({
    columns: ['a', 'b'],
    is_unique: false,
    rows_with_null: 2,
    duplicate_keys: 1,
    duplicate_rows: 3,
  });
  expect(found.warnings.map(({ error_code: code }) => code)).toEqual([
    'CHANGE_DATA_FEED_OFF',
    'PRIMARY_KEY_HAS_NULLS',
    'PRIMARY_KEY_CONSTRAINT_VIOLATION',
  ]);
  const wrong = await preview('lake.gold.keys', '--primary-key', 'a', '--primary-key', 'nope');
  expect(wrong.warnings[0]).toMatchObject({ error_code: 'PRIMARY_KEY_COLUMN_NOT_FOUND' });
  const nested = await preview('lake.gold.keys', '--primary-key', 'c');
  expect(nested.warnings[0]).toMatchObject({ error_code: 'PRIMARY_KEY_TYPE_UNSUPPORTED' });
});

it('shows all of it to people too', async () => {
  await lake.createTable('gold.people', { id: 'long', name: 'string' }, `select 1 as id, 'Ada' as name`);
  const { end, stdout, stderr } = await runCli(['preview', 'lake.gold.people', '--primary-key', 'id'], environment);
  expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  expect(stdout).toMatch(/^lake\.gold\.people: version 0, committed .*, 1 row, \d+ bytes\n/);
  expect(stdout).toMatch(/\n id +\| long +\| bigint/);
  expect(stdout).toContain('\nKey candidates: id, name\n');
  expect(stdout).toContain('\nPrimary key (id): unique and never null\n');
  expect(stdout).toContain('\nScheduling policies: SNAPSHOT; with --allow-file-diff TRIGGERED, CONTINUOUS\n');
  expect(stdout).toContain('\nWarnings:\n  CHANGE_DATA_FEED_OFF: ');
  expect(stdout).not.toContain('Ada');
});

it('looks at an empty table', async () => {
  await lake.createTable('gold.empty', { id: 'long' });
  expect(await preview('lake.gold.empty', '--primary-key', 'id')).toMatchObject({
    row_count: 0,
    size_bytes: 0,
    key_candidates: null,
    primary_key: { is_unique: true },
  });
});

it.each([
  ['gold.users', 'SOURCE_NAME_INVALID'],
  ['other.gold.users', 'CATALOG_NOT_FOUND'],
  ['lake.gold.nope', 'SOURCE_TABLE_NOT_FOUND'],
])('refuses %s', async (source, code) => {
  const { end, stdout, stderr } = await runCli(['preview', source], environment);
  expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^${code}: .+\n$`));
});

it('works with a settings file whose instances cannot be used', async () => {
  await lake.createTable('gold.configured', { id: 'long' }, 'select 1 as id');
  const file = path.join(lake.root, 'settings.yaml');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the settings file
  writeFileSync(file, 'instances: { prod: { url: "${NOT_SET}" } }\ncatalogs: { mine: { kind: path, root: . } }');
  expect(await preview('mine.gold.configured', '--config', file)).toMatchObject({ row_count: 1 });
});

it('tells that a file of the table is missing', async () => {
  const table = await lake.createTable('gold.holed', { id: 'long' }, 'select 1 as id');
  for (const name of readdirSync(table.folder)) if (name.endsWith('.parquet')) rmSync(path.join(table.folder, name));
  const { end, stderr } = await runCli(['preview', 'lake.gold.holed', '--output', 'json'], environment);
  expect(end).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error_code: 'SOURCE_FILE_MISSING' });
});
