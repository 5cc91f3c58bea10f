import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: columns that a source gains appear in the target, old rows null, without a full refresh; what cannot be done
// stops with an error that names the column; a full refresh is built beside the target and switched to in one moment.

describe.each(eitherPostgresServer(import.meta.url))('changes of what a flow writes on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const query = (sql: string) => lake.admin.query(sql);
  const jsonRows = async (table: string) =>
    (await lake.rows(`${table} t`, ['to_jsonb(t)'])).map(([row]) => JSON.parse(row ?? '') as Record<string, unknown>);
  const refused = (code: string, ...words: string[]) => ({
    detail: `error code: ${code}`,
    message: expect.stringMatching(new RegExp(words.join('.*'), 's')),
  });

  async function flow(name: string, options: string, columns = 'id int, v text, seq bigint'): Promise<void> {
    await query(`create table public.${name}_events (${columns})`);
    await query(`select synced_tables.create_streaming_table('public.${name}')`);
    await query(
      `select synced_tables.apply_changes('public.${name}', 'public.${name}_events', array['id'], 'seq', ${options})`,
    );
  }

  it('adds columns to current rows, with everything that hangs on the table', async () => {
    await flow('one', `except_column_list => array['seq']`);
    await query(`insert into public.one_events values (1, 'a', 1), (2, 'b', 1)`);
    await lake.sync('public.one');
    await query(`create view public.of_one as select id, v from public.one; grant select on public.one to public`);
    const oid = await lake.value(`select 'public.one'::regclass::oid`);
    await query(`alter table public.one_events add column more numeric(10, 2), add column tags text[]`);
    await query(`insert into public.one_events values (2, 'c', 2, 1.50, array['x'])`);
    expect(await lake.sync('public.one')).toMatchObject({ num_upserted_rows: '1' });
    expect(await jsonRows('public.one')).toEqual([
      { id: 1, v: 'a', more: null, tags: null },
      { id: 2, v: 'c', more: 1.5, tags: ['x'] },
    ]);
    expect(await lake.value(`select 'public.one'::regclass::oid`)).toBe(oid);
    expect(await lake.rows('public.of_one', ['id', 'v'])).toEqual([
      ['1', 'a'],
      ['2', 'c'],
    ]);
    expect(await lake.value(`select has_table_privilege('public', 'public.one', 'select')`)).toBe('true');
    const changes = await lake.rows(`synced_tables.table_changes('public.one', 2)`, [
      '_change_type',
      `row_data ->> 'more'`,
    ]);
    expect(changes).toEqual([
      ['update_postimage', '1.50'],
      ['update_preimage', null],
    ]);
    // Changes by hand reach them too.
    await query(`update public.one set more = 9 where id = 1; insert into public.one (id, tags) values (3, '{y}')`);
    expect(await lake.value('select more from public.one where id = 1')).toBe('9.00');
  }, 60_000);

  it('adds columns to history, tracked or not', async () => {
    await flow('two', `except_column_list => array['seq'], stored_as_scd_type => 2`);
    await flow(
      'untracked',
      `except_column_list => array['seq'], stored_as_scd_type => 2, track_history_column_list => array['v']`,
    );
    for (const name of ['two', 'untracked']) {
      await query(`insert into public.${name}_events values (1, 'a', 1), (1, 'b', 5)`);
      await lake.sync(`public.${name}`);
      await query(`alter table public.${name}_events add column more int`);
      await query(`insert into public.${name}_events values (1, 'b', 6, 7), (1, 'late', 3, 8)`);
      await lake.sync(`public.${name}`);
    }
    const row = (v: string, from: number, to: number | null, more: number | null) => ({
      id: 1,
      v,
      __START_AT: from,
      __END_AT: to,
      more,
    });
    expect(await jsonRows('public.two')).toEqual(
      expect.arrayContaining([row('a', 1, 3, null), row('late', 3, 5, 8), row('b', 5, 6, null), row('b', 6, null, 7)]),
    );
    expect(await jsonRows('public.untracked')).toEqual(
      expect.arrayContaining([row('a', 1, 3, null), row('late', 3, 5, 8), row('b', 5, null, 7)]),
    );
    expect(await lake.value('select count(*) from public.untracked')).toBe('3');
  }, 60_000);

  it('keeps the authors of columns apart when one comes in between', async () => {
    await query(`create table public.partial_events (id int, a text, b text, seq bigint)`);
    await query(`select synced_tables.create_streaming_table('public.partial')`);
    const declare = (source: string) =>
      query(`select synced_tables.apply_changes('public.partial', '${source}', array['id'], 'seq',
        ignore_null_updates => true, except_column_list => array['seq'])`);
    await declare('public.partial_events');
    await query(`insert into public.partial_events values (1, 'a1', null, 1), (1, null, 'b2', 2)`);
    await lake.sync('public.partial');
    // The new column stands before the others in this source.
    await query(`create table public.partial_more (id int, fresh text, a text, b text, seq bigint)`);
    await declare('public.partial_more');
    await query(`insert into public.partial_more values (1, 'f3', null, null, 3), (1, null, null, 'b0', 0)`);
    await lake.sync('public.partial');
    expect(await jsonRows('public.partial')).toEqual([{ id: 1, a: 'a1', b: 'b2', fresh: 'f3' }]);
  }, 60_000);

  it('adds what a table of the lakehouse gains, snapshots and their base too', async () => {
    const columns = { id: 'long', v: 'string' } as const;
    const source = await lake.lake.createTable('bronze.widened', columns, `select 1 as id, 'a' as v`);
    await query(`select synced_tables.create_streaming_table('public.snap')`);
    await query(
      `select synced_tables.apply_changes_from_snapshot('public.snap', 'lake.bronze.widened', array['id'], 2)`,
    );
    await lake.sync('public.snap');
    source.changeColumns({ ...columns, more: 'long' });
    await source.append(`select 2 as id, 'b' as v, 5 as more`);
    await lake.sync('public.snap');
    await source.append(`select 3 as id, 'c' as v, null::bigint as more`);
    await lake.sync('public.snap');
    expect(await lake.rows('public.snap', ['id', 'v', 'more', '"__END_AT"'])).toEqual([
      ['1', 'a', null, null],
      ['2', 'b', '5', null],
      ['3', 'c', null, null],
    ]);
  }, 60_000);

  it('leaves out what column_list does not name, and stops at what it cannot follow', async () => {
    await flow('listed', `column_list => array['id', 'v']`);
    await query(`insert into public.listed_events values (1, 'a', 1)`);
    await lake.sync('public.listed');
    await query(
      `alter table public.listed_events add column more int; insert into public.listed_events values (2, 'b', 1, 3)`,
    );
    await lake.sync('public.listed');
    expect(await jsonRows('public.listed')).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
    ]);
    await flow('strict', `except_column_list => array['seq']`);
    await query(`insert into public.strict_events values (1, 'a', 1)`);
    await lake.sync('public.strict');
    await query(`alter table public.strict_events alter column v type varchar(9)`);
    await expect(lake.sync('public.strict')).rejects.toMatchObject(
      refused('AUTOCDC_TARGET_SCHEMA_CHANGED', 'column "v" text', 'column "v" character varying'),
    );
    await query(`alter table public.strict_events drop column v`);
    await expect(lake.sync('public.strict')).rejects.toMatchObject(
      refused('AUTOCDC_TARGET_SCHEMA_CHANGED', 'column "v" text', 'no such column'),
    );
    expect(await jsonRows('public.strict')).toEqual([{ id: 1, v: 'a' }]);
    await lake.sync('public.strict', true);
    expect(await jsonRows('public.strict')).toEqual([{ id: 1 }]);
  }, 60_000);

  it('refreshes beside the table: readers see the old rows until all the new ones are there', async () => {
    await flow(
      'fresh',
      `apply_as_deletes => 'v = "gone"', except_column_list => array['seq'], stored_as_scd_type => 2`,
    );
    await query(`insert into public.fresh_events values (1, 'a', 1), (1, 'b', 5), (2, 'x', 1)`);
    await lake.sync('public.fresh');
    await query(`create view public.of_fresh as select * from public.fresh; grant select on public.fresh to public`);
    await query(`delete from public.fresh_events where id = 2; insert into public.fresh_events values (3, 'z', 1)`);
    const before = await jsonRows('public.of_fresh');
    // Whoever reads in a transaction holds the switch up, and nobody else.
    const reader = await lake.database.connect();
    await reader.query('begin; table public.fresh');
    const update = await lake.requestSync('public.fresh', true);
    await eventually(
      async () =>
        (await lake.value(`select count(*) from synced_tables._cdc_positions p join synced_tables._cdc_targets t using (target_id)
                                      where t.refreshed_by = '${update}'`)) === '1',
      'the refresh is loaded',
    );
    expect(await jsonRows('public.of_fresh')).toEqual(before);
    expect(before.length).toBe(3);
    await reader.query('commit');
    await lake.wait(update);
    const row = (id: number, v: string, from: number, to: number | null) => ({ id, v, __START_AT: from, __END_AT: to });
    expect(await jsonRows('public.of_fresh')).toEqual([row(1, 'a', 1, 5), row(1, 'b', 5, null), row(3, 'z', 1, null)]);
    expect(await lake.value(`select has_table_privilege('public', 'public.fresh', 'select')`)).toBe('true');
    expect(await lake.update(update)).toMatchObject({ num_upserted_rows: '3' });
    await query(`insert into public.fresh_events values (3, 'gone', 2)`);
    expect(await lake.sync('public.fresh')).toMatchObject({ num_upserted_rows: '1', num_deleted_rows: '0' });
  }, 60_000);

  it('takes a full refresh back as a whole when it fails, and leaves nothing behind', async () => {
    await flow('failing', `except_column_list => array['seq']`);
    await query(`insert into public.failing_events values (1, 'a', 1)`);
    await lake.sync('public.failing');
    await query(`insert into public.failing_events values (null, 'b', 2)`);
    await expect(lake.sync('public.failing', true)).rejects.toMatchObject(
      refused('AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY'),
    );
    expect(await jsonRows('public.failing')).toEqual([{ id: 1, v: 'a' }]);
    await query('select synced_tables_internal._sweep_refreshes()');
    expect(await lake.value(`select count(*) from pg_class where relname like '%\\_refresh\\_failing%'`)).toBe('0');
    expect(await lake.value(`select count(*) from synced_tables._cdc_targets where refreshed_by is not null`)).toBe(
      '0',
    );
  }, 60_000);

  it('says that changes of a refreshed table begin anew', async () => {
    await flow('feed', `except_column_list => array['seq']`);
    await query(`insert into public.feed_events values (1, 'a', 1)`);
    await lake.sync('public.feed');
    await lake.sync('public.feed', true);
    await expect(query(`select * from synced_tables.table_changes('public.feed', 2)`)).rejects.toMatchObject(
      refused('AUTOCDC_CHANGE_FEED_GONE'),
    );
    await query(`insert into public.feed_events values (2, 'b', 1)`);
    await lake.sync('public.feed');
    expect(
      await lake.rows(`synced_tables.table_changes('public.feed', 3)`, ['_change_type', '_commit_version']),
    ).toEqual([['insert', '3']]);
    await query('delete from public.feed where id = 1');
    expect(await jsonRows('public.feed')).toEqual([{ id: 2, v: 'b' }]);
  }, 60_000);
});
