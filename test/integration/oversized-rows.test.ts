import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: rows that Postgres has no room for are told by the table, the columns, the keys and the index that people know,
// with what to do; and a table that follows its source goes on once they are gone.

const COLUMNS = { id: 'long', v: 'string' } as const;
/** A text that no compression makes short enough for an index. */
const long = (seed: string, parts = 200) =>
  `(select string_agg(md5(i::varchar || '${seed}'), '' order by i) from range(${parts}) t(i))`;
const POLICIES = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const;
const SIZES = /one of its entries would have \d+ bytes, at most \d+ are possible/.source;

describe.each(postgresServers())('rows that are too big on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(target: string, policy: string, key: string): Promise<void> {
    const update = await lake.value(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array[$3], scheduling_policy => $2, allow_file_diff => $2 <> 'SNAPSHOT')`,
      [target, policy, key],
    );
    await lake.wait(update ?? '');
  }

  /** How the next update fails, asked for or not. */
  async function failureOf(target: string, policy: string): Promise<string> {
    if (policy !== 'CONTINUOUS') return (await refusalOf(lake.sync(target))).message;
    await eventually(async () => (await lake.status(target)).last_error_code !== null, 'it fails');
    return (await lake.status(target)).message ?? '';
  }

  /** A failed table tries again by itself after a minute, and asked for before. */
  async function goOn(target: string, policy: string): Promise<void> {
    if (policy !== 'CONTINUOUS') return void (await lake.sync(target));
    await lake.admin.query(`update synced_tables._tables set failed_since = failed_since - interval '1 hour';
      update synced_tables._updates set finished_at = finished_at - interval '1 hour' where state = 'FAILED';
      select synced_tables_internal._retry_failed()`);
    await eventually(
      async () => (await lake.status(target)).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      'it follows',
    );
  }

  it.each(POLICIES)('%s names the index of the user, its column, and the keys', async (policy) => {
    const target = `long.index_${policy.toLowerCase()}`;
    const source = await lake.lake.createTable(target, COLUMNS, `select i as id, 'v' || i as v from range(100) t(i)`);
    await create(target, policy, 'id');
    await lake.admin.query(`create index other on ${target} (id); create index "By v" on ${target} (v, id)`);
    await source.append(`select 200 as id, 'short' as v union all select 201, repeat('ab', 20000)
      union all select 202, ${long('a')} union all select 203, ${long('b', 3_000)}`);
    const message = await failureOf(target, policy);
    expect(message).toMatch(
      new RegExp(
        `Index long."By v" of synced table ${target} cannot be built on the new rows of lake.${target}: its columns \\(v, id\\) have values that are too long, as ${SIZES}; see failing_keys \\([12] keys?\\)\\.`,
      ),
    );
    expect(await lake.failingKeys(target)).toMatch(/^20[23](, 20[23])?$/);
    expect(await lake.status(target)).toMatchObject({ last_error_code: 'INDEX_UNBUILDABLE' });
    expect(message).not.toContain('partition_');
    expect(await lake.value(`select count(*) from ${target}`)).toBe('100');
    await lake.admin.query(`drop index long."By v"; create index by_hash on ${target} (md5(v))`);
    await goOn(target, policy);
    await lake.expectEqual(target, source, ['id', 'v']);
    await lake.admin.query(`drop index long.other, long.by_hash`);
  });

  it.each(POLICIES)('%s names the key and the beginnings of keys that are too long', async (policy) => {
    const target = `long.key_${policy.toLowerCase()}`;
    const columns = { k: 'string', v: 'string' };
    const source = await lake.lake.createTable(target, columns, `select 'k' || i as k, 'v' as v from range(100) t(i)`);
    await create(target, policy, 'k');
    await source.append(`select 'fine' as k, 'v' as v union all select 'begins so ' || ${long('a', 100)}, 'v'`);
    const message = await failureOf(target, policy);
    expect(message).toMatch(
      new RegExp(
        `Source table lake.${target} has keys \\(k\\) that are too long for the primary key of synced table ${target}: ${SIZES}; see failing_keys \\(1 key\\)\\.`,
      ),
    );
    expect(await lake.failingKeys(target)).toMatch(/^begins so [0-9a-f]{40,200}…$/);
    expect(await lake.status(target)).toMatchObject({ last_error_code: 'PRIMARY_KEY_TOO_LONG' });
    expect(await lake.value(`select count(*) from ${target}`)).toBe('100');
    await source.deleteWhere('length(k) > 100');
    await goOn(target, policy);
    await lake.expectEqual(target, source, ['k', 'v']);
  });

  it('names a key that is too long before there is a table', async () => {
    await lake.lake.createTable('long.first', { k: 'string' }, `select ${long('a', 1_000)} as k`);
    const refusal = await refusalOf(create('long.first', 'SNAPSHOT', 'k'));
    expect(refusal).toMatchObject({ code: 'PRIMARY_KEY_TOO_LONG', sqlState: '54000' });
    expect(refusal.message).toMatch(/too long .*; see failing_keys \(1 key\)\.$/);
    expect(await lake.failingKeys('long.first')).toMatch(/^[0-9a-f]{40,200}…$/);
  });

  it('names the key and the index where rows are merged under a foreign key', async () => {
    const source = await lake.lake.createTable('long.merged', COLUMNS, `select i as id, 'v' as v from range(9) t(i)`);
    await create('long.merged', 'SNAPSHOT', 'id');
    await lake.admin.query(`create index merged_v on long.merged (v);
      create table public.refers (id bigint references long.merged); insert into public.refers values (1)`);
    await source.append(`select 10 as id, ${long('a')} as v`);
    const { message } = await refusalOf(lake.sync('long.merged'));
    expect(message).toMatch(
      /^Index long\.merged_v of .* its columns \(v\) have values .*; see failing_keys \(1 key\)\.$/,
    );
    expect(await lake.failingKeys('long.merged')).toBe('10');
  });

  it.each(['gist (v gist_trgm_ops)', 'brin (v)', 'gin (v gin_trgm_ops)', 'hash (v)', 'spgist (v)'])(
    'names an index of another kind: %s',
    async (kind) => {
      const target = `long.${kind.replace(/ .*/, '')}`;
      if (kind.includes('trgm')) await lake.admin.query('create extension if not exists pg_trgm');
      const source = await lake.lake.createTable(target, COLUMNS, `select i as id, 'v' as v from range(200) t(i)`);
      await create(target, 'TRIGGERED', 'id');
      await lake.admin.query(`create index on ${target} using ${kind}`);
      await source.append(`select 300 as id, ${long('a', 500)} as v`);
      // Some have room for anything.
      const outcome = await refusalOf(lake.sync(target)).catch(() => null);
      if (outcome === null) return lake.expectEqual(target, source, ['id', 'v']);
      // The code of extensions is not run to find rows.
      const isSearched = !kind.includes('trgm');
      const keys = isSearched ? '; see failing_keys \\(1 key\\)' : '';
      expect(outcome.message).toMatch(
        new RegExp(`^Index long\\.\\w+ of .* its columns \\(v\\) have values .* possible${keys}\\.$`),
      );
      expect(await lake.failingKeys(target)).toBe(isSearched ? '300' : null);
    },
  );

  it('names the index that a table is created with', async () => {
    await lake.lake.createTable('long.extra', COLUMNS, `select 7 as id, ${long('a', 100)} as v`);
    const update = await lake.value(
      `select synced_tables.create_synced_table('long.extra', 'lake.long.extra', array['id'],
         extra_index_definitions => '[{"name": "extra_v", "definition": "(v)"}]')`,
    );
    const refusal = await refusalOf(lake.wait(update ?? ''));
    expect(refusal).toMatchObject({ code: 'INDEX_UNBUILDABLE' });
    expect(refusal.message).toMatch(
      /^Index long\.extra_v of synced table long\.extra .* too long, as .*; see failing_keys \(1 key\)\.$/,
    );
    expect(await lake.failingKeys('long.extra')).toBe('7');
  });

  it.each(POLICIES)('%s names the keys of rows that do not fit a page', async (policy) => {
    const target = `long.wide_${policy.toLowerCase()}`;
    const names = Array.from({ length: 470 }, (_, n) => `c${n}`);
    const columns = Object.fromEntries([['id', 'long'], ...names.map((name) => [name, 'string'])]);
    const row = (id: number, value: string) => `select ${id} as id, ${names.map((n) => `${value} as ${n}`).join(', ')}`;
    const source = await lake.lake.createTable(target, columns, row(1, 'null'));
    await create(target, policy, 'id');
    await source.append(`${row(2, 'null')} union all ${row(3, `md5('5')`)} union all ${row(4, `md5('6')`)}`);
    const message = await failureOf(target, policy);
    expect(message).toMatch(
      new RegExp(
        `Rows of source table lake.${target} are too big for synced table ${target}: a row would have \\d+ bytes without its long values, at most 8160 are possible; see failing_keys \\(2 keys\\)\\.`,
      ),
    );
    expect(await lake.failingKeys(target)).toMatch(/^(3, 4|4, 3)$/);
    expect(await lake.status(target)).toMatchObject({ last_error_code: 'ROW_TOO_BIG' });
    await source.deleteWhere('c0 is not null');
    await goOn(target, policy);
    await lake.expectEqual(target, source, ['id', 'c0']);
  });
});
