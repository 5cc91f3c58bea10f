import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCopyStream } from '../../src/lake/engine/copy-stream.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { type CopyResult, copyIn } from '../../src/postgres/copy/copy-in.js';
import { createTestDatabase, postgresServers, type TestDatabase } from '../support/postgres.js';

// Goal: a COPY stores every row or none, says how many, leaves its session usable, and many at once do not wait for
// each other's threads.

/** Twice the threads that Node has for blocking work: a copy that held one would starve the others. */
const AT_ONCE = 2 * Number(process.env.UV_THREADPOOL_SIZE ?? 4);

describe.each(postgresServers())('copyIn on $name', (server) => {
  let engine: Engine;
  let database: TestDatabase;
  beforeAll(async () => {
    engine = await openEngine();
    database = await createTestDatabase(server);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  async function openTable(definition: string) {
    const client = await database.connect();
    await client.query(`create temporary table t (${definition})`);
    const count = async () => (await client.query<{ n: number }>('select count(*)::int as n from t')).rows[0]?.n;
    const copy = async (select: string, text = 'copy t from stdin'): Promise<CopyResult> => {
      const connection = await engine.connect();
      try {
        const stream = await openCopyStream(connection, select, 'text', engine.scratchFolder);
        return await copyIn(client, text, stream);
      } finally {
        connection.closeSync();
      }
    };
    return { client, count, copy };
  }

  it('tells how many rows and bytes it stored, and that copies add up', async () => {
    const { client, copy } = await openTable('n bigint, txt text');
    const result = await copy(`select i as n, repeat('x', 100) as txt from range(100000) t(i)`);
    const digits = Array.from({ length: 100_000 }, (_, n) => String(n).length).reduce((sum, length) => sum + length, 0);
    expect(result).toEqual({ rows: 100_000n, bytes: digits + 100_000 * 102, answers: [] });
    expect(await copy(`select 7 as n, 'y' as txt`)).toEqual({ rows: 1n, bytes: 4, answers: [] });
    const { rows } = await client.query('select count(*)::int as n, sum(n)::text as sum from t');
    expect(rows).toEqual([{ n: 100_001, sum: String((100_000n * 99_999n) / 2n + 7n) }]);
  });

  it('runs the statements around it, and tells what those after it answered', async () => {
    const { client, copy, count } = await openTable('n bigint');
    const text = `begin; create temporary table u (n int); copy t from stdin; set local lock_timeout = 7;
                  select n, null from t order by n; select 1 where false; commit`;
    const result = await copy('select i from range(2) t(i)', text);
    expect(result).toEqual({
      rows: 2n,
      bytes: 4,
      answers: [
        [
          ['0', null],
          ['1', null],
        ],
        [],
      ],
    });
    expect(client.getTransactionStatus()).toBe('I');
    expect(await count()).toBe(2);
    expect((await client.query('select count(*)::int as n from u')).rows).toEqual([{ n: 0 }]);
  });

  it('runs none of the statements after it when it fails', async () => {
    const { client, copy, count } = await openTable('n bigint primary key');
    const copied = copy(
      'select 7 from range(2) t(i)',
      'begin; copy t from stdin; create temporary table u (n int); commit',
    );
    await expect(copied).rejects.toMatchObject({ code: '23505' });
    await client.query('rollback');
    expect(await count()).toBe(0);
    expect((await client.query(`select to_regclass('pg_temp.u') as u`)).rows).toEqual([{ u: null }]);
  });

  it('takes statements that were queued before and after it in their order', async () => {
    const { client, copy } = await openTable('n bigint');
    const before = client.query('select count(*)::int as n from t');
    const copied = copy('select i from range(1000) t(i)');
    expect((await before).rows).toEqual([{ n: 0 }]);
    const after = copied.then(() => client.query('select count(*)::int as n from t'));
    expect((await after).rows).toEqual([{ n: 1000 }]);
  });

  it('leaves no row when one occurs twice, and its session usable', async () => {
    const { client, count, copy } = await openTable('n bigint primary key');
    const twice = `select case when i = 60000 then 1 else i end as n from range(100000) t(i)`;
    await expect(copy(twice)).rejects.toMatchObject({ code: '23505', constraint: 't_pkey' });
    expect(await count()).toBe(0);
    expect(await copy('select 1 as n')).toEqual({ rows: 1n, bytes: 2, answers: [] });
    await client.query('begin');
    await expect(copy('select 1 as n')).rejects.toMatchObject({ code: '23505' });
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('rollback');
    expect(await count()).toBe(1);
  });

  it('tells the error of the writer, not that of the abort that it causes', async () => {
    const { count, copy } = await openTable('n text');
    const late = `select case when i = 99999 then error('the writer says') else i::varchar end from range(100000) t(i)`;
    await expect(copy(late)).rejects.toThrow('the writer says');
    await expect(copy('select no_such_column')).rejects.toThrow('no_such_column');
    expect(await count()).toBe(0);
    expect(await copy(`select 'fine'`)).toEqual({ rows: 1n, bytes: 5, answers: [] });
  });

  it('stores nothing when the bytes end in an error though the writer says that it is done', async () => {
    const { client, count } = await openTable('n bigint');
    const bytes = new Readable({ read() {} });
    bytes.push('1\n2\n');
    setTimeout(() => bytes.destroy(new Error('torn')), 50);
    await expect(copyIn(client, 'copy t from stdin', { bytes, finished: Promise.resolve(2n) })).rejects.toThrow('torn');
    expect(await count()).toBe(0);
  });

  it(`runs ${AT_ONCE} at once`, async () => {
    const tables = await Promise.all(Array.from({ length: AT_ONCE }, () => openTable('n bigint, txt text')));
    const select = `select i as n, repeat('x', 200) as txt from range(30000) t(i)`;
    const results = await Promise.all(tables.map(({ copy }) => copy(select)));
    expect(results.map(({ rows }) => rows)).toEqual(tables.map(() => 30_000n));
  });

  it(`fails ${AT_ONCE} at once, half for Postgres, half for the writer`, async () => {
    const tables = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => openTable(n % 2 === 0 ? 'n smallint' : 'n bigint')),
    );
    const outcomes = await Promise.allSettled(
      tables.map(({ copy }, n) =>
        copy(`select ${n % 2 === 0 ? 'i' : `if(i = 59999, error('late'), i)`} from range(60000) t(i)`),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(tables.map(() => 'rejected'));
    for (const { count } of tables) expect(await count()).toBe(0);
  });
});
