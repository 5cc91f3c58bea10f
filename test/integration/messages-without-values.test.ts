import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../support/api-client.js';
import type { DeltaColumns, DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whatever fails, and whoever words the failure, no value of a row reaches a message, status, event, log, notice or
// answer. Every value of a failing row is marked, those of its key too; every failure is one that quotes values somewhere.
// Keys are found in failing_keys, and nowhere else.

const isLong = process.env.TEST_LONG === '1';
const random = new Random(propertySeed('messages without values'));
const POLICIES = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const;
type Policy = (typeof POLICIES)[number];

/** Marks of one run: a word and a number that occur nowhere else. */
const word = `Zq${Array.from({ length: 10 }, () => 'bcdfghjkmnpqrstvwxyz'[random.below(20)]).join('')}`;
const number = 100_000_000 + random.below(899_999_999);

const columns: DeltaColumns = {
  id: 'string',
  s: 'string',
  n: 'long',
  nested: { type: 'struct', fields: [{ name: 'a', type: 'string' }] },
  list: { type: 'array', elementType: 'string' },
};
const rowsOf = (s: string, n: string, where = 'range(3)', a = s, id = `'${word}k' || i`) =>
  `select ${id} as id, ${s} as s, ${n} as n, {a: ${a}} as nested, [${s}] as list from ${where} t(i)`;
const GOOD = rowsOf("'7' || i", 'i', 'range(3)', "'7'", `'k' || i`);
const marked = (i: string) => `'${word}' || ${i}`;
/** A text that no index has room for. */
const LONG = `select string_agg(md5(j::varchar), '') from range(400) u(j)`;
const BAD = rowsOf(marked('i'), `${number} + i`, 'range(3, 6)');

interface Failure {
  readonly name: string;
  /** What the table must end with. */
  readonly code: string;
  /** The first rows, if others than harmless ones. */
  readonly first?: string;
  readonly options?: string;
  /** Run as superuser once the table has its first rows. */
  readonly obstacle?: (table: string) => string;
  /** The commits that fail. */
  readonly spoil?: (source: DeltaWriter) => Promise<void>;
  readonly policies?: readonly Policy[];
  readonly timeseriesKey?: string;
  /** What failing_keys of the table matches, if keys are looked up. */
  readonly keys?: RegExp;
}

/** Breaks the text that files hold: the last byte of each mark. */
function breakText({ folder }: DeltaWriter): void {
  patchNewest(folder, (bytes) => {
    for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 1)) bytes[at + word.length - 1] = 0xff;
  });
}

function damage({ folder }: DeltaWriter): void {
  patchNewest(folder, (bytes) => bytes.fill(0x5a, 8, 120));
}

function patchNewest(folder: string, patch: (bytes: Buffer) => void): void {
  const commits = readdirSync(path.join(folder, '_delta_log')).sort();
  const newest = readFileSync(path.join(folder, '_delta_log', commits.at(-1) ?? ''), 'utf8');
  const file = path.join(folder, /"path":"(part-[^"]+)"/.exec(newest.slice(newest.indexOf('"add"')))?.[1] ?? '');
  const bytes = readFileSync(file);
  patch(bytes);
  writeFileSync(file, bytes);
}

/** Keys of marked rows, and no others. */
const KEYS = new RegExp(`^${word}k\\d(, ${word}k\\d)*$`);

