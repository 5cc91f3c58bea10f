import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChangeRelation, ChangesOptions } from '../../../../src/lake/changes/change-relation.js';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { FileStore } from '../../../../src/lake/storage/file-store.js';
import { openLakeRows } from '../../../../src/sync/flows/source/open-lake-rows.js';
import { compareRanges, feedOf, toldChanges } from '../../../support/iceberg-changes.js';
import { fetchedStore, icebergTable } from '../../../support/iceberg-rows.js';
import { type IcebergField, IcebergWriter, type IcebergWriterOptions } from '../../../support/iceberg-writer.js';
import { sharedData } from '../../../support/shared-data.js';

// Goal: the changes of an Iceberg table are told from its files where one snapshot grew from the other; where it did not,
// or where rows of files that nobody touched became others, that is said, by a code or as a reason to copy.

const folder = mkdtempSync(path.join(tmpdir(), 'iceberg-changes-'));
let engine: Engine;
let connection: DuckDBConnection;
let tables = 0;

beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 128 });
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(`set TimeZone = 'UTC'`);
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const FIELDS: readonly IcebergField[] = [
  { id: 1, name: 'id', type: 'long', required: true },
  { id: 2, name: 'name', type: 'string' },
];
const some = (from: number, to: number) => `select i as id, 'n' || i as name from range(${from}, ${to}) t(i)`;

function create(options: Partial<IcebergWriterOptions> = {}): IcebergWriter {
  return new IcebergWriter(connection, path.join(folder, `t${tables++}`), { fields: FIELDS, ...options });
}

const open = (table: IcebergWriter, store?: FileStore) =>
  icebergTable({ engine, root: table.folder, ...(store ? { store } : {}) });

/** Where a reader is that has just read the table. */
async function positionOf(table: IcebergWriter) {
  const { version, bookmark = '', tableId } = await open(table).snapshot();
  return { from: version ?? -1n, bookmark, tableId, keyColumns: ['id'], allowFileDiff: true };
}

const changesOf = (table: IcebergWriter, options: ChangesOptions) => feedOf(open(table)).changes(options);
const told = (changes: ChangeRelation) => toldChanges(engine, changes);

