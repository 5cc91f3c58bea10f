import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: the last day and microsecond of a file's integers, which the engine takes for infinities, become what they are
// in Postgres, or are refused with column and keys like all that is too far away; in no way do they become infinite.

const LAST = '294247-01-10 04:00:54.775807';
const instants = { type: 'array', elementType: 'timestamp' } as const;
const times = {
  type: 'struct',
  fields: [
    { name: 'ntz', type: 'timestamp_ntz' },
    { name: 'days', type: { type: 'array', elementType: 'date' } },
    { name: 'note', type: 'string' },
  ],
} as const;
/** Those columns of three rows; nothing but the second is far away. */
const rows = (second: Record<string, string>) => {
  const column = (name: string, usual: string) =>
    `case when i = 2 then ${second[name] ?? usual} else ${usual} end as ${name}`;
  return `select i as id, ${[
    column('day', `date '2024-02-29'`),
    column('tz', `timestamptz '2024-02-29 12:00:00+00'`),
    column('ntz', `timestamp '2024-02-29 12:00:00'`),
    column('instants', `[timestamptz '2024-02-29 12:00:00+00']`),
    column('times', `{'ntz': timestamp '2024-02-29 12:00:00', 'days': [date '2024-02-29'], 'note': 'infinity'}`),
  ].join(', ')} from range(1, 4) t(i)`;
};
const COLUMNS = { id: 'long', day: 'date', tz: 'timestamp', ntz: 'timestamp_ntz', instants, times } as const;
const GREATEST = {
  tz: `'infinity'::timestamptz`,
  ntz: `'infinity'::timestamp`,
  instants: `['infinity'::timestamptz, null]`,
  times: `{'ntz': 'infinity'::timestamp, 'days': ['infinity'::date, '-infinity'::date], 'note': '"infinity"'}`,
};

