import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlCatalog, trinoServer } from '../../../../src/lake/catalog/sql-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { beginPass, holdWhole } from '../../../../src/lake/relation/relation-pass.js';
import { type TrinoResult, TrinoServer } from '../../../support/trino-server.js';

// Goal: tables of a Trino are read page by page without a loss, errors say what is wrong without values of rows, and
// nobody who stops leaves a query behind.

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 64 });
});
afterAll(() => engine[Symbol.asyncDispose]());

const COLUMNS: NonNullable<TrinoResult['columns']> = [
  ['id', 'bigint'],
  ['at', 'timestamp with time zone', 6],
  ['price', 'decimal', 38, 2],
  ['nanos', 'timestamp', 9],
];
const ROWS = [
  '[9007199254740993,"2020-02-29 11:00:00.999999","12345678901234567890.10"]',
  '[-9223372036854775808,null,"0.00"]',
  '[3,"0001-01-01 00:00:00.000000",null]',
  '[4,"9999-12-31 23:59:59.000001","-1.00"]',
  '[5,null,null]',
];

interface Answers {
  readonly connector?: string;
  readonly history?: readonly string[];
  readonly rows?: readonly string[];
  readonly error?: TrinoResult['error'];
}

function answering({ connector = 'hive', history = [], rows = ROWS, error }: Answers = {}) {
  return (statement: string): TrinoResult => {
    if (statement.includes('system.metadata.catalogs'))
      return { columns: [['c', 'varchar']], rows: [`["${connector}"]`] };
    if (statement.includes('information_schema.tables'))
      return { columns: [['t', 'varchar']], rows: ['["BASE TABLE"]'] };
    if (statement.includes('$history')) {
      return {
        columns: [
          ['version', 'bigint'],
          ['at', 'bigint'],
        ],
        rows: history,
      };
    }
    if (statement.endsWith('limit 0')) return error ? { error } : { columns: COLUMNS };
    return error ? { error } : { columns: COLUMNS.slice(0, 3), rows };
  };
}

const client = { catalog: 'dwh', user: 'me', attemptsMax: 3, timeoutMs: 5_000, wait: async () => {} };

function open(server: TrinoServer, more: Partial<Parameters<typeof trinoServer>[0]> = {}): Promise<LakeTable> {
  const catalog = sqlCatalog({
    server: trinoServer({ ...client, uri: server.uri, ...more }, 'remote-cat'),
    engine,
    spoolBytesMax: 64 * 1024,
  });
  return catalog.open({ catalog: 'dwh', schema: 's', table: 'orders' });
}

async function readAll(table: LakeTable): Promise<unknown[][]> {
  const snapshot = await table.snapshot();
  const columns = snapshot.columns.filter(({ type }) => type.kind !== 'unsupported');
  await using relation = await table.openRelation({ ...snapshot, columns }, 1);
  await using whole = await holdWhole(relation);
  const connection = await engine.connect();
  try {
    return (await connection.runAndReadAll(whole.select)).getRowsJson();
  } finally {
    connection.closeSync();
  }
}

const spooled = () => readdirSync(path.join(engine.scratchFolder)).filter((name) => name.startsWith('rows-'));

