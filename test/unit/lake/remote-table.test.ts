import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { pathCatalog } from '../../../src/lake/catalog/path-catalog.js';
import { chooseRows } from '../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../src/lake/lake-table.js';
import { wholeCopy } from '../../../src/lake/relation/copy-parts.js';
import { beginPass, eachPart } from '../../../src/lake/relation/relation-pass.js';
import { openTableCopy } from '../../../src/lake/relation/table-copy.js';
import type { TableRead } from '../../../src/lake/relation/table-read.js';
import { type DeltaWriter, TestLake } from '../../support/delta-writer.js';
import { BUCKET, S3FolderServer } from '../../support/s3-folder-server.js';

// Goal: a table of an object store gives the same rows as on the local disk, through a spool smaller than the table.

let engine: Engine;
let lake: TestLake;
let server: S3FolderServer;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  server = await S3FolderServer.start(lake.root);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
  expect(spooled()).toEqual([]);
});

const COLUMNS = { id: 'long', moment: 'long', text: 'string' };

async function makeTable(files: number, rows = 2_000): Promise<DeltaWriter> {
  const table = await lake.createTable('gold.t', COLUMNS);
  for (let file = 0; file < files; file++) {
    await table.append(
      `select ${file} * ${rows} + range as id, range % 7 as moment, hash(range + ${file})::varchar || repeat('x', 20) as text from range(${rows})`,
    );
  }
  return table;
}

function remoteTable(limits: { bytesMax: number; fetchesMax: number }): Promise<LakeTable> {
  const { endpoint } = server;
  const patience = { attemptsMax: 3, timeoutMs: 10_000 };
  const s3 = { endpoint, region: 'us-east-1', accessKeyId: 'test', secretAccessKey: 'test-secret' };
  const catalog = pathCatalog({
    root: `s3a://${BUCKET}/`,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { s3, patience },
    spool: limits,
    engine,
  });
  return catalog.open({ catalog: 'lake', schema: 'gold', table: 't' });
}

function dataFiles(source: DeltaWriter): string[] {
  const names = readdirSync(source.folder).filter((name) => name.endsWith('.parquet'));
  return names.map((name) => path.join(source.folder, name));
}

/** Files of the spool on the disk now. */
function spooled(): string[] {
  return readdirSync(engine.scratchFolder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.parquet'),
  );
}

function spooledBytes(): number {
  return spooled().reduce((sum, name) => {
    const stat = statSync(path.join(engine.scratchFolder, name), { throwIfNoEntry: false });
    return sum + (stat ? stat.blocks * 512 : 0);
  }, 0);
}

const read: TableRead = {
  columns: ['id', 'moment', 'text'].map((name) => ({
    name,
    type: { kind: name === 'text' ? 'string' : 'long' },
    nullable: true,
    physicalName: name,
  })),
  keyColumns: [],
  timeseriesKey: null,
  invalidCharacters: 'fail',
  format: 'text',
};

/** Lines of COPY, sorted, and the most that the spool held meanwhile. */
async function copyOut(table: LakeTable, wanted: TableRead = read) {
  const snapshot = await table.snapshot();
  // Of the data files alone: commits of the log are small, and fetched several at once.
  server.bodiesMax = 0;
  await using relation = await table.openRelation(snapshot, 1);
  const connection = await engine.connect();
  let bytesMax = 0;
  const timer = setInterval(() => {
    bytesMax = Math.max(bytesMax, spooledBytes());
  }, 5);
  try {
    const selects = wholeCopy(engine, relation, wanted);
    const stream = await openTableCopy(engine, connection, selects, wanted);
    const chunks: Buffer[] = [];
    for await (const chunk of stream.bytes) chunks.push(chunk as Buffer);
    const rows = await stream.finished;
    const lines = Buffer.concat(chunks).toString().trimEnd().split('\n').sort();
    return { rows, lines, bytesMax, parts: relation.parts.length, rowCount: relation.rowCount };
  } finally {
    clearInterval(timer);
    connection.closeSync();
  }
}

