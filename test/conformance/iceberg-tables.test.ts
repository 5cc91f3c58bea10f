import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IcebergRestServer } from '../support/iceberg-rest-server.js';
import { IcebergWriter } from '../support/iceberg-writer.js';
import { postgresServers } from '../support/postgres.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { sharedData } from '../support/shared-data.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: Iceberg tables, those of other engines too, become synced tables with every cell as it was; they stay equal to
// their source whatever becomes of it, and `verify` says so.

const shared = sharedData();

/** Rows of the public tables: put down from their Parquet files and what was deleted from these, by hand. */
const PUBLIC: readonly { readonly name: string; readonly key: string; readonly rows: readonly string[] }[] = [
  {
    name: 'duckdb-add_columns_with_defaults',
    key: 'col1',
    rows: [
      ...['click', 'purchase'].map(
        (name) =>
          `${name}|t|342342|-9223372036854775808|0.34234|0.342343242342342|12345.00|2003-10-20|00:00:00.012345|1970-01-01 00:00:00.012345|1970-01-01 00:00:00.012345+00|HELLO|f79c3e09-677c-4bbd-a479-3f349cb785e7|\\x010203ff03|\\x0102`,
      ),
      'test|f|453243|328725092345834|23.34342|23.343424523423433|3423434.23|0011-03-05|12:06:45|0011-03-05 12:06:45|2023-05-15 14:30:45+00|World|020d4fc7-acd6-45ac-b216-7873f4038e1f|\\x8000800080|\\x800080',
    ],
  },
  { name: 'duckdb-equality_deletes-mytable', key: 'id', rows: ['4|d|2025-01-04', '5|e|2025-01-05'] },
  {
    name: 'duckdb-hive_partitioned_table',
    key: 'user_id',
    rows: [
      '2024-01-01|12345|click',
      '2024-01-02|67890|purchase',
      '2024-01-03|13579|view',
      '2024-01-03|24680|click',
      '2024-01-04|86420|view',
      '2024-01-04|97531|purchase',
    ],
  },
  { name: 'duckdb-iceberg_v1_deprecated', key: 'id', rows: ['1|alpha|10', '2|beta|20', '3|alpha|∅'] },
  {
    name: 'duckdb-is_null_is_not_null',
    key: 'id',
    rows: ['1|∅', '2|∅', '3|∅', '4|foo', '5|bar', '6|baz', '7|∅', '8|blah'],
  },
  {
    name: 'duckdb-partition_decimal_bigint',
    key: 'user_id',
    rows: [
      '-0.12345678901|888999|drag',
      '-5432.10987654321|654321|swipe',
      '-9876.54321098765|222333|view',
      '0.00000000000|987654|pinch',
      '0.00000000001|444555|scroll',
      '1.23456789012|67890|purchase',
      '1234.54321098765|111213|delete',
      '123.45678901234|123456|drop',
      '42.56378901234|12345|click',
      '9999.99999999999|666777|hover',
    ],
  },
  {
    name: 'duckdb-partition_timestamptz',
    key: 'user_id',
    rows: ['2023-05-15 14:30:45+00|12345|click', '2023-08-22 09:15:20+00|67890|purchase'],
  },
  {
    name: 'icebird-spark-rename_column',
    key: 'id',
    rows: [
      '1|Flopsy 🐇|2022-01-01|9.99|t',
      '2|Mopsy–Naïve|2022-01-01|-5.00|f',
      '3|Cottontail|∅|0.00|t',
      '4|Thumper|2022-01-02|99999999.99|f',
    ],
  },
];

/** A name that needs no quoting anywhere. */
const plainName = (name: string) => name.replace(/[^a-z0-9]/g, '_');

