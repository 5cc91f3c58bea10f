import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlCatalog, trinoServer } from '../../../../src/lake/catalog/sql-catalog.js';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { beginPass, holdWhole } from '../../../../src/lake/relation/relation-pass.js';
import { previewSource } from '../../../../src/sync/source/preview-source.js';
import { requireHistory } from '../../../../src/sync/source/source-history.js';
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
  readonly feed?: 'true' | 'false';
  /** Of `table_changes`. */
  readonly changes?: readonly string[];
  /** By version. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly rows?: readonly string[];
  /** Rows of each file, by path. */
  readonly files?: Readonly<Record<string, readonly string[]>>;
  readonly error?: TrinoResult['error'];
}

/** Of a commit of Delta, as the table beside the table has it. */
const commit = (version: number, operation: string, atMs = 1_700_000_000_000 + version) =>
  `[${version},${atMs},"${operation}",${version - 1}]`;

function answering(given: Answers | (() => Answers) = {}) {
  return (statement: string): TrinoResult => {
    const answers = typeof given === 'function' ? given() : given;
    const { connector = 'hive', history = [], feed = 'true', changes = [], counts = {}, rows = ROWS, error } = answers;
    if (statement.includes('system.metadata.catalogs'))
      return { columns: [['c', 'varchar']], rows: [`["${connector}"]`] };
    if (statement.includes('information_schema.tables'))
      return { columns: [['t', 'varchar']], rows: ['["BASE TABLE"]'] };
    if (statement.includes('$history')) {
      const [, first = '0', last = '99'] = /where version between (\d+) and (\d+)/.exec(statement) ?? [];
      const [, only] = /where version = (\d+)/.exec(statement) ?? [];
      const found = history
        .map((row) => JSON.parse(row) as [number, number, string, number])
        .filter(([version]) => version >= Number(only ?? first) && version <= Number(only ?? last));
      const isPinned = statement.includes('$properties');
      const wanted = statement.includes('desc limit 1') ? found.slice(-1) : found;
      return {
        columns: [['version', 'bigint']],
        rows: wanted.map(([version, atMs, ...rest]) => JSON.stringify([version, atMs, ...(isPinned ? [feed] : rest)])),
      };
    }
    const [, counted] = /count\(\*\).* for version as of (\d+)$/.exec(statement) ?? [];
    if (counted !== undefined) return { columns: [['c', 'varchar']], rows: [`["${counts[counted]}"]`] };
    if (statement.includes('table_changes')) {
      if (error) return { error };
      return statement.includes('count(*)')
        ? { columns: [['c', 'varchar']], rows: [`["${changes.length}"]`] }
        : { columns: COLUMNS.slice(0, 3), rows: changes };
    }
    if (statement.includes('min(path)')) {
      const paths = Object.keys(answers.files ?? {}).sort();
      // As many ranges as are asked for, each beginning with one of the files.
      const starts = paths.slice(0, Number(/least\((\d+)/.exec(statement)?.[1]));
      return { columns: COLUMNS.slice(0, 2), rows: starts.map((start) => JSON.stringify([start, 9])) };
    }
    if (answers.files && statement.includes('for version as of') && !statement.endsWith('limit 0')) {
      const [, from = ''] = /"\$path" >= '([^']*)'/.exec(statement) ?? [];
      const [, to = '~'] = /"\$path" < '([^']*)'/.exec(statement) ?? [];
      const found = Object.entries(answers.files).filter(([path]) => path >= from && path < to);
      return { columns: COLUMNS.slice(0, 3), rows: found.flatMap(([, inFile]) => inFile) };
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

