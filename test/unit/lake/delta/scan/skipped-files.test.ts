import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseRows } from '../../../../../src/lake/choice/choose-rows.js';
import { openDeltaTable } from '../../../../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../../../../src/lake/engine/duckdb-engine.js';
import type { FileStore } from '../../../../../src/lake/storage/file-store.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { type DeltaWriter, TestLake } from '../../../../support/delta-writer.js';
import { fetchedStore } from '../../../../support/iceberg-rows.js';
import { idsOf } from '../../../../support/ids-of.js';

// Goal: of files that the statistics of the log rule out nothing is asked: neither what they are nor what is in them.

const FILES = 20;
let engine: Engine;
let lake: TestLake;
let written: DeltaWriter;
beforeAll(async () => {
  engine = await openEngine();
  lake = await TestLake.create();
  written = await lake.createTable('s.t', { id: 'long', name: 'string' });
  for (let n = 0; n < FILES; n++) {
    await written.append(`select i as id, 'n' || i as name from range(${n * 10}, ${n * 10 + 10}) t(i)`);
  }
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
});

function tableIn(store: FileStore, rowFilter: string, isProof = false) {
  const named = { root: written.folder, tableName: 'lake.s.t', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
  const choice = { columns: ['id'], besides: [], rowFilter, isProof };
  return chooseRows(openDeltaTable({ ...named, engine, store }), choice);
}

/** A store that notes which data files it is asked about, and how many bytes it gives of them. */
function notingStore(of: FileStore) {
  const asked = new Set<string>();
  let bytes = 0;
  const note = (file: string) => file.endsWith('.parquet') && asked.add(path.basename(file));
  const store: FileStore = {
    ...of,
    async stat(file) {
      note(file);
      return of.stat(file);
    },
    ...(of.download
      ? {
          async download(file, options) {
            note(file);
            const given = (await of.download?.(file, options)) ?? false;
            const size = (await of.stat(file))?.sizeBytes ?? 0;
            bytes += size - (options.offset ?? 0);
            return given;
          },
        }
      : {}),
  };
  return { store, asked, bytes: () => bytes };
}

const FILTER = 'id between 35 and 52 and name is not null';
const IDS = Array.from({ length: 18 }, (_, n) => 35 + n);

describe.each([
  ['of the disk', localFileStore],
  ['that are fetched', fetchedStore()],
])('files %s', (_, of) => {
  it('are opened only where rows may be wanted', async () => {
    const { store, asked, bytes } = notingStore(of);
    const { ids, filesRead } = await idsOf(engine, tableIn(store, FILTER));
    expect(ids).toEqual(IDS);
    expect(asked.size).toBe(3);
    expect(filesRead).toMatchObject({ files: 3, allFiles: FILES });
    if (!filesRead?.bytes || !filesRead.allBytes) throw new Error('sizes are not known');
    expect(filesRead.bytes * 5n).toBeLessThan(filesRead.allBytes);
    // Footers come first, then the whole of each.
    if (of.download) expect(bytes()).toBeLessThanOrEqual(Number(filesRead.bytes) * 2);
  });

  it('are all looked at where the rows prove something', async () => {
    const { store, asked } = notingStore(of);
    const { ids } = await idsOf(engine, tableIn(store, FILTER, true));
    expect(ids).toEqual(IDS);
    expect(asked.size).toBe(FILES);
  });

  it('need not be there if no row of theirs is wanted', async () => {
    const root = path.join(lake.root, 's', `gone${of.download ? 1 : 2}`);
    cpSync(written.folder, root, { recursive: true });
    const kept = written.files.slice(3, 6);
    for (const file of written.files) if (!kept.includes(file)) rmSync(path.join(root, file));
    const named = { root, tableName: 'lake.s.t', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
    const table = openDeltaTable({ ...named, engine, store: of });
    const { ids } = await idsOf(engine, chooseRows(table, { columns: ['id'], besides: [], rowFilter: FILTER }));
    expect(ids).toEqual(IDS);
    const more = chooseRows(table, { columns: ['id'], besides: [], rowFilter: 'id > 35' });
    await expect(idsOf(engine, more)).rejects.toMatchObject({ code: 'SOURCE_FILE_MISSING' });
  });

  it('are read where texts are compared with numbers, which sort otherwise', async () => {
    const texts = await lake.createTable(
      `s.texts${of.download ? 1 : 2}`,
      { id: 'long', code: 'string' },
      `from (values (1, '9'), (2, '10')) t(id, code)`,
    );
    const named = { root: texts.folder, tableName: 'lake.s.t', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
    const table = openDeltaTable({ ...named, engine, store: of });
    const idsWhere = async (rowFilter: string) =>
      (await idsOf(engine, chooseRows(table, { columns: ['id'], besides: [], rowFilter }))).ids;
    expect(await idsWhere('code = 9')).toEqual([1]);
    expect(await idsWhere(`code = '9'`)).toEqual([1]);
    expect(await idsWhere('code in (10, 11)')).toEqual([2]);
  });
});