describe('a table that grew', () => {
  it('has as changes what its files have more and less, at the position of their snapshot', async () => {
    const table = create();
    const first = await table.write(some(0, 3));
    await table.commit([first]);
    const start = await positionOf(table);
    await table.commit([await table.write(some(3, 4)), await table.writePositions(first.statedPath, 'values (1)')]);
    const changes = await changesOf(table, start);
    expect(changes).toMatchObject({ from: 1n, to: 2n, isChangeFeed: false, fileCount: 2, schemaChanges: [] });
    expect(await changes.countRows()).toBe(2n);
    expect(await told(changes)).toEqual(['+3|n3', '-1|n1']);
    const feed = feedOf(open(table));
    expect(await feed.newestVersion()).toBe(2n);
    expect(await feed.committedAtMs(2n)).toBe(1_700_000_000_001);
    expect([await feed.isSameCommit(start.bookmark), await feed.isSameCommit(changes.bookmark)]).toEqual([true, true]);
    expect(await feed.commitIdentity(9n)).toBeNull();
    expect(await feed.commitIdentity(2n)).toBe(changes.bookmark);
  });

  it('is read from before its first snapshot on, and up to any', async () => {
    const table = create();
    table.writeMetadata();
    const empty = await positionOf(table);
    await table.commit([await table.write(some(0, 1))]);
    await table.commit([await table.write(some(1, 2))]);
    for (const start of [empty, { from: -1n, allowFileDiff: true }]) {
      expect(await told(await changesOf(table, start))).toEqual(['+0|n0', '+1|n1']);
    }
    expect(await told(await changesOf(table, { from: 1n, to: 2n, allowFileDiff: true }))).toEqual(['+1|n1']);
    expect(await told(await changesOf(table, { from: 2n, allowFileDiff: true }))).toEqual([]);
    await expect(changesOf(table, { from: 7n, allowFileDiff: true })).rejects.toMatchObject({
      code: 'CHANGE_RANGE_INVALID',
    });
  });

  it('has no changes where it was compacted, and those before and after alone are read', async () => {
    const table = create();
    const files = [await table.write(some(0, 5)), await table.write(some(5, 9))];
    await table.commit(files);
    const start = await positionOf(table);
    const compact = async (rows: string, removed: readonly string[]) => {
      const file = await table.write(rows);
      await table.commit([file], { removed, operation: 'replace' });
      return file;
    };
    const compacted = await compact(
      some(0, 9),
      files.map(({ statedPath }) => statedPath),
    );
    const only = await changesOf(table, start);
    expect(only).toMatchObject({ to: 2n, fileCount: 0 });
    expect(await told(only)).toEqual([]);
    const more = await table.write(some(9, 10));
    await table.commit([more]);
    await compact(some(0, 10), [compacted.statedPath, more.statedPath]);
    await table.commit([await table.write(some(10, 11))]);
    const changes = await changesOf(table, start);
    expect(changes.fileCount).toBe(2);
    const versions = await engine.connect();
    await changes.fetch();
    const read = await versions.runAndReadAll(`select id::varchar, _commit_version::varchar from (${changes.select})`);
    versions.closeSync();
    expect(read.getRowsJson().sort()).toEqual([
      ['10', '5'],
      ['9', '3'],
    ]);
    expect(await told(changes)).toEqual(['+10|n10', '+9|n9']);
  });

  it('has no changes of rows that were only written anew, of which it counts none', async () => {
    const table = create();
    const rows = (changed: string) => `select * replace (${changed} as name) from (${some(0, 1_000)})`;
    const file = await table.write(some(0, 1_000));
    await table.commit([file]);
    const start = await positionOf(table);
    const rewritten = await table.write(`${rows(`case id when 7 then 'other' else name end`)} where id <> 9`);
    await table.commit([rewritten], { removed: [file.statedPath], operation: 'overwrite' });
    const changes = await changesOf(table, start);
    expect(await changes.countRows()).toBe(3n);
    expect(await changes.collapse({ keyColumns: ['id'] })).toMatchObject({ upserts: 1n, deletes: 1n, balance: -1n });
    expect(await told(changes)).toEqual(['+7|other', '-7|n7', '-9|n9']);
    // Written anew once more, together with rows that are new.
    const more = await table.write(
      `${rows(`case id when 7 then 'other' else name end`)} where id <> 9 union all ${some(2_000, 2_001)}`,
    );
    await table.commit([more], { removed: [rewritten.statedPath], operation: 'overwrite' });
    expect(await told(await changesOf(table, start))).toEqual(['+2000|n2000', '+7|other', '-7|n7', '-9|n9']);
  });

  it('tells apart values that only look equal, and counts rows that are equal', async () => {
    const fields: readonly IcebergField[] = [
      { id: 1, name: 'id', type: 'long' },
      { id: 2, name: 'd', type: 'double' },
      { id: 3, name: 'l', type: { type: 'list', 'element-id': 4, element: 'float', 'element-required': false } },
    ];
    const table = create({ fields });
    const ids = '{id: 1, d: 2, l: {__duckdb_field_id: 3, element: 4}}';
    const select = (rows: string) =>
      `select id::bigint as id, d::double as d, l::float[] as l from (values ${rows}) t(id, d, l)`;
    const before = await table.write(
      select(`(1, '0.0', ['1']), (2, 'NaN', ['0.0']), (3, null, null), (4, '5', []), (4, '5', []), (4, '5', [])`),
      ids,
    );
    await table.commit([before]);
    const start = await positionOf(table);
    const after = await table.write(
      select(`(1, '-0.0', ['1']), (2, 'NaN', ['-0.0']), (3, null, null), (4, '5', []), (5, null, null)`),
      ids,
    );
    await table.commit([after], { removed: [before.statedPath], operation: 'overwrite' });
    expect((await told(await changesOf(table, start))).map((change) => change.slice(0, 2))).toEqual([
      '+1',
      '+2',
      '+5',
      '-1',
      '-2',
      '-4',
      '-4',
    ]);
  });

  it('does not name as deleted what was deleted already, whichever way', async () => {
    const table = create();
    const first = await table.write(some(0, 4));
    await table.commit([first]);
    const byId = async (id: number) => {
      const file = await table.write(`select ${id}::bigint as id`, '{id: 1}');
      return { ...file, content: 'equalityDeletes' as const, equalityIds: [1] };
    };
    await table.commit([await byId(1)]);
    // The key comes back in another file.
    await table.commit([await table.write(`select 1::bigint as id, 'again' as name`)]);
    const start = await positionOf(table);
    await table.commit([await table.writePositions(first.statedPath, 'values (1), (2)')]);
    expect(await told(await changesOf(table, start))).toEqual(['-2|n2']);
    await table.commit([await byId(3)]);
    expect(await told(await changesOf(table, start))).toEqual(['-2|n2', '-3|n3']);
  });

  it('has as changes of chosen rows those that they make', async () => {
    const table = create();
    const first = await table.write(some(0, 6));
    await table.commit([first]);
    const start = await positionOf(table);
    // One row no longer fulfils the filter, one begins to, one stays outside.
    const moved = `select * from (values (4::bigint, 'n0'), (1, 'n9'), (2, 'n1')) t(id, name)`;
    const deleted = { ...(await table.write('select unnest([1, 2, 4]) as id', '{id: 1}')), equalityIds: [1] };
    await table.commit([{ ...deleted, content: 'equalityDeletes' }, await table.write(moved)]);
    const chosen = chooseRows(open(table), { columns: ['id'], besides: [], rowFilter: `name >= 'n3'` });
    const changes = await feedOf(chosen).changes({ ...start });
    expect(await changes.countRows()).toBe(2n);
    expect(await told(changes)).toEqual(['+1', '-4']);
  });

  it('keeps its history when its format becomes version 2', async () => {
    const table = create({ formatVersion: 1 });
    await table.commit([await table.write(some(0, 2))]);
    const start = await positionOf(table);
    await table.commit([await table.write(some(2, 3))], { operation: 'replace' });
    const last = table.snapshots.at(-1);
    table.writeMetadata({
      'format-version': 2,
      snapshots: [
        ...table.snapshots.slice(0, -1),
        { ...last, 'sequence-number': 1n, summary: { operation: 'append' } },
      ],
    });
    const changes = await changesOf(table, start);
    expect(changes.to).toBe(1n);
    expect(await told(changes)).toEqual(['+2|n2']);
  });
});