describe.each(postgresServers().slice(-1))('Iceberg tables on $name', (server) => {
  let lake: SyncedLake;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await lake.admin.query(`set TimeZone = 'UTC'`);
  });
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    connection?.closeSync();
  });

  const folderOf = (target: string) => path.join(lake.lake.root, ...target.split('.'));
  const rowsOf = async (target: string): Promise<string[]> => {
    const { rows } = await lake.admin.query({ text: `select t.* from ${target} t`, rowMode: 'array', types: TEXTS });
    return rows.map((row: (string | null)[]) => row.map((cell) => cell ?? '∅').join('|'));
  };
  /** What the sidecar finds when it compares a table with its source. */
  const verified = async (target: string) => {
    const id = await lake.value('select synced_tables.verify($1)', [target]);
    await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '150 s')`).catch(() => {});
    const { rows } = await lake.admin.query(
      'select is_equal, synced_version, error_code from synced_tables.verifications where verification_id = $1',
      [id],
    );
    return rows[0];
  };

  describe.skipIf(shared === null)('of other engines (skipped where ../shared/data is absent)', () => {
    it.each(PUBLIC)('$name', async ({ name, key, rows }) => {
      const target = `public_ice.${plainName(name)}`;
      cpSync(`${shared}/iceberg/${name}`, folderOf(target), { recursive: true });
      await lake.load(target, { key: [key] });
      expect((await rowsOf(target)).sort()).toEqual([...rows].sort());
      expect(await verified(target)).toMatchObject({ is_equal: true });
    });

    it('icebird-java-bunnies: deletes by position and by equality, names with blanks', async () => {
      const target = 'public_ice.bunnies';
      cpSync(`${shared}/iceberg/icebird-java-bunnies`, folderOf(target), { recursive: true });
      await lake.load(target, { key: ['Breed Name'] });
      const files = `${shared}/iceberg/icebird-java-bunnies/data/bunnies-`;
      const expected = await connection.runAndReadAll(
        `select columns(*)::varchar from (
           select f.*, null::boolean as happy from read_parquet('${files}initial.parquet', file_row_number = true) f
            where file_row_number not in (select pos from read_parquet('${files}pos-deletes.parquet'))
              and Breed_x20Name <> 'New Zealand')`,
      );
      const texts = expected
        .getRowsJson()
        .map((row) => row.filter((_, n) => n !== 8).map((cell) => String(cell ?? '∅')));
      const numbers = (cells: string[]) => cells.map((cell, n) => (n === 1 || n === 2 ? String(Number(cell)) : cell));
      const wanted = [
        ...texts.map(numbers),
        ['New Zealand', '4', '2.7', '8', 'New Zealand', 'Erect', 'Affectionate', '0', 't'],
      ];
      expect((await rowsOf(target)).sort()).toEqual(wanted.map((row) => row.join('|')).sort());
      expect(wanted).toHaveLength(15);
    });
  });

  describe('that change', () => {
    const fields = [
      { id: 1, name: 'id', type: 'long', required: true },
      { id: 2, name: 'name', type: 'string' },
    ];
    const some = (from: number, to: number) => `select i as id, 'n' || i as name from range(${from}, ${to}) t(i)`;

    it('are copied when their rows or columns are others, and only then', async () => {
      const table = new IcebergWriter(connection, folderOf('ice.changing'), { fields, formatVersion: 3 });
      const first = await table.write(some(0, 1000));
      await table.commit([first]);
      expect(await lake.load('ice.changing')).toMatchObject({
        method: 'SNAPSHOT',
        synced_version: '1',
        rows_written: '1000',
      });
      expect(await lake.sync('ice.changing')).toMatchObject({ method: 'UNCHANGED' });
      await table.commit([await table.write(some(1000, 1500)), table.writeVector(first.statedPath, [7n])]);
      expect(await lake.sync('ice.changing')).toMatchObject({
        method: 'SNAPSHOT',
        synced_version: '2',
        rows_written: '1499',
      });
      expect(await verified('ice.changing')).toMatchObject({ is_equal: true });
      const deleted = { ...(await table.write('select unnest([1, 2, 3]) as id', '{id: 1}')), equalityIds: [1] };
      await table.commit([{ ...deleted, content: 'equalityDeletes' }]);
      expect(await lake.sync('ice.changing')).toMatchObject({ rows_written: '1496' });
      // Columns change without a snapshot.
      table.changeColumns([
        { id: 1, name: 'id', type: 'long' },
        { id: 2, name: 'title', type: 'string' },
        { id: 3, name: 'at', type: 'time', 'initial-default': '12:00:00' },
      ]);
      table.writeMetadata();
      expect(await lake.sync('ice.changing')).toMatchObject({ method: 'SNAPSHOT', synced_version: '3' });
      expect(await lake.value(`select concat_ws('|', title, at) from ice.changing where id = 5`)).toBe('n5|12:00:00');
      expect(await lake.sync('ice.changing')).toMatchObject({ method: 'UNCHANGED' });
      // Rolled back.
      table.currentSnapshot = table.snapshots[0]?.['snapshot-id'] ?? null;
      table.writeMetadata();
      expect(await lake.sync('ice.changing')).toMatchObject({ synced_version: '1', rows_written: '1000' });
      expect(await verified('ice.changing')).toMatchObject({ is_equal: true, synced_version: '1' });
      // Another snapshot under the number of the one that was copied.
      const others = table.snapshots.map((snapshot, n) => (n === 0 ? { ...snapshot, 'snapshot-id': 5n } : snapshot));
      table.writeMetadata({ snapshots: others, 'current-snapshot-id': 5n });
      expect(await verified('ice.changing')).toMatchObject({ error_code: 'SOURCE_VERSION_GONE' });
      expect(await lake.sync('ice.changing')).toMatchObject({ method: 'SNAPSHOT', synced_version: '1' });
    });

    it('are followed by comparing their files, which has to be allowed', async () => {
      const table = new IcebergWriter(connection, folderOf('ice.followed'), { fields, formatVersion: 3 });
      const first = await table.write(some(0, 1000));
      await table.commit([first]);
      const create = async (target: string, policy: string, more = '') => {
        const { rows } = await lake.admin.query<{ id: string }>(
          `select synced_tables.create_synced_table($1, 'lake.ice.followed', array['id'], $2,
                                                    create_database_objects_if_missing => true${more}) as id`,
          [target, policy],
        );
        return rows[0]?.id ?? '';
      };
      for (const policy of ['TRIGGERED', 'CONTINUOUS']) {
        const refused = await create('refused.t', policy);
        await expect(lake.wait(refused)).rejects.toThrow('does not record its changes');
      }
      const allowed = ', allow_file_diff => true';
      await lake.wait(await create('triggered.t', 'TRIGGERED', allowed));
      await lake.wait(await create('refreshed.t', 'TRIGGERED', `${allowed}, on_history_gap => 'refresh'`));
      await create('continuous.t', 'CONTINUOUS', allowed);
      const reaches = async (version: number) => {
        await lake.admin.query(`call synced_tables.wait_for_version('continuous.t', ${version}, interval '30 s')`);
      };
      await expect
        .poll(() => lake.value(`select to_regclass('continuous.t')::text`), { timeout: 30_000 })
        .not.toBeNull();
      await table.commit([await table.write(some(1000, 1005)), table.writeVector(first.statedPath, [7n, 8n])]);
      await reaches(2);
      expect(await lake.sync('triggered.t')).toMatchObject({
        method: 'CHANGES',
        synced_version: '2',
        rows_written: '5',
        rows_deleted: '2',
      });
      const upserted = `select * from (values (7::bigint, 'back'), (9, 'other')) t(id, name)`;
      const deleted = { ...(await table.write('select unnest([1, 9]) as id', '{id: 1}')), equalityIds: [1] };
      await table.commit([{ ...deleted, content: 'equalityDeletes' }, await table.write(upserted)]);
      table.changeColumns([...fields, { id: 3, name: 'more', type: 'string' }]);
      table.writeMetadata();
      expect(await lake.sync('triggered.t')).toMatchObject({ method: 'CHANGES', rows_written: '2', rows_deleted: '1' });
      expect(
        await lake.value(`select string_agg(concat_ws('|', id, name), ' ' order by id) from triggered.t where id < 10`),
      ).toBe('0|n0 2|n2 3|n3 4|n4 5|n5 6|n6 7|back 9|other');
      expect(await lake.sync('triggered.t')).toMatchObject({ method: 'UNCHANGED' });
      expect(await lake.sync('refreshed.t')).toMatchObject({ method: 'CHANGES', synced_version: '3' });
      await reaches(3);
      const columns = () =>
        lake.value(`select string_agg(attname, ' ' order by attnum) from pg_attribute
                                         where attrelid = 'continuous.t'::regclass and attnum > 0 and not attisdropped`);
      await expect.poll(columns, { timeout: 30_000 }).toBe('id name more');
      for (const target of ['triggered.t', 'refreshed.t', 'continuous.t']) {
        expect(await verified(target)).toMatchObject({ is_equal: true, synced_version: '3' });
      }
      // Rolled back: what happens then each table says.
      table.currentSnapshot = table.snapshots[1]?.['snapshot-id'] ?? null;
      table.writeMetadata();
      const failing = await lake.requestSync('triggered.t');
      await expect(lake.wait(failing)).rejects.toThrow('was rolled back');
      expect(await lake.status('triggered.t')).toMatchObject({ last_error_code: 'SOURCE_HISTORY_REWRITTEN' });
      expect(await lake.sync('refreshed.t')).toMatchObject({
        method: 'SNAPSHOT',
        synced_version: '2',
        message: expect.stringContaining('was rolled back'),
      });
      expect(await verified('refreshed.t')).toMatchObject({ is_equal: true, synced_version: '2' });
      await lake.sync('triggered.t', true);
      await table.commit([await table.write(`select *, 'm' as more from (${some(2000, 2001)})`)]);
      // The writer goes on with the files of before the rollback: with it, two rows come again.
      expect(await lake.sync('triggered.t')).toMatchObject({ method: 'CHANGES', rows_written: '3' });
      expect(await verified('triggered.t')).toMatchObject({ is_equal: true, synced_version: '4' });
    });

    it('that are damaged fail by name and keep their rows', async () => {
      const table = new IcebergWriter(connection, folderOf('ice.damaged'), { fields });
      await table.commit([await table.write(some(0, 3))]);
      await lake.load('ice.damaged');
      await table.commit([await table.write(some(3, 5))]);
      const manifest = table.manifestPaths.at(-1) ?? '';
      writeFileSync(manifest, 'no Avro');
      const update = await lake.requestSync('ice.damaged');
      await expect(lake.wait(update)).rejects.toThrow(manifest);
      expect(await lake.status('ice.damaged')).toMatchObject({
        last_error_code: 'ICEBERG_METADATA_CORRUPT',
        row_count: '3',
      });
      expect(await lake.value('select count(*) from ice.damaged')).toBe('3');
      rmSync(folderOf('ice.damaged'), { recursive: true });
      mkdirSync(folderOf('ice.damaged'));
    });
  });
});

// The store and the catalog are what is tested: one server is enough.
describe.each(postgresServers().slice(-1))('Iceberg tables of an object store on $name', (server) => {
  it('are synced by path, and followed in a REST catalog with the credentials that it gives', async () => {
    await using lake = await SyncedLake.create(server);
    await using store = await S3FolderServer.start(lake.lake.root);
    await using rest = await IcebergRestServer.start({
      folder: lake.lake.root,
      prefix: 'catalogs/prod',
      token: 'issued',
      client: { id: 'me', secret: 'client-secret' },
    });
    rest.config = { 's3.endpoint': store.endpoint, 'client.region': 'us-east-1', 's3.path-style-access': 'true' };
    const issued = { 's3.access-key-id': 'issued-key', 's3.secret-access-key': 's', 's3.session-token': 't' };
    rest.credentials = [{ prefix: `s3://${BUCKET}/ice`, config: issued }];
    const oauth = { client_id: 'me', client_secret: 'client-secret' };
    await lake.startSidecar({
      catalogs: {
        lake: { kind: 'path', root: `s3://${BUCKET}`, storage: store.settings },
        prod: { kind: 'iceberg', uri: rest.uri, warehouse: 'prod', oauth },
      },
      storage: { spool_mb: 1, parallel_fetches: 2, timeout_seconds: 5, attempts: 4 },
    });
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const table = new IcebergWriter(connection, path.join(lake.lake.root, 'ice/stored'), {
      fields: [
        { id: 1, name: 'id', type: 'long', required: true },
        { id: 2, name: 'name', type: 'string' },
      ],
      location: `s3a://${BUCKET}/ice/stored`,
    });
    const some = (from: number, to: number) =>
      `select i as id, hash(i)::varchar as name from range(${from}, ${to}) t(i)`;
    const files = [await table.write(some(0, 60_000)), await table.write(some(60_000, 120_000))];
    await table.commit(files);
    const even = await table.write('select i * 2 as id from range(30000) t(i)', '{id: 1}');
    await table.commit([
      { ...even, content: 'equalityDeletes', equalityIds: [1] },
      await table.writePositions(files[1]?.statedPath ?? '', 'select unnest([0, 1])'),
    ]);
    const expected = '89998 119999';
    const counted = (target: string) => lake.value(`select concat(count(*), ' ', max(id)) from ${target}`);
    await lake.load('ice.stored');
    expect(await counted('ice.stored')).toBe(expected);
    expect(store.accessKeys).toEqual(new Set(['test']));
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('ice.rest', 'prod.ice.stored', array['id']) as id`,
    );
    await lake.wait(rows[0]?.id ?? '');
    expect(await counted('ice.rest')).toBe(expected);
    expect(store.accessKeys).toContain('issued-key');
    const { rows: followed } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('ice.changes', 'prod.ice.stored', array['id'], 'TRIGGERED',
                                                allow_file_diff => true) as id`,
    );
    await lake.wait(followed[0]?.id ?? '');
    const odd = await table.write('select i as id from range(1, 60001, 10000) t(i)', '{id: 1}');
    await table.commit([
      { ...odd, content: 'equalityDeletes', equalityIds: [1] },
      await table.write(some(120_000, 120_004)),
    ]);
    expect(await lake.sync('ice.changes')).toMatchObject({ method: 'CHANGES', rows_written: '4', rows_deleted: '6' });
    expect(await counted('ice.changes')).toBe('89996 120003');

    // The catalog is asked for what is new.
    await lake.admin.query(
      `select synced_tables.create_synced_table('ice.following', 'prod.ice.stored', array['id'], 'CONTINUOUS',
                                                allow_file_diff => true)`,
    );
    await expect
      .poll(() => lake.value(`select to_regclass('ice.following')::text`), { timeout: 60_000 })
      .not.toBeNull();
    const more = await table.write('select i as id from range(120000, 120002) t(i)', '{id: 1}');
    await table.commit([
      { ...more, content: 'equalityDeletes', equalityIds: [1] },
      await table.write(some(130_000, 130_001)),
    ]);
    await expect.poll(() => counted('ice.following'), { timeout: 60_000 }).toBe('89995 130000');
    connection.closeSync();
  });
});

/** All values as the server prints them. */
const TEXTS = { getTypeParser: () => (text: string) => text };
