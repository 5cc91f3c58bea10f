import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: rows with null, duplicate or tied keys, or with characters or values that Postgres cannot store, are handled as
// documented and never lost silently.

describe.each(postgresServers())('keys and characters of a SNAPSHOT table on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  it('leaves out rows with a null in any key column, and counts them', async () => {
    const columns = { a: 'long', b: 'string', v: 'long' };
    const source = await lake.lake.createTable(
      'k.nulls',
      columns,
      `select case when i % 10 = 0 then null else i end as a, case when i % 4 = 0 then null else 'b' || i end as b, i as v from range(200) t(i)`,
    );
    expect(await lake.load('k.nulls', { key: ['a', 'b'] })).toMatchObject({
      rows_written: '140',
      rows_without_key: '60',
    });
    await lake.expectEqual('k.nulls', source, Object.keys(columns), 'where a is not null and b is not null');
    expect(await lake.status('k.nulls')).toMatchObject({ row_count: '140' });
    await source.overwrite(`select null as a, 'x' as b, 1 as v`);
    expect(await lake.sync('k.nulls')).toMatchObject({ rows_written: '0', rows_without_key: '1' });
    // An emptied table that equals its source is not to be overlooked.
    const message = `Equal to lake.k.nulls at version ${source.version}. Left out for a null in the key: 1 row.`;
    expect(await lake.status('k.nulls')).toMatchObject({ message });
    expect(
      await lake.value(
        `select level from synced_tables.events where event_type = 'table_synced' order by event_id desc limit 1`,
      ),
    ).toBe('WARN');
    const verification = await lake.value(`select synced_tables.verify('k.nulls')`);
    await lake.admin.query(`call synced_tables.wait_for_verification('${verification}', interval '60 s')`);
    expect(
      await lake.value('select message from synced_tables.verifications where verification_id = $1', [verification]),
    ).toMatch(/: 0 rows compared cell by cell, 1 left out for a null in the key\.$/);
    await lake.sync('k.nulls');
    expect(await lake.status('k.nulls')).toMatchObject({ message });
  });

  it('fails on duplicate keys with up to five of them and the way out, and leaves the old rows', async () => {
    const columns = { id: 'long', name: 'string' };
    const source = await lake.lake.createTable(
      'k.twice',
      columns,
      `select i as id, 'first' as name from range(100) t(i)`,
    );
    await lake.load('k.twice');
    await source.append(`select i as id, 'second' as name from range(90, 120) t(i)`);
    const update = await lake.requestSync('k.twice');
    const refusal = await refusalOf(lake.wait(update));
    expect(refusal).toMatchObject({ sqlState: '23505', code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' });
    expect(refusal.message).toContain('lake.k.twice');
    expect(refusal.message).toMatch(/; see failing_keys \(5 keys\)\.$/);
    expect(await lake.failingKeys('k.twice')).toBe('90, 91, 92, 93, 94');
    expect(refusal.hint).toContain('timeseries_key');
    expect(await lake.update(update)).toMatchObject({
      state: 'FAILED',
      error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      attempt: 1,
    });
    expect(await lake.status('k.twice')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      last_error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      synced_version: '0',
      source_version: '1',
    });
    expect(await lake.value(`select count(*) || ' ' || min(name) || ' ' || max(name) from k.twice`)).toBe(
      '100 first first',
    );
    expect(await lake.shadowTables()).toEqual([]);
    await source.deleteWhere(`name = 'second'`);
    await lake.sync('k.twice');
    expect(await lake.status('k.twice')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      last_error_code: null,
    });
  });

  it('names duplicate keys of several columns, whatever stands in them, and nothing but keys', async () => {
    const columns = { a: 'string', b: 'integer', secret: 'string' };
    await lake.lake.createTable(
      'k.pairs',
      columns,
      `select * from (values ('x, "y"', 1, 'hidden'), ('x, "y"', 1, 'hidden'), ('z', -7, 'hidden'), ('z', -7, 'hidden'), ('ok', 1, 'hidden')) t(a, b, secret)`,
    );
    const refusal = await refusalOf(lake.load('k.pairs', { key: ['a', 'b'] }));
    expect(refusal.message).toMatch(/; see failing_keys \(2 keys\)\.$/);
    expect(await lake.failingKeys('k.pairs')).toBe('(x, "y", 1), (z, -7)');
    const told = await lake.value(
      `select string_agg(to_jsonb(e)::text, ' ') || (select string_agg(to_jsonb(u)::text, ' ') from synced_tables.updates u) from synced_tables.events e`,
    );
    expect(told).not.toContain('hidden');
  });

  it('fails the first load on duplicate keys, and loads when the source is mended', async () => {
    const source = await lake.lake.createTable('k.mended', { id: 'long' }, 'select 1 as id union all select 1');
    await expect(lake.load('k.mended')).rejects.toMatchObject({ code: '23505' });
    expect(await lake.status('k.mended')).toMatchObject({ state: 'SYNCED_TABLE_OFFLINE_FAILED', table_name: null });
    await source.overwrite('select 1 as id');
    await lake.sync('k.mended');
    expect(await lake.rows('k.mended', ['id'])).toEqual([['1']]);
  });

  it('keeps the latest row of each key by the timeseries key, nulls lowest', async () => {
    const columns = { a: 'long', b: 'string', at: 'timestamp', v: 'long' };
    const source = await lake.lake.createTable(
      'k.latest',
      columns,
      `select i % 100 as a, 'b' || i % 7 as b, case when i < 700 then null else timestamp '2024-01-01' + to_seconds(i) end as at, i as v from range(5000) t(i)`,
    );
    await source.append(`select 1000 as a, 'only null' as b, null as at, -1 as v`);
    await source.append(`select null as a, 'no key' as b, now() as at, -1 as v`);
    const latest = { key: ['a', 'b'], timeseriesKey: 'at' };
    expect(await lake.load('k.latest', latest)).toMatchObject({ rows_written: '701', rows_without_key: '1' });
    await lake.expectEqual(
      'k.latest',
      source,
      ['a', 'b', 'v'],
      `where a is not null qualify row_number() over (partition by a, b order by "at" desc nulls last) = 1`,
    );
    await source.append(`select 5 as a, 'b5' as b, timestamp '2030-01-01' as at, 777 as v`);
    await lake.sync('k.latest');
    expect(await lake.value(`select v from k.latest where (a, b) = (5, 'b5')`)).toBe('777');
  });

  it('fails on a tie of the timeseries key, naming the keys', async () => {
    const columns = { id: 'long', at: 'date', v: 'long' };
    const source = await lake.lake.createTable(
      'k.tie',
      columns,
      `select i as id, date '2024-01-01' as at, i as v from range(20) t(i)`,
    );
    await lake.load('k.tie', { timeseriesKey: 'at' });
    await source.append(`select i as id, date '2024-01-01' as at, i as v from range(3, 5) t(i)`);
    await source.append(`select i as id, null as at, i as v from range(30, 32) t(i), range(2)`);
    const refusal = await refusalOf(lake.sync('k.tie'));
    expect(refusal).toMatchObject({ code: 'TIMESERIES_KEY_TIE' });
    expect(await lake.failingKeys('k.tie')).toBe('3, 4, 30, 31');
    expect(refusal.message).toContain('"at"');
    expect(await lake.value('select count(*) from k.tie')).toBe('20');
  });

  it('fails on NUL characters naming column and keys, in nested values too', async () => {
    const nested = { type: 'struct', fields: [{ name: 't', type: 'string' }] } as const;
    const columns = { id: 'long', plain: 'string', nested };
    const source = await lake.lake.createTable(
      'k.nul',
      columns,
      `select i as id, case when i in (7, 8) then 'secret' || chr(0) else 'x' end as plain, {t: 'fine'} as nested from range(50) t(i)`,
    );
    const refusal = await refusalOf(lake.load('k.nul'));
    expect(refusal).toMatchObject({ code: 'CHARACTER_NOT_IN_REPERTOIRE', sqlState: '22021' });
    expect(refusal.message).toMatch(/Column "plain" .* see failing_keys \(2 keys\)\./);
    expect(await lake.failingKeys('k.nul')).toMatch(/^(7, 8|8, 7)$/);
    expect(refusal.message).not.toContain('secret');
    expect(refusal.hint).toContain('strip');
    await source.overwrite(
      `select i as id, 'x' as plain, {t: case when i = 9 then 'a' || chr(0) else '\\u0000 is only text' end} as nested from range(50) t(i)`,
    );
    expect((await refusalOf(lake.sync('k.nul'))).message).toMatch(/Column "nested" /);
    expect(await lake.failingKeys('k.nul')).toBe('9');
    await source.deleteWhere('id = 9');
    await lake.sync('k.nul');
    expect(await lake.value(`select nested ->> 't' from k.nul where id = 10`)).toBe('\\u0000 is only text');
  });

  it('strips NUL characters when asked to, and counts the rows', async () => {
    const nested = { type: 'array', elementType: 'string' } as const;
    await lake.lake.createTable(
      'k.strip',
      { id: 'long', plain: 'string', nested },
      `select i as id, case when i % 10 = 0 then chr(0) || 'a' || chr(0) || 'b' else 'ab' end as plain, [case when i % 10 = 1 then 'c' || chr(0) else 'c' end, null] as nested from range(100) t(i)`,
    );
    expect(await lake.load('k.strip', { invalidCharacters: 'strip' })).toMatchObject({
      rows_written: '100',
      rows_with_stripped_characters: '20',
    });
    expect(await lake.rows('(select distinct plain, nested from k.strip) t', ['plain', 'nested'])).toEqual([
      ['ab', '["c", null]'],
    ]);
  });

  it('fails on keys that differ only by a stripped NUL', async () => {
    await lake.lake.createTable('k.stripped_key', { id: 'string' }, `select 'a' as id union all select 'a' || chr(0)`);
    const refusal = await refusalOf(lake.load('k.stripped_key', { invalidCharacters: 'strip' }));
    expect(refusal).toMatchObject({ code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' });
  });

  it('names the column whose values do not fit their type, and the keys, but no value', async () => {
    const columns = { id: 'long', good: 'long', score: 'long', name: 'string' };
    const source = await lake.lake.createTable(
      'k.range',
      columns,
      `select i as id, i as good, case when i in (7, 4711) then 3000000000 + i else i end as score, 'n' as name from range(5000) t(i)`,
    );
    source.changeColumns({ ...columns, score: 'integer' });
    const refusal = await refusalOf(lake.load('k.range'));
    expect(refusal).toMatchObject({ code: 'VALUE_OUT_OF_RANGE', sqlState: '22003' });
    expect(refusal.message).toContain(
      'Column "score" of source table lake.k.range holds a value that does not fit int',
    );
    expect(refusal.message).toMatch(/; see failing_keys \(2 keys\)\.$/);
    expect(await lake.failingKeys('k.range')).toMatch(/^(7, 4711|4711, 7)$/);
    expect(refusal.message).not.toContain('30000');
  });

  it('takes key columns of every type with an order', async () => {
    for (const [type, values] of Object.entries({
      string: `'', 'a', 'A', 'ä', ' a', 'a '`,
      'decimal(38,10)': `1.5, -1.5, 0`,
      double: `1.5::double, 'nan'::double, 'inf'::double, -0.0::double`,
      boolean: 'true, false',
      binary: `'\\x00'::blob, '\\xff'::blob, ''::blob`,
      date: `date '0001-01-01', date '9999-12-31'`,
      timestamp: `timestamptz '2024-01-01 00:00:00+00', timestamptz '2024-01-01 00:00:00.000001+00'`,
    })) {
      const name = `k.key_${type.replace(/\W/g, '_')}`;
      await lake.lake.createTable(name, { key: type, v: 'long' }, `select unnest([${values}]) as key, 1 as v`);
      const { rows_written } = await lake.load(name, { key: ['key'] });
      expect(await lake.value(`select count(distinct key) from ${name}`)).toBe(rows_written);
    }
  });
});