describe('a history that is not to be had', () => {
  async function threeSnapshots() {
    const table = create();
    for (let n = 0; n < 3; n++) await table.commit([await table.write(some(n, n + 1))]);
    return { table, start: await positionOf(table) };
  }

  it('is refused where the table was rolled back, whatever came then', async () => {
    const { table, start } = await threeSnapshots();
    table.currentSnapshot = table.snapshots[0]?.['snapshot-id'] ?? null;
    table.writeMetadata();
    const rewritten = { code: 'SOURCE_HISTORY_REWRITTEN', message: expect.stringContaining('rolled back') };
    await expect(changesOf(table, start)).rejects.toMatchObject(rewritten);
    expect(await feedOf(open(table)).isSameCommit(start.bookmark)).toBe(false);
    await table.commit([await table.write(some(7, 8))]);
    await expect(changesOf(table, start)).rejects.toMatchObject(rewritten);
    table.currentSnapshot = null;
    table.writeMetadata();
    await expect(changesOf(table, start)).rejects.toMatchObject(rewritten);
  });

  it('is refused where its snapshots have expired', async () => {
    const { table, start } = await threeSnapshots();
    const gone = { code: 'ICEBERG_HISTORY_EXPIRED' };
    await table.commit([await table.write(some(3, 4))]);
    await table.commit([await table.write(some(4, 5))]);
    const [, , of3, , newest] = table.snapshots;
    // A tag keeps the snapshot of the position, but not those after it.
    table.writeMetadata({ snapshots: [of3, newest] });
    await expect(changesOf(table, start)).rejects.toMatchObject(gone);
    table.writeMetadata({ snapshots: [newest] });
    await expect(changesOf(table, start)).rejects.toMatchObject(gone);
    expect(await feedOf(open(table)).isSameCommit(start.bookmark)).toBe(true);
  });

  it('is refused where another table is there, and to those who want recorded changes alone', async () => {
    const { table, start } = await threeSnapshots();
    await expect(changesOf(table, { ...start, tableId: 'other' })).rejects.toMatchObject({
      code: 'SOURCE_TABLE_REPLACED',
    });
    const recorded = { ...start, allowFileDiff: false };
    expect(await told(await changesOf(table, recorded))).toEqual([]);
    await table.commit([await table.write(some(3, 4))]);
    await expect(changesOf(table, recorded)).rejects.toMatchObject({ code: 'CHANGES_NOT_RECORDED' });
  });

  it('names a file of it that is gone', async () => {
    const table = create();
    const first = await table.write(some(0, 3));
    await table.commit([first]);
    const start = await positionOf(table);
    await table.commit([], { removed: [first.statedPath], operation: 'delete' });
    rmSync(table.pathOf(first.statedPath));
    await expect(changesOf(table, start)).rejects.toMatchObject({
      code: 'ICEBERG_HISTORY_EXPIRED',
      message: expect.stringContaining(first.statedPath),
    });
  });
});