describe.each(eitherPostgresServer(import.meta.url))('far times on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const create = async (name: string, policy: string) => {
    const update = await lake.value(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => $2, create_database_objects_if_missing => true)`,
      [name, policy],
    );
    await lake.wait(update ?? '');
  };
  const verify = async (name: string) => {
    const id = await lake.value('select synced_tables.verify($1)', [name]);
    await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '150 s')`);
  };

  it.each(['SNAPSHOT', 'TRIGGERED'])('are what the source says under %s', async (policy) => {
    const name = `f.last_${policy.toLowerCase()}`;
    const source = await lake.lake.createTable(name, COLUMNS, rows({}));
    source.switchChangeFeedOn();
    await create(name, policy);
    await source.append(`select * replace (9 as id) from (${rows(GREATEST)}) where id = 2`);
    await lake.sync(name);
    expect(await lake.rows(`${name} where id = 9`, [`(tz at time zone 'UTC')`, 'ntz', 'instants', 'times'])).toEqual([
      [
        LAST,
        LAST,
        `["${LAST}Z", null]`,
        `{"ntz": "${LAST}", "days": ["5881580-07-11", "5877642-06-24 (BC)"], "note": "\\"infinity\\""}`,
      ],
    ]);
    await verify(name);
  });

  it.each<[string, string]>([
    ['day', `'infinity'::date`],
    ['day', `'-infinity'::date`],
    ['tz', `'-infinity'::timestamptz`],
    ['ntz', `'-infinity'::timestamp`],
    ['instants', `['-infinity'::timestamptz]`],
    ['times', `{'ntz': '-infinity'::timestamp, 'days': null, 'note': null}`],
  ])('that Postgres cannot hold are refused in column %s: %s', async (column, value) => {
    const name = `f.${column}_${value.includes('-') ? 'first' : 'last'}`;
    await lake.lake.createTable(name, COLUMNS, rows({ [column]: value }));
    const refusal = await refusalOf(create(name, 'SNAPSHOT'));
    expect(refusal).toMatchObject({ code: 'VALUE_OUT_OF_RANGE' });
    expect(refusal.message).toMatch(
      new RegExp(
        `^Column "${column}" of source table lake\\.${name} holds a value .*; see failing_keys \\(1 key\\)\\.$`,
      ),
    );
    expect(await lake.failingKeys(name)).toBe('2');
  });

  it.each([
    ['date', `'infinity'::date`],
    ['timestamp_ms', `'infinity'::timestamp_ms`],
    ['timestamp_ns', `'-infinity'::timestamp_ns`],
  ])('are refused where the file has a column of type %s, whose last value is another', async (type, value) => {
    const name = `f.of_${type}`;
    const columns = (of: string) => ({ id: 'long', at: of, list: { type: 'array', elementType: of } }) as const;
    const select = (at: string, list: string) => `select i as id, ${at} as at, [${list}] as list from range(1, 4) t(i)`;
    const source = await lake.lake.createTable(
      name,
      columns(type),
      select(`case when i = 2 then ${value} end`, 'null'),
    );
    source.changeColumns(columns('timestamp_ntz'));
    expect((await refusalOf(create(name, 'SNAPSHOT'))).message).toMatch(/^Column "at" /);
    expect(await lake.failingKeys(name)).toBe('2');
    source.changeColumns(columns(type));
    await source.overwrite(select('null', `case when i = 2 then ${value} end`));
    source.changeColumns(columns('timestamp_ntz'));
    expect((await refusalOf(lake.sync(name))).message).toMatch(/^Column "list" /);
    expect(await lake.failingKeys(name)).toBe('2');
  });

  it.each([LAST, 'infinity', 'epoch'])('are refused as values of partitions: %s', async (text) => {
    const name = `f.part_${text.replace(/\W/g, '_')}`;
    const source = await lake.lake.createTable(name, { id: 'long', at: 'timestamp' }, 'select 2 as id, now() as at');
    const commit = readFileSync(source.newestCommit, 'utf8');
    writeFileSync(
      source.newestCommit,
      commit
        .replace('"partitionColumns":[]', '"partitionColumns":["at"]')
        .replace('"partitionValues":{}', `"partitionValues":{"at":"${text}"}`),
    );
    const refusal = await refusalOf(create(name, 'SNAPSHOT'));
    expect(refusal.code).toBe('VALUE_OUT_OF_RANGE');
    expect(refusal.message).toMatch(/^Column "at" .*; see failing_keys \(1 key\)\.$/);
    expect(await lake.failingKeys(name)).toBe('2');
  });

  it('are columns of flows, but nothing to compute with', async () => {
    const columns = { id: 'long', at: 'timestamp', seq: 'timestamp_ntz' } as const;
    const far = `select 2 as id, 'infinity'::timestamptz as at, 'infinity'::timestamp as seq`;
    await lake.lake.createTable('f.events', columns, far);
    await lake.admin.query(`select synced_tables.create_streaming_table('public.plain');
      select synced_tables.apply_changes('public.plain', 'lake.f.events', array['id'], 'seq');
      select synced_tables.create_streaming_table('public.computed');
      select synced_tables.apply_changes('public.computed', 'lake.f.events', array['id'], 'date_trunc(''day'', seq)')`);
    await lake.sync('public.plain');
    expect(await lake.rows('public.plain', [`(at at time zone 'UTC')`, 'seq'])).toEqual([[LAST, LAST]]);
    const refusal = await refusalOf(lake.sync('public.computed'));
    expect(refusal).toMatchObject({ code: 'FLOW_VALUE_INVALID' });
    expect(refusal.message).toMatch(/^SEQUENCE BY .*a timestamp is out of range; see failing_keys \(1 key\)\./);
    expect(await lake.failingKeys('public.computed')).toBe('2');
  });

  it('of Postgres itself stay infinite in flows, in what is computed of them too', async () => {
    await lake.admin.query(`create table public.own (id int, at timestamptz, seq timestamp, n int);
      insert into public.own values (1, '-infinity', '-infinity', 1), (2, 'infinity', 'infinity', 2);
      select synced_tables.create_streaming_table('public.endless');
      select synced_tables.apply_changes('public.endless', 'public.own', array['id'], 'struct(seq, n)',
                                         stored_as_scd_type => 2, except_column_list => array['n'])`);
    await lake.sync('public.endless');
    expect(await lake.rows('public.endless', ['id', 'at', `("__START_AT" ->> 'seq')`])).toEqual([
      ['1', '-infinity', '-infinity'],
      ['2', 'infinity', 'infinity'],
    ]);
  });

  it('are not equal to an infinity of the target', async () => {
    await lake.lake.createTable('f.wrong', COLUMNS, rows(GREATEST));
    await create('f.wrong', 'SNAPSHOT');
    const part = await lake.value(`select databricks_auth.sole_partition('f.wrong'::regclass)::regclass::text`);
    await lake.admin.query(
      `begin; set local role databricks_sync; update ${part} set tz = 'infinity', ntz = 'infinity' where id = 2; commit`,
    );
    expect(await refusalOf(verify('f.wrong'))).toMatchObject({ code: 'TABLES_DIFFER' });
  });
});
