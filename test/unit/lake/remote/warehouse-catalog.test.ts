import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlCatalog, warehouseServer } from '../../../../src/lake/catalog/sql-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { holdWhole } from '../../../../src/lake/relation/relation-pass.js';
import { type WarehouseResult, WarehouseServer } from '../../../support/warehouse-server.js';

// Goal: tables of Databricks are read by a SQL warehouse, one version of them, from chunks that are fetched without
// credentials; errors say what is wrong without values of rows.

let engine: Engine;
beforeAll(async () => {
  // The engine's JSON reader takes 32 MB for each file that it reads at once.
  engine = await openEngine({ memoryLimitMb: 128 });
});
afterAll(() => engine[Symbol.asyncDispose]());

const COLUMNS: NonNullable<WarehouseResult['columns']> = [
  ['id', 'BIGINT'],
  ['at', 'TIMESTAMP'],
  ['price', 'DECIMAL(38,2)'],
  ['raw', 'BINARY'],
  ['tags', 'MAP<STRING, STRUCT<a: INT, `at`: TIMESTAMP>>'],
  ['far', 'ARRAY<DECIMAL(38,2)>'],
];

interface Answers {
  readonly version?: string;
  readonly error?: WarehouseResult['error'];
  /** The newest first; instead of `version`. */
  readonly history?: readonly (readonly [version: string, operation: string, metrics: string])[];
  readonly feed?: 'true' | 'false';
  /** Of `table_changes`. */
  readonly changes?: readonly (readonly (string | null)[])[];
}

function answering(given: Answers | (() => Answers) = {}) {
  return (statement: string): WarehouseResult => {
    const { version, error, history, feed = 'true', changes } = typeof given === 'function' ? given() : given;
    if (statement.startsWith('describe detail')) {
      return {
        columns: [
          ['id', 'STRING'],
          ['properties', 'MAP<STRING, STRING>'],
        ],
        chunks: [[['table-id', `{"delta.enableChangeDataFeed":"${feed}"}`]]],
      };
    }
    if (statement.startsWith('describe history') && history !== undefined) {
      const limit = Number(/limit (\d+)$/.exec(statement)?.[1]);
      const rows = history.filter(([of]) => Number(of) > Number(history[0]?.[0]) - limit);
      return {
        columns: [
          ['version', 'BIGINT'],
          ['operation', 'STRING'],
          ['operationMetrics', 'MAP<STRING, STRING>'],
          ['timestamp', 'TIMESTAMP'],
        ],
        // Times are made to grow within what is listed, and maps come in any order.
        chunks: [
          rows.map(([of, operation, metrics], at) => {
            const map = at % 2 === 0 ? `{"a":"${metrics}","b":"1"}` : `{"b":"1","a":"${metrics}"}`;
            return [of, operation, map, `2026-01-02T03:04:05.00${rows.length - 1 - at}Z`];
          }),
        ],
      };
    }
    if (statement.includes('table_changes') && changes !== undefined) {
      if (statement.includes('count(*)')) return { columns: [['c', 'STRING']], chunks: [[[String(changes.length)]]] };
      return { columns: COLUMNS, chunks: [changes] };
    }
    if (statement.startsWith('describe history')) {
      if (version === undefined)
        return { error: { error_code: 'BAD_REQUEST', message: 'DESCRIBE HISTORY is for tables' } };
      return {
        columns: [
          ['version', 'BIGINT'],
          ['timestamp', 'TIMESTAMP'],
        ],
        chunks: [[[version, '2026-01-02T03:04:05.000Z']]],
      };
    }
    if (error) return { error };
    if (statement.endsWith('limit 0')) return { columns: COLUMNS };
    return {
      columns: COLUMNS,
      chunks: [
        [
          [
            '9223372036854775807',
            '-62135596800000000',
            '12345678901234567890.10',
            'AP8=',
            '{"k\\"1":{"a":1,"at":"2020-02-29T12:00:00.123456Z"},"n":null}',
          ],
        ],
        [],
        [
          ['2', null, null, null, null],
          ['3', '1', '0.01', '', '{}'],
        ],
      ],
    };
  };
}

