import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCopyStream } from '../../src/lake/engine/copy-stream.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { createTestDatabase, postgresServers, type TestDatabase } from '../support/postgres.js';

// Goal: copyIn stores all rows or none, and always ends, whichever side fails and when.

/** Enough to fill every buffer on the way many times over. */
const MANY = 'select i as a, repeat(i::varchar, 20) as b from range(200000) t(i)';

describe.each(postgresServers())('copyIn on $name', (server) => {
  let engine: Engine;
  let database: TestDatabase;
  beforeAll(async () => {
    engine = await openEngine({ temporaryFolder: tmpdir() });
    database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query('create table t (a bigint, b text); create table narrow (a smallint, b text)');
  });
  afterAll(async () => {
    await database?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  /** Runs a copy, and then another on the same connection of the engine, which shows that it is free again. */
  async function outcome(select: string, sql: string, before?: (pid: number) => Promise<unknown>): Promise<unknown> {
    const client = await database.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const connection = await engine.connect();
    try {
      await before?.(rows[0]?.pid ?? 0);
      const stream = await openCopyStream(connection, select, 'text', engine.scratchFolder);
      const result = await copyIn(client, sql, stream).catch((error: unknown) => error);
      await connection.run('select 1');
      return result;
    } finally {
      connection.closeSync();
    }
  }

  it('stores nothing of nothing, also when the engine is done before Postgres has answered', async () => {
    const client = await database.connect();
    for (const delayMs of [0, 200]) {
      const connection = await engine.connect();
      const stream = await openCopyStream(connection, `${MANY} where false`, 'text', engine.scratchFolder);
      await sleep(delayMs);
      expect(await copyIn(client, 'copy t from stdin', stream)).toEqual({ rows: 0n, bytes: 0, answers: [] });
      connection.closeSync();
    }
  });

  it('ends with the error of a COPY that is refused before a byte is sent', async () => {
    for (let n = 0; n < 20; n++) {
      expect(await outcome(MANY, 'copy missing from stdin')).toMatchObject({ code: '42P01' });
    }
  });

  it('ends with an error when the session was gone before', async () => {
    const killer = await database.connect();
    for (let n = 0; n < 20; n++) {
      const error = await outcome(MANY, 'copy t from stdin', (pid) =>
        killer.query('select pg_terminate_backend($1)', [pid]),
      );
      expect(error).toBeInstanceOf(Error);
    }
  });

  it('ends with the error of a row that is refused at once, in the middle or at the end', async () => {
    for (const bad of [0, 100_000, 199_999]) {
      const select = `select case when i = ${bad} then 40000 else 1 end as a, repeat('x', 50) as b from range(200000) t(i)`;
      expect(await outcome(select, 'copy narrow from stdin')).toMatchObject({ code: '22003' });
    }
  });

  it('stores nothing when the engine fails in the last row', async () => {
    const select = `select case when i = 199999 then error('late') else i::varchar end as a, 'x' as b from range(200000) t(i)`;
    expect(String(await outcome(select, 'copy t from stdin'))).toContain('late');
    const client = await database.connect();
    expect((await client.query('select count(*)::int as n from t')).rows).toEqual([{ n: 0 }]);
  });

  it('ends with an error when the session is ended half way', async () => {
    const killer = await database.connect();
    const error = await outcome(MANY, 'copy t from stdin', async (pid) => {
      setTimeout(() => void killer.query('select pg_terminate_backend($1)', [pid]), 60);
    });
    expect(error).toBeInstanceOf(Error);
    expect((await killer.query('select count(*)::int as n from t')).rows).toEqual([{ n: 0 }]);
  });
});
