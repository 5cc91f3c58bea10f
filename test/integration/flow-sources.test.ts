import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyChangesFromSnapshot,
  createStreamingTable,
  type NextSnapshotAndVersion,
  runPipeline,
  type Snapshot,
} from '../../src/index.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: what flows read beside new rows: a one-time backfill, the change feed of a table, and snapshots in files of any
// kind that the engine reads, each with the version that a program gives it.

const COLUMNS = { id: 'long', v: 'string', seq: 'long' } as const;
const [server] = postgresServers().slice(-1);
if (server === undefined) throw new Error('no server');

describe(`sources of flows on ${server.name}`, () => {
  let lake: SyncedLake;
  let config: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    config = path.join(lake.folder, 'program.json');
    const settings = {
      instances: { local: { url: lake.database.url } },
      catalogs: { lake: { kind: 'path', root: lake.lake.root } },
      engine: { temporary_folder: lake.folder },
    };
    writeFileSync(config, JSON.stringify(settings));
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const declare = (sql: string) => lake.admin.query(`select synced_tables.${sql}`);
  const rows = async (table: string, columns = ['id', 'v']) =>
    (await lake.rows(table, columns)).map((row) => row.join(' '));

  it('a flow that runs once fills the table beside one that goes on, and again after a full refresh', async () => {
    const past = await lake.lake.createTable('bronze.past', COLUMNS, `select 1 as id, 'past' as v, 1 as seq`);
    const now = await lake.lake.createTable('bronze.now', COLUMNS, `select 2 as id, 'now' as v, 5 as seq`);
    await declare(`create_streaming_table('public.filled')`);
    const options = `array['id'], 'seq', except_column_list => array['seq']`;
    await declare(`apply_changes('public.filled', 'lake.bronze.past', ${options}, name => 'backfill', once => true)`);
    await declare(`apply_changes('public.filled', 'lake.bronze.now', ${options}, name => 'stream')`);
    expect(await lake.sync('public.filled')).toMatchObject({ num_upserted_rows: '2' });
    await past.append(`select 3 as id, 'ignored' as v, 9 as seq`);
    await now.append(`select 1 as id, 'newer' as v, 2 as seq`);
    await lake.sync('public.filled');
    expect(await rows('public.filled')).toEqual(['1 newer', '2 now']);
    await lake.sync('public.filled', true);
    expect(await rows('public.filled')).toEqual(['1 newer', '2 now', '3 ignored']);
    await past.append(`select 4 as id, 'ignored' as v, 9 as seq`);
    await lake.sync('public.filled');
    expect(await rows('public.filled')).toEqual(['1 newer', '2 now', '3 ignored']);
  }, 60_000);

  it('a table that was dropped and made anew is not lent any more, and what to run is told', async () => {
    const role = await lake.database.createRole('builder');
    await lake.admin.query(`create schema built authorization ${role}; grant databricks_superuser to ${role};
      do $$ begin execute format('grant create on database %I to ${role}', current_database()); end $$`);
    const builder = await lake.database.connectAs(role);
    const build = (v: string) =>
      builder.query(`drop table if exists built."My events"; create table built."My events" (id int, v text, seq int);
        insert into built."My events" values (1, '${v}', length('${v}'))`);
    const apply = () =>
      builder.query(`select synced_tables.apply_changes('built.target', 'built."My events"', array['id'], 'seq')`);
    await build('a');
    await builder.query(`select synced_tables.create_streaming_table('built.target')`);
    await apply();
    await lake.sync('built.target');
    // Each way of lending it again.
    const ways: readonly ((hint: string) => Promise<unknown>)[] = [
      (hint) => builder.query(/GRANT [^;]+; GRANT [^;]+;/.exec(hint)?.[0] ?? ''),
      apply,
      async () => {
        const repaired = await lake.admin.query<{ object: string; outcome: string }>(
          'select * from synced_tables.repair()',
        );
        expect(repaired.rows).toContainEqual({
          object: 'source of flow built.target',
          outcome: 'lent to databricks_sync',
        });
      },
    ];
    for (const [nth, lend] of ways.entries()) {
      await build('b'.repeat(nth + 2));
      const refusal = await refusalOf(lake.sync('built.target'));
      expect(refusal).toMatchObject({
        code: 'FLOW_SOURCE_UNFIT',
        message:
          'Flow built.target cannot read from built."My events": databricks_sync may not read it: what apply_changes had granted was revoked, or went with a table that was dropped and made anew.',
        hint: `Grant it again: GRANT USAGE ON SCHEMA "built" TO databricks_sync; GRANT SELECT ON built."My events" TO databricks_sync; Declaring the flow again does the same, and so does synced_tables.repair().`,
      });
      await lend(refusal.hint ?? '');
      await lake.sync('built.target');
      expect(await rows('built.target')).toEqual([`1 ${'b'.repeat(nth + 2)}`]);
    }
    await builder.end();
  }, 60_000);

  it('a row that one commit deletes and inserts stays in both types, if the sequence tells which comes first', async () => {
    const first = `select 1 as id, 'a' as v, 0 as seq union all select 2, 'b', 0`;
    const feed = { 'delta.enableChangeDataFeed': 'true' };
    const source = await lake.lake.createTable('bronze.rewritten', COLUMNS, first, feed);
    for (const type of [1, 2]) {
      await declare(`create_streaming_table('public.rewritten_${type}')`);
      await declare(`apply_changes('public.rewritten_${type}', 'lake.bronze.rewritten', array['id'],
        'struct(_commit_version, _change_type)', source_change_feed => true, apply_as_deletes => '_change_type = "delete"',
        column_list => array['id', 'v'], stored_as_scd_type => ${type})`);
      await lake.sync(`public.rewritten_${type}`);
    }
    await source.rewriteNewestFile(`id, case id when 1 then 'a2' else v end as v, seq`);
    await source.rewriteNewestFile('*', 'id = 1');
    for (const type of [1, 2]) await lake.sync(`public.rewritten_${type}`);
    expect(await rows('public.rewritten_1')).toEqual(['1 a2']);
    expect(await rows('public.rewritten_2 where "__END_AT" is null')).toEqual(['1 a2']);
  });

  it.each([
    ['varchar(10)', `'a'`, `'b'`],
    ['char(3)', `'a'`, `'b'`],
    ['time', `'09:59'`, `'10:00'`],
    ['uuid', `'00000000-0000-7000-8000-000000000001'`, `'00000000-0000-7000-8000-000000000002'`],
    ['numeric(9,2)', '9.5', '10'],
  ])('histories in the order of a column of type %s', async (type, earlier, later) => {
    const table = `public.by_${type.replace(/\W.*/, '')}`;
    await lake.admin.query(`create table ${table}_events (id int, v text, at ${type});
      insert into ${table}_events values (1, 'second', ${later}), (1, 'first', ${earlier}), (2, 'only', ${earlier})`);
    await declare(`create_streaming_table('${table}')`);
    await declare(
      `apply_changes('${table}', '${table}_events', array['id'], 'at', column_list => array['id', 'v'], stored_as_scd_type => 2)`,
    );
    await lake.sync(table);
    const columns = ['id', 'v', `("__START_AT"::${type} = ${earlier})`, `("__END_AT"::${type} = ${later})`];
    expect(await rows(table, columns)).toEqual(['1 first true true', '1 second false ', '2 only true ']);
  });

  it.each([
    ['SEQUENCE BY', `'cast(v as int)'`, ''],
    ['APPLY AS DELETE WHEN', `'seq'`, `, apply_as_deletes => 'cast(v as int) = 0'`],
  ])('a batch in which %s fails is rejected, and the rows are told by their keys', async (what, sequence, more) => {
    const name = what.slice(0, 8).toLowerCase().trim().replace(' ', '_');
    const values = `select i as id, case i % 40 when 7 then 'x' else '3' end as v, i as seq from range(100) t(i)`;
    await lake.lake.createTable(`bronze.odd_${name}`, COLUMNS, values);
    await declare(`create_streaming_table('public.odd_${name}')`);
    await declare(`apply_changes('public.odd_${name}', 'lake.bronze.odd_${name}', array['id'], ${sequence}${more})`);
    const refusal = await refusalOf(lake.sync(`public.odd_${name}`));
    expect(refusal.code).toBe('FLOW_VALUE_INVALID');
    expect(refusal.message).toContain(`${what} of flow `);
    expect((await lake.failingKeys(`public.odd_${name}`))?.split(', ').sort()).toEqual(['47', '7', '87']);
    expect(refusal.message).not.toContain("'x'");
  });

  it('a flow that runs once takes one snapshot', async () => {
    const source = await lake.lake.createTable('bronze.once', COLUMNS, `select 1 as id, 'a' as v, 1 as seq`);
    await declare(`create_streaming_table('public.one_snapshot')`);
    await declare(`apply_changes_from_snapshot('public.one_snapshot', 'lake.bronze.once', array['id'], once => true)`);
    await lake.sync('public.one_snapshot');
    await source.append(`select 2 as id, 'b' as v, 1 as seq`);
    await lake.sync('public.one_snapshot');
    expect(await rows('public.one_snapshot')).toEqual(['1 a']);
    await lake.sync('public.one_snapshot', true);
    expect(await rows('public.one_snapshot')).toEqual(['1 a', '2 b']);
  }, 60_000);

  it('the change feed of a table is read with its deletes and updates, each commit once', async () => {
    const first = `select * from (values (1, 'a', 0), (2, 'b', 0)) t(id, v, seq)`;
    const feed = { 'delta.enableChangeDataFeed': 'true' };
    const source = await lake.lake.createTable('bronze.feed', COLUMNS, first, feed);
    await declare(`create_streaming_table('public.fed')`);
    // A commit that rewrites rows deletes and inserts them in one version.
    await declare(`apply_changes('public.fed', 'lake.bronze.feed', array['id'],
      '_commit_version * 2 + case when _change_type = "delete" then 0 else 1 end', source_change_feed => true, apply_as_deletes => '_change_type = "delete"', column_list => array['id', 'v'], stored_as_scd_type => 2)`);
    await lake.sync('public.fed');
    await source.append(`select 3 as id, 'c' as v, 0 as seq`);
    await source.rewriteNewestFile(`id, 'c2' as v, seq`);
    await source.append(`select 4 as id, 'd' as v, 0 as seq`);
    source.dropNewestFile();
    await lake.sync('public.fed');
    expect(await rows('public.fed', ['id', 'v', '"__START_AT"', `coalesce("__END_AT"::text, '-')`])).toEqual([
      '1 a 1 -',
      '2 b 1 -',
      '3 c2 5 -',
      '3 c 3 4',
      '4 d 7 8',
    ]);
    expect(await lake.sync('public.fed')).toMatchObject({ num_upserted_rows: null });
    const plain = await lake.lake.createTable('bronze.no_feed', COLUMNS, first);
    await declare(`create_streaming_table('public.unfed')`);
    const unfed = (columns: string) =>
      declare(
        `apply_changes('public.unfed', 'lake.bronze.no_feed', array['id'], '_commit_version', source_change_feed => true${columns})`,
      );
    await unfed('');
    await expect(lake.sync('public.unfed')).rejects.toMatchObject({
      detail: 'error code: AUTOCDC_RESERVED_COLUMN_NAME_CONFLICT',
    });
    await unfed(`, column_list => array['id', 'v']`);
    await lake.sync('public.unfed');
    await plain.append(`select 3 as id, 'c' as v, 0 as seq`);
    await expect(lake.sync('public.unfed')).rejects.toMatchObject({
      detail: 'error code: CHANGE_DATA_FEED_INCOMPLETE',
    });
  }, 60_000);

  const run = (name: string, source: NextSnapshotAndVersion, fullRefresh = false) =>
    runPipeline({
      name,
      config,
      fullRefresh,
      declarations: [
        createStreamingTable({ name }),
        applyChangesFromSnapshot({ target: name, source, keys: ['id'], storedAsScdType: 2 }),
      ],
    });
  const interval = ['id', 'v', '"__START_AT"', `coalesce("__END_AT"::text, '-')`];

  it('snapshots lie in Parquet, CSV and JSON files and in versions of a table', async () => {
    const file = (name: string) => path.join(lake.folder, name);
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    const rowsOf = (v: string) => `select * from (values (1::bigint, 'same'), (2::bigint, '${v}')) t(id, v)`;
    await connection.run(`copy (${rowsOf('parquet')}) to '${file('s.parquet')}' (format parquet)`);
    await connection.run(`copy (${rowsOf('csv')}) to '${file('s.csv')}' (format csv, header)`);
    await connection.run(`copy (${rowsOf('zipped')}) to '${file('s.csv.gz')}' (format csv, header, compression gzip)`);
    await connection.run(`copy (${rowsOf('json')}) to '${file('s.json')}' (format json)`);
    await connection.run(`copy (${rowsOf('odd')}) to '${file('s.data')}' (format json)`);
    connection.closeSync();
    instance.closeSync();
    const columns = { id: 'long', v: 'string' } as const;
    const table = await lake.lake.createTable('bronze.versions', columns, rowsOf('delta'));
    await table.overwrite(rowsOf('newest'));
    const given: Snapshot[] = [
      { files: file('s.parquet'), version: 1 },
      { files: [file('s.csv')], version: 2 },
      { files: file('s.csv.gz'), version: 3 },
      { files: file('s*.json'), version: 4 },
      { files: file('s.data'), format: 'json', version: 5 },
      { table: 'lake.bronze.versions', tableVersion: 0, version: 6 },
      { table: 'lake.bronze.versions', version: 7n },
    ];
    const asked: unknown[] = [];
    await run('kinds', (latest) => {
      asked.push(latest);
      return given.find(({ version }) => latest === null || version > latest) ?? null;
    });
    expect(asked).toEqual([null, 1, 2, 3, 4, 5, 6, 7]);
    const words = ['parquet', 'csv', 'zipped', 'json', 'odd', 'delta', 'newest'];
    expect(await rows('public.kinds', interval)).toEqual(
      ['1 same 1 -', ...words.map((word, place) => `2 ${word} ${place + 1} ${place === 6 ? '-' : place + 2}`)].sort(),
    );
  }, 60_000);

  it('what was committed stays when the function fails, and a full refresh that fails changes nothing', async () => {
    const columns = { id: 'long', v: 'string' };
    const snapshot = (version: Snapshot['version'], v: string): Snapshot => ({
      rows: [{ id: 1, v }],
      columns,
      version,
    });
    const failing: NextSnapshotAndVersion = (latest) => {
      if (latest === null) return snapshot(1, 'a');
      throw new Error('the disk is gone');
    };
    await expect(run('broken', failing)).rejects.toMatchObject({
      code: 'FLOW_FUNCTION_FAILED',
      message: expect.stringContaining('the disk is gone'),
    });
    expect(await rows('public.broken', interval)).toEqual(['1 a 1 -']);
    const asked: unknown[] = [];
    await run('broken', (latest) => {
      asked.push(latest);
      return latest === 1 ? snapshot(2, 'b') : null;
    });
    expect(asked).toEqual([1, 2]);
    expect(await rows('public.broken', interval)).toEqual(['1 a 1 2', '1 b 2 -']);
    await expect(run('broken', failing, true)).rejects.toThrow('the disk is gone');
    expect(await rows('public.broken', interval)).toEqual(['1 a 1 2', '1 b 2 -']);
    await run('broken', (latest) => (latest === null ? snapshot(5, 'z') : null), true);
    expect(await rows('public.broken', interval)).toEqual(['1 z 5 -']);
  }, 60_000);

  const error = (name: string) => `APPLY_CHANGES_FROM_SNAPSHOT_ERROR.${name}`;
  it.each([
    ['NULL_SNAPSHOT_VERSION', [null]],
    ['SNAPSHOT_VERSION_NOT_SORTABLE', [Number.NaN]],
    ['SNAPSHOT_VERSION_NOT_SORTABLE', [[1, 2]]],
    ['INVALID_SNAPSHOT_VERSION_TYPE', [1, 'two']],
    ['OUT_OF_ORDER_SNAPSHOT_VERSION', [2, 2]],
  ])(
    'versions that cannot be used end with %s (%j)',
    async (code, versions) => {
      const name = `wrong_${code.toLowerCase()}_${versions.length}_${Array.isArray(versions[0]) ? 'list' : 'one'}`;
      const given = [...versions];
      const next = () => ({ rows: [{ id: 1 }], columns: { id: 'long' }, version: given.shift() }) as Snapshot;
      await expect(run(name, next)).rejects.toMatchObject({ code: error(code) });
      if (versions.length > 1) expect(await lake.value(`select count(*) from public.${name}`)).toBe('1');
    },
    60_000,
  );

  it.each([undefined, 5, {}])(
    'something else than a snapshot ends with INVALID_SNAPSHOT_VERSION (%j)',
    async (given) => {
      const next = (() => given) as unknown as NextSnapshotAndVersion;
      await expect(run(`nothing_${typeof given}`, next)).rejects.toMatchObject({
        code: error('INVALID_SNAPSHOT_VERSION'),
      });
    },
    60_000,
  );
});