describe('a table of a Trino', () => {
  it('is read whole, every value as it is', async () => {
    await using server = await TrinoServer.start(answering());
    // Each request fails once: whether it was heard is not known, so it is made again.
    server.override = (_, count) => (count % 3 === 1 ? 503 : null);
    const table = await open(server, { password: 'hidden', session: { query_priority: '1,2' } });
    expect((await table.snapshot()).columns.map(({ type }) => type)).toEqual([
      { kind: 'long' },
      { kind: 'timestamp' },
      { kind: 'decimal', precision: 38, scale: 2 },
      { kind: 'unsupported', name: 'timestamp(9)' },
    ]);
    expect(await readAll(table)).toEqual([
      ['9007199254740993', '2020-02-29 11:00:00.999999+00', '12345678901234567890.10'],
      ['-9223372036854775808', null, '0.00'],
      ['3', '0001-01-01 00:00:00+00', null],
      ['4', '9999-12-31 23:59:59.000001+00', '-1.00'],
      ['5', null, null],
    ]);
    expect(server.queries.at(-1)?.statement).toBe(
      `select id, cast("at" at time zone 'UTC' as timestamp(6)), price from "remote-cat".s.orders`.replaceAll(
        /\b(id|price|s|orders)\b/g,
        '"$1"',
      ),
    );
    expect(server.headers.at(-1)).toMatchObject({
      'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
      'x-trino-session': 'query_priority=1%2C2',
      authorization: `Basic ${Buffer.from('me:hidden').toString('base64')}`,
    });
    expect(spooled()).toEqual([]);
  });

  it('has one version where its connector knows versions, and says when one is gone', async () => {
    await using server = await TrinoServer.start(
      answering({ connector: 'delta_lake', history: ['[7,1700000000000]'] }),
    );
    const table = await open(server);
    expect(await table.snapshot()).toMatchObject({ version: 7n, committedAtMs: 1_700_000_000_000 });
    await readAll(table);
    expect(server.queries.at(-1)?.statement).toMatch(/"orders" for version as of 7$/);
    await expect(table.snapshot(6n)).rejects.toMatchObject({ code: 'REMOTE_VERSION_GONE' });
  });

  it('is canceled when its reader stops, and leaves no file', async () => {
    const rows = Array.from({ length: 4_000 }, (_, id) => `[${id},null,"${id}.00"]`);
    await using server = await TrinoServer.start(answering({ rows }));
    server.rowsOfPage = 10;
    const table = await open(server);
    const snapshot = await table.snapshot();
    {
      await using relation = await table.openRelation({ ...snapshot, columns: snapshot.columns.slice(0, 1) }, 1);
      await using pass = beginPass(relation);
      await using part = await pass.next();
      expect(part?.select).toMatch(/^select cast\(raw0 as BIGINT\)/);
    }
    await expect.poll(() => server.queries.at(-1)?.isCanceled).toBe(true);
    expect(spooled()).toEqual([]);
    // More rows than the spool holds: whoever needs all at once is told so.
    await expect(readAll(table)).rejects.toMatchObject({ code: 'SPOOL_TOO_SMALL' });
    expect(spooled()).toEqual([]);
  });

  it.each([
    [
      { errorName: 'TABLE_NOT_FOUND', errorType: 'USER_ERROR', message: "Table 's.orders' does not exist" },
      'SOURCE_TABLE_NOT_FOUND',
    ],
    [
      { errorName: 'PERMISSION_DENIED', errorType: 'USER_ERROR', message: 'Access Denied: orders' },
      'CATALOG_ACCESS_DENIED',
    ],
    [
      { errorName: 'NO_NODES_AVAILABLE', errorType: 'INSUFFICIENT_RESOURCES', message: 'secret' },
      'CATALOG_UNREACHABLE',
    ],
    [
      { errorName: 'INVALID_CAST_ARGUMENT', errorType: 'USER_ERROR', message: `Cannot cast 'secret'` },
      'REMOTE_QUERY_FAILED',
    ],
  ])('says why it cannot be read: %j', async (error, code) => {
    await using server = await TrinoServer.start(answering({ error }));
    const failed = await open(server).catch((failure: unknown) => failure);
    expect(failed).toMatchObject({ code, message: expect.stringContaining(error.errorName) });
    expect(String(failed)).not.toContain('secret');
  });

  it('sends its password to no other server', async () => {
    await using server = await TrinoServer.start(answering());
    server.ownUri = 'http://elsewhere.example.com:8080';
    await expect(open(server)).rejects.toMatchObject({ message: expect.stringContaining('process-forwarded') });
    server.ownUri = null;
    server.override = () => 401;
    await expect(open(server)).rejects.toMatchObject({ code: 'CATALOG_TOKEN_REFUSED' });
  });
});
