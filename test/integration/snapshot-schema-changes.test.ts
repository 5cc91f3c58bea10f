import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a SNAPSHOT table follows changes of the columns of its source, or refuses them by name and goes on serving its
// old rows.

const columns = { id: 'long', name: 'string', score: 'integer' };
const rows = `select i as id, 'n' || i as name, i % 10 as score from range(100) t(i)`;

describe.each(postgresServers())('a SNAPSHOT table whose source changes its columns on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const columnsOf = (target: string) =>
    lake.rows(`pg_attribute where attrelid = '${target}'::regclass and attnum > 0 and not attisdropped`, [
      'attname',
      'format_type(atttypid, atttypmod)',
    ]);
  const indexesOf = (target: string) =>
    lake.rows(`pg_index where indrelid = '${target}'::regclass and not indisprimary`, [
      'indexrelid::regclass',
      'indisvalid',
    ]);

  it('takes up added columns, plain and nested, old files included', async () => {
    const source = await lake.lake.createTable('c.added', columns, rows);
    await lake.load('c.added');
    const nested = { type: 'struct', fields: [{ name: 'x', type: 'long' }] } as const;
    source.changeColumns({ ...columns, extra: 'decimal(10,2)', nested });
    await source.append(`select 1000 as id, 'new' as name, 1 as score, 1.25 as extra, {x: 5} as nested`);
    await lake.sync('c.added');
    await lake.expectEqual('c.added', source, ['id', 'name', 'score', 'extra']);
    expect(await lake.rows('c.added where nested is not null', ['id', 'nested'])).toEqual([['1000', '{"x": 5}']]);
    const wider = {
      type: 'struct',
      fields: [
        { name: 'x', type: 'long' },
        { name: 'y', type: 'string' },
      ],
    } as const;
    source.changeColumns({ ...columns, extra: 'decimal(10,2)', nested: wider });
    await source.append(`select 1001 as id, 'new' as name, 1 as score, null as extra, {x: 6, y: 'seven'} as nested`);
    await lake.sync('c.added');
    expect(await lake.rows('c.added where nested is not null', ['id', 'nested'])).toEqual([
      ['1000', '{"x": 5, "y": null}'],
      ['1001', '{"x": 6, "y": "seven"}'],
    ]);
  });

  it('drops columns with the indexes on them, and keeps all other indexes', async () => {
    const source = await lake.lake.createTable('c.dropped', columns, rows);
    await lake.load('c.dropped');
    await lake.admin.query(`create index on_score on c.dropped (score); create index on_both on c.dropped (name, score);
      create index on_predicate on c.dropped (name) where score > 3; create index on_expression on c.dropped ((score + 1));
      create index on_name on c.dropped (name); create statistics c.both on name, score from c.dropped`);
    await source.overwrite('select i as id, i::varchar as name from range(50) t(i)', {
      columns: { id: 'long', name: 'string' },
    });
    await lake.sync('c.dropped');
    await lake.expectEqual('c.dropped', source, ['id', 'name']);
    expect(await columnsOf('c.dropped')).toEqual([
      ['id', 'bigint'],
      ['name', 'text'],
    ]);
    expect(await indexesOf('c.dropped')).toEqual([['c.on_name', 'true']]);
    await source.overwrite(rows, { columns });
    await lake.sync('c.dropped');
    await lake.expectEqual('c.dropped', source, Object.keys(columns));
  });

  it('retypes columns and rebuilds their indexes', async () => {
    const source = await lake.lake.createTable('c.retyped', columns, rows);
    await lake.load('c.retyped');
    await lake.admin.query(`create index r_score on c.retyped (score desc); create index r_name on c.retyped (name) where score > 1;
      comment on index c.r_score is 'mine'; comment on column c.retyped.score is 'points'; grant select (score) on c.retyped to pg_monitor`);
    await source.overwrite(`select i as id, 'n' as name, 'high ' || i as score from range(70) t(i)`, {
      columns: { ...columns, score: 'string' },
    });
    const refusal = await refusalOf(lake.sync('c.retyped'));
    expect(refusal).toMatchObject({ code: 'INDEX_UNBUILDABLE' });
    expect(refusal.message).toContain('Index c.r_name of synced table c.retyped');
    await lake.admin.query('drop index c.r_name');
    await lake.sync('c.retyped');
    await lake.expectEqual('c.retyped', source, Object.keys(columns));
    expect(await columnsOf('c.retyped')).toEqual([
      ['id', 'bigint'],
      ['name', 'text'],
      ['score', 'text'],
    ]);
    expect(await indexesOf('c.retyped')).toEqual([['c.r_score', 'true']]);
    expect(
      await lake.rows(
        `(select obj_description('c.r_score'::regclass) a, col_description('c.retyped'::regclass, 3) b, has_column_privilege('pg_monitor', 'c.retyped', 'score', 'select') c) t`,
        ['a', 'b', 'c'],
      ),
    ).toEqual([['mine', 'points', 'true']]);
    await source.overwrite(`select i as id, 'n' as name, i / 2 as score from range(70) t(i)`, {
      columns: { ...columns, score: 'decimal(9,2)' },
    });
    await lake.sync('c.retyped');
    await lake.expectEqual('c.retyped', source, Object.keys(columns));
    await source.overwrite(`select i as id, 'n' as name, i / 2 as score from range(70) t(i)`, {
      columns: { ...columns, score: 'decimal(12,4)' },
    });
    await lake.sync('c.retyped');
    await lake.expectEqual('c.retyped', source, Object.keys(columns));
  });

  it('does not mind another order of columns, nor several changes at once', async () => {
    const source = await lake.lake.createTable('c.order', columns, rows);
    await lake.load('c.order');
    await source.overwrite(rows, { columns: { score: 'integer', name: 'string', id: 'long' } });
    await lake.sync('c.order');
    await lake.expectEqual('c.order', source, Object.keys(columns));
    expect(await columnsOf('c.order')).toEqual([
      ['id', 'bigint'],
      ['name', 'text'],
      ['score', 'integer'],
    ]);
    await source.overwrite(`select i as id, i as name, true as flag, 'q' as "Odd ""name""" from range(9) t(i)`, {
      columns: { 'Odd "name"': 'string', flag: 'boolean', id: 'long', name: 'long' },
    });
    await lake.sync('c.order');
    await lake.expectEqual('c.order', source, ['id', 'name', 'flag', '"Odd ""name"""']);
  });

  it('refuses to drop or retype what a view needs, names the view, and goes on serving', async () => {
    const source = await lake.lake.createTable('c.viewed', columns, rows);
    await lake.load('c.viewed');
    await lake.admin.query(
      `create view public.scores as select score from c.viewed; create materialized view public."High Scores" as select max(score) as m from c.viewed`,
    );
    await source.overwrite(`select i as id, 'x' as name from range(5) t(i)`, {
      columns: { id: 'long', name: 'string' },
    });
    const dropped = await refusalOf(lake.sync('c.viewed'));
    expect(dropped).toMatchObject({ code: 'DEPENDENT_OBJECTS_EXIST', sqlState: '2BP01' });
    expect(dropped.message).toContain('view public.scores');
    expect(dropped.message).toContain('materialized view public."High Scores"');
    expect(dropped.message).toContain('column "score"');
    expect(await lake.value('select count(*) from c.viewed')).toBe('100');
    expect(await lake.status('c.viewed')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      synced_version: '0',
      source_version: '1',
    });
    await source.overwrite(`select i as id, 'x' as name, 'y' as score from range(5) t(i)`, {
      columns: { ...columns, score: 'string' },
    });
    const retyped = await refusalOf(lake.sync('c.viewed'));
    expect(retyped).toMatchObject({ code: 'DEPENDENT_OBJECTS_EXIST' });
    expect(retyped.message).toMatch(/view public\.(scores|"High Scores")/);
    expect(await lake.value('select count(*) from public.scores')).toBe('100');
    expect(await lake.shadowTables()).toEqual([]);
    await lake.admin.query('drop view public.scores; drop materialized view public."High Scores"');
    await lake.sync('c.viewed');
    await lake.expectEqual('c.viewed', source, Object.keys(columns));
  });

  it.each(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'])(
    'retypes a key column beside another in place, under %s, and names a foreign key in the way',
    async (policy) => {
      const target = `c.keys_${policy.toLowerCase()}`;
      const narrow = { org: 'string', id: 'integer', v: 'string' };
      const members = `select 'o' || i % 3 as org, i as id, 'v' || i as v from range(50) t(i)`;
      const source = await lake.lake.createTable(target, narrow, members);
      const update = await lake.value(
        `select synced_tables.create_synced_table($1, 'lake.' || $1, array['org', 'id'], scheduling_policy => $2, allow_file_diff => $2 <> 'SNAPSHOT')`,
        [target, policy],
      );
      await lake.wait(update ?? '');
      await lake.admin.query(`create index by_id on ${target} (id); grant select (id) on ${target} to pg_monitor;
        create table public.ref (org text, id int, constraint ref_key foreign key (org, id) references ${target});
        create view public.vs as select v from ${target}`);
      const oid = await lake.value(`select '${target}'::regclass::oid`);
      await source.overwrite(`select org, id + 3000000000 as id, v from (${members})`, {
        columns: { ...narrow, id: 'long' },
      });
      const failed = async () => (await lake.status(target)).last_error_code === 'DEPENDENT_OBJECTS_EXIST';
      if (policy === 'CONTINUOUS') await eventually(failed, 'it fails');
      else expect((await refusalOf(lake.sync(target))).message).toContain('constraint ref_key on table public.ref');
      expect((await lake.status(target)).message).toContain('column "id"');
      await lake.admin.query('drop table public.ref');
      if (policy === 'CONTINUOUS') {
        await lake.admin.query(`update synced_tables._tables set failed_since = failed_since - interval '1 hour';
          update synced_tables._updates set finished_at = finished_at - interval '1 hour' where state = 'FAILED';
          select synced_tables_internal._retry_failed()`);
        await eventually(async () => (await lake.status(target)).synced_version === '1', 'it goes on');
      } else await lake.sync(target);
      await lake.expectEqual(target, source, Object.keys(narrow));
      expect((await columnsOf(target))[0]).toEqual(['id', 'bigint']);
      expect(await indexesOf(target)).toEqual([['c.by_id', 'true']]);
      expect(await lake.value(`select has_column_privilege('pg_monitor', '${target}', 'id', 'select')`)).toBe('true');
      expect(await lake.value(`select '${target}'::regclass::oid`)).toBe(oid);
      expect(await lake.value('select count(*) from public.vs')).toBe('50');
      await lake.admin.query('drop view public.vs; drop index c.by_id');
    },
  );

  it('refuses another type of a key column, and a key column that is gone', async () => {
    const source = await lake.lake.createTable('c.rekeyed', columns, rows);
    await lake.load('c.rekeyed');
    await source.overwrite(`select 'k' || i as id, 'x' as name, 1 as score from range(5) t(i)`, {
      columns: { ...columns, id: 'string' },
    });
    const retyped = await refusalOf(lake.sync('c.rekeyed'));
    expect(retyped).toMatchObject({ code: 'CHANGED_PRIMARY_KEY_COLUMN_TYPE' });
    expect(retyped.message).toMatch(/"id".*now text.*it is bigint/);
    await source.overwrite(`select 'x' as name`, { columns: { name: 'string' } });
    expect(await refusalOf(lake.sync('c.rekeyed'))).toMatchObject({ code: 'PRIMARY_KEY_COLUMN_NOT_FOUND' });
    expect(await lake.value('select count(*) from c.rekeyed')).toBe('100');
    expect(await lake.status('c.rekeyed')).toMatchObject({ state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED' });
    await source.overwrite(rows, { columns });
    await lake.sync('c.rekeyed');
    await lake.expectEqual('c.rekeyed', source, Object.keys(columns));
  });

  it('tells which index which new rows do not fit, and keeps the old rows', async () => {
    const source = await lake.lake.createTable('c.unfit', columns, rows);
    await lake.load('c.unfit', { key: ['id', 'name'] });
    const unfit = async (index: string) => {
      await lake.admin.query(index);
      const refusal = await refusalOf(lake.sync('c.unfit'));
      expect(refusal).toMatchObject({ code: 'INDEX_UNBUILDABLE' });
      await lake.admin.query('drop index c.own');
      const start = 'Index c.own of synced table c.unfit cannot be built on the new rows of lake.c.unfit: ';
      expect(refusal.message.slice(0, start.length)).toBe(start);
      const reason = refusal.message.slice(start.length).replace(/; see failing_keys \(\d keys?\)\.$/, '');
      return [reason, await lake.failingKeys('c.unfit')];
    };
    await lake.admin.query(
      `create function public.own_code(text) returns text immutable language sql as $$ select lower($1) $$`,
    );
    await source.append(`select 5 as id, 'N6' as name, 7 as score union all select 7, repeat('ab', 3000), null`);
    const twice = 'several of them have the same values in its columns';
    expect(await unfit('create unique index own on c.unfit (id)')).toEqual([
      twice,
      `(5, N6), (5, n5), (7, ${'ab'.repeat(100)}…), (7, n7)`,
    ]);
    expect(await unfit(`create unique index own on c.unfit ((id % 2), id) where name like '%6' or id = 5`)).toEqual([
      twice,
      '(5, N6), (5, n5)',
    ]);
    // What others wrote is not run with the rights of the sync.
    expect(
      await unfit('create unique index own on c.unfit (id, substr(public.own_code(name), 1, 1)) where id = 5'),
    ).toEqual([`${twice}.`, null]);
    await source.append(`select 200 as id, 'seven' as name, 8 as score union all select 201, 'eight', 77`);
    expect(await unfit('create index own on c.unfit ((1 / (77 - score)))')).toEqual([
      'division by zero',
      '(201, eight)',
    ]);
    expect(await unfit(`create index own on c.unfit ((name::int)) where id = 200`)).toEqual([
      'invalid input syntax for type integer: "…"',
      '(200, seven)',
    ]);
    expect(await lake.value('select count(*) from c.unfit')).toBe('100');
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('names a row that is too long for an index', async () => {
    const source = await lake.lake.createTable('c.long', columns, rows);
    await lake.load('c.long');
    await lake.admin.query('create index long_name on c.long (name)');
    await source.append(`select 300 as id, string_agg(md5(i::varchar), '') as name, 1 as score from range(100) t(i)`);
    const { message } = await refusalOf(lake.sync('c.long'));
    expect(message).toMatch(
      /^Index c\.long_name of .*: its columns \(name\) have values that are too long, .*; see failing_keys \(1 key\)\.$/,
    );
    expect(await lake.failingKeys('c.long')).toBe('300');
  });
});