const FAILURES: readonly Failure[] = [
  {
    name: 'several rows with one key',
    code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
    keys: KEYS,
    first: `${GOOD} union all ${BAD}`,
    spoil: (source) => source.append(BAD),
  },
  {
    name: 'several newest rows with one key',
    code: 'TIMESERIES_KEY_TIE',
    keys: KEYS,
    timeseriesKey: 'n',
    first: `${GOOD} union all ${BAD}`,
    spoil: (source) => source.append(BAD),
  },
  {
    name: 'a key that is too long',
    code: 'PRIMARY_KEY_TOO_LONG',
    keys: new RegExp(`^${word}[0-9a-f]+…$`),
    spoil: (source) => source.append(rowsOf("'x'", '1', 'range(3, 4)', "'x'", `'${word}' || (${LONG})`)),
  },
  {
    name: 'text that is not UTF-8',
    code: 'SOURCE_FILE_CORRUPT',
    spoil: async (source) => {
      await source.append(BAD);
      breakText(source);
    },
  },
  {
    name: 'a damaged file',
    code: 'SOURCE_FILE_CORRUPT',
    spoil: async (source) => {
      await source.append(BAD);
      damage(source);
    },
  },
  {
    name: 'a text that is too long',
    code: 'VALUE_OUT_OF_RANGE',
    keys: KEYS,
    options: `, type_overrides => '[{"column_name":"s","pg_type":"PG_SPECIFIC_TYPE_VARCHAR","size":4}]'`,
  },
  {
    name: 'a NUL character',
    code: 'CHARACTER_NOT_IN_REPERTOIRE',
    keys: KEYS,
    spoil: (source) => source.append(rowsOf(`chr(0) || ${marked('i')}`, `${number}`, 'range(3, 6)')),
  },
  {
    name: 'a NUL character in a nested value',
    code: 'CHARACTER_NOT_IN_REPERTOIRE',
    keys: KEYS,
    spoil: (source) => source.append(rowsOf(marked('i'), `${number}`, 'range(3, 6)', `chr(0) || ${marked('i')}`)),
  },
  {
    name: 'a computed column that cannot be computed',
    code: 'TARGET_REFUSED',
    options: `, extra_columns => '[{"column_name":"extra","column_type":"integer","compute":"s::integer","maintenance":"STORED_GENERATED"}]'`,
  },
  {
    name: 'an index on an expression',
    code: 'INDEX_UNBUILDABLE|TARGET_REFUSED|VALUE_OUT_OF_RANGE',
    obstacle: (table) => `create index on ${table} ((s::integer))`,
  },
  {
    name: 'an index that a value is too long for',
    code: 'INDEX_UNBUILDABLE|TARGET_REFUSED',
    keys: KEYS,
    obstacle: (table) => `create index on ${table} (s)`,
    spoil: (source) => source.append(rowsOf(`'${word}' || (${LONG})`, '1', 'range(3, 4)')),
  },
  {
    name: 'a check constraint',
    code: '.+',
    obstacle: (table) =>
      `set databricks_auth.allow_ddl = on; alter table ${table} add constraint small check (n < 1000); reset databricks_auth.allow_ddl`,
  },
  {
    name: 'a foreign key to a value',
    code: 'FOREIGN_KEY_REFERENCES_ROW',
    first: `${GOOD} union all ${rowsOf(`'${word}'`, '9', 'range(9, 10)')}`,
    obstacle: (table) => `
      create unique index on ${table} (id, s);
      create table ${table}_refers (id text, s text, foreign key (id, s) references ${table} (id, s));
      insert into ${table}_refers values ('${word}k9', '${word}')`,
    spoil: (source) => source.deleteWhere('n = 9'),
  },
  {
    name: 'a foreign key to a key',
    code: 'FOREIGN_KEY_REFERENCES_ROW',
    keys: KEYS,
    first: `${GOOD} union all ${rowsOf("'x'", '9', 'range(9, 10)')}`,
    obstacle: (table) => `
      create table ${table}_refers (id text references ${table}); insert into ${table}_refers values ('${word}k9')`,
    spoil: (source) => source.deleteWhere('n = 9'),
  },
  {
    name: 'a function of a user',
    code: 'TARGET_REFUSED',
    obstacle: (table) => `
      create table ${table}_refers (id text references ${table} on delete cascade);
      insert into ${table}_refers select id from ${table};
      create function ${table}_says() returns trigger language plpgsql as
        $$ begin raise exception '${word} is the name of %', old.id using detail = 'error code: TARGET_DATABASE_FULL'; end $$;
      create trigger says before delete on ${table}_refers for each row execute function ${table}_says()`,
    spoil: (source) => source.deleteWhere('n = 1'),
  },
];

const servers = postgresServers().slice(isLong ? 0 : -1);

