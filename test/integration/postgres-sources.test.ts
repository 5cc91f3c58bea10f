import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, postgresServers, type TestDatabase } from '../support/postgres.js';
import { runCliJson } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: tables and views of another Postgres database are previewed, synced and verified, every value as it is there.

/** One column of each type, and rows with what is special about them. */
const EVERY_TYPE = `
  create domain amount as numeric(20, 4) check (value is distinct from 13);
  create type mood as enum ('glad', 'sad');
  create table every (
    id int primary key, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric(38, 10), free numeric, money amount,
    tiny numeric(2, 5), huge numeric(5, -3), t text, c char(5), v varchar(9), m mood, u uuid, by bytea, d date, ts timestamp,
    tz timestamptz, ti time, tt timetz, iv interval, j json, jb jsonb, ip inet, r int4range, arr int[], texts text[], days date[],
    bits varbit, sums numeric(30, 5)[]);
  comment on column every.t is 'what it is about';
  insert into every (id) values (0);
  insert into every values
    (1, true, -32768, 9223372036854775807, 'NaN', '-Infinity', -1234567890123456789012345678.0123456789, 1e50 + 0.1, 0.1, 0.00012, 12345678,
     E'a "quoted", \\\\N \\\\. line\\r\\nand ü🦆', 'x', '', 'sad', '00000000-0000-4000-8000-000000000001', '\\x00ff22', 'infinity',
     '-infinity', '0044-03-15 12:00:00.000001+00 BC', '24:00', '12:00:00.5+02', '-1 year 3 days -04:05:06.7', '{"a": 1.10, "a": 2}',
     '{"b": [1, null]}', '10.0.0.1/8', '[1,5)', '{1,null,-3}', '{"a,b","",null,"{\\"x\\"}"}', '{infinity,2020-02-29}', B'1011',
     '{12345678901234567890.12345}'),
    (2, false, 0, -9223372036854775808, 1e-45, 1.7976931348623157e308, 0, 'NaN', null, -0.00001, -99000, '', '', 'null', 'glad', null, '',
     '4713-01-01 BC', '294246-12-31 23:59:59.999999', '0001-01-01 00:00:00+00', '00:00:00.000001', '00:00-15:59', '2 mons', 'null', '"x"',
     '::1', 'empty', '{}', '{}', '{}', '', '{}')`;