it('reads a table larger than the spool, file after file, and keeps to its size', async () => {
  const source = await makeTable(12);
  const fileBytes = dataFiles(source).map((file) => statSync(file).size);
  const bytesMax = 4 * Math.max(...fileBytes);
  expect(fileBytes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(2 * bytesMax);
  server.delayMs = 10;
  const copied = await copyOut(await remoteTable({ bytesMax, fetchesMax: 2 }));
  expect(copied.rows).toBe(24_000n);
  expect(copied.rowCount).toBe(24_000n);
  expect(copied.parts).toBe(12);
  expect(copied.lines.join('\n') === (await linesOf(source)).join('\n')).toBe(true);
  expect(copied.bytesMax).toBeGreaterThan(0);
  // A block of the disk a file is what a file's size does not say.
  expect(copied.bytesMax).toBeLessThanOrEqual(bytesMax + 12 * 4096);
  expect(server.bodiesMax).toBeLessThanOrEqual(2);
});

async function linesOf(source: DeltaWriter): Promise<string[]> {
  const rows = await source.query('id::varchar, moment::varchar, text');
  return rows.map((row) => row.join('\t')).sort();
}

it('finds the latest row of each key in two ways through a table that the spool cannot hold', async () => {
  const source = await lake.createTable('gold.t', COLUMNS);
  for (let file = 0; file < 6; file++) {
    await source.append(
      `select range as id, case when range % 5 = 0 then null else (range * 31 + ${file} * 17) % 101 end as moment,
        'file ${file} ' || hash(range)::varchar as text from range(${file * 100}, ${file * 100 + 1000}) where ${file} = 0 or range % 5 <> 0`,
    );
  }
  const wanted = { ...read, keyColumns: ['id'], timeseriesKey: 'moment' };
  const small = await copyOut(await remoteTable({ bytesMax: 40_000, fetchesMax: 4 }), wanted);
  expect(small.parts).toBeGreaterThan(1);
  const large = await copyOut(await remoteTable({ bytesMax: 1e9, fetchesMax: 4 }), wanted);
  expect(small.lines.join('\n') === large.lines.join('\n')).toBe(true);
  const keys = new Set(small.lines.map((line) => line.split('\t')[0]));
  expect(keys.size).toBe(small.lines.length);
  expect(small.lines.length).toBeGreaterThan(1_000);
});

it('stops fetching when a limit of rows is reached', async () => {
  await makeTable(8);
  const table = await remoteTable({ bytesMax: 50_000, fetchesMax: 1 });
  const copied = await copyOut(table, { ...read, limit: 5n });
  expect(copied.rows).toBe(5n);
  expect(copied.lines).toHaveLength(5);
});

it('refuses to hold a whole table that the spool cannot hold, in plain words', async () => {
  await makeTable(6);
  const table = await remoteTable({ bytesMax: 50_000, fetchesMax: 1 });
  await using relation = await table.openRelation(await table.snapshot(), 1);
  expect(() => relation.remote?.requireFit()).toThrow(/All files of source table lake\.gold\.t are needed at once/);
});

it('lets several readers share the parts, each row once', async () => {
  const source = await makeTable(9, 500);
  const table = await remoteTable({ bytesMax: 60_000, fetchesMax: 3 });
  await using relation = await table.openRelation(await table.snapshot(), 3);
  await using pass = beginPass(relation);
  const counts = await Promise.all(
    [1, 2, 3].map(async () => {
      const connection = await engine.connect();
      let rows = 0;
      for (let part = await pass.next(); part !== null; part = await pass.next()) {
        const result = await connection.runAndReadAll(`select count(*)::integer from (${part.select})`);
        rows += Number(result.getRowsJson()[0]?.[0]);
        await part[Symbol.asyncDispose]();
      }
      connection.closeSync();
      return rows;
    }),
  );
  expect(counts.reduce((sum, rows) => sum + rows, 0)).toBe((await source.query('id')).length);
});

it('names a file that went away, and one that is damaged', async () => {
  const source = await makeTable(3);
  const table = await remoteTable({ bytesMax: 1e9, fetchesMax: 2 });
  const snapshot = await table.snapshot();
  const [file = ''] = dataFiles(source);
  truncateSync(file, 100);
  await expect(table.openRelation(snapshot, 1)).rejects.toMatchObject({ code: 'SOURCE_FILE_CORRUPT' });
  rmSync(file);
  await expect(table.openRelation(snapshot, 1)).rejects.toMatchObject({ code: 'SOURCE_FILE_MISSING' });
});

it('fails a copy whose store fails half way, and leaves nothing in the spool', async () => {
  await makeTable(6);
  const table = await remoteTable({ bytesMax: 100_000, fetchesMax: 1 });
  let reads = 0;
  server.fault = ({ kind, range }) => {
    if (kind !== 'read' || !range?.startsWith('bytes=0-')) return null;
    return ++reads > 3 ? { status: 403, code: 'AccessDenied' } : null;
  };
  await expect(copyOut(table)).rejects.toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
});

it('gives up fetching when the reader of the rows has left', async () => {
  await makeTable(6);
  const table = await remoteTable({ bytesMax: 100_000, fetchesMax: 1 });
  await using relation = await table.openRelation(await table.snapshot(), 1);
  const connection = await engine.connect();
  server.delayMs = 50;
  const stream = await openTableCopy(engine, connection, wholeCopy(engine, relation, read), read);
  stream.bytes.destroy();
  await expect(stream.finished).rejects.toThrow();
  connection.closeSync();
});

it.each<[filter: string, files: number[], ids: number]>([
  ['id < 10', [0], 10],
  ['2500 > id and id >= 1999', [0, 1], 501],
  ['id between 4000 and 4001 or id in (7, 12000)', [0, 2], 3],
  ['id = 100000', [], 0],
  ["text is null or text < ''", [], 0],
  ['id % 2000 = 1', [0, 1, 2, 3, 4], 5],
  ['not (id >= 10)', [0], 10],
  ['id < 10 or text is null', [0], 10],
  ['id < 10 or length(text) < 1', [0, 1, 2, 3, 4], 10],
])('fetches only the files whose footers allow for %j', async (rowFilter, files, ids) => {
  const source = await makeTable(5);
  // As a proof, by which the statistics of the log are passed over.
  const choice = { columns: ['id', 'text'], besides: [], rowFilter, isProof: true };
  const table = chooseRows(await remoteTable({ bytesMax: 50_000_000, fetchesMax: 4 }), choice);
  await using relation = await table.openRelation(await table.snapshot(), 1);
  server.requests.length = 0;
  const connection = await engine.connect();
  try {
    let found = 0;
    for await (const part of eachPart(relation)) {
      const [[count] = []] = (await connection.runAndReadAll(`select count(*) from (${part})`)).getRowsJson();
      found += Number(count);
    }
    expect(found).toBe(ids);
  } finally {
    connection.closeSync();
  }
  const inOrder = await filesById(source);
  const fetched = server.requests.filter(({ kind }) => kind === 'read').map(({ key }) => path.basename(key));
  expect(inOrder.flatMap((name, index) => (fetched.includes(name) ? [index] : []))).toEqual(files);
  expect(fetched).toHaveLength(files.length);
});

/** Names of the data files of `makeTable`, the one with the least ids first. */
async function filesById(source: DeltaWriter): Promise<string[]> {
  const connection = await engine.connect();
  try {
    const found = await connection.runAndReadAll(
      `select file_name, min(stats_min_value::bigint) from parquet_metadata('${source.folder}/*.parquet')
        where path_in_schema = 'id' group by file_name order by 2`,
    );
    return found.getRowsJson().map(([name]) => path.basename(String(name)));
  } finally {
    connection.closeSync();
  }
}
