import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a refresh makes a SNAPSHOT table equal to its source, while everything attached to the table and every open
// session keeps working.

const columns = { id: 'long', name: 'string', score: 'decimal(9,2)' };
const names = Object.keys(columns);
const thousand = `select i as id, 'name ' || i as name, i / 4 as score from range(1000) t(i)`;
const others = `select i as id, 'new ' || i as name, null as score from range(500, 1700) t(i)`;

describe.each(postgresServers())('a refresh of a SNAPSHOT table on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  it('makes the table equal to each version of its source, an empty one too', async () => {
    const source = await lake.lake.createTable('gold.equal', columns, thousand);
    expect(await lake.load('gold.equal')).toMatchObject({
      method: 'SNAPSHOT',
      synced_version: '0',
      rows_written: '1000',
    });
    await lake.expectEqual('gold.equal', source, names);
    await source.append(`select i as id, 'more' as name, -0.5 as score from range(2000, 2010) t(i)`);
    expect(await lake.sync('gold.equal')).toMatchObject({ synced_version: '1', rows_written: '1010' });
    await lake.expectEqual('gold.equal', source, names);
    await source.deleteWhere('id % 3 = 0');
    await lake.sync('gold.equal');
    await lake.expectEqual('gold.equal', source, names);
    await source.overwrite(null);
    expect(await lake.sync('gold.equal')).toMatchObject({ synced_version: '3', rows_written: '0' });
    expect(await lake.value('select count(*) from gold.equal')).toBe('0');
    await source.overwrite(others);
    await lake.sync('gold.equal');
    await lake.expectEqual('gold.equal', source, names);
    expect(await lake.status('gold.equal')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      synced_version: '4',
      source_version: '4',
      row_count: '1200',
      rows_done: null,
      last_error_code: null,
    });
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('loads a table in several parts at once', async () => {
    const parallel = await SyncedLake.create(server);
    await using _ = parallel;
    await parallel.startSidecar({ connections: 3 });
    const source = await parallel.lake.createTable('gold.parts', columns, thousand);
    for (let n = 2; n < 6; n++)
      await source.append(`select i as id, 'p' as name, i as score from range(${n}000, ${n}700) t(i)`);
    expect(await parallel.load('gold.parts')).toMatchObject({ rows_written: '3800' });
    await parallel.expectEqual('gold.parts', source, names);
    await source.deleteWhere('id % 7 = 0');
    await source.append(others);
    await expect(parallel.sync('gold.parts')).rejects.toMatchObject({ code: '23505' });
    expect(await parallel.value('select count(*) from gold.parts')).toBe('3800');
    await source.overwrite(others);
    await source.append(`select i as id, 'p' as name, i as score from range(5000, 5700) t(i)`);
    await parallel.sync('gold.parts');
    await parallel.expectEqual('gold.parts', source, names);
    expect(await parallel.shadowTables()).toEqual([]);
  });

  it('copies nothing when the version is the same, unless a full refresh is asked for', async () => {
    const source = await lake.lake.createTable('gold.same', columns, thousand);
    await lake.load('gold.same');
    const partition = () => lake.value(`select databricks_auth.sole_partition('gold.same')::oid`);
    const before = await partition();
    expect(await lake.sync('gold.same')).toMatchObject({ state: 'COMPLETED', method: 'UNCHANGED', rows_written: '0' });
    expect(await partition()).toBe(before);
    expect(await lake.sync('gold.same', true)).toMatchObject({ method: 'SNAPSHOT', rows_written: '1000' });
    expect(await partition()).not.toBe(before);
    source.commitNothing();
    expect(await lake.sync('gold.same')).toMatchObject({ method: 'SNAPSHOT', synced_version: '1' });
    await lake.expectEqual('gold.same', source, names);
    expect(await lake.status('gold.same')).toMatchObject({ row_count: '1000' });
  });

  it('notices that the source was made anew, though its version is the same', async () => {
    const source = await lake.lake.createTable('gold.anew', columns, thousand);
    await lake.load('gold.anew');
    await source.recreate(others);
    expect(await lake.sync('gold.anew')).toMatchObject({
      method: 'SNAPSHOT',
      synced_version: '0',
      rows_written: '1200',
    });
    await lake.expectEqual('gold.anew', source, names);
  });

  it('keeps OID, views, indexes, grants, comments, publications and statistics', async () => {
    const { admin } = lake;
    const source = await lake.lake.createTable('gold.kept', columns, thousand);
    await lake.load('gold.kept');
    const reader = await lake.database.createRole('reader');
    const other = await lake.database.createRole('other');
    for (const statement of [
      `create view public.kept_view as select id, name from gold.kept where id < 10`,
      `create materialized view public.kept_copy as select count(*) as n from gold.kept`,
      `create index kept_score on gold.kept (score desc nulls last) where id > 5`,
      `create index kept_lower on gold.kept (lower(name) text_pattern_ops) include (score) with (fillfactor = 70)`,
      `create unique index kept_unique on gold.kept (name, id) nulls not distinct`,
      `create index kept_hash on gold.kept using hash (name)`,
      `create index kept_twin on gold.kept (score)`,
      `create index kept_twin_2 on gold.kept (score)`,
      `grant usage on schema gold to ${reader}, ${other}`,
      `grant select (id, name) on gold.kept to ${reader} with grant option`,
      `grant select on gold.kept to ${other}`,
      `comment on table gold.kept is 'mine'`,
      `comment on column gold.kept.name is 'a name'`,
      `comment on index gold.kept_lower is 'for searches'`,
      `create publication kept_publication_${reader} for table gold.kept`,
      `create statistics gold.kept_statistics (dependencies) on id, name from gold.kept`,
    ]) {
      await admin.query(statement);
    }
    const fingerprint = () =>
      lake.rows(
        `(select 'table' as kind, c.oid::text as name, concat_ws(' ', c.relowner, c.relacl, obj_description(c.oid)) as what
             from pg_class c where oid = 'gold.kept'::regclass
          union all select 'column', attname, concat_ws(' ', atttypid::regtype, attnotnull, attacl, col_description(attrelid, attnum))
             from pg_attribute where attrelid = 'gold.kept'::regclass and attnum > 0
          union all select 'index', i.indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, obj_description(i.indexrelid))
             from pg_index i where indrelid = 'gold.kept'::regclass
          union all select 'publication', pubname, tablename::text from pg_publication_tables where tablename = 'kept'
          union all select 'statistics', stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext where stxrelid = 'gold.kept'::regclass
          union all select 'view', viewname, definition from pg_views where schemaname = 'public') f`,
        ['kind', 'name', 'what'],
      );
    const before = await fingerprint();
    expect(before.filter(([kind]) => kind === 'index')).toHaveLength(7);
    await source.overwrite(others);
    await lake.sync('gold.kept');
    expect(await fingerprint()).toEqual(before);
    await lake.expectEqual('gold.kept', source, names);
    // Every index of the parent has its own of the new partition, and none was left over or built a second time.
    expect(
      await lake.rows(
        `(select count(*) as n, count(distinct i.inhparent) as parents from pg_index x left join pg_inherits i on i.inhrelid = x.indexrelid
           where x.indrelid = databricks_auth.sole_partition('gold.kept')) f`,
        ['n', 'parents'],
      ),
    ).toEqual([['7', '7']]);
    expect(await lake.value('select count(*) from public.kept_view')).toBe('0');
    expect(await lake.value('select n from public.kept_copy')).toBe('1000');
    await admin.query('refresh materialized view public.kept_copy');
    expect(await lake.value('select n from public.kept_copy')).toBe('1200');
    const asReader = await lake.database.connectAs(reader);
    expect((await asReader.query('select max(id) from gold.kept')).rows).toEqual([{ max: '1699' }]);
    await expect(asReader.query('select score from gold.kept')).rejects.toMatchObject({ code: '42501' });
    await admin.query(`drop publication kept_publication_${reader}`);
  });

  it('leaves owner and rights as they are laid down, on table and partition', async () => {
    const creator = await lake.database.createRole('creator', 'databricks_superuser');
    const source = await lake.lake.createTable('owned.rights', columns, thousand);
    await lake.wait(await lake.create('owned.rights', {}, await lake.database.connectAs(creator)));
    await source.overwrite(others);
    await lake.sync('owned.rights');
    const rights = (relation: string) =>
      lake.rows(
        `(select case when pg_get_userbyid(c.relowner) = r.role then 'owner' else r.role end as role, string_agg(a.privilege_type || case when a.is_grantable then '*' else '' end, ' ' order by a.privilege_type) as rights
            from pg_class c, aclexplode(c.relacl) a, lateral (select case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end as role) r
           where c.oid = ${relation} and a.privilege_type <> 'MAINTAIN' group by 1) f`,
        ['role', 'rights'],
      );
    expect(await rights(`'owned.rights'::regclass`)).toEqual(
      [
        [creator, 'SELECT*'],
        ['databricks_superuser', 'REFERENCES* SELECT*'],
        ['databricks_sync', 'DELETE INSERT SELECT TRUNCATE UPDATE'],
        ['owner', 'SELECT UPDATE'],
      ].sort(),
    );
    expect(await rights(`databricks_auth.sole_partition('owned.rights')`)).toEqual([
      ['databricks_sync', 'DELETE INSERT SELECT TRUNCATE UPDATE'],
      ['owner', 'SELECT UPDATE'],
    ]);
    expect(
      await lake.value(
        `select pg_get_userbyid(relowner) ~ '^databricks_st_' from pg_class where oid = 'owned.rights'::regclass`,
      ),
    ).toBe('true');
    expect(await lake.value(`select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'owned'`)).toBe(
      creator,
    );
  });

  it('leaves prepared statements and cursors of open sessions at work', async () => {
    const source = await lake.lake.createTable('gold.prepared', columns, thousand);
    await lake.load('gold.prepared');
    const client = await lake.database.connect();
    const point = (id: number) =>
      client.query<{ name: string }>({
        name: 'point',
        text: 'select name from gold.prepared where id = $1',
        values: [id],
      });
    for (let n = 0; n < 10; n++) expect((await point(600)).rows).toEqual([{ name: 'name 600' }]);
    await source.overwrite(others);
    await lake.sync('gold.prepared');
    expect((await point(600)).rows).toEqual([{ name: 'new 600' }]);
    await source.overwrite(`select i as id, name, 1 as extra from (select i, 'third' as name from range(700) t(i))`, {
      columns: { id: 'long', name: 'string', extra: 'integer' },
    });
    await lake.sync('gold.prepared');
    expect((await point(600)).rows).toEqual([{ name: 'third' }]);
  });

  it('leaves statistics for the planner on table and partition', async () => {
    const source = await lake.lake.createTable('gold.planned', columns, thousand);
    await lake.load('gold.planned');
    const statistics = () =>
      lake.value(
        `select string_agg(distinct inherited::text, ' ') from pg_stats s
          where (s.schemaname, s.tablename) = ('gold', 'planned') or s.schemaname = '__db_system' and format('%I.%I', s.schemaname, s.tablename)::regclass = databricks_auth.sole_partition('gold.planned')`,
      );
    expect(await statistics()).toBe('false true');
    expect(await lake.value(`select reltuples from pg_class where oid = 'gold.planned'::regclass`)).toBe('1000');
    await source.overwrite(others);
    await lake.sync('gold.planned');
    expect(await statistics()).toBe('false true');
    expect(await lake.value(`select reltuples from pg_class where oid = 'gold.planned'::regclass`)).toBe('1200');
  });

  it('shows a transaction that began before the switch a whole version, never an empty table', async () => {
    const source = await lake.lake.createTable('gold.isolated', columns, thousand);
    await lake.load('gold.isolated');
    const reader = await lake.database.connect();
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from pg_class');
    await source.overwrite(others);
    await lake.sync('gold.isolated');
    expect((await reader.query('select count(*)::int as n from gold.isolated')).rows).toEqual([{ n: 1200 }]);
    await reader.query('commit');
  });

  it('waits, when it loads with several connections, for transactions that would find the table empty', async () => {
    const parallel = await SyncedLake.create(server);
    await using _ = parallel;
    await parallel.startSidecar({ connections: 2 });
    const source = await parallel.lake.createTable('gold.parts', columns, thousand);
    await source.append(`select i as id, 'p' as name, i as score from range(5000, 5700) t(i)`);
    await parallel.load('gold.parts');
    const reader = await parallel.database.connect();
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from pg_class');
    await source.append(`select i as id, 'q' as name, i as score from range(6000, 6700) t(i)`);
    const update = await parallel.requestSync('gold.parts');
    await eventually(async () => (await parallel.shadowTables()).length > 0, 'the load has begun');
    await sleep(500);
    expect((await parallel.update(update)).state).toBe('RUNNING');
    // A transaction that began later than the load does not hold it up, though it began before the switch.
    const later = await parallel.database.connect();
    await later.query('begin isolation level repeatable read');
    await later.query('select count(*) from pg_class');
    expect((await reader.query('select count(*)::int as n from gold.parts')).rows).toEqual([{ n: 1700 }]);
    await reader.query('commit');
    await parallel.wait(update);
    expect((await later.query('select count(*)::int as n from gold.parts')).rows).toEqual([{ n: 2400 }]);
    await later.query('commit');
  });
});