describe('columns', () => {
  const later = async (change: (table: IcebergWriter) => void, options: Partial<ChangesOptions> = {}) => {
    const table = create({ formatVersion: 3 });
    await table.commit([await table.write(some(0, 2))]);
    const start = await positionOf(table);
    change(table);
    table.writeMetadata();
    return changesOf(table, { ...start, ...options });
  };
  const [id, name] = FIELDS as [IcebergField, IcebergField];

  it('that are added are told; with a value for older rows, these have to be copied', async () => {
    const plain = await later((table) => table.changeColumns([id, name, { id: 3, name: 'more', type: 'int' }]));
    expect(plain).toMatchObject({ schemaChanges: [{ kind: 'added', column: 'more' }], fileCount: 0 });
    expect(plain.copyReason).toBeUndefined();
    const filled = await later((table) =>
      table.changeColumns([id, name, { id: 3, name: 'more', type: 'int', 'initial-default': 7 }]),
    );
    expect(filled.copyReason).toMatch(/"more" was added to the source with a value/);
    const mapping = { 'schema.name-mapping.default': '[]' };
    const renamedInFiles = await later((table) => {
      table.properties = mapping;
    });
    expect(renamedInFiles.copyReason).toMatch(/field ids were changed/);
  });

  it('that are widened, renamed or dropped are followed or refused by their ids', async () => {
    const rename = (table: IcebergWriter) => table.changeColumns([id, { ...name, name: 'title' }]);
    const drop = (table: IcebergWriter) => table.changeColumns([id]);
    await expect(later(rename)).rejects.toMatchObject({ code: 'COLUMN_RENAME_NOT_SUPPORTED' });
    await expect(later(drop)).rejects.toMatchObject({ code: 'COLUMN_DROP_NOT_SUPPORTED' });
    const renamed = await later(rename, { schemaPolicy: 'follow' });
    expect(renamed.schemaChanges).toMatchObject([{ kind: 'renamed', column: 'name', to: 'title' }]);
    // A new column under the name of an old one is another one.
    const anew = await later((table) => table.changeColumns([id, { ...name, id: 9 }]), { schemaPolicy: 'follow' });
    expect(anew.schemaChanges.map(({ kind }) => kind)).toEqual(['dropped', 'added']);
    await expect(later((table) => table.changeColumns([{ ...id, name: 'key' }, name]))).rejects.toMatchObject({
      code: 'CHANGED_PRIMARY_KEY',
    });
    const passed = await later(drop, { neededColumns: ['id'] });
    expect([passed.schemaChanges, passed.end.columns.map((column) => column.name)]).toEqual([[], ['id']]);
  });

  it('with the names of change fields are refused', async () => {
    const odd = (table: IcebergWriter) => table.changeColumns([id, name, { id: 3, name: '_change_type', type: 'int' }]);
    await expect(later(odd)).rejects.toMatchObject({ code: 'ICEBERG_UNSUPPORTED_FEATURE' });
  });
});