async function readAll(table: LakeTable, parts = 1): Promise<unknown[][]> {
  const snapshot = await table.snapshot();
  const columns = snapshot.columns.filter(({ type }) => type.kind !== 'unsupported');
  await using relation = await table.openRelation({ ...snapshot, columns }, parts);
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
      answering({ connector: 'delta_lake', history: [commit(7, 'WRITE', 1_700_000_000_000)] }),
    );
    const table = await open(server);
    expect(await table.snapshot()).toMatchObject({ version: 7n, committedAtMs: 1_700_000_000_000 });
    await readAll(table);
    expect(server.queries.at(-1)?.statement).toMatch(/"orders" for version as of 7$/);
    await expect(table.snapshot(6n)).rejects.toMatchObject({ code: 'REMOTE_VERSION_GONE' });
  });

  it('is read by several statements at once where its version is pinned', async () => {
    const files = { 'f/a': ['[1,null,null]'], 'f/b': ['[2,null,null]', '[3,null,null]'], 'f/c': ['[4,null,null]'] };
    const history = [commit(7, 'WRITE')];
    await using server = await TrinoServer.start(answering({ connector: 'delta_lake', history, files }));
    const table = await open(server);
    const ids = async (parts: number) => (await readAll(table, parts)).map(([id]) => id).sort();
    expect(await ids(1)).toEqual(['1', '2', '3', '4']);
    expect(server.queries.some(({ statement }) => statement.includes('$path'))).toBe(false);
    expect(await ids(2)).toEqual(['1', '2', '3', '4']);
    const ranges = server.queries.flatMap(({ statement }) => /version as of 7( where .*)$/.exec(statement)?.[1] ?? []);
    expect(ranges.sort()).toEqual([` where "$path" < 'f/b'`, ` where "$path" >= 'f/b'`]);

    await using other = await TrinoServer.start(answering());
    expect(await readAll(await open(other), 3)).toHaveLength(5);
    expect(other.queries.filter(({ statement }) => /^select "id"/.test(statement))).toHaveLength(1);
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

describe('changes of a Delta table of a Trino', () => {
  const at = '"2026-01-01 00:00:00.000"';
  const change = (id: number, type: string, version: number, price = '1.00') =>
    `[${id},null,"${price}","${type}",${version},${at}]`;
  const delta: Answers = {
    connector: 'delta_lake',
    history: [commit(3, 'WRITE'), commit(4, 'MERGE'), commit(5, 'OPTIMIZE'), commit(6, 'DELETE')],
    changes: [
      change(1, 'update_preimage', 4),
      change(1, 'update_postimage', 4, '2.00'),
      change(7, 'insert', 4),
      change(1, 'update_preimage', 6, '2.00'),
      change(1, 'update_postimage', 6, '3.00'),
      change(7, 'delete', 6),
    ],
  };
  // What is read of a table whose other column has no type here.
  const narrow = { columns: ['id', 'at', 'price'], rowFilter: null, besides: [] };

  it('are named by a preview as what its policies need, or why they cannot be had', async () => {
    const modesOf = async (answers: Answers) => {
      await using server = await TrinoServer.start(answering(answers));
      const source = chooseRows(await open(server), narrow);
      return (await previewSource(source, [])).modes.map(({ policy, problem }) => [policy, problem?.message ?? null]);
    };
    expect(await modesOf(delta)).toEqual([
      ['SNAPSHOT', null],
      ['TRIGGERED', null],
      ['CONTINUOUS', null],
    ]);
    const [snapshot, ...others] = await modesOf({ connector: 'hive' });
    expect(snapshot).toEqual(['SNAPSHOT', null]);
    expect(others).toHaveLength(2);
    for (const [, reason] of others) {
      expect(reason).toMatch(
        /catalog "dwh" does not give the changes of source table dwh\.s\.orders, which the policies/,
      );
    }
  });

  it('are no longer asked for once the update that wants them is stopped, nor their number', async () => {
    const rows = Array.from({ length: 4_000 }, (_, id) => change(5, 'insert', id));
    await using server = await TrinoServer.start(answering({ ...delta, changes: rows }));
    server.rowsOfPage = 1;
    const feed = (await open(server)).changeFeed;
    const stopped = new AbortController();
    await using changes = await feed?.changes({ from: 3n, allowFileDiff: false, signal: stopped.signal });
    const fetching = changes?.fetch();
    const ofChanges = () => server.queries.filter(({ statement }) => /^select "id".*table_changes/.test(statement));
    let pages = 0;
    server.override = (url) => {
      if (url.includes('/executing/') && ++pages === 20) stopped.abort(new Error('the update was canceled'));
      return null;
    };
    await expect(fetching).rejects.toThrow('the update was canceled');
    await expect.poll(() => ofChanges().map(({ isCanceled }) => isCanceled)).toEqual([true]);
    expect(pages).toBeLessThan(100);
    expect(spooled()).toEqual([]);

    const counting = new AbortController();
    await using others = await feed?.changes({ from: 3n, allowFileDiff: false, signal: counting.signal });
    server.override = () => {
      counting.abort(new Error('the sidecar stops'));
      return null;
    };
    await expect(others?.countRows()).rejects.toThrow('the sidecar stops');
    await expect.poll(() => server.queries.at(-1)).toMatchObject({ isCanceled: true });
    expect(server.queries.at(-1)?.statement).toContain('count(*)');
  });

  it('are read up to one version, and lead to the last state of each key', async () => {
    await using server = await TrinoServer.start(answering(delta));
    const feed = chooseRows(await open(server), narrow).changeFeed;
    const bookmark = await feed?.bookmark(3n);
    await using changes = await feed?.changes({
      from: 3n,
      allowFileDiff: false,
      ...(bookmark === undefined ? {} : { bookmark }),
    });
    expect(changes).toMatchObject({ from: 3n, to: 6n, isChangeFeed: true, end: { hasChangeFeed: true } });
    expect(await changes?.countRows()).toBe(6n);
    const collapsed = await changes?.collapse({ keyColumns: ['id'] });
    const connection = await engine.connect();
    try {
      const found = await connection.runAndReadAll(`select * from (${collapsed?.select}) order by id`);
      expect(found.getRowsJson()).toEqual([
        ['1', null, '3.00', 'upsert', '6', '2026-01-01 00:00:00+00'],
        ['7', null, null, 'delete', '6', '2026-01-01 00:00:00+00'],
      ]);
    } finally {
      connection.closeSync();
    }
    expect(collapsed).toMatchObject({ upserts: 1n, deletes: 1n, balance: 0n });
    const asked = server.queries.find(({ statement }) => /^select "id".*table_changes/.test(statement))?.statement;
    expect(asked).toMatch(
      /from table\("remote-cat"\.system\.table_changes\(schema_name => 's', table_name => 'orders', since_version => 3\)\) where _commit_version <= 6$/,
    );
    expect(await feed?.isSameCommit(bookmark ?? '')).toBe(true);
    const nothing = await feed?.changes({ from: 6n, allowFileDiff: false });
    expect(nothing).toMatchObject({ fileCount: 0, to: 6n });
    await nothing?.[Symbol.asyncDispose]();
  });

  it.each([
    [{ 4: 10, 3: 8 }, '2'],
    [{ 4: 12, 3: 8 }, '4'],
  ])('that come twice count once, unless the table has them twice: %j', async (counts, rows) => {
    // A commit that inserts alone, with change files.
    const inserts = [7, 8].flatMap((id) => [change(id, 'insert', 4), change(id, 'insert', 4)]);
    const changed = [...inserts, change(9, 'insert', 6), change(9, 'delete', 6)];
    await using server = await TrinoServer.start(answering({ ...delta, changes: changed, counts }));
    const feed = chooseRows(await open(server), narrow).changeFeed;
    await using changes = await feed?.changes({ from: 3n, allowFileDiff: false });
    await changes?.fetch();
    const connection = await engine.connect();
    try {
      const found = await connection.runAndReadAll(
        `select count(*) filter (_commit_version = 4), count(*) filter (_commit_version = 6) from (${changes?.select})`,
      );
      expect(found.getRowsJson()).toEqual([[rows, '2']]);
    } finally {
      connection.closeSync();
    }
  });

  it.each<[string, Answers, RegExp]>([
    ['an old version', { history: [commit(4, 'MERGE'), commit(5, 'WRITE')] }, /version 3 is no longer in its history/],
    ['a version between', { history: [commit(3, 'WRITE'), commit(5, 'WRITE')] }, /version 4 is no longer/],
    ['an operation', { history: [commit(3, 'WRITE'), commit(4, 'RESTORE')] }, /version 4 was made by RESTORE/],
    [
      'a file',
      { error: { errorName: 'DELTA_LAKE_BAD_DATA', errorType: 'EXTERNAL', message: 'secret' } },
      /DELTA_LAKE_BAD_DATA; its own log/,
    ],
    [
      'a feed that was off',
      {
        error: {
          errorName: 'INVALID_FUNCTION_ARGUMENT',
          errorType: 'USER_ERROR',
          message: "Change Data Feed is not enabled at version 4. Version contains 'remove' entries",
        },
      },
      /is not enabled at version 4/,
    ],
    [
      'inserts that cannot be',
      { changes: [change(7, 'insert', 4), change(7, 'insert', 4)], counts: { 3: 8, 4: 8 } },
      /gives 2 inserted rows of version 4, which has 0 more/,
    ],
  ])('are gone for want of %s', async (_, more, reason) => {
    let answers: Answers = delta;
    await using server = await TrinoServer.start(answering(() => answers));
    const feed = chooseRows(await open(server), narrow).changeFeed;
    const bookmark = (await feed?.bookmark(3n)) ?? '';
    answers = { ...delta, ...more };
    const attempt = async () => {
      await using changes = await feed?.changes({ from: 3n, allowFileDiff: false, bookmark });
      await changes?.fetch();
    };
    await expect(attempt()).rejects.toMatchObject({
      code: 'REMOTE_CHANGES_GONE',
      message: expect.stringMatching(reason),
    });
  });

  it('are those of another history if a commit is another one', async () => {
    let answers: Answers = delta;
    await using server = await TrinoServer.start(answering(() => answers));
    const feed = (await open(server)).changeFeed;
    const bookmark = (await feed?.bookmark(3n)) ?? '';
    answers = { ...delta, history: [commit(3, 'WRITE', 1), commit(4, 'MERGE')] };
    expect(await feed?.isSameCommit(bookmark)).toBe(false);
    const changes = feed?.changes({ from: 3n, allowFileDiff: false, bookmark });
    await expect(changes).rejects.toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });
    answers = { ...delta, history: [commit(0, 'CREATE TABLE')] };
    const fewer = feed?.changes({ from: 3n, allowFileDiff: false, bookmark });
    await expect(fewer).rejects.toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });
  });

  it.each<[Answers, RegExp]>([
    [{ ...delta, feed: 'false' }, /its change data feed is off/],
    [{ connector: 'iceberg' }, /it is a view|of Iceberg tables/],
    [{ connector: 'hive' }, /the connector hive records none/],
  ])('are refused with the reason: %j', async (answers, reason) => {
    await using server = await TrinoServer.start(answering(answers));
    const table = chooseRows(await open(server), narrow);
    expect(table.changeFeed).toBe(null);
    expect(() => requireHistory(table, table.name)).toThrow(reason);
  });
});