describe.each(servers)('messages on $name', (server) => {
  let lake: SyncedLake;
  let api: ApiClient;
  /** What was said where nothing is kept. */
  const heard: string[] = [];
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    lake.admin.on('notice', (notice) => heard.push(JSON.stringify({ ...notice, message: notice.message })));
    const sidecar = await lake.startSidecar({ pollSeconds: 1, onLog: (line) => heard.push(line) });
    api = new ApiClient(sidecar.url);
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  /** Everything of ours that can be read, but for what says of itself that it holds values of rows. */
  async function said(): Promise<string> {
    const { rows } = await lake.admin.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
        where table_schema in ('synced_tables', 'synced_tables_internal', 'databricks_auth')`,
    );
    const texts: string[] = [...heard];
    for (const { name } of rows) {
      const found = await lake.admin.query<{ row: string }>(
        `select (to_jsonb(t) - 'differences' - 'extra_columns' - 'failing_keys')::text as row from ${name} t`,
      );
      texts.push(...found.rows.map(({ row }) => `${name}: ${row}`));
    }
    return texts.join('\n');
  }

  /** Keeps what is thrown, with all that comes with it. */
  async function hear(refused: Promise<unknown>): Promise<void> {
    await refused.catch((error: Error) => heard.push(JSON.stringify({ ...error, message: error.message })));
  }

  async function expectUnsaid(text: string): Promise<void> {
    const leak = text.split('\n').find((line) => line.includes(word) || line.includes(String(number).slice(0, -1)));
    expect(leak?.slice(0, 600)).toBeUndefined();
  }

  const cases = FAILURES.flatMap((failure) => (failure.policies ?? POLICIES).map((policy) => ({ ...failure, policy })));
  const chosen = isLong
    ? cases
    : FAILURES.map((failure) => ({ ...failure, policy: random.pick(failure.policies ?? POLICIES) }));

  it.each(chosen)('say nothing of the rows after $name, $policy', async (failure) => {
    const {
      name,
      policy,
      first = GOOD,
      options = '',
      timeseriesKey,
      keys,
      obstacle,
      spoil = (source) => source.append(BAD),
      code,
    } = failure;
    const table = `m.t${FAILURES.findIndex((each) => each.name === name)}_${policy.toLowerCase()}`;
    const source = await lake.lake.createTable(table, columns, first);
    if (policy !== 'SNAPSHOT') source.switchChangeFeedOn();
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${table}', 'lake.${table}', array['id'], scheduling_policy => '${policy}',
         create_database_objects_if_missing => true${policy === 'SNAPSHOT' ? '' : ', allow_file_diff => true'}${
           timeseriesKey === undefined ? '' : `, timeseries_key => '${timeseriesKey}'`
         }${options}) as id`,
    );
    await lake.wait(rows[0]?.id ?? '');
    if (obstacle) await lake.admin.query(obstacle(table));
    await spoil(source);
    const caught = policy === 'CONTINUOUS' ? null : await lake.requestSync(table);
    await eventually(async () => (await lake.status(table)).last_error_code !== null, `it fails: ${table}`);
    const status = await lake.status(table);
    expect(status.last_error_code).toMatch(new RegExp(`^(${code})$`));
    if (caught !== null) await hear(lake.wait(caught));
    if (keys !== undefined) expect(await lake.failingKeys(table)).toMatch(keys);
    await expectUnsaid(await said());
    await lake.admin.query('select synced_tables.stop_pipeline($1)', [table]).catch(() => {});
    const answers = [
      await api.get(`/api/2.0/database/synced_tables/local.${table}`),
      await api.get('/api/2.0/pipelines'),
    ];
    await expectUnsaid(JSON.stringify(answers.map(({ body }) => body)));
  });

  it('say nothing of the rows when a comparison finds differences', async () => {
    await lake.lake.createTable('m.compared', columns, BAD);
    await lake.load('m.compared');
    await lake.admin.query(
      `set databricks_auth.allow_ddl = on; update m.compared set s = '${word}' where id = '${word}k4'; reset databricks_auth.allow_ddl`,
    );
    const { rows } = await lake.admin.query<{ id: string }>(`select synced_tables.verify('m.compared') as id`);
    await hear(lake.admin.query(`call synced_tables.wait_for_verification('${rows[0]?.id}')`));
    expect(
      await lake.value(`select different_rows from synced_tables.verifications where synced_table = 'm.compared'`),
    ).toBe('1');
    await expectUnsaid(await said());
  });

  it.each([
    ['a column of the lakehouse', 'lake.f.lake_source'],
    ['a column of the database', 'public.pg_source'],
  ])('say nothing of the rows when a flow cannot compute with %s', async (_, source) => {
    const target = source.includes('lake') ? 'public.from_lake' : 'public.from_pg';
    if (source === 'public.pg_source')
      await lake.admin.query(`create table ${source} as select '${word}k1' as id, '${word}' as s`);
    else await lake.lake.createTable('f.lake_source', columns, BAD);
    await lake.admin.query('select synced_tables.create_streaming_table($1)', [target]);
    await lake.admin.query(
      `select synced_tables.apply_changes(target => $1, source => $2, keys => array['id'], sequence_by => 'cast(s as bigint)')`,
      [target, source],
    );
    await hear(lake.requestSync(target).then((update) => lake.wait(update)));
    await eventually(async () => (await said()).includes('FLOW_VALUE_INVALID'), 'the flow fails');
    expect(await lake.failingKeys(target)).toMatch(KEYS);
    await expectUnsaid(await said());
  });

  it.each([
    ['without a sequence value', 'NULL_SEQUENCE', `'${word}k1' as id, null::bigint as n, '${word}' as s`],
    ['without a key', 'NULL_KEY', `null::text as id, ${number}::bigint as n, '${word}' as s`],
    [
      'that list unknown columns',
      'AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA',
      `'${word}k1' as id, 1::bigint as n, array['${word}'] as listed`,
    ],
  ])('say nothing of the rows when a flow meets events %s', async (_, code, event) => {
    const [name] = code.toLowerCase().split('.').slice(-1);
    await lake.admin.query(`create table public.of_${name} as select ${event}`);
    await lake.admin.query('select synced_tables.create_streaming_table($1)', [`public.${name}`]);
    await lake.admin.query(
      `select synced_tables.apply_changes(target => $1, source => $2, keys => array['id'], sequence_by => 'n'
         ${event.includes('listed') ? `, columns_to_update => 'listed'` : ''})`,
      [`public.${name}`, `public.of_${name}`],
    );
    await hear(lake.requestSync(`public.${name}`).then((update) => lake.wait(update)));
    await eventually(async () => (await said()).includes(code), 'the flow fails');
    const keys = code === 'NULL_KEY' ? `^null with sequence ${number}$` : `^${word}k1( with list {${word}})?$`;
    expect(await lake.failingKeys(`public.${name}`)).toMatch(new RegExp(keys));
    await expectUnsaid(await said());
  });

  it('say nothing of the rows when a snapshot has two of one key', async () => {
    await lake.admin.query(
      `create table public.twice as select '${word}k1' as id, '${word}' as s from generate_series(1, 2)`,
    );
    await lake.admin.query(`select synced_tables.create_streaming_table('public.of_twice');
      select synced_tables.apply_changes_from_snapshot('public.of_twice', 'public.twice', array['id'])`);
    await hear(lake.requestSync('public.of_twice').then((update) => lake.wait(update)));
    await eventually(async () => (await said()).includes('DUPLICATE_KEY_VIOLATION'), 'the flow fails');
    expect(await lake.failingKeys('public.of_twice')).toMatch(KEYS);
    await expectUnsaid(await said());
  });

  it('say nothing of passwords in connection strings', async () => {
    const { stderr, stdout } = await runCli(['doctor'], { DATABASE_URL: `postgres://app:${word}@127.0.0.1:1/app` });
    expect(`${stdout}${stderr}`).toContain('POSTGRES_UNREACHABLE');
    await expectUnsaid(`${stdout}${stderr}`);
  });
});
