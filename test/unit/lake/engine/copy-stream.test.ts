import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openCopyStream } from '../../../../src/lake/engine/copy-stream.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { withConnection } from '../../../support/with-connection.js';

// Goal: rows arrive as the bytes of COPY, and a stream whose writer failed cannot be taken for a whole one. One FIFO
// serves all of them, one after the other, and nothing of a stream that was cut off gets into the next.

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Each stream takes the FIFO that the one before it left, which no end of it may be open any more for. */
async function leavesOneIdleFifo(): Promise<void> {
  const files = () => readdirSync(engine.scratchFolder).filter((name) => name !== 'owner');
  await vi.waitFor(() => expect(files()).toEqual([expect.stringMatching(/\.fifo\.idle$/)]));
}

describe('openCopyStream', () => {
  const select = `select * from (values (1, 'a', null), (2, '', 'x"y')) t(id, txt, more)`;
  it.each([
    ['text', '1\ta\t\\N\n2\t\tx"y\n'],
    ['csv', 'id,txt,more\n1,a,\n2,"","x""y"\n'],
  ] as const)('writes %s', async (format, expected) => {
    await withConnection(engine, async (connection) => {
      const stream = await openCopyStream(connection, select, format, engine.scratchFolder);
      expect((await buffer(stream.bytes)).toString()).toBe(expected);
      expect(await stream.finished).toBe(2n);
    });
    await leavesOneIdleFifo();
  });

  it('delivers many rows whole', async () => {
    await withConnection(engine, async (connection) => {
      const stream = await openCopyStream(
        connection,
        `select range as n, repeat('x', 50) as t from range(200000)`,
        'text',
        engine.scratchFolder,
      );
      const lines = (await buffer(stream.bytes)).toString().split('\n');
      expect(lines.pop()).toBe('');
      expect(new Set(lines).size).toBe(200_000);
      expect(await stream.finished).toBe(200_000n);
    });
  });

  it('ends without a byte for no rows', async () => {
    await withConnection(engine, async (connection) => {
      const stream = await openCopyStream(connection, `${select} where false`, 'text', engine.scratchFolder);
      expect((await buffer(stream.bytes)).length).toBe(0);
      expect(await stream.finished).toBe(0n);
    });
  });

  it('rejects when the writer fails at the last row, before the bytes end', async () => {
    await withConnection(engine, async (connection) => {
      const failing = `select case when n = 299999 then error('last row') else n::varchar end as n from range(300000) t(n)`;
      const stream = await openCopyStream(connection, failing, 'text', engine.scratchFolder);
      let hasEnded = false;
      let hadEnded: boolean | null = null;
      stream.bytes.once('end', () => {
        hasEnded = true;
      });
      stream.finished.catch(() => {
        hadEnded = hasEnded;
      });
      const bytes = await buffer(stream.bytes);
      await expect(stream.finished).rejects.toThrow('last row');
      // What makes it dangerous: nearly all rows did arrive.
      expect(bytes.toString().split('\n').length).toBeGreaterThan(1000);
      expect(hadEnded).toBe(false);
    });
    await leavesOneIdleFifo();
  });

  it('rejects a statement that cannot even start', async () => {
    await withConnection(engine, async (connection) => {
      const stream = await openCopyStream(connection, 'select no_such_column', 'text', engine.scratchFolder);
      expect((await buffer(stream.bytes)).length).toBe(0);
      await expect(stream.finished).rejects.toThrow('no_such_column');
    });
  });

  it('stops the writer when nobody reads any more', async () => {
    await withConnection(engine, async (connection) => {
      const endless = 'select n from range(10000000000) t(n)';
      const stream = await openCopyStream(connection, endless, 'text', engine.scratchFolder);
      await new Promise((resolve) => stream.bytes.once('data', resolve));
      stream.bytes.destroy();
      await expect(stream.finished).rejects.toThrow();
    });
    await leavesOneIdleFifo();
  });
});
