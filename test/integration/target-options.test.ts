import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a creator's type overrides, extra columns, extra indexes and accelerated loading take effect, survive
// refreshes, and run no code with the sidecar's rights.

const columns = {
  id: 'long',
  name: 'string',
  score: 'integer',
  place: { type: 'array', elementType: 'float' },
} as const;
const rows = `select i as id, 'n' || i as name, i % 10 as score, [i, 0.5, -1]::float[] as place from range(100) t(i)`;

describe.each(postgresServers())('options of the target on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    await lake.lake.createTable('o.source', columns, rows);
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  /** Creates a synced table with further arguments of create_synced_table, and waits for it. */
  const create = async (target: string, options: string, client = lake.admin): Promise<void> => {
    const { rows: made } = await client.query<{ id: string }>(
      `select synced_tables.create_synced_table('${target}', 'lake.o.source', array['id'], ${options}) as id`,
    );
    await lake.wait(made[0]?.id ?? '', client);
  };
  const refused = (target: string, options: string, client = lake.admin) => refusalOf(create(target, options, client));
  const isRegistered = (target: string) =>
    lake.rows(`synced_tables._tables where synced_table = '${target}'`, ['state']);

  it('stores strings as varchar of the length that was asked for, also in refreshes', async () => {
    await create(
      'o.short',
      `type_overrides => '[{"column_name":"name","pg_type":"PG_SPECIFIC_TYPE_VARCHAR","size":4}]'`,
    );
    await lake.sync('o.short', true);
    expect(
      await lake.rows(`pg_attribute where attrelid = 'o.short'::regclass and attname = 'name'`, [
        'format_type(atttypid, atttypmod)',
      ]),
    ).toEqual([['character varying(4)']]);
    expect(await lake.rows('o.short', ['count(*)'])).toEqual([['100']]);
  });

  it('fails, and names the column, when a value is too long', async () => {
    const refusal = await refused(
      'o.too_short',
      `type_overrides => '[{"column_name":"name","pg_type":"PG_SPECIFIC_TYPE_VARCHAR","size":2}]'`,
    );
    expect(refusal).toMatchObject({ code: 'VALUE_OUT_OF_RANGE' });
    expect(refusal.message).toMatch(
      /^Column "name" of source table lake\.o\.source holds a value that does not fit character varying\(2\): .*; see failing_keys \(5 keys\)\.$/,
    );
    expect(await lake.failingKeys('o.too_short')).toMatch(/^\d+(, \d+){4}$/);
  });

  it('refuses types that a column cannot have, and leaves nothing behind', async () => {
    const override = (column: string, size: number) =>
      `type_overrides => '[{"column_name":"${column}","pg_type":"PG_SPECIFIC_TYPE_VARCHAR","size":${size}}]'`;
    expect(await refused('o.wrong', override('score', 5))).toMatchObject({ code: 'TYPE_OVERRIDE_IMPOSSIBLE' });
    expect(await refused('o.wrong', override('nowhere', 5))).toMatchObject({ code: 'TYPE_OVERRIDE_IMPOSSIBLE' });
    expect(await refused('o.wrong', override('name', 0))).toMatchObject({ code: 'TARGET_OPTION_INVALID' });
    expect(await refused('o.wrong', `type_overrides => '[{"column_name":"name","pg_type":"TEXT"}]'`)).toMatchObject({
      code: 'TARGET_OPTION_INVALID',
    });
    expect(await refused('o.wrong', `type_overrides => '{"name":"varchar"}'`)).toMatchObject({
      code: 'TARGET_OPTION_INVALID',
    });
    expect(await isRegistered('o.wrong')).toEqual([]);
  });

  it('loads arrays of numbers into vectors, or says that pgvector is missing', async (context) => {
    const override = `type_overrides => '[{"column_name":"place","pg_type":"PG_SPECIFIC_TYPE_VECTOR","size":3}]',
      extra_index_definitions => '[{"name":"by_place","definition":"using hnsw (place public.vector_l2_ops)"}]'`;
    const available = await lake.rows(`pg_available_extensions where name = 'vector'`, ['name']);
    expect(await refused('o.embedded', override)).toMatchObject({ code: 'PGVECTOR_MISSING' });
    if (available.length === 0) return context.skip('this server has no pgvector');
    await lake.admin.query('create extension vector schema public');
    await create('o.embedded', override);
    await lake.sync('o.embedded', true);
    expect(await lake.rows('o.embedded where id = 7', ['place'])).toEqual([['[7,0.5,-1]']]);
    expect(await lake.rows(`o.embedded order by place operator(public.<->) '[50,0,0]' limit 1`, ['id'])).toEqual([
      ['50'],
    ]);
  });

  it('keeps generated and default columns and extra indexes through refreshes, and lets source columns come', async () => {
    const source = await lake.lake.createTable('o.extra', columns, rows);
    const { rows: made } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('o.extra', 'lake.o.extra', array['id'],
         extra_columns => '[{"column_name":"upper_name","column_type":"text","compute":"upper(name) || score::text","maintenance":"STORED_GENERATED"},
                            {"column_name":"note","column_type":"numeric(5,2)","compute":"1.5","maintenance":"DEFAULT_VALUE"},
                            {"column_name":"tag","column_type":"text","maintenance":"DEFAULT_VALUE"}]',
         extra_index_definitions => '[{"name":"extra_by_upper","definition":"using btree (upper_name) where score > 2"},
                                      {"name":"extra_by_lower","definition":"(lower(name))","creation_point":"CREATION_POINT_AFTER_DATA_LOAD"}]') as id`,
    );
    await lake.wait(made[0]?.id ?? '');
    const extras = (id: number) => lake.rows(`o.extra where id = ${id}`, ['upper_name', 'note', 'tag']);
    const indexes = () =>
      lake.rows(`pg_index i where indrelid = 'o.extra'::regclass and not indisprimary`, [
        'indexrelid::regclass',
        'indisvalid',
      ]);
    const both = [
      ['o.extra_by_lower', 'true'],
      ['o.extra_by_upper', 'true'],
    ];
    expect(await extras(7)).toEqual([['N77', '1.50', null]]);
    expect(await indexes()).toEqual(both);
    source.changeColumns({ ...columns, more: 'string' });
    await source.append(`select 1000 as id, 'new' as name, 3 as score, null::float[] as place, 'm' as more`);
    await lake.sync('o.extra');
    expect(await extras(1000)).toEqual([['NEW3', '1.50', null]]);
    expect(await lake.rows('o.extra where id = 1000', ['more'])).toEqual([['m']]);
    expect(await indexes()).toEqual(both);
    source.changeColumns({ ...columns, more: 'string', note: 'string' });
    await source.append(`select 1001 as id, 'x' as name, 3 as score, null::float[] as place, 'm' as more, 'n' as note`);
    expect(await refusalOf(lake.sync('o.extra'))).toMatchObject({ code: 'EXTRA_COLUMN_CONFLICT' });
    expect(await extras(1000)).toEqual([['NEW3', '1.50', null]]);
  });

  it('keeps extra columns while it follows changes', async () => {
    const source = await lake.lake.createTable('o.followed', columns, rows);
    const { rows: made } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('o.followed', 'lake.o.followed', array['id'], 'TRIGGERED', allow_file_diff => true,
         type_overrides => '[{"column_name":"name","pg_type":"PG_SPECIFIC_TYPE_VARCHAR","size":9}]',
         extra_columns => '[{"column_name":"twice","column_type":"integer","compute":"score * 2","maintenance":"STORED_GENERATED"}]') as id`,
    );
    await lake.wait(made[0]?.id ?? '');
    await source.append(`select 500 as id, 'five' as name, 21 as score, null::float[] as place`);
    await lake.sync('o.followed');
    expect(await lake.rows('o.followed where id in (9, 500)', ['id', 'twice'])).toEqual([
      ['500', '42'],
      ['9', '18'],
    ]);
    expect(
      await lake.rows(`synced_tables.updates where synced_table = 'o.followed' and method = 'CHANGES'`, [
        'rows_written',
      ]),
    ).toEqual([['1']]);
  });

  it.each([
    [
      'a column that is not there',
      'extra_columns',
      '{"column_name":"x","column_type":"text","compute":"upper(nowhere)","maintenance":"STORED_GENERATED"}',
      'EXTRA_DEFINITION_INVALID',
    ],
    [
      'a generated column that is not immutable',
      'extra_columns',
      '{"column_name":"x","column_type":"timestamptz","compute":"now()","maintenance":"STORED_GENERATED"}',
      'EXTRA_DEFINITION_INVALID',
    ],
    [
      'a subquery',
      'extra_columns',
      '{"column_name":"x","column_type":"text","compute":"(select rolname from pg_roles limit 1)","maintenance":"DEFAULT_VALUE"}',
      'EXTRA_DEFINITION_INVALID',
    ],
    [
      'a name that is taken',
      'extra_columns',
      '{"column_name":"name","column_type":"text","maintenance":"DEFAULT_VALUE"}',
      'EXTRA_COLUMN_CONFLICT',
    ],
    [
      'an unknown type',
      'extra_columns',
      '{"column_name":"x","column_type":"texx","maintenance":"DEFAULT_VALUE"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'a second statement',
      'extra_columns',
      '{"column_name":"x","column_type":"text","compute":"1); drop table o.short; --","maintenance":"DEFAULT_VALUE"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'a bracket that closes ours',
      'extra_columns',
      '{"column_name":"x","column_type":"text","compute":"1) references o.short (id","maintenance":"DEFAULT_VALUE"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'a type with more behind it',
      'extra_columns',
      '{"column_name":"x","column_type":"text default now(), y text","maintenance":"DEFAULT_VALUE"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'a generated column of nothing',
      'extra_columns',
      '{"column_name":"x","column_type":"text","maintenance":"STORED_GENERATED"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'an unknown way to maintain',
      'extra_columns',
      '{"column_name":"x","column_type":"text","maintenance":"TRIGGER"}',
      'TARGET_OPTION_INVALID',
    ],
    [
      'an index on nothing',
      'extra_index_definitions',
      '{"name":"x","definition":"(nowhere)"}',
      'EXTRA_DEFINITION_INVALID',
    ],
    [
      'an index with a second statement',
      'extra_index_definitions',
      '{"name":"x","definition":"(name); drop table o.short"}',
      'TARGET_OPTION_INVALID',
    ],
    ['an index without a name', 'extra_index_definitions', '{"definition":"(name)"}', 'TARGET_OPTION_INVALID'],
    [
      'an index made at another time',
      'extra_index_definitions',
      '{"name":"x","definition":"(name)","creation_point":"NOW"}',
      'TARGET_OPTION_INVALID',
    ],
  ])('refuses %s and leaves nothing behind', async (_, argument, entry, code) => {
    expect(await refused('o.refused', `${argument} => '[${entry.replaceAll("'", "''")}]'`)).toMatchObject({ code });
    expect(await isRegistered('o.refused')).toEqual([]);
    expect(
      await lake.rows(`pg_class where relname = 'refused' or relname like 'partition%' and not relispartition`, [
        'relname',
      ]),
    ).toEqual([]);
  });

  it('runs no code of the creator as the sidecar', async () => {
    const role = await lake.database.createRole('creator', 'databricks_superuser');
    await lake.admin.query(`create schema evil authorization ${role}`);
    await lake.admin.query(
      `grant create, usage on schema evil to ${role}; grant create on database ${new URL(lake.database.url).pathname.slice(1)} to ${role}`,
    );
    const creator = await lake.database.connectAs(role);
    await creator.query(`create function evil.leak(text) returns text language plpgsql immutable as $$ begin
        execute 'create table if not exists evil.proof as select current_user as who'; return $1; end $$`);
    await creator.query('create text search configuration evil.words (copy = pg_catalog.english)');
    await creator.query(`create domain evil.checked as text check (evil.leak(value) is not null)`);
    const generated = (type: string, compute: string) =>
      `extra_columns => '[{"column_name":"x","column_type":"${type}","compute":"${compute}","maintenance":"STORED_GENERATED"}]'`;
    for (const option of [
      generated('text', 'evil.leak(name)'),
      generated('evil.checked', 'name'),
      generated('text', 'name::evil.checked'),
      generated('tsvector', `to_tsvector(''evil.words''::regconfig, name)`),
      `extra_index_definitions => '[{"name":"x","definition":"(evil.leak(name))"}]'`,
      `extra_index_definitions => '[{"name":"x","definition":"(id) where evil.leak(name) is not null"}]'`,
    ]) {
      expect([option, await refused('evil.target', option, creator)]).toMatchObject([
        option,
        { code: 'EXTRA_DEFINITION_INVALID' },
      ]);
    }
    expect(await lake.rows(`pg_class where relname = 'proof'`, ['relname'])).toEqual([]);
    await creator.end();
  });

  it('loads over more connections when that was asked for', async () => {
    await create('o.fast', 'accelerated_sync => true');
    expect(await lake.rows('o.fast', ['count(*)', 'sum(id)'])).toEqual([['100', '4950']]);
  });
});
