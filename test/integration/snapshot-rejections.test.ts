import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { type CreateChoices, eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a first update that cannot succeed is rejected with its reason and leaves nothing, while failures that may pass
// are retried.

const struct = { type: 'struct', fields: [{ name: 'x', type: 'long' }] } as const;
const columns = { id: 'long', name: 'string', nested: struct };
const rows = `select i as id, 'n' as name, {x: i} as nested from range(10) t(i)`;

/** What is wrong with a request, and how it is told. */
const rejections: readonly [string, string, string, CreateChoices][] = [
  ['PRIMARY_KEY_COLUMN_NOT_FOUND', '42703', 'a key column that the source lacks', { key: ['id', 'Id'] }],
  ['PRIMARY_KEY_TYPE_UNSUPPORTED', '42804', 'a nested key column', { key: ['nested'] }],
  ['TIMESERIES_COLUMN_NOT_FOUND', '42703', 'a timeseries key that the source lacks', { timeseriesKey: 'at' }],
  ['TIMESERIES_TYPE_UNSUPPORTED', '42804', 'a nested timeseries key', { timeseriesKey: 'nested' }],
  ['SOURCE_TABLE_NOT_FOUND', '42P01', 'a source that does not exist', { source: 'good.missing' }],
  ['SOURCE_TABLE_NOT_FOUND', '42P01', 'a folder that is no table', { source: 'good.empty_folder' }],
  ['COLUMN_TYPE_UNSUPPORTED', '0A000', 'a column of unknown type', { source: 'good.odd_type' }],
  ['COLUMN_NAME_UNSUPPORTED', '42622', 'a column name that Postgres has for itself', { source: 'good.odd_name' }],
  ['DELTA_UNSUPPORTED_FEATURE', '0A000', 'a reader feature that nobody knows', { source: 'good.odd_feature' }],
  ['DELTA_LOG_CORRUPT', '58030', 'a damaged log', { source: 'good.damaged' }],
  ['DELTA_LOG_GAP', '58030', 'a log with a gap', { source: 'good.gap' }],
];

describe.each(postgresServers())('a synced table that cannot be created on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    await lake.lake.createTable('good.t', columns, rows);
    await lake.lake.createTable('good.odd_name', { id: 'long', ctid: 'long' }, 'select 1 as id, 2 as ctid');
    writeLog('empty_folder/x', 'not a log');
    const header = (schema: string, protocol = '{"minReaderVersion":1,"minWriterVersion":2}') =>
      `{"protocol":${protocol}}\n{"metaData":{"id":"1","format":{"provider":"parquet","options":{}},"schemaString":${JSON.stringify(schema)},"partitionColumns":[],"configuration":{}}}\n`;
    const schema = (type: string) =>
      JSON.stringify({ type: 'struct', fields: [{ name: 'id', type, nullable: true, metadata: {} }] });
    writeLog('odd_type', header(schema('geometry')));
    writeLog(
      'odd_feature',
      header(
        schema('long'),
        '{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["tomorrow"],"writerFeatures":["tomorrow"]}',
      ),
    );
    writeLog('damaged', '{"protocol":{"minReaderVersion":');
    writeLog('gap', header(schema('long')));
    writeLog('gap', '{"commitInfo":{}}\n', 2);
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  function writeLog(table: string, content: string, version = 0): void {
    const folder = path.join(lake.lake.root, 'good', table, table.includes('/') ? '' : '_delta_log');
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `${String(version).padStart(20, '0')}.json`);
    writeFileSync(file, content);
    // A commit that was written just now may be unfinished.
    const longAgo = Date.now() / 1000 - 3_600;
    utimesSync(file, longAgo, longAgo);
  }

  /** Everything that a registration could leave behind. */
  const traces = () =>
    lake.rows(
      `(select 'table' as kind, synced_table::text as name from synced_tables._tables
        union all select 'pipeline', name from synced_tables._pipelines
        union all select 'open update', update_id::text from synced_tables._updates where state in ('QUEUED', 'RUNNING')
        union all select 'schema', nspname from pg_namespace where nspname = 'bad'
        union all select 'relation', oid::regclass::text from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('bad', '__db_system'))
        union all select 'ownership', synced_table::text from databricks_auth.synced_tables
        union all select 'role', rolname from pg_roles join pg_database on datname = current_database() where rolname ~ ('^databricks_st_' || pg_database.oid || '_')) t`,
      ['kind', 'name'],
    );

  it.each(rejections)(
    'is told %s (%s) for %s, leaves nothing behind, and can then be created',
    async (code, sqlState, _, choices) => {
      const target = 'bad.t';
      const update = await lake.create(target, { source: 'good.t', ...choices });
      const refusal = await refusalOf(lake.wait(update));
      expect(refusal).toMatchObject({ code, sqlState });
      expect(refusal.message).toContain(`lake.${choices.source ?? 'good.t'}`);
      expect(refusal.hint).toBeTruthy();
      expect(await traces()).toEqual([]);
      expect(await lake.update(update)).toMatchObject({ state: 'FAILED', error_code: code });
      expect(
        await lake.value(
          `select count(*) from synced_tables.events where event_type = 'synced_table_rejected' and update_id = $1`,
          [update],
        ),
      ).toBe('1');
      await lake.load(target, { source: 'good.t' });
      await lake.admin.query(`select synced_tables.delete_synced_table('${target}', purge => true); drop schema bad`);
      expect(await traces()).toEqual([]);
    },
  );

  it('is told to create the schema when that was forbidden, also when it vanished meanwhile', async () => {
    expect(await refusalOf(lake.create('bad.t', { source: 'good.t', createSchema: false }))).toMatchObject({
      code: 'SCHEMA_MISSING',
    });
    await lake.admin.query('create schema bad');
    await lake.admin.query('begin');
    const update = await lake.create('bad.t', { source: 'good.t', createSchema: false });
    await lake.admin.query('drop schema bad; commit');
    expect(await refusalOf(lake.wait(update))).toMatchObject({ code: 'SCHEMA_MISSING', sqlState: '3F000' });
    await lake.admin.query('create schema bad');
    await lake.sync('bad.t');
    await lake.admin.query(`select synced_tables.delete_synced_table('bad.t', purge => true); drop schema bad`);
  });

  it('is not rejected for what may pass: a file that is missing now', async () => {
    const source = await lake.lake.createTable('good.passing', { id: 'long' }, 'select 1 as id');
    source.removeNewestFile();
    const update = await lake.create('bad.passing', { source: 'good.passing' });
    const error = async () => (await lake.status('bad.passing')).last_error_code;
    await eventually(async () => (await error()) === 'SOURCE_FILE_MISSING', 'it says what is missing');
    await eventually(async () => (await lake.update(update)).attempt > 1, 'it is tried again');
    await source.overwrite('select 2 as id');
    await lake.wait(update);
    expect(await lake.rows('bad.passing', ['id'])).toEqual([['2']]);
  });

  it('keeps serving the old rows when the source is damaged later, and says what is wrong', async () => {
    const source = await lake.lake.createTable('good.later', { id: 'long' }, 'select 1 as id');
    await lake.load('bad.later', { source: 'good.later' });
    await source.append('select 2 as id');
    source.truncateNewestFile();
    const refusal = await refusalOf(lake.sync('bad.later'));
    expect(refusal).toMatchObject({ code: 'SOURCE_FILE_CORRUPT' });
    expect(refusal.message).toMatch(/part-.*\.parquet of source table lake\.good\.later is damaged/);
    expect(await lake.rows('bad.later', ['id'])).toEqual([['1']]);
    expect(await lake.status('bad.later')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      synced_version: '0',
    });
    expect(await lake.shadowTables()).toEqual([]);
  });
});