const client = { catalog: 'dbx', attemptsMax: 3, timeoutMs: 5_000, wait: async () => {}, warehouseId: 'w1' };
const oauth = { clientId: 'app', clientSecret: 'hidden' };

function open(
  server: WarehouseServer,
  signIn: { token?: string; oauth?: typeof oauth } = { oauth },
): Promise<LakeTable> {
  const catalog = sqlCatalog({
    server: warehouseServer({ ...client, ...signIn, uri: server.uri }, 'main'),
    engine,
    spoolBytesMax: 1024 * 1024,
  });
  return catalog.open({ catalog: 'dbx', schema: 's-1', table: 'orders' });
}

async function readAll(table: LakeTable, parts: number): Promise<unknown[][]> {
  const snapshot = await table.snapshot();
  const columns = snapshot.columns.filter(({ type }) => type.kind !== 'unsupported');
  await using relation = await table.openRelation({ ...snapshot, columns }, parts);
  await using whole = await holdWhole(relation);
  const connection = await engine.connect();
  try {
    return (await connection.runAndReadAll(`select * from (${whole.select}) order by id`)).getRowsJson();
  } finally {
    connection.closeSync();
  }
}

describe('a table of Databricks', () => {
  it('is read at one version, every value as it is', async () => {
    await using server = await WarehouseServer.start(answering({ version: '12' }));
    server.runsFor = 1;
    const table = await open(server);
    expect(await table.snapshot()).toMatchObject({ version: 12n, committedAtMs: Date.parse('2026-01-02T03:04:05Z') });
    expect((await table.snapshot()).columns.at(-1)).toMatchObject({
      name: 'far',
      type: { kind: 'unsupported', name: 'array<decimal(38,2)>' },
    });
    expect(await readAll(table, 2)).toEqual([
      ['2', null, null, null, null],
      ['3', '1970-01-01 00:00:00.000001+00', '0.01', '', []],
      [
        '9223372036854775807',
        '0001-01-01 00:00:00+00',
        '12345678901234567890.10',
        '\\x00\\xFF',
        [
          { key: 'k"1', value: { a: 1, at: '2020-02-29 12:00:00.123456+00' } },
          { key: 'n', value: null },
        ],
      ],
    ]);
    const { statement, ...request } = server.statements.at(-1)?.body ?? {};
    expect(request).toMatchObject({ warehouse_id: 'w1', disposition: 'EXTERNAL_LINKS', format: 'JSON_ARRAY' });
    expect(statement).toMatch(
      /^select cast\(`id` as string\), unix_micros\(`at`\), .* from `main`\.`s-1`\.`orders` version as of 12$/,
    );
    expect(server.fetched).toHaveLength(3);
    expect(server.fetched.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
  });

  it('gives its changes up to one version, if each of them is there', async () => {
    const history = [
      ['3', 'UPDATE', 'x'],
      ['2', 'RESTORE', 'x'],
      ['1', 'WRITE', 'x'],
      ['0', 'CREATE TABLE', 'x'],
    ] as const;
    const change = (id: string, type: string, version: string) => [id, null, null, null, null, type, version, '0'];
    const changes = [change('7', 'insert', '2'), change('7', 'update_preimage', '3'), change('7', 'delete', '3')];
    let answers: Answers = { history, changes };
    await using server = await WarehouseServer.start(answering(() => answers));
    const table = await open(server);
    expect(await table.snapshot()).toMatchObject({ version: 3n, tableId: 'table-id', hasChangeFeed: true });
    const { changeFeed: feed } = table;
    const bookmark = (await feed?.bookmark(1n)) ?? '';
    const neededColumns = ['id', 'at', 'price', 'raw', 'tags'];
    const range = { from: 1n, allowFileDiff: false, bookmark, neededColumns };
    {
      await using found = await feed?.changes(range);
      await found?.fetch();
      expect(found).toMatchObject({ to: 3n, isChangeFeed: true });
      expect(await found?.countRows()).toBe(3n);
      expect(await found?.collapse({ keyColumns: ['id'] })).toMatchObject({ upserts: 0n, deletes: 1n });
    }
    expect(server.statements.at(-1)?.body.statement).toMatch(
      /cast\(`_change_type` as string\), .* from table_changes\('`main`\.`s-1`\.`orders`', 2, 3\)$/,
    );
    const refused = async (more: Answers) => {
      answers = { history, changes, ...more };
      return feed?.changes(range).catch((error: unknown) => error);
    };
    // The same commit, told in another order at another time, is the same.
    expect(await refused({})).toMatchObject({ to: 3n });
    const without = (version: string) => ({ history: history.filter(([of]) => of !== version) });
    expect(await refused(without('2'))).toMatchObject({ code: 'REMOTE_CHANGES_GONE' });
    expect(await refused(without('1'))).toMatchObject({ code: 'REMOTE_CHANGES_GONE' });
    const renamed = [['3', 'RENAME COLUMN', 'x'], ...history.slice(1)] as const;
    expect(await refused({ history: renamed })).toMatchObject({ code: 'REMOTE_CHANGES_GONE' });
    const other = [...history.slice(0, 2), ['1', 'WRITE', 'y']] as const;
    expect(await refused({ history: other })).toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });

    answers = { history, feed: 'false' };
    const off = await open(server);
    expect(off.changeFeed).toBe(null);
    expect(String(off.whyWithoutChanges?.())).toMatch(/its change data feed is off/);
  });

  it('cancels the statement that reads its changes once the update is stopped', async () => {
    const history = [
      ['1', 'WRITE', 'x'],
      ['0', 'CREATE TABLE', 'x'],
    ] as const;
    await using server = await WarehouseServer.start(answering({ history, changes: [] }));
    const feed = (await open(server)).changeFeed;
    const neededColumns = ['id'];
    for (const read of ['fetch', 'countRows'] as const) {
      const stopped = new AbortController();
      const { signal } = stopped;
      await using changes = await feed?.changes({ from: 0n, allowFileDiff: false, neededColumns, signal });
      // It takes longer than anybody waits.
      server.runsFor = 1_000;
      const reading = changes?.[read]();
      await expect.poll(() => server.statements.at(-1)?.polls).toBeGreaterThan(1);
      expect(server.statements.at(-1)?.body.statement).toContain('table_changes');
      stopped.abort(new Error('the update was canceled'));
      await expect(reading).rejects.toThrow('the update was canceled');
      expect(server.statements.at(-1)).toMatchObject({ isCanceled: true });
      server.runsFor = 0;
    }
  });

  it('has no version if it is a view', async () => {
    await using server = await WarehouseServer.start(answering());
    const table = await open(server, { token: server.token });
    expect(await table.snapshot()).toMatchObject({ version: null, committedAtMs: null });
    expect(await readAll(table, 1)).toHaveLength(3);
    expect(server.statements.at(-1)?.body.statement).toMatch(/`orders`$/);
    await expect(table.snapshot(3n)).rejects.toMatchObject({ code: 'REMOTE_VERSION_GONE' });
  });

  it.each([
    ['BAD_REQUEST', '[TABLE_OR_VIEW_NOT_FOUND] The table or view `s` cannot be found.', 'SOURCE_TABLE_NOT_FOUND'],
    ['PERMISSION_DENIED', '[INSUFFICIENT_PERMISSIONS] User lacks SELECT', 'CATALOG_ACCESS_DENIED'],
    ['BAD_REQUEST', "[CAST_INVALID_INPUT] The value 'secret' is malformed", 'REMOTE_QUERY_FAILED'],
    ['TEMPORARILY_UNAVAILABLE', 'the cluster with secret is gone', 'CATALOG_UNREACHABLE'],
  ])('says why it cannot be read: %s %s', async (errorCode, message, code) => {
    await using server = await WarehouseServer.start(
      answering({ version: '1', error: { error_code: errorCode, message } }),
    );
    const failed = await open(server).catch((failure: unknown) => failure);
    expect(failed).toMatchObject({ code });
    expect(String(failed)).not.toContain('secret');
  });

  it('needs a token that is accepted', async () => {
    await using server = await WarehouseServer.start(answering({ version: '1' }));
    await expect(open(server, { token: 'other' })).rejects.toMatchObject({ code: 'CATALOG_TOKEN_REFUSED' });
  });
});