describe.each(postgresServers())('tables of another database on $name', (server) => {
  let lake: SyncedLake;
  let source: TestDatabase;
  let client: pg.Client;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
    source = await createTestDatabase(server);
    client = await source.connect();
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
  });

  async function start(url = source.url): Promise<string[]> {
    const catalogs = { erp: { kind: 'postgres', url } };
    await lake.startSidecar({ catalogs });
    const file = path.join(lake.folder, 'settings.json');
    writeFileSync(file, JSON.stringify({ instances: { local: { url: lake.database.url } }, catalogs }));
    return ['--config', file];
  }

  async function create(target: string, table: string, more = ''): Promise<string> {
    const created = `synced_tables.create_synced_table($1, $2, array['id'], create_database_objects_if_missing => true${more})`;
    const { rows } = await lake.admin.query<{ id: string }>(`select ${created} as id`, [target, table]);
    return rows[0]?.id ?? '';
  }

  const verify = (table: string) =>
    lake.admin.query('call synced_tables.wait_for_verification(synced_tables.verify($1))', [table]);

  it('gives every value of every type as it is', async () => {
    await client.query(EVERY_TYPE);
    const config = await start();
    await lake.wait(await create('copies.every', 'erp.public.every'));
    const { rows: columns } = await client.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = 'every'::regclass and attnum > 0 order by attnum`,
    );
    const asText = (relation: string) =>
      `select ${columns.map(({ name }) => `case when ${name} is not null then format('%s', ${name}) end as ${name}`).join(', ')} from ${relation} order by id`;
    const { rows: wanted } = await client.query<Record<string, unknown>>(asText('every'));
    const { rows: copied } = await lake.admin.query<Record<string, unknown>>(asText('copies.every'));
    // JSON is kept as jsonb, arrays as JSON.
    const asJson = new Set(['j', 'arr', 'texts', 'days', 'sums']);
    for (const [at, row] of wanted.entries()) {
      for (const { name } of columns.filter((column) => !asJson.has(column.name))) {
        expect([name, copied[at]?.[name]]).toEqual([name, row[name]]);
      }
    }
    const { rows: nested } = await lake.admin.query(
      'select j, arr, texts, days, sums::text from copies.every order by id offset 1',
    );
    expect(nested).toEqual([
      {
        j: { a: 2 },
        arr: [1, null, -3],
        texts: ['a,b', '', null, '{"x"}'],
        days: ['infinity', '2020-02-29'],
        sums: '[12345678901234567890.12345]',
      },
      { j: null, arr: [], texts: [], days: [], sums: '[]' },
    ]);
    await verify('copies.every');
    const types = `select string_agg(format_type(atttypid, atttypmod), ' ' order by attnum) from pg_attribute
                    where attrelid = 'copies.every'::regclass and attname in ('i2', 'n', 'free', 'money', 'tiny', 'huge', 'tz', 'u')`;
    expect(await lake.value(types)).toBe(
      'smallint numeric(38,10) text numeric(20,4) numeric(5,5) numeric(8,0) uuid timestamp with time zone',
    );
    const preview = await runCliJson(['preview', 'erp.public.every', ...config]);
    expect(preview).toMatchObject({ row_count: 3 });
  });

  it('reads one moment of a large table over several connections, and of views', async () => {
    // Hardly more than a row on each page: few rows, and more than two shares of 64 MB.
    await client.query(`create table big (id int primary key, t text not null, region text) with (fillfactor = 10)`);
    await client.query(
      `insert into big select i, repeat(md5(i::text), 20), 'r' || i % 3 from generate_series(1, 20000) i`,
    );
    expect((await client.query(`select pg_relation_size('big') > 2 * 64 * 1024 * 1024 as is_large`)).rows).toEqual([
      { is_large: true },
    ]);
    await client.query(`create view of_region as select id, t from big where region = 'r1'`);
    await start();
    await lake.wait(await create('copies.big', 'erp.public.big', ', accelerated_sync => true'));
    const sums = (relation: string) =>
      `select format('%s %s %s', count(*), sum(id), md5(string_agg(md5(t), '' order by id))) from ${relation}`;
    const wanted = (await client.query<{ format: string }>(sums('big'))).rows[0]?.format;
    expect(await lake.value(sums('copies.big'))).toBe(wanted);
    await lake.wait(
      await create('copies.part', 'erp.public.of_region', `, columns => array['id'], row_filter => 'id <= 1000'`),
    );
    expect(await lake.value('select count(*)::text || min(id)::text from copies.part')).toBe('3341');
    await client.query('update big set t = id::text where id <= 5; delete from big where id = 6');
    expect(await lake.sync('copies.big')).toMatchObject({ method: 'SNAPSHOT', rows_written: '19999' });
    await verify('copies.big');
  });

  it('says what a login lacks, and what cannot be followed', async () => {
    const role = await lake.database.createRole('reader');
    const url = new URL(source.url);
    url.username = role;
    url.password = 'reading';
    await lake.admin.query(`alter role ${role} login password 'reading'`);
    await client.query(`
      create table plain (id int primary key); create table hidden (id int primary key); create table ruled (id int primary key);
      alter table ruled enable row level security; grant select on plain, ruled to ${role}`);
    await start(url.href);
    await lake.wait(await create('copies.plain', 'erp.public.plain'));
    const hidden = await refusalOf(lake.wait(await create('copies.hidden', 'erp.public.hidden')));
    expect(hidden.message).toMatch(
      /Catalog "erp" refused a read of source table erp\.public\.hidden: permission denied for table hidden/,
    );
    const ruled = await refusalOf(lake.wait(await create('copies.ruled', 'erp.public.ruled')));
    expect(ruled.message).toMatch(/refused a read of source table erp\.public\.ruled/);
    const missing = await refusalOf(lake.wait(await create('copies.missing', 'erp.public.missing')));
    expect(missing.message).toMatch(/its database has no table or view public\.missing/);
    const followed = await refusalOf(
      lake.wait(await create('copies.f', 'erp.public.plain', `, scheduling_policy => 'TRIGGERED'`)),
    );
    expect(followed.message).toMatch(/erp\.public\.plain is of a kind whose changes cannot be followed/);
    await client.query(`drop owned by ${role}`);
  });
});