describe('those who follow', () => {
  it('are told of metadata files in a folder, and read again what is not whole yet', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 1))]);
    const { openIcebergTable } = await import('../../../../src/lake/iceberg/iceberg-table.js');
    const { metadataReader } = await import('../../../../src/lake/iceberg/metadata/read-metadata.js');
    const { localFileStore: store } = await import('../../../../src/lake/storage/local-file-store.js');
    const named = { store, root: table.folder, tableName: 'lake.ice.t' };
    const load = metadataReader(table.folder, named);
    const options = { ...named, engine, allowOutsidePaths: false, load };
    expect(await feedOf(openIcebergTable(options)).watch(() => {})).toBeNull();
    const feed = feedOf(openIcebergTable({ ...options, commitsByFile: true }));
    let hints = 0;
    const watch = await feed.watch(() => hints++);
    await table.commit([await table.write(some(1, 2))]);
    await expect.poll(() => hints).toBeGreaterThan(0);
    watch?.[Symbol.dispose]();
    const half = path.join(table.folder, 'metadata/v3.metadata.json');
    writeFileSync(half, '{"format-version": 2,');
    setTimeout(() => rmSync(half), 100);
    expect(await feed.newestVersion(1n)).toBe(2n);
    expect(await load()).toBe(await load());
    table.writeMetadata();
    const before = await load();
    writeFileSync(before.file, readFileSync(before.file, 'utf8').replace('2164816796493460949', '2164816796493460948'));
    expect(await load()).not.toBe(before);
  });

  it('find the newer metadata of a writer that removed what they had just listed, and say what is missing otherwise', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 1))]);
    const { metadataReader } = await import('../../../../src/lake/iceberg/metadata/read-metadata.js');
    const { localFileStore } = await import('../../../../src/lake/storage/local-file-store.js');
    const listed = path.join(table.folder, 'metadata/v1.metadata.json');
    let meanwhile = async () => true;
    const store: typeof localFileStore = Object.create(localFileStore, {
      stat: { value: async (file: string) => ((await meanwhile()) ? localFileStore.stat(file) : null) },
    });
    const load = metadataReader(table.folder, { store, tableName: 'lake.ice.t' });
    meanwhile = async () => {
      if (existsSync(listed)) {
        await table.commit([await table.write(some(1, 2))]);
        rmSync(listed);
      }
      return true;
    };
    expect((await load()).file).toMatch(/v2\.metadata\.json$/);
    meanwhile = async () => false;
    await expect(load()).rejects.toMatchObject({ code: 'SOURCE_FILE_MISSING' });
  });

  it('read streams by what was added, from stores too, and are refused change feeds', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 2))]);
    const source = open(table, fetchedStore());
    const first = await openLakeRows(source, 'stream', undefined);
    await first[Symbol.asyncDispose]();
    await table.commit([await table.write(some(2, 4))]);
    const second = await openLakeRows(source, 'stream', first.position);
    const reader = await engine.connect();
    const read = await reader.runAndReadAll(`select id::varchar from (${second.select}) order by id`);
    expect(read.getRowsJson()).toEqual([['2'], ['3']]);
    reader.closeSync();
    await second[Symbol.asyncDispose]();
    expect(second.hasNews).toBe(true);
    await expect(openLakeRows(source, 'changes', undefined)).rejects.toMatchObject({ code: 'CHANGES_NOT_RECORDED' });
  });
});

const shared = sharedData();
const real = shared === null ? [] : readdirSync(`${shared}/iceberg`);

describe.skipIf(shared === null)('tables of other engines (skipped where ../shared/data is absent)', () => {
  it.each(real)('%s: the changes of any range lead from its one end to the other', async (name) => {
    const table = icebergTable({ engine, root: `${shared}/iceberg/${name}` });
    expect((await compareRanges(table)).ranges).toBeGreaterThan(0);
  });
});
