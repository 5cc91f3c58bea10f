import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { type DeltaWriter, TestLake } from '../../../support/delta-writer.js';
import { idsOf } from '../../../support/ids-of.js';
import { openShared } from '../../../support/shared-table.js';
import { type SharingRequestSeen, SharingServer } from '../../../support/sharing-server.js';

// Goal: of files of a shared table that the server's statistics rule out nothing is asked; what it states of other files,
// other tables or other versions rules out none, and where it states nothing, all rows that are wanted are read.

const FILES = 6;
const FILTER = 'id between 25 and 32 and name is not null';
const IDS = [25, 26, 27, 28, 29, 30, 31, 32];

let engine: Engine;
let lake: TestLake;
let server: SharingServer;
let source: DeltaWriter;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  server = await SharingServer.start();
  source = await lake.createTable('s.t', { id: 'long', name: 'string' });
  for (let n = 0; n < FILES; n++) await source.append(tenFrom(n * 10));
  server.tables.set('s.t', { folder: source.folder });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
});

const tenFrom = (from: number) => `select i as id, 'n' || i as name from range(${from}, ${from + 10}) t(i)`;

async function chosen(isProof = false): Promise<LakeTable> {
  const table = await openShared(server, { engine, schema: 's', table: 't' });
  return chooseRows(table, { columns: ['id'], besides: [], rowFilter: FILTER, isProof });
}

const filesAsked = () => new Set(server.reads.map(({ path }) => path)).size;
const isQuery = ({ method, path }: SharingRequestSeen) => method === 'POST' && path.endsWith('/query');

/** Changes what the server says of files from its second answer on, which is asked for their statistics. */
function answerLater(change: (body: string) => string): void {
  server.override = (seen, count) => {
    if (!isQuery(seen) || count < 2) return null;
    const usual = server.usual(seen);
    return { ...usual, body: change(String(usual.body)) };
  };
}

describe.each(['delta', 'parquet'] as const)('files that a server gives in format %s', (format) => {
  beforeEach(() => {
    server.formats = [format];
  });

  it('are asked for only where rows may be wanted, and the server once more', async () => {
    const { ids, filesRead } = await idsOf(engine, await chosen());
    expect(ids).toEqual(IDS);
    expect(filesRead).toMatchObject({ files: 2, allFiles: FILES });
    expect(filesAsked()).toBe(2);
    expect(server.requests.filter(isQuery)).toHaveLength(2);
  });

  it('are all asked for where the rows prove something, or none are left out', async () => {
    expect((await idsOf(engine, await chosen(true))).ids).toEqual(IDS);
    expect(filesAsked()).toBe(FILES);
    expect(server.requests.filter(isQuery)).toHaveLength(1);
    const table = await openShared(server, { engine, schema: 's', table: 't' });
    expect((await idsOf(engine, table)).ids).toHaveLength(FILES * 10);
    expect(server.requests.filter(isQuery)).toHaveLength(2);
  });
});

describe('statistics', () => {
  it('count for the files that a newer version still has', async () => {
    const meanwhile = async () => {
      await source.rewriteNewestFile('id + 1000 as id, name');
      await source.append(tenFrom(25));
    };
    const { ids } = await idsOf(engine, await chosen(), meanwhile);
    expect(ids).toEqual(IDS);
    // Two that may have rows, and the one of which nothing is known any more.
    expect(filesAsked()).toBe(3);
  });

  it('count for nothing if they are those of another table, or of files of another size', async () => {
    answerLater((body) => body.replace(/"deltaMetadata":\{"id":"/, '$&other-'));
    expect(await read('another table')).toBe(FILES);
    answerLater((body) => body.replace(/"size":\d+/g, '"size":1'));
    expect(await read('another size')).toBe(FILES);
  });

  it('count for nothing if they are none, or no longer given', async () => {
    answerLater((body) => body.replace(/"stats":"(?:[^"\\]|\\.)*"/g, '"stats":"{"'));
    expect(await read('no statistics')).toBe(FILES);
    server.override = (seen, count) =>
      isQuery(seen) && count > 1
        ? { status: 400, body: { errorCode: 'INVALID_PARAMETER_VALUE', message: 'not now' } }
        : null;
    expect(await read('a refusal')).toBe(FILES);
  });

  /** How many files are asked for, the rows being right. */
  async function read(where: string): Promise<number> {
    server.reads.length = 0;
    server.requests.length = 0;
    expect((await idsOf(engine, await chosen())).ids, where).toEqual(IDS);
    expect(server.requests.filter(isQuery), where).toHaveLength(2);
    return filesAsked();
  }
});
