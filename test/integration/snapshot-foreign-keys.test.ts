import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a SNAPSHOT table that a foreign key references is refreshed in place by merging, and never breaks that key.

const columns = { id: 'long', name: 'string', score: 'integer' };
const names = Object.keys(columns);
const rows = `select i as id, 'n' || i as name, i % 10 as score from range(100) t(i)`;

describe.each(postgresServers())('a SNAPSHOT table that a foreign key refers to on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  it('is merged in place: rows that are equal stay where they are, those that are gone are deleted', async () => {
    const source = await lake.lake.createTable('f.users', columns, rows);
    await lake.load('f.users');
    await lake.admin.query(
      'create table public.orders (user_id bigint references f.users (id)); insert into public.orders values (3), (3), (50)',
    );
    const places = () => lake.rows('f.users', ['id', 'ctid']);
    const before = new Map((await places()).map(([id, ctid]) => [id, ctid]));
    await source.overwrite(
      `select i as id, case when i % 20 = 0 then 'changed' else 'n' || i end as name, case when i = 7 then null else i % 10 end as score from range(90) t(i) union all select 500, null, null`,
    );
    expect(await lake.sync('f.users')).toMatchObject({ method: 'MERGE', rows_written: '7', rows_deleted: '10' });
    await lake.expectEqual('f.users', source, names);
    const moved = (await places()).filter(([id, ctid]) => before.get(id ?? '') !== ctid).map(([id]) => Number(id));
    expect(moved.sort((a, b) => a - b)).toEqual([0, 7, 20, 40, 60, 80, 500]);
    expect(await lake.status('f.users')).toMatchObject({ row_count: '91', synced_version: '1' });
    expect(await lake.sync('f.users', true)).toMatchObject({ method: 'MERGE', rows_written: '0', rows_deleted: '0' });
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('keeps all its rows when one that is gone is still referred to', async () => {
    const source = await lake.lake.createTable('f.kept', columns, rows);
    await lake.load('f.kept');
    await lake.admin.query(
      'create table public.visits (user_id bigint constraint visits_user_fk references f.kept (id)); insert into public.visits values (42)',
    );
    await source.overwrite(`select i as id, 'changed' as name, 1 as score from range(40) t(i)`);
    const refusal = await refusalOf(lake.sync('f.kept'));
    expect(refusal).toMatchObject({ code: 'FOREIGN_KEY_REFERENCES_ROW', sqlState: '23503' });
    expect(refusal.message).toContain('visits_user_fk');
    expect(refusal.message).toContain('public.visits');
    expect(await lake.failingKeys('f.kept')).toBe('42');
    expect(await lake.value(`select count(*) from f.kept where name <> 'changed'`)).toBe('100');
    expect(await lake.shadowTables()).toEqual([]);
    await lake.admin.query('delete from public.visits');
    expect(await lake.sync('f.kept')).toMatchObject({ method: 'MERGE', rows_written: '40', rows_deleted: '60' });
    await lake.expectEqual('f.kept', source, names);
    await lake.admin.query('drop table public.visits');
    await source.overwrite(rows);
    expect(await lake.sync('f.kept')).toMatchObject({ method: 'SNAPSHOT' });
    await lake.expectEqual('f.kept', source, names);
  });

  it('follows changes of columns while it is referred to', async () => {
    const source = await lake.lake.createTable('f.changed', columns, rows);
    await lake.load('f.changed');
    await lake.admin.query(
      'create table public.refs (id bigint references f.changed); insert into public.refs values (1)',
    );
    const changed = { id: 'long', score: 'string', extra: 'date' };
    await source.overwrite(`select i as id, 's' || i as score, date '2024-01-01' as extra from range(80) t(i)`, {
      columns: changed,
    });
    expect(await lake.sync('f.changed')).toMatchObject({ method: 'MERGE', rows_deleted: '20' });
    await lake.expectEqual('f.changed', source, Object.keys(changed));
  });

  it('is merged when it has nothing but its key', async () => {
    const source = await lake.lake.createTable(
      'f.only_key',
      { a: 'long', b: 'string' },
      `select i as a, 'b' as b from range(10) t(i)`,
    );
    await lake.load('f.only_key', { key: ['a', 'b'] });
    await lake.admin.query('create table public.pairs (a bigint, b text, foreign key (a, b) references f.only_key)');
    await source.overwrite(`select i as a, 'b' as b from range(5, 20) t(i)`);
    expect(await lake.sync('f.only_key')).toMatchObject({ method: 'MERGE', rows_written: '10', rows_deleted: '5' });
    await lake.expectEqual('f.only_key', source, ['a', 'b']);
  });

  it('is merged past readers, and past writers that refer to it', async () => {
    const source = await lake.lake.createTable('f.busy', columns, rows);
    await lake.load('f.busy');
    await lake.admin.query('create table public.busy_refs (id bigint references f.busy)');
    const reader = await lake.database.connect();
    const writer = await lake.database.connect();
    await reader.query('begin; select count(*) from f.busy');
    await writer.query('begin; insert into public.busy_refs values (5)');
    await source.overwrite(`select i as id, 'changed' as name, 1 as score from range(5, 50) t(i)`);
    const update = await lake.requestSync('f.busy');
    await lake.wait(update);
    expect((await reader.query('select count(*)::int as n from f.busy')).rows).toEqual([{ n: 45 }]);
    await reader.query('commit');
    await writer.query('commit');
    await lake.expectEqual('f.busy', source, names);
  });
});
